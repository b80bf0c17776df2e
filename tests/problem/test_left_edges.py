"""Labels of a number that are the left edges of its bins, as tables of income print them: 0, 15000, 30000, 50000+."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from synthor import check, parse_spec
from synthor.problem import compile_problem
from synthor.report.explain import as_written, explain
from synthor.spec.model import Spec

SHARES = (40.0, 30.0, 20.0, 10.0)
NUMBER = "{type: number, min: 0, max: 90000, bins: [0, 1, 1000, 10000]}"
WHOLE = "{type: integer, min: 0, max: 90000, bins: [0, 1, 1000, 10000]}"
FINE = "{type: number, min: 0, max: 9, bins: [0, 0.5, 2.5, 4], decimals: 1}"


def spec_of(kind: str, target: str, folder: Path = Path()) -> Spec:
    return parse_spec(f"{{records: 1000, variables: {{gains: {kind}}}, targets: [{target}]}}").placed_in(folder)


def wanted(spec: Spec) -> list[float]:
    """What a spec wants in each of its declared bins."""
    problem = compile_problem(spec)
    (target,) = problem.targets
    (axis,) = target.axes
    assert target.grid.covers
    bins = problem.schema.unit.variables[0]
    assert axis.declared  # no bin is cut
    return [float(target.wanted[axis.group_of[code]]) for code in range(bins.size)]


def explained(spec: Spec) -> str:
    return " ".join(as_written(explain(spec, compile_problem(spec))).split())


@pytest.mark.parametrize(
    "last", ["10000+", "10,000+", "10000 and over", "10000 or more", ">= 10000", "$10,000 or more", "10 000 plus"]
)
@pytest.mark.parametrize("first", ["0", "under 1", "0-0"])
@pytest.mark.parametrize("kind", [NUMBER, WHOLE])
def test_numbers_that_begin_all_bins_are_these_bins(kind: str, first: str, last: str) -> None:
    first = first.replace("0-0", "0-0.99") if kind == NUMBER else first
    labels = [first, "1", "1000", last]
    for measure, form in itertools.product(("count", "share"), ("mapping", "rows")):
        values = [value * (10 if measure == "count" else 1) for value in SHARES]
        if form == "mapping":
            cells = ", ".join(f'"{label}": {value}' for label, value in zip(labels, values, strict=True))
            target = f"{{{measure}s: {{gains: {{{cells}}}}}}}"
        else:
            cells = ", ".join(f'{{gains: "{label}", {measure}: {value}}}' for label, value in zip(labels, values, strict=True))
            target = f"{{table: [{cells}]}}"
        spec = spec_of(kind, target)
        assert not check(spec)
        assert np.allclose(wanted(spec), [400, 300, 200, 100])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (NUMBER, "gains,share\n0,40\n1,30\n1000,20\n10000+,10\n"),
        (NUMBER, 'gains,count\n0,400\n1,300\n"1,000",200\n"10,000+",100\n'),
        (WHOLE, "gains;count\n€ 0;400\n€ 1;300\n€ 1,000;200\n€ 10,000 and over;100\n"),
        (NUMBER, "0,1,1000,10000+\n400,300,200,100\n"),
        (FINE, "gains,share\n0,40\n0.5,30\n2.5,20\n4+,10\n"),
        (FINE, "gains,share\n0.0,40\n0.5,30\n2.5,20\n4.0 or more,10\n"),
        (FINE, "gains,share\nunder 0.5,40\n0.5,30\n2.5,20\n4 and over,10\n"),
        (NUMBER.replace("[0, 1, 1000", "[0, 1, 1000, 2000"), "gains,share\n0,40\n1,30\n1000,15\n2000,5\n10000+,10\n"),
    ],
)
def test_left_edges_from_a_file(tmp_path: Path, kind: str, text: str) -> None:
    wide = ", layout: {wide: [gains]}" if text.startswith("0,") else ""
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    spec = spec_of(kind, f"{{table: t.csv{wide}}}", tmp_path)
    assert not check(spec)
    found = wanted(spec)
    assert np.allclose([found[0], found[1], sum(found[2:-1]), found[-1]], [400, 300, 200, 100])


def test_an_open_band_over_several_bins_leaves_the_others_to_the_numbers_before_it() -> None:
    spec = spec_of(NUMBER.replace("10000]", "10000, 50000]"), "{shares: {gains: {0: 40, 1: 30, 1000: 20, 10000+: 10}}}")
    assert not check(spec)
    (target,) = compile_problem(spec).targets
    assert target.axes[0].group_of.tolist() == [0, 1, 2, 3, 3]


def test_a_table_of_a_part_begins_at_the_first_bin_of_it() -> None:
    spec = spec_of(NUMBER, '{shares: {gains: {"1": 50, "1,000": 30, 10000+: 20}}, where: gains >= 1}')
    assert not check(spec)
    (target,) = compile_problem(spec).statistics
    assert target.wanted.tolist() == [[0, 0.5, 0.3, 0.2]]


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        (WHOLE.replace("[0, 1, 1000, 10000]", "[0, 3]"), "0, 1, 2, 3+"),
        (WHOLE.replace("[0, 1, 1000, 10000]", "[0, 1, 2]"), "0, 1, 2, 3+"),
    ],
)
def test_whole_numbers_that_begin_no_bin_are_single_values(kind: str, labels: str) -> None:
    cells = ", ".join(f"{label}: 25" for label in labels.split(", "))
    spec = spec_of(kind, f"{{shares: {{gains: {{{cells}}}}}}}")
    assert not check(spec)
    (target,) = compile_problem(spec).targets
    axis = target.axes[0]
    spans = [
        (axis.variable.low[axis.group_of == code].min(), axis.variable.high[axis.group_of == code].max()) for code in range(4)
    ]
    assert spans == [(0, 0), (1, 1), (2, 2), (3, 90000)]


@pytest.mark.parametrize("measure", ["shares", "counts"])
def test_numbers_that_do_not_begin_all_bins_are_told_to_be_single_values(measure: str) -> None:
    values = SHARES if measure == "shares" else [10 * share for share in SHARES]
    labels = ("0", "1", "1000", "10000+")
    finer = NUMBER.replace("[0, 1, 1000", "[0, 1, 500, 1000")
    cells = ", ".join(f"{label}: {value}" for label, value in zip(labels, values, strict=True))
    spec = spec_of(finer, f"{{{measure}: {{gains: {{{cells}}}}}}}")
    (finding,) = check(spec)
    assert finding.severity == "warning"
    assert "its labels leave out 1.01-499.99, 500-999.99, 1000.01-9999.99 of gains" in finding.message
    assert "write bands" in finding.message
    assert "1 is 1 alone, 1000 is 1,000 alone and 10000+ is 10,000 to 90,000" in explained(spec)
    bands = cells.replace("0: ", '"0-0.99": ', 1).replace(" 1: ", ' "1-999.99": ').replace("1000: ", '"1000-9999.99": ')
    cured = spec_of(finer, f"{{{measure}: {{gains: {{{bands}}}}}}}")
    assert not check(cured)
    assert compile_problem(cured).targets[0].counts


def test_explain_says_what_numbers_stand_for() -> None:
    told = explained(spec_of(NUMBER, "{shares: {gains: {0: 40, 1: 30, 1000: 20, 10000+: 10}}}"))
    assert "0 is 0 to 0.99, 1 is 1 to 999.99, 1000 is 1,000 to 9,999.99 and 10000+ is 10,000 to 90,000" in told


def test_left_edges_as_column_heads_and_inside_others(tmp_path: Path) -> None:
    sexes = "{type: category, values: [m, f]}"
    (tmp_path / "wide.csv").write_text('sex,0,1,"1,000","10,000+"\nm,200,150,100,50\nf,200,150,100,50\n', encoding="utf-8")
    rows = "".join(f'{sex},0,40\n{sex},1,30\n{sex},"1,000",20\n{sex},10000 or more,10\n' for sex in "mf")
    (tmp_path / "by.csv").write_text(f"sex,gains,share\n{rows}", encoding="utf-8")
    targets = "[{table: wide.csv}, {table: by.csv, by: [sex]}]"
    spec = parse_spec(f"{{records: 1000, variables: {{sex: {sexes}, gains: {NUMBER}}}, targets: {targets}}}").placed_in(
        tmp_path
    )
    problem = compile_problem(spec)
    assert problem.targets[0].wanted.tolist() == [200, 150, 100, 50] * 2
    assert np.allclose(problem.statistics[0].wanted, [[0.4, 0.3, 0.2, 0.1]] * 2)
