"""A private file becomes a spec and tables: what is inferred, and what can be worked out from what is published."""

import csv
import io
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthor import InputError, check, load_spec, synthesize
from synthor.disclose import Disclosure, Settings, disclose
from synthor.spec.model import Spec
from synthor.spec.variables import Integer, Number
from synthor.store.fresh import fresh


def slips(spec: Spec) -> list[str]:
    """What check finds, but for what a person has still to fill in."""
    return [str(finding) for finding in check(spec) if "filled in" not in finding.message]


def spec_of(made: Disclosure, folder: Path) -> Spec:
    with fresh(folder) as target:
        target.write(made.files)
    return load_spec(folder / "spec.yaml")


def table(made: Disclosure, name: str) -> dict[tuple[str, ...], str]:
    """Labels of each cell, and what is told of it."""
    _, *rows = csv.reader(io.StringIO(made.files[f"tables/{name}.csv"]))
    return {tuple(row[:-1]): row[-1] for row in rows}


def people(n: int = 400, random_seed: int = 3) -> pl.DataFrame:
    rng = np.random.default_rng(random_seed)
    rooms = rng.integers(1, 6, n)
    return pl.DataFrame(
        {
            "id": np.arange(n) + 1,
            "sex": rng.choice(["female", "male"], n),
            "rooms": rooms,
            "owner": rng.random(n) < rooms / 6,
            "income": np.round(rng.lognormal(10, 0.8, n), 2),
            "work": rng.choice(["full", "part", "none"], n, p=[0.6, 0.35, 0.05]),
        }
    )


def test_columns_become_variables_of_the_kind_that_they_look_like(tmp_path: Path) -> None:
    frame = people().with_columns(
        born=pl.date(1980, 1, 1), visit=pl.lit("2024-01-31"), remark=pl.Series([f"said {i}" for i in range(400)])
    )
    made = disclose(frame)
    spec = spec_of(made, tmp_path)
    kinds = {name: declared.type for name, declared in spec.variables.items()}
    assert kinds == {"sex": "category", "rooms": "integer", "owner": "boolean", "income": "number", "work": "category"}
    told = made.files["disclosure.md"]
    assert "- id: its whole numbers count or name the records: an identifier." in told
    assert "- born: dates and times are no variables yet" in told
    assert "- visit: it holds dates or times" in told
    assert "- remark: too many or too long texts: an identifier or free text." in told


def test_what_is_written_passes_the_check_and_adds_up(tmp_path: Path) -> None:
    made = disclose(people(), Settings(below=1, cross_tables=2, cross=(("sex", "work"),)))
    assert slips(spec_of(made, tmp_path)) == []
    assert sum(int(count) for count in table(made, "sex_by_work").values()) == 400
    assert sum(name.count("_by_") for name in made.files) == 3


def test_the_most_dependent_pair_is_chosen() -> None:
    assert "tables/rooms_by_owner.csv" in disclose(people(), Settings(below=1, cross_tables=1)).files


def test_bins_are_round_and_hold_similar_shares(tmp_path: Path) -> None:
    spec = spec_of(made := disclose(people(4000)), tmp_path)
    income = spec.variables["income"]
    assert isinstance(income, Number)
    assert 5 <= len(income.bins) <= 8
    assert all(edge % 1000 == 0 for edge in income.bins)
    assert all(200 < int(count) < 1000 for count in table(made, "income").values())


@pytest.mark.slow
def test_no_record_can_be_recognised_by_the_ends_of_a_range(tmp_path: Path) -> None:
    values = [*range(20, 80), *range(20, 80), *range(20, 80), 113]
    age = spec_of(disclose(pl.DataFrame({"age": values})), tmp_path).variables["age"]
    assert isinstance(age, Integer)
    assert (age.min, age.max) == (20, 80)


