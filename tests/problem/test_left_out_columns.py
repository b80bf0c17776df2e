"""Rows that differ by a column that was left out: the message names it, and what it proposes works."""

from pathlib import Path

import pytest
import yaml

from synthor import check, compile_problem, parse_spec
from synthor.errors import Finding

SPEC = """
records: 30
variables: {kind: {type: category, values: [flat, house]}}
"""


def errors(text: str, folder: Path) -> list[Finding]:
    return [one for one in check(parse_spec(text).placed_in(folder)) if one.severity == "error"]


def cured(text: str, cure: str) -> str:
    """The spec with a proposed `layout` put into the one of its only target."""
    document, layout = yaml.safe_load(text), yaml.safe_load(cure.split("`")[1])["layout"]
    (target,) = document["targets"]
    target["layout"] = {**target.get("layout", {}), **layout}
    return yaml.safe_dump(document)


@pytest.mark.parametrize(
    ("table", "more", "said", "chosen"),
    [
        ("zone,kind,count\nN,flat,10\nN,house,20\nS,flat,30\nS,house,40\n", "", "'zone' was left out", {"zone": "N"}),
        ("zone,flat,house\nN,10,20\nS,30,40\n", "", "'zone' was left out", {"zone": "N"}),
        ("zone,kind,count\nN,flat,10\n,house,20\nS,flat,30\n,house,40\n", "", "'zone' was left out", {"zone": "N"}),
        (
            "zone,year,kind,count\nN,2020,flat,10\nN,2020,house,20\nS,2020,flat,30\nN,2021,flat,11\nN,2021,house,20\n",
            "",
            "'zone' and 'year' were left out, but rows differ by them: 3 rows give cells",
            {"zone": "N", "year": "2020"},
        ),
        (
            "code,zone,kind,count\n007,N,flat,10\n007,N,house,20\n008,S,flat,30\n008,S,house,40\n",
            "",
            "'code' was left out",  # which tells all that its twin does
            {"code": "007"},
        ),
        (
            "zone,note,kind,count\nN,,flat,10\nN,estimated,house,20\nS,,flat,30\nS,,house,40\n",
            "",
            "'zone' was left out, but rows differ by it: 2 rows give cells that rows above gave already",
            {"zone": "N"},
        ),
        (
            "GEOGRAPHY_NAME,C_KIND_NAME,OBS_VALUE\nN,flat,10\nN,house,20\nS,flat,30\nS,house,40\n",
            "nomis",
            "",
            {"geography": "N"},
        ),
        ("zone's,kind,count\nno,flat,10\nno,house,20\nS,flat,30\n", "", "", {"zone's": "no"}),
    ],
)
def test_the_column_is_named_and_choosing_one_of_its_values_cures(
    table: str, more: str, said: str, chosen: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(table, encoding="utf-8")
    null = {"zone": None, "year": None, "code": None, "note": None, "zone's": None, "geography": None, "C_KIND_NAME": "kind"}
    columns = {name: meant for name, meant in null.items() if name in table or (more and name == "geography")}
    layout = ", layout: {format: nomis}" if more else ""
    text = f"{SPEC}columns: {columns}\ntargets: [{{table: t.csv{layout}}}]\n".replace("None", "null")
    (found,) = errors(text, tmp_path)
    assert said in found.message
    assert "`layout: {only: {" in found.cure
    mended = cured(text, found.cure)
    assert yaml.safe_load(mended)["targets"][0]["layout"]["only"] == chosen
    (target,) = compile_problem(parse_spec(mended).placed_in(tmp_path)).targets
    assert target.wanted.tolist() == [10, 20]


def test_making_it_a_variable_cures_too(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("zone,kind,count\nN,flat,10\nN,house,20\nS,flat,30\nS,house,40\n", encoding="utf-8")
    text = (
        SPEC.replace("30", "100").replace("{kind", "{zone: {type: category, values: [N, S]}, kind")
        + "targets: [{table: t.csv}]"
    )
    (target,) = compile_problem(parse_spec(text).placed_in(tmp_path)).targets
    assert target.wanted.tolist() == [10, 20, 30, 40]


def test_rows_that_a_list_of_values_chose_are_told_apart_likewise(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("zone,kind,count\nN,flat,10\nN,house,20\nS,flat,30\nW,house,40\n", encoding="utf-8")
    text = SPEC + "targets: [{table: t.csv, layout: {only: {zone: [N, S]}}}]"
    (found,) = errors(text, tmp_path)
    assert (found.row, found.label) == (4, "zone")
    assert not errors(cured(text, found.cure), tmp_path)


def test_a_table_in_the_spec_has_no_rows_to_choose() -> None:
    rows = "[{zone: N, kind: flat, count: 10}, {zone: N, kind: house, count: 20}, {zone: S, kind: flat, count: 30}]"
    (found,) = errors(SPEC + f"columns: {{zone: null}}\ntargets: [{{table: {rows}}}]", Path())
    assert "'zone' was left out, but rows differ by it: 1 row gives cells" in found.message
    assert found.cure == "make it a variable, or keep one row of each cell"


def test_rows_that_differ_by_nothing_are_still_told_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("zone,kind,count\nN,flat,10\nN,flat,20\nS,house,30\n", encoding="utf-8")
    (found,) = errors(SPEC + "columns: {zone: null}\ntargets: [{table: t.csv}]", tmp_path)
    assert found.message == "cell (flat) was given in row 2 already"
