"""Units with their members against real ones: each kind of row is compared in what such rows can say."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from synthor import parse_spec
from synthor.cli import main  # noqa: F401  adds the verbs
from synthor.cli.app import app
from synthor.evaluate.levels import evaluate_levels
from synthor.problem import compile_problem

SPEC = """
unit: household
records: 400
variables:
  tenure: {type: category, values: [owned, rented]}
  children: {from: "count(person, age < 18)", bins: [0, 1, 2]}
members:
  person:
    number: {min: 1, max: 6}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, child]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 40, 65]}
      work: {type: category, values: [no, yes]}
targets:
  - {counts: {tenure: {owned: 200, rented: 200}}}
  - {rows: person, counts: {role: {head: 400, partner: 240, child: 300}}}
  - {table: [{age: 0-17, work: no, count: 300}, {age: 18-39, work: no, count: 60}, {age: 40-64, work: no, count: 60},
             {age: 65+, work: no, count: 200}, {age: 18-39, work: yes, count: 140}, {age: 40-64, work: yes, count: 180}]}
rules: [{never: "head.age < 18"}, {never: "partner.age < 18"}]
"""


def write_real(folder: Path, n: int = 600) -> None:
    random = np.random.default_rng(3)
    homes, people = [], []
    for i in range(n):
        owned, age = random.random() < 0.5, int(random.integers(20, 95))
        homes.append({"household_id": i + 1, "tenure": "owned" if owned else "rented", "w": 1.0 + i % 2})
        people.append({"household_id": i + 1, "role": "head", "age": age, "work": "yes" if age < 65 else "no"})
        if random.random() < 0.6:
            near = int(np.clip(age + random.integers(-3, 4), 18, 95))
            people.append({"household_id": i + 1, "role": "partner", "age": near, "work": "yes" if age < 65 else "no"})
        if not owned:
            people.append({"household_id": i + 1, "role": "child", "age": int(random.integers(0, 18)), "work": "no"})
    pl.DataFrame(homes).write_csv(folder / "household.csv")
    pl.DataFrame(people).write_csv(folder / "person.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("levels")
    (found / "spec.yaml").write_text(SPEC, encoding="utf-8")
    (found / "real").mkdir()
    write_real(found / "real")
    done = CliRunner().invoke(app, ["run", str(found / "spec.yaml"), "--out", str(found / "out")])
    assert done.exit_code == 0, done.output
    return found


def judged(folder: Path, records: Path, against: Path, *more: str) -> dict[str, dict[str, object]]:
    args = ["evaluate", str(records), "--against", str(against), "--spec", str(folder / "spec.yaml"), "--json", *more]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found


def pairs_of(one: dict[str, object]) -> set[frozenset[str]]:
    pairs = one["pairs"]
    assert isinstance(pairs, list)
    return {frozenset(pair["variables"]) for pair in pairs}


@pytest.mark.long
def test_every_kind_of_row_is_compared_in_what_no_target_holds(folder: Path) -> None:
    found = judged(folder, folder / "out", folder / "real", "--weight", "w")
    kinds = ["household", "person", "head and partner", "head and child", "persons of a household"]
    assert list(found) == kinds  # no child has a brother or sister
    assert pairs_of(found["household"]) == {frozenset(("tenure", "children"))}  # what follows is counted of the real ones
    persons = pairs_of(found["person"])
    assert frozenset(("age", "work")) not in persons  # a target
    assert frozenset(("tenure", "children")) not in persons  # compared among households
    assert {frozenset(("role", "age")), frozenset(("tenure", "age")), frozenset(("children", "work"))} <= persons
    couples = pairs_of(found["head and partner"])
    assert frozenset(("head.age", "partner.age")) in couples
    assert frozenset(("head.age", "head.work")) not in couples  # compared among persons
    assert frozenset(("head.age", "child.work")) in pairs_of(found["head and child"])
    assert frozenset(("tenure", "count(child)")) in pairs_of(found["persons of a household"])
    assert frozenset(("tenure", "children")) not in pairs_of(found["persons of a household"])
    assert found["household"]["n_real"] == 600


@pytest.mark.long
def test_real_units_against_themselves_are_at_no_distance(folder: Path) -> None:
    """Real units whose own tables lack what follows from members stand for the records, too."""
    found = judged(folder, folder / "real", folder / "real")
    for one in found.values():
        records = one["records"]
        assert isinstance(records, dict)
        assert records["mean_pair_tvd"] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.long
def test_what_tables_alone_do_not_tell_is_far_from_real_couples(folder: Path) -> None:
    found = judged(folder, folder / "out", folder / "real")
    couples = found["head and partner"]["pairs"]
    assert isinstance(couples, list)
    ages = next(pair for pair in couples if set(pair["variables"]) == {"head.age", "partner.age"})
    assert ages["tvd"] > 0.2


@pytest.mark.slow
def test_members_of_whom_only_the_role_is_known_are_compared_by_their_numbers(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "real" / "household.csv", tmp_path)
    pl.read_csv(folder / "real" / "person.csv").select("household_id", "role").write_csv(tmp_path / "person.csv")
    found = judged(folder, folder / "out", tmp_path)
    assert list(found) == ["person", "persons of a household"]


@pytest.mark.slow
def test_a_file_and_a_folder_without_the_units_are_told(folder: Path, tmp_path: Path) -> None:
    spec = str(folder / "spec.yaml")
    person = str(folder / "real" / "person.csv")
    done = CliRunner().invoke(app, ["evaluate", str(folder / "out"), "--against", person, "--spec", spec])
    assert "is no folder" in str(done.exception)
    shutil.copy(person, tmp_path)
    done = CliRunner().invoke(app, ["evaluate", str(folder / "out"), "--against", str(tmp_path), "--spec", spec])
    assert "holds no household.parquet or household.csv" in str(done.exception)


@pytest.mark.long
def test_the_terminal_names_each_kind_of_row(folder: Path) -> None:
    args = ["evaluate", str(folder / "out"), "--against", str(folder / "real"), "--spec", str(folder / "spec.yaml")]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0
    assert all(f"{name}:\n" in done.output for name in ("household", "person", "head and partner"))


RULES = """
unit: household
records: 4
variables:
  tenure: {type: category, values: [owned, rented]}
  rooms: {type: integer, min: 1, max: 9, bins: [1, 4]}
  persons: {from: count(person), bins: [1, 2, 3, 4]}
