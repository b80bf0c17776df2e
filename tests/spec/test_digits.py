"""The digits of a number in a spec say how exactly it is known: zeros at the end included, wherever the number goes."""

import copy
import json
import pickle
from pathlib import Path

import pytest

from synthor import check, load_spec, parse_spec, synthesize
from synthor.fit.model import Model
from synthor.problem import compile_problem
from synthor.report.explain import as_written, explain
from synthor.report.terminal import show_understood
from synthor.schema.text import Written
from synthor.spec.dump import as_understood, to_json, to_yaml
from synthor.spec.edit import with_names
from synthor.spec.model import Spec

FARMS = """
records: 200
variables:
  size: {type: category, values: [small, large]}
  change: {type: number, min: -40, max: 60, bins: [-40, 0, 10]}
targets:
  - {counts: {size: {small: 120, large: 80}}}
"""
BY_SIZE = "  - {{total: change, by: [size], table: [{{size: small, total: {}}}, {{size: large, total: {}}}]}}\n"


def halves(text: str) -> list[float]:
    """How far each statistic of a spec may be off for its rounding."""
    return [target.rounding for target in compile_problem(parse_spec(text)).statistics]


@pytest.mark.parametrize(
    ("written", "half"),
    [
        ("-100.00", 0.005),
        ("-100", 0.5),
        ("100.0", 0.05),
        ("0.0", 0.05),
        ("+12.50", 0.005),
        (".50", 0.005),
        ("1.50e1", 0.05),
        ("5e-2", 0.005),
        ("1e1", 0.5),
        ("'12.50'", 0.005),
        ("!!float 12.50", 0.005),
    ],
)
def test_a_statistic_is_met_to_the_digits_that_are_written(written: str, half: float) -> None:
    table = BY_SIZE.format(written, 3)
    value = f"  - {{total: change, value: {written}}}\n"
    anchored = f"  - {{total: change, value: &t {written}}}\n  - {{total: change, where: size = 'small', value: *t}}\n"
    for targets, n in ((table, 1), (value, 1), (anchored, 2)):
        assert halves(FARMS + targets) == pytest.approx([half] * n)


def test_totals_with_two_decimals_come_out_with_them() -> None:
    run = synthesize(parse_spec(FARMS + BY_SIZE.format("-1000.00", "1000.00")))
    assert run.measurement.met
    sums = {str(size): float(part["change"].sum()) for (size,), part in run.records.group_by("size")}
    assert sums == pytest.approx({"small": -1000.0, "large": 1000.0}, abs=0.005)


EVERYWHERE = """
records: 20
variables:
  code: {type: category, values: [1.10, 1.1, x]}
  n: {type: number, min: -40.0, max: 60.00, bins: [-40.0, 0.00]}
targets:
  - {counts: {code: {1.10: 5.0, 1.1: 10, x: 5}}}
  - {shares: {n: {-40: 0.50, 0: .50}}}
  - {total: n, value: &t -10.00}
  - {mean: n, value: +1.50e0, where: "code = 'x'"}
  - {quantiles: n, values: {0.50: 0.0}}
  - {table: [{code: 1.10, count: 5.00}, {code: 1.1, count: 10}, {code: x, count: 5}]}
labels: {code: {old: 1.10}}
columns: {Anzahl: count}
"""


@pytest.mark.slow
def test_digits_survive_whatever_becomes_of_a_spec(tmp_path: Path) -> None:
    spec = parse_spec(EVERYWHERE)
    assert spec.variables["code"].build("code").labels == ("1.10", "1.1", "x")

    def digits(one: Spec) -> list[object]:
        problem = compile_problem(one)
        return [(target.rounding, target.wanted.tolist()) for target in problem.targets]

    before = digits(spec)
    assert compile_problem(spec).statistics[0].rounding == 0.005
    assert "value: -10.00" in to_yaml(spec)
    assert digits(parse_spec(to_yaml(spec))) == before
    assert digits(parse_spec(to_json(spec))) == before
    assert json.loads(to_json(spec)) == json.loads(json.dumps(as_understood(spec)))
    assert digits(parse_spec(with_names(EVERYWHERE, {"Zahl": "count"}, {"code": {"alt": "1.1"}}))) == before
    assert digits(Spec.model_validate(spec.model_dump(mode="json", exclude_defaults=True))) == before
    assert digits(copy.deepcopy(spec)) == digits(pickle.loads(pickle.dumps(spec))) == before
    (tmp_path / "s.yaml").write_text(EVERYWHERE, encoding="utf-8")
    assert digits(load_spec(tmp_path / "s.yaml")) == before


def test_a_model_file_keeps_the_digits_of_its_targets() -> None:
    run = synthesize(parse_spec(FARMS + "  - {total: change, value: 100.00}\n"))
    again = Model.from_json(run.model.to_json())
    assert again.to_json() == run.model.to_json()
    assert [target.rounding for target in again.problem.statistics] == [0.005]


def test_explain_and_spec_show_them(capsys: pytest.CaptureFixture[str]) -> None:
    spec = parse_spec(FARMS + "  - {total: change, value: 100.00}\n")
    assert "within 0.005" in as_written(explain(spec, compile_problem(spec)))
    for as_json, shown in ((False, "value: 100.00"), (True, '"value": 100.00')):
        show_understood(spec, as_json)
        assert shown in capsys.readouterr().out


def test_a_number_with_digits_is_a_number() -> None:
    number = Written("-1000.00")
    assert (number + 1, float(number), f"{number:g}", repr(number)) == (-999, -1000, "-1000", "-1000.0")
    assert json.dumps(number) == "-1000.0"
    assert Spec.model_validate({"records": Written("3.0"), "variables": {"car": {"type": "boolean"}}}).records == 3


def test_shares_are_as_loose_as_they_are_printed() -> None:
    text = "{records: 1000, variables: {car: {type: boolean}}, targets: [{shares: {car: {yes: %s, no: %s}}}]}"
    slacks = [compile_problem(parse_spec(text % pair)).targets[0].rounding for pair in (("0.5", "0.5"), ("0.50", "0.500"))]
    assert slacks == pytest.approx([50, 0.5])
    assert not check(parse_spec(text % ("0.50", "0.500")))
