"""Published totals stay figures of their own beside cells that may be off; what fits nothing is told."""

import textwrap
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthor import Spec, check, compile_problem, parse_spec, synthesize
from synthor.fit.status import Status
from synthor.problem import Target
from synthor.report.explain_targets import explain_target

HOMES = """
records: 150
variables:
  zone: {type: category, values: [N, S]}
  kind: {type: category, values: [a, b, c, d]}
"""
WIDE = "zone,a,b,c,d,Total\nN,10,10,10,10,50\nS,25,25,25,25,100\n"


def targets(text: str, folder: Path = Path()) -> dict[str, Target]:
    made = compile_problem(parse_spec(text).placed_in(folder))
    return {target.name: target for target in made.targets}


def told(text: str, folder: Path = Path()) -> list[str]:
    """What is found, errors first; that variables have no target is not looked at."""
    found = [one for one in check(parse_spec(text).placed_in(folder)) if "has no target" not in one.message]
    return [f"{one.severity}: {one}" for one in sorted(found, key=lambda one: one.severity)]


def within(target: Target) -> list[tuple[int, int]]:
    return list(zip(target.low.tolist(), target.high.tolist(), strict=True))


# --- Totals as targets ----------------------------------------------------------------------------------------------------


def test_rounded_totals_of_a_wide_table_are_met(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(WIDE, encoding="utf-8")
    run = synthesize(parse_spec(HOMES + "targets: [{table: t.csv, layout: {wide: [kind]}, rounded_to: 5}]").placed_in(tmp_path))
    assert run.measurement.met
    assert [fit.target.name for fit in run.measurement.fits] == ["zone by kind", "zone by kind (totals of zone)"]
    got = dict(run.records["zone"].value_counts().iter_rows())
    assert 48 <= got["N"] <= 52
    assert 98 <= got["S"] <= 102


def test_many_rounded_cells_and_their_totals_are_met_in_few_steps() -> None:
    counts = np.random.default_rng(1).poisson(np.random.default_rng(2).gamma(0.8, 20, size=(100, 8)))
    sides = [*(([i], [j]) for i in range(100) for j in range(8)), *(([i], range(8)) for i in range(100))]
    rows = [
        {"zone": f"z{i[0]}", "kind": f"k{j[0]}" if len(j) == 1 else "Total", "count": int(5 * np.round(counts[i, j].sum() / 5))}
        for i, j in sides
    ]
    variables = {
        name: {"type": "category", "values": [f"{name[0]}{i}" for i in range(n)]} for name, n in (("zone", 100), ("kind", 8))
    }
    target = {"table": rows, "rounded_to": 5}
    run = synthesize(Spec.model_validate({"records": int(counts.sum()), "variables": variables, "targets": [target]}))
    assert run.model.status is Status.CONVERGED
    assert run.measurement.met
    assert len(run.model.history) < 40


@pytest.mark.slow
def test_a_total_of_some_cells_is_met_to_its_own_rounding(tmp_path: Path) -> None:
    rows = ["zone,a,b,Sum,c,d,Total", "N,10,10,25,40,40,105", "S,25,25,45,5,5,60"]  # a and b come to 16 to 24, 46 to 54
    (tmp_path / "t.csv").write_text("\n".join(rows), encoding="utf-8")
    text = HOMES.replace("150", "165") + "targets: [{table: t.csv, layout: {wide: [kind], total: [Sum, Total]}, rounded_to: 5}]"
    found = targets(text, tmp_path)
    assert {name: within(target) for name, target in found.items() if "total of" in name} == {
        "zone by kind (total of N, a + b)": [(23, 27)],
        "zone by kind (total of S, a + b)": [(43, 47)],
    }
    run = synthesize(parse_spec(text).placed_in(tmp_path))
    assert run.measurement.met
    both = dict(run.records.filter(pl.col("kind").is_in(["a", "b"]))["zone"].value_counts().iter_rows())
    assert 23 <= both["N"] <= 24
    assert 46 <= both["S"] <= 47


def test_a_total_of_some_cells_that_may_be_either_is_told() -> None:
    rows = ", ".join(f"{{kind: {kind}, count: {n}}}" for kind, n in (("a", 30), ("Total", 33), ("b", 32), ("c", 0), ("d", 0)))
    text = f"targets: [{{where: zone = 'N', rounded_to: 5, table: [{rows}, {{kind: All, count: 60}}]}}]"
    (found,) = told(HOMES + text)
    assert found.startswith("warning: targets[0], row 2: a total of 33 is one of some cells, but it is not clear of which")


def test_totals_are_explained(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(WIDE, encoding="utf-8")
    spec = parse_spec(HOMES + "targets: [{table: t.csv, layout: {wide: [kind]}, rounded_to: 5}]").placed_in(tmp_path)
    assert "Its published totals are met likewise: 2 of zone." in explain_target(spec, 0, compile_problem(spec)).sentence


@pytest.mark.parametrize("loose", ["rounded_to: 8", "tolerance: {points: 0.0959}"])
def test_totals_of_both_sides_are_met_to_their_own_interval(loose: str, tmp_path: Path) -> None:
    rows = ["heating,1,2,3,Total", "District,103,411,98,615", "Central,212,1804,1407,3420", "Stove,21,77,40,134"]
    (tmp_path / "t.csv").write_text("\n".join([*rows, "Total,331,2297,1546,4171"]), encoding="utf-8")
    run = synthesize(
        parse_spec(f"""
        records: 4171
        variables:
          heating: {{type: category, values: [District, Central, Stove]}}
          rooms: {{type: integer, min: 1, max: 3}}
        targets: [{{table: t.csv, layout: {{wide: [rooms]}}, {loose}}}]
        """).placed_in(tmp_path)
    )
    assert run.measurement.met
    for name, wanted in (("heating", {"District": 615, "Central": 3420, "Stove": 134}), ("rooms", {1: 331, 2: 2297, 3: 1546})):
        got = dict(run.records[name].value_counts().iter_rows())
        assert all(abs(got[label] - count) <= 4 for label, count in wanted.items())


def test_totals_have_margins_of_error_of_their_own(tmp_path: Path) -> None:
    rows = ["zone,kind,count,moe", "N,a,40,20", "N,b,60,20", "N,Total,100,*****", "S,a,20,15", "S,b,30,15", "S,Total,50,12"]
    (tmp_path / "t.csv").write_text("\n".join(rows), encoding="utf-8")
    text = textwrap.dedent("""
    records: 150
    variables: {zone: {type: category, values: [N, S]}, kind: {type: category, values: [a, b]}}
    targets: [{table: t.csv, margin_of_error: moe}]
    """)
    found = targets(text, tmp_path)
    assert within(found["zone by kind (totals of zone)"]) == [(100, 100), (36, 64)]
    rows[3] = "N,Total,100,"  # then it is told that nothing is made of it
    (tmp_path / "t.csv").write_text("\n".join(rows), encoding="utf-8")
    assert told(text, tmp_path)[0].startswith("warning: t.csv, row 4: a total without a margin of error")
    assert within(targets(text, tmp_path)["zone by kind (totals of zone)"]) == [(36, 64)]


def test_the_total_of_a_part_of_the_records_is_met() -> None:
    rows = "{kind: a, count: 10}, {kind: b, count: 10}, {kind: c, count: 10}, {kind: d, count: 10}, {kind: Total, count: 50}"
    found = targets(HOMES + f"targets: [{{where: zone = 'N', rounded_to: 5, table: [{rows}]}}]")
    assert within(found["kind (totals)"]) == [(48, 52)]


def test_bands_that_a_universe_leaves_no_other_value_for_are_all_that_their_total_is_of() -> None:
    text = """
records: 900
variables: {age: {type: integer, min: 0, max: 99, bins: [0, 15, 65]}, zone: {type: category, values: [N, S]}}
targets:
- where: age >= 15
  table: [{age: 15-64, zone: N, count: 100}, {age: 65+, zone: N, count: 50}, {age: Total, zone: N, count: %d}]
  %s
"""
    assert within(targets(text % (160, "rounded_to: 10"))["age by zone (totals of zone)"]) == [(155, 165)]
    assert "the total of (N) is 160, but its cells add up to 150" in told(text % (160, ""))[0]


def test_shares_of_all_beside_shares_inside_with_a_tolerance() -> None:
    rows = [("N", 50, 50), ("S", 20, 80), ("Total", 38, 62)]
    table = ", ".join(f"{{zone: {z}, kind: a, share: {a}}}, {{zone: {z}, kind: b, share: {b}}}" for z, a, b in rows)
    text = f"""
records: 1000
variables: {{zone: {{type: category, values: [N, S]}}, kind: {{type: category, values: [a, b]}}}}
targets: [{{counts: {{zone: {{N: 500, S: 500}}}}}}, {{by: [zone], tolerance: {{points: 2}}, table: [{table}]}}]
"""
    run = synthesize(parse_spec(text))
    assert run.measurement.met
    assert run.measurement.fits[-1].target.name == "kind shares"
    assert 360 <= run.records.filter(pl.col("kind") == "a").height <= 400
    exact = text.replace("tolerance: {points: 2}, ", "")
    assert "shares over all of zone (first in row 5) are left out" in told(exact)[0]


@pytest.mark.parametrize("what", ["share: 35}, {kind: b, share: 65}", "share: 0.35}, {kind: b, share: 0.65}"])
def test_rounded_shares_are_rounded_in_their_own_unit(what: str) -> None:
    step = 5 if "0." not in what else 0.05
    text = f"targets: [{{rounded_to: {step}, table: [{{kind: a, {what}]}}]"
    text = f"{{records: 1000, variables: {{kind: {{type: category, values: [a, b]}}}}, {text}}}"
    assert within(targets(text)["kind"]) == [(325, 375), (625, 675)]


def test_exact_tables_have_no_totals_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(WIDE.replace(",50", ",40"), encoding="utf-8")
    text = HOMES.replace("150", "140") + "targets: [{table: t.csv, layout: {wide: [kind]}}]"
    assert list(targets(text, tmp_path)) == ["zone by kind"]


# --- Totals that cannot be ------------------------------------------------------------------------------------------------


def test_a_total_out_of_reach_of_its_cells_is_told_and_the_cure_cures(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(WIDE.replace(",50", ",55"), encoding="utf-8")
    text = HOMES + "targets: [{table: t.csv, layout: {wide: [kind]}, rounded_to: 5}]"
    (found,) = told(text, tmp_path)  # cells of 8 to 12 come to 48, a total of 55 is 53 to 57
    assert found.startswith("error: t.csv, row 2: the total of (N) is 55, but its cells add up to at most 48; `rounded_to: 10`")
    assert not told(text.replace("rounded_to: 5", "rounded_to: 10"), tmp_path)


@pytest.mark.parametrize(
    ("before", "after"), [("{points: 1}", "{points: 2}"), ("{relative: 2%}", "{relative: 8%}"), ("{relative: 1%}", "")]
)
def test_a_wider_tolerance_is_proposed_as_it_is_written(before: str, after: str) -> None:
    rows = "{kind: a, count: 25}, {kind: b, count: 25}, {kind: c, count: 25}, {kind: d, count: 25}, {kind: Total, count: 112}"
    text = (
        HOMES
        + f"targets: [{{where: zone = 'N', tolerance: %s, table: [{rows.replace('112', '250' if not after else '112')}]}}]"
    )
    (found,) = told(text % before)
    assert "but its cells add up to at most" in found
    if after:
        assert f"`tolerance: {after}` allows for it" in found
        assert not told(text % after)
    else:
        assert "tolerance" not in found


# --- Second totals --------------------------------------------------------------------------------------------------------

KINDS = "{records: 100, variables: {kind: {type: category, values: [flat, house, hut]}}, targets: [{%stable: t.csv}]}"


@pytest.mark.parametrize("loose", ["", "rounded_to: 5, "])
@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("Total,100 Total,55 flat,60 house,40 hut,0", "row 3: the total of all cells is said to be 55 here and 100 in row 2"),
        ("Total,155 Total,100 flat,60 house,40 hut,0", "row 2: the total of all cells is said to be 155 here and 100 in row 3"),
        ("flat,60 house,40 hut,0 Total,100 All,170", "row 6: the total of all cells is said to be 170 here and 100 in row 5"),
        ("Total,100 flat,60 All,40 house,30 hut,10", ""),  # of those below it
        ("Total,100 flat,60 house,30 Subtotal,90 hut,10", ""),  # of those above it
        ("Total,100 flat,60 house,30 hut,10 Total,100", ""),
    ],
)
def test_a_second_total_that_is_none_of_anything_is_told(rows: str, said: str, loose: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("kind,count\n" + rows.replace(" ", "\n"), encoding="utf-8")
    found = told(KINDS % loose, tmp_path)
    assert [one.split(",", 1)[1].strip().startswith(said) for one in found] == [True] * bool(said), found
    assert all(one.startswith("warning") for one in found)


def test_of_two_totals_that_both_fit_nothing_the_larger_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("kind,count\nTotal,90\nTotal,80\nflat,60\nhouse,40\nhut,0\n", encoding="utf-8")
    error, warning = told(KINDS % "", tmp_path)
    assert error.startswith("error: t.csv, row 2: the total of all cells is 90, but its cells add up to 100")
    assert "is said to be 80 here and 90 in row 2, and its cells come to neither" in warning


def test_a_column_of_totals_that_fits_no_row_is_told_row_by_row(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(WIDE.replace("50", "41").replace("100", "7"), encoding="utf-8")
    found = told(HOMES.replace("150", "140") + "targets: [{table: t.csv}]", tmp_path)
    assert ["is 41" in found[0], "is 7" in found[1], len(found)] == [True, True, 2]
    (tmp_path / "t.csv").write_text("zone,a,b,c,d,Total,All\nN,10,10,10,10,40,41\nS,25,25,25,25,100,7\n", encoding="utf-8")
    found = told(HOMES.replace("150", "140") + "targets: [{table: t.csv}]", tmp_path)
    assert ["of (N) is said to be 41 here" in found[0], "of (S) is said to be 7 here" in found[1], len(found)] == [
        True,
        True,
        2,
    ]


# --- Another number of records than the tables say -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (100, "error: t.csv: counts add up to 600, with their margins of error at least 152, but records is 100"),
        (150, "error: t.csv: counts add up to 600, with their margins of error at least 152, but records is 150"),
        (559, "warning: t.csv: counts add up to 600, with their margins of error 152 to 1,048, but records is 559"),
        (600, ""),
        (1200, "error: t.csv: counts add up to 600, with their margins of error at most 1,048, but records is 1,200"),
    ],
)
def test_records_far_from_a_table_with_margins_are_told(records: int, said: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("work,count,moe\nyes,400,250\nno,200,120\n", encoding="utf-8")
    text = "{records: %d, variables: {work: {type: boolean}}, targets: [{table: t.csv, margin_of_error: moe}]}"
    found = told(text % records, tmp_path)
    assert len(found) == bool(said)
    assert not said or (found[0].startswith(said) and "set records to 600" in found[0] and "tolerance" not in found[0])


def test_a_published_total_narrows_how_many_records_there_can_be(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("work,count,moe\nyes,400,250\nno,200,120\nTotal,600,30\n", encoding="utf-8")
    text = "{records: %d, variables: {work: {type: boolean}}, targets: [{table: t.csv, margin_of_error: moe}]}"
    assert "with their margins of error at least 564, but records is 559" in told(text % 559, tmp_path)[0]


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (40, ""),
        (50, ""),
        (51, "warning: targets[0]: counts add up to 40, with their rounding 28 to 52, but records is 51"),
        (53, "error: targets[0]: counts add up to 40, with their rounding at most 52, but records is 53"),
    ],
)
def test_records_that_roundings_hardly_add_up_to_are_told(records: int, said: str) -> None:
    rows = ", ".join(f"{{kind: {kind}, count: 10}}" for kind in "abcd")
    found = told(HOMES.replace("150", str(records)) + f"targets: [{{rounded_to: 6, table: [{rows}]}}]")
    assert [one[: len(said)] for one in found if "whole numbers" not in one] == [said] * bool(said)


@pytest.mark.parametrize("loose", ["", "rounded_to: 5,"])
@pytest.mark.parametrize("rows", ["a,* b,* c,300 d,0 Total,600", "a,* b,510 c,0 d,0 Total,600"])
def test_records_other_than_the_total_over_hidden_cells_are_told(rows: str, loose: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("kind,count\n" + rows.replace(" ", "\n"), encoding="utf-8")
    text = f"targets: [{{{loose} table: t.csv}}]"
    (found,) = told(HOMES.replace("150", "1000") + text, tmp_path)
    assert found.startswith("error: t.csv: counts add up to 600")
    assert "set records to 600" in found
    assert not told(HOMES.replace("150", "600") + text, tmp_path)


def test_records_other_than_the_totals_of_a_side_over_hidden_cells_are_told() -> None:
    rows = [("N", "a", "'*'"), ("N", "b", "'*'"), ("N", "Total", 50), ("S", "a", "'*'"), ("S", "b", "'*'"), ("S", "Total", 90)]
    table = ", ".join(f"{{zone: {zone}, kind: {kind}, count: {count}}}" for zone, kind, count in rows)
    (found,) = told(HOMES + f"targets: [{{table: [{table}]}}]")
    assert found.startswith("error: targets[0]: counts add up to at most 140 (4 of them not told), but records is 150")
