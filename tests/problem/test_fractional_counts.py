"""Counts that are no whole numbers, as models and weighted surveys give them: what check proposes is done, and works."""

import re
from pathlib import Path

import pytest

from synthor import check, parse_spec, synthesize
from synthor.errors import Finding
from synthor.spec.model import Spec

CELLS = {("A", "B"): "0.37", ("A", "C"): "2.81", ("B", "A"): "4.05", ("B", "C"): "0.42", ("C", "A"): "5.13"}


def spec_of(target: str, more: str = "", records: int = 13) -> Spec:
    places = "{type: category, values: [A, B, C]}"
    return parse_spec(f"records: {records}\n{more}variables: {{origin: {places}, destination: {places}}}\ntargets:\n{target}")


def rows(measure: str, cells: dict[tuple[str, str], str] = CELLS) -> str:
    listed = ", ".join(f"{{origin: {a}, destination: {b}, {measure}: {value}}}" for (a, b), value in cells.items())
    return f"table: [{listed}]"


def errors(spec: Spec) -> list[Finding]:
    return [finding for finding in check(spec) if finding.severity == "error"]


def proposed(spec: Spec) -> str:
    """The line that the only error of a spec proposes."""
    (found,) = errors(spec)
    (line,) = re.findall(r"`(population: [^`]+)`", found.cure)
    return f"{line}\n"


@pytest.mark.parametrize("lead", ["flows: [origin, destination], ", ""])
@pytest.mark.parametrize("more", ["", "population: 12\n"])
def test_fractional_counts_are_scaled_by_the_population_that_check_proposes(lead: str, more: str) -> None:
    target = f"- {{{lead}{rows('count')}}}\n"
    line = proposed(spec_of(target, more))
    assert line == "population: 12.78\n"
    cured = spec_of(target, line)
    assert not errors(cured)
    run = synthesize(cured)
    assert run.measurement.met
    assert len(run.records) == 13
    for (a, b), value in CELLS.items():
        n = run.records.filter(origin=a, destination=b).height
        assert abs(n - float(value) * 13 / 12.78) < 1


@pytest.mark.parametrize("scale", [1, 10])
def test_fractional_counts_that_were_called_shares_come_out_of_the_circle(scale: int) -> None:
    cells = {place: f"{float(value) * scale:.2f}" for place, value in CELLS.items()}
    records = round(12.78 * scale)
    target = f"- {{flows: [origin, destination], {rows('share', cells)}}}\n"
    (found,) = errors(spec_of(target, records=records))
    assert "they look like counts: call the column count" in found.cure
    line = proposed(spec_of(target, records=records))
    assert not errors(spec_of(target.replace("share:", "count:"), line, records=records))


def test_counts_with_three_decimals_may_be_thousands_or_fractions(tmp_path: Path) -> None:
    places = "{type: category, values: [A, B]}"
    text = f"{{records: 5000, variables: {{zone: {places}}}, targets: [{{table: t.csv}}]}}"
    (tmp_path / "t.csv").write_text("zone;count\nA;1.234\nB;2.500\n", encoding="utf-8")
    spec = parse_spec(text).placed_in(tmp_path)
    assert proposed(spec) == "population: 3.734\n"
    assert not errors(parse_spec(text.replace("{records", "{population: 3.734, records")).placed_in(tmp_path))
    (found,) = errors(parse_spec(text.replace("t.csv}", "t.csv, layout: {decimal: ','}}")).placed_in(tmp_path))
    assert (found.found, "set records to 3,734" in found.cure) == (3734, True)  # they are thousands now
    (tmp_path / "t.csv").write_text("zone;count\nA;1.234\nB;3.766\n", encoding="utf-8")
    assert "population" not in errors(spec)[0].cure  # 5.000 is what the records are


def test_a_fractional_table_beside_whole_ones_may_be_given_a_tolerance() -> None:
    whole = "- {counts: {origin: {A: 313, B: 441, C: 506}}}\n"
    cells = {place: f"{float(value) * 98.5:.2f}" for place, value in CELLS.items()}  # 1,258.84
    target = f"- {{flows: [origin, destination], {rows('count', cells)}}}\n"
    (found,) = errors(spec_of(whole + target, records=1260))
    assert "`population: 1258.84`" in found.cure
    assert "`tolerance: {relative: 0.5%}`" in found.cure
    cured = spec_of(whole + target.replace("- {flows", "- {tolerance: {relative: 0.5%}, flows"), records=1260)
    assert not errors(cured)


def test_a_part_of_the_records_is_no_reason_for_another_population() -> None:
    target = "- {counts: {origin: {A: 9.5, B: 9.2}}, where: \"origin <> 'C'\"}\n"
    (found,) = errors(spec_of(target))
    assert "population" not in found.cure