def test_whole_numbers_of_few_values_get_a_bin_each_and_an_open_top() -> None:
    frame = pl.DataFrame({"persons": np.repeat([1, 2, 3, 4, 5, 9], [50, 60, 30, 20, 6, 5])})
    assert table(disclose(frame), "persons") == {("1",): "50", ("2",): "60", ("3",): "30", ("4",): "20", ("5+",): "11"}


def test_numbers_of_any_size_become_bins_that_hold_them_all(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    frame = pl.DataFrame(
        {
            "tiny": rng.normal(0, 1e-3, 300),
            "huge": rng.lognormal(12, 2, 300),
            "mostly_one": np.where(rng.random(300) < 0.7, 3.1415926, rng.normal(0, 1, 300)),
            "mostly_zero": np.where(rng.random(300) < 0.8, 0, rng.integers(1, 500, 300)),
        }
    )
    made = disclose(frame, Settings(below=3))
    spec = spec_of(made, tmp_path)
    assert slips(spec) == []
    for name in frame.columns:
        assert sum(int(count) for count in table(made, name).values()) == 300
    assert spec.variables["mostly_zero"].build("mostly_zero").labels[0] == "0"


def test_labels_of_few_records_become_other_and_few_missing_values_join_the_most_frequent() -> None:
    frame = pl.DataFrame({"tenure": ["rented"] * 50 + ["owned"] * 30 + ["tent"] * 2 + ["boat"] * 8 + [None] * 3})
    assert table(disclose(frame), "tenure") == {("rented",): "53", ("owned",): "30", ("other",): "10"}


@pytest.mark.slow
def test_many_missing_values_are_a_category_of_labels_and_of_numbers(tmp_path: Path) -> None:
    tenure, income = ["rented"] * 50 + ["owned"] * 30 + [None] * 20, [1.5, 2.5, None, 4.0] * 25
    made = disclose(pl.DataFrame({"tenure": tenure, "income": income, "car": ["yes", "no", None, "no"] * 25}))
    assert table(made, "tenure") == {("rented",): "50", ("owned",): "30", ("missing",): "20"}
    assert table(made, "income")["missing",] == table(made, "car")["missing",] == "25"
    spec = spec_of(made, tmp_path)
    assert slips(spec) == []
    records = synthesize(spec).records
    assert [records[name].null_count() for name in ("tenure", "income", "car")] == [20, 25, 25]


def cells(made: Disclosure, name: str) -> tuple[list[str], list[str], list[str]]:
    known = table(made, name)
    rows, columns = (list(dict.fromkeys(key[i] for key in known)) for i in (0, 1))
    return rows, columns, list(known.values())


def whole_tables(rows: list[int], columns: list[int], told: list[str], least: int) -> Iterator[tuple[int, ...]]:
    """Every table of whole numbers with these marginals and these told cells (`*` is `least` or more), row by row."""
    if not rows:
        if not any(columns):
            yield ()
        return
    width = len(columns)
    ranges = [range(least, columns[j] + 1) if text == "*" else [int(text)] for j, text in enumerate(told[:width])]
    for row in itertools.product(*ranges):
        left = [column - count for column, count in zip(columns, row, strict=True)]
        if sum(row) == rows[0] and min(left) >= 0:
            yield from ((*row, *rest) for rest in whole_tables(rows[1:], left, told[width:], least))


def crossed(counts: list[list[int]]) -> pl.DataFrame:
    """Records that make a two-way table."""
    flat = [(f"a{i}", f"b{j}") for i, row in enumerate(counts) for j, count in enumerate(row) for _ in range(count)]
    return pl.DataFrame(flat, schema=["a", "b"], orient="row")


RANDOM = [np.random.default_rng(seed).integers(1, 7, (3, 3)).tolist() for seed in range(12)]


@pytest.mark.parametrize(
    "counts",
    [
        *RANDOM,
        [[8, 2, 5], [4, 7, 5], [5, 6, 7]],
        [[14, 1], [12, 13]],
        [[6, 3, 0], [0, 4, 7], [5, 0, 5]],
    ],
)
def test_no_small_count_can_be_worked_out(counts: list[list[int]]) -> None:
    below = 4
    made = disclose(crossed(counts), Settings(below=below, cross=(("a", "b"),)))
    rows, columns, told = cells(made, "a_by_b")
    margins = [[int(table(made, name)[(label,)]) for label in labels] for name, labels in (("a", rows), ("b", columns))]
    by_label = {(f"a{i}", f"b{j}"): count for i, row in enumerate(counts) for j, count in enumerate(row)}
    truth = [by_label[key] for key in itertools.product(rows, columns)]
    least = 0 if "Marked cells may be 0 in: a by b" in made.files["disclosure.md"] else 1
    possible = np.array(list(whole_tables(margins[0], margins[1], told, least)))
    for i, text in enumerate(told):
        if 0 < truth[i] < below:
            assert text == "*"
            assert set(range(1, below)) <= set(possible[:, i].tolist())
        elif text == "*":
            assert np.ptp(possible[:, i]) >= below - 1
        else:
            assert int(text) == truth[i]


def test_suppressed_cells_are_told_with_their_bound_only_where_it_holds() -> None:
    only_small = crossed([[30, 0, 3, 3], [0, 30, 0, 0], [3, 0, 30, 3], [3, 0, 3, 30]])
    made = disclose(only_small, Settings(below=5, cross=(("a", "b"),)))
    text = made.files["spec.yaml"]
    assert ('suppressed: "<5"' in text) != ('suppressed: {marks: ["*"]}' in text)
    told = cells(made, "a_by_b")[2]
    assert ('suppressed: "<5"' in text) == (told.count("*") == 6)


def test_tables_that_close_a_circle_are_audited_together() -> None:
    """b repeats a, so a by c would tell what b by c suppresses."""
    rng = np.random.default_rng(1)
    a = rng.integers(0, 3, 120)
    c = np.where(rng.random(120) < 0.06, 1, 0) + 2 * (rng.random(120) < 0.5)
    frame = pl.DataFrame({"a": [f"a{x}" for x in a], "b": [f"b{x}" for x in a], "c": [f"c{x}" for x in c]})
    made = disclose(frame, Settings(below=5, cross=(("a", "b"), ("a", "c"), ("b", "c"))))
    names = [name for name in ("a_by_c", "b_by_c") if f"tables/{name}.csv" in made.files]
    if len(names) == 2 and "tables/a_by_b.csv" in made.files:
        first, second = table(made, "a_by_c"), table(made, "b_by_c")
        repeated = {(key[0].replace("a", "b"), key[1]): told for key, told in first.items()}
        open_in_one = [key for key, told in repeated.items() if (told == "*") != (second[key] == "*")]
        assert not open_in_one


def test_the_note_tells_what_was_suppressed_and_the_narrowest_interval() -> None:
    made = disclose(crossed([[20, 2, 9], [8, 12, 15], [5, 11, 13]]), Settings(below=4, cross=(("a", "b"),)))
    assert "4 cells are suppressed: 1 of fewer than 4 records, 3 more" in made.files["disclosure.md"]
    assert "the narrowest interval is at least" in made.files["disclosure.md"]


def test_weights_become_whole_so_that_all_tables_agree(tmp_path: Path) -> None:
    weights = np.random.default_rng(2).uniform(0.5, 30, 400)
    frame = people().with_columns(w=pl.Series(weights))
    made = disclose(frame, Settings(below=1, weight="w", cross=(("sex", "rooms"), ("rooms", "work"))))
    spec = spec_of(made, tmp_path)
    assert spec.records == round(weights.sum())
    assert slips(spec) == []
    exact = weights[(frame["sex"] == "male").to_numpy()].sum()
    assert abs(int(table(made, "sex")[("male",)]) - exact) < 20


def test_weighted_cells_are_suppressed_by_the_records_behind_them() -> None:
    frame = crossed([[20, 2, 9], [8, 12, 15], [5, 11, 13]]).with_columns(w=pl.lit(100))
    made = disclose(frame, Settings(below=4, weight="w", cross=(("a", "b"),)))
    assert table(made, "a_by_b")[("a0", "b1")] == "*"
    assert '"<4"' not in made.files["spec.yaml"]


def test_rounded_counts_are_declared_as_such(tmp_path: Path) -> None:
    made = disclose(people(), Settings(round_to=5, cross=(("sex", "work"),)))
    spec = spec_of(made, tmp_path)
    assert all(int(count) % 5 == 0 for count in table(made, "sex_by_work").values())
    assert all(target.rounded_to == 5 for target in spec.targets)
    assert slips(spec) == []


@pytest.mark.slow
def test_noise_has_the_scale_of_its_budget_and_is_never_the_same(tmp_path: Path) -> None:
    pytest.importorskip("opendp")
    frame = pl.DataFrame({"cell": [f"c{i:02}" for i in range(50)] * 2000})
    first, second = (disclose(frame, Settings(epsilon=1.0)) for _ in range(2))
    spec = spec_of(first, tmp_path)
    assert slips(spec) == []
    rows = list(csv.DictReader(io.StringIO(first.files["tables/cell.csv"])))
    off = np.array([int(row["count"]) - 2000 for row in rows])
    # A scale of 2: one table and the number of records share epsilon 1. The mean of 50 is below 0.9 or above 4 with
    # probability under 1e-5.
    assert 0.9 < np.abs(off).mean() < 4
    assert first.files["tables/cell.csv"] != second.files["tables/cell.csv"]
    assert float(rows[0]["margin_of_error"]) == pytest.approx(5.0, abs=0.6)
    assert spec.targets[0].margin_of_error == "margin_of_error"
    assert "Spent: epsilon 1 of 1" in first.files["disclosure.md"]
    assert "Not covered by this guarantee" in first.files["disclosure.md"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"below": 5, "epsilon": 1.0}, "--below and --epsilon: exclude each other"),
        ({"weight": "w", "epsilon": 1.0}, "--epsilon and --weight: cannot go together"),
        ({"epsilon": 0.0}, "--epsilon: 0 is no privacy budget"),
        ({"round_to": 1}, "--round-to: 1 rounds nothing"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Settings(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(weight="wt"), "no column 'wt'"),
        (Settings(weight="sex"), "column 'sex' holds no numbers"),
        (Settings(cross=(("sex", "romms"),)), "did you mean 'rooms'"),
        (Settings(cross=(("sex", "id"),)), "column 'id' was left out"),
        (Settings(cross=(("sex",),)), "needs two different columns"),
    ],
)
def test_columns_that_are_not_there_are_named(settings: Settings, message: str) -> None:
    with pytest.raises(InputError, match=message):
        disclose(people(), settings)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "disclosure.md").write_text("mine")
    with pytest.raises(InputError, match=r"disclosure\.md: is there already"), fresh(tmp_path) as target:
        target.write(disclose(people()).files)
    assert {path.name for path in tmp_path.iterdir()} == {"disclosure.md"}


def test_names_of_columns_that_cannot_name_variables_are_mended(tmp_path: Path) -> None:
    frame = pl.DataFrame({"Household type": ["one", "two"] * 20, "count": [1, 2] * 20, "2024": ["a", "b"] * 20})
    made = disclose(frame)
    assert list(spec_of(made, tmp_path).variables) == ["Household_type", "count_value", "v_2024"]
    assert "column 'Household type'" in made.files["spec.yaml"]


def test_noise_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opendp", None)
    monkeypatch.setitem(sys.modules, "opendp.prelude", None)
    with pytest.raises(InputError, match=r"pip install 'synthor\[privacy\]'"):
        disclose(people(), Settings(epsilon=1.0))


def test_records_scale_the_counts(tmp_path: Path) -> None:
    made = disclose(people(), Settings(below=1, records=10_000, cross=(("sex", "work"),)))
    spec = spec_of(made, tmp_path)
    assert spec.records == sum(int(count) for count in table(made, "sex_by_work").values()) == 10_000
    assert slips(spec) == []