members:
  person:
    number: {min: 1, max: 6}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, child]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
      work: {type: category, values: [no, yes]}
rules:
  - {never: "child.age > head.age - 15"}
  - {never: "age < 15 and work = 'yes'"}
  - {never: "tenure = 'owned' and rooms < 2"}
  - {never: "rooms < 3 and persons > 2"}
"""
HOMES = "1 owned 5/2 rented 2/3 owned 4/4 rented 3"
SOUND = "1 head 50 yes/1 child 20 yes/2 head 30 yes/2 partner 31 no/3 head 70 no/4 head 40 yes/4 child 10 no/4 child 3 no"
CHILD_OF_95 = SOUND.replace("child 20", "child 95").replace("child 3 no", "child 95 no")
TWO_HEADS = SOUND.replace("1 child 20", "1 head 20")


def small(homes: str, people: str, *lacking: str) -> dict[int, pl.DataFrame]:
    """Households `id tenure rooms` and persons `id role age work`, without some columns."""
    tables = []
    for text, names in ((homes, "household_id tenure rooms"), (people, "household_id role age work")):
        columns = dict(zip(names.split(), zip(*(row.split() for row in text.split("/")), strict=True), strict=True))
        frame = pl.DataFrame({name: list(column) for name, column in columns.items()})
        numbers = [name for name in ("household_id", "rooms", "age") if name in frame.columns]
        tables.append(frame.with_columns(pl.col(numbers).cast(pl.Int64)).drop(lacking, strict=False))
    return dict(enumerate(tables))


def broken(
    records: dict[int, pl.DataFrame], real: dict[int, pl.DataFrame], spec: str = RULES
) -> dict[str, tuple[object, object]]:
    """By rule, rows of the records and real ones that break it, None where that is not told."""
    found = evaluate_levels(compile_problem(parse_spec(spec)), records, real).values()
    return {text: (one.violations.get(text), one.real_violations.get(text)) for one in found for text in one.sources}


def test_rules_between_members_are_counted_as_those_of_units_are() -> None:
    assert broken(small(HOMES, CHILD_OF_95), small(HOMES.replace("owned 4", "owned 1"), SOUND)) == {
        "child.age > head.age - 15": (2, 0),
        "age < 15 and work = 'yes'": (0, 0),
        "tenure = 'owned' and rooms < 2": (0, 1),
        "rooms < 3 and persons > 2": (0, 0),
    }
    assert broken(small(HOMES.replace("rented 3", "rented 2"), SOUND), small(HOMES, SOUND))["rooms < 3 and persons > 2"] == (
        1,
        0,
    )


def test_rules_whose_columns_real_units_lack_are_told_as_not_looked_at() -> None:
    without = small(HOMES, SOUND, "rooms", "work")
    assert broken(small(HOMES, CHILD_OF_95), without) == {
        "child.age > head.age - 15": (2, 0),
        "age < 15 and work = 'yes'": (0, None),
        "tenure = 'owned' and rooms < 2": (0, None),
        "rooms < 3 and persons > 2": (0, None),
    }
    assert broken(small(HOMES, CHILD_OF_95), {0: without[0].with_columns(rooms=5)})["child.age > head.age - 15"] == (2, None)


def test_numbers_of_members_that_cannot_be_are_counted_beside_rules() -> None:
    assert broken(small(HOMES, SOUND), small(HOMES, TWO_HEADS))["count(head) <> 1"] == (0, 1)


def test_the_terminal_counts_rules_once_and_says_that_there_are_none_once(tmp_path: Path) -> None:
    for folder, people in (("out", CHILD_OF_95), ("real", SOUND)):
        (tmp_path / folder).mkdir()
        for level, frame in small(HOMES, people, *(["rooms"] if folder == "real" else [])).items():
            frame.write_csv(tmp_path / folder / ("household.csv", "person.csv")[level])

    def told(spec: str) -> str:
        (tmp_path / "spec.yaml").write_text(spec, encoding="utf-8")
        args = ["evaluate", str(tmp_path / "out"), "--against", str(tmp_path / "real"), "--spec", str(tmp_path / "spec.yaml")]
        done = CliRunner().invoke(app, args)
        assert done.exit_code == 0, done.exception
        return " ".join(done.output.split())

    lines = told(RULES)
    assert lines.count("spec: never child.age > head.age - 15: 2 records, 0 real ones") == 1
    assert "never tenure = 'owned' and rooms < 2: 0 records, not looked at in real ones, which lack what it needs" in lines
    assert "no rules to break" not in lines
    assert told(RULES[: RULES.index("rules:")]).count("There are no rules to break.") == 1
