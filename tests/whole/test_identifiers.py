"""Columns whose value is each record's own: declared in a spec, written to files, and nothing else is made of them."""

from pathlib import Path

import polars as pl
import pytest

from synthor import InputError, Run, check, load_spec, parse_spec, synthesize
from synthor.evaluate.compared import RunFacts, RunSide, compare_runs
from synthor.evaluate.fidelity import evaluate
from synthor.evaluate.question import parse_question
from synthor.prior.beliefs import resolve
from synthor.prior.model import Dependency, Marginal, Prior
from synthor.problem import compile_problem
from synthor.report.explain import explain
from synthor.spec.dump import to_yaml

PEOPLE = """
records: 120
variables:
  code: {type: identifier, width: 6, before: P-}
  n: {type: identifier}
  sex: {type: category, values: [f, m]}
  age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
  car: {type: boolean}
targets:
  - {counts: {sex: {f: 60, m: 60}}}
  - {counts: {age: {0-17: 30, 18-64: 70, 65+: 20}}}
  - {counts: {car: {yes: 50, no: 70}}}
rules: [{never: age < 18 and car}]
"""
HOMES = """
unit: household
records: 40
variables:
  house: {type: identifier, width: 3, before: H}
  size: {from: count(person), bins: [1, 2, 3]}
members:
  person:
    number: {min: 1, max: 4}
    role: kin
    roles: {head: 1}
    variables:
      number: {type: identifier}
      kin: {type: category, values: [head, other]}
targets:
  - {counts: {size: {"1": 20, "2": 10, "3+": 10}}}
  - {counts: {kin: {head: 40, other: 40}}}
"""
SAID = "is another in each record, so nothing is said of it; leave it out"
COUNTED = "counts code, which is another in each record; leave it out"


@pytest.fixture(scope="module")
def people() -> Run:
    return synthesize(parse_spec(PEOPLE))


def test_files_have_them_and_no_table_speaks_of_them(people: Run) -> None:
    assert people.measurement.met
    assert people.records["code"].to_list()[:2] == ["P-000001", "P-000002"]
    assert people.records["n"].to_list() == list(range(1, 121))
    assert check(parse_spec(PEOPLE)) == []
    lines = [line for section in explain(parse_spec(PEOPLE)) for line in section.lines]
    assert "code: a code of 6 digits after 'P-', another for each record." in lines
    assert "No target gives the shares of" not in str(people.report())
    assert lines[-5].endswith("so they will be independent of each other: sex with age, sex with car and age with car.")
    assert parse_spec(to_yaml(parse_spec(PEOPLE))).variables["code"] == parse_spec(PEOPLE).variables["code"]


@pytest.mark.slow
def test_members_and_zones_are_numbered_throughout() -> None:
    zones = "{key: zone, names: [a, b]}"
    rows = "[{zone: a, size: 1, count: 8}, {zone: a, size: 2, count: 7}, {zone: a, size: 3+, count: 5},"
    rows += " {zone: b, size: 1, count: 12}, {zone: b, size: 2, count: 3}, {zone: b, size: 3+, count: 5}]"
    text = HOMES.replace('{counts: {size: {"1": 20, "2": 10, "3+": 10}}}', f"{{table: {rows}}}")
    run = synthesize(parse_spec(f"{text}zones: {zones}\n"))
    assert run.measurement.met
    homes, persons = (pl.concat([chunk[name] for chunk in run.sample.chunks()]) for name in ("household", "person"))
    assert homes["house"].to_list() == [f"H{n:03}" for n in range(1, 41)]
    assert persons["number"].to_list() == list(range(1, 81))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("{counts: {code: {any: 120}}}", COUNTED),
        ("{table: [{sex: f, code: any, count: 60}]}", COUNTED),
        ("{mean: code, value: 3}", "'code' is no numeric variable; known: age"),
        ("{mean: age, by: [code], table: [{code: any, mean: 3}]}", COUNTED),
        ("{counts: {sex: {f: 60, m: 60}}, where: code = 'P-1'}", SAID),
        ("{counts: {sex: {f: 60, m: 60}}, where: n < 9}", SAID),
    ],
)
def test_targets_that_name_them_are_refused(target: str, message: str) -> None:
    found = [str(one) for one in check(parse_spec(PEOPLE.replace("targets:", f"targets:\n  - {target}")))]
    assert message in "\n".join(found)


@pytest.mark.parametrize("rule", ["code = 'P-1'", "n > 3", "code", "sex = code"])
def test_rules_that_name_them_are_refused(rule: str) -> None:
    spec = parse_spec(PEOPLE.replace("age < 18 and car", f'"{rule}"'))
    assert [SAID in str(one) for one in check(spec)] == [True]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("width: 3, before: H", "before: H", "text stands before a code alone; give its digits, such as width: 6"),
        ("width: 3, before: H", "width: 1", "codes of 1 digit are too few for 40 records; give it a width of 2 or more"),
        ("width: 3, before: H", "missing: none", "unknown key 'missing'"),
        ("{type: identifier, width: 3, before: H}", "{from: head.number}", "'number' is another in each person, so nothing"),
        ("role: kin", "role: number", "'number' tells no members apart"),
    ],
)
def test_declarations_that_cannot_be_are_refused(old: str, new: str, message: str) -> None:
    assert old in HOMES
    with pytest.raises(InputError, match=message):
        parse_spec(HOMES.replace(old, new))


def test_questions_beliefs_and_comparisons_leave_them_out(people: Run) -> None:
    problem = people.model.problem
    for text in ("code by sex", "age by n", "n > 3"):
        with pytest.raises(InputError, match="is another in each record"):
            parse_question(text, problem)
    prior = Prior(
        dependencies=[Dependency(given="code", of="car", rows=[[50, 50]])], marginals=[Marginal(of="n", percent=[100])]
    )
    dropped = resolve(prior, compile_problem(parse_spec(PEOPLE))).dropped
    assert sorted(one.reason for one in dropped) == [
        "code is another in each record, so nothing is believed of it",
        "n is another in each record, so nothing is believed of it",
    ]
    facts = RunFacts(name="a", title="", records=120, met=True, random_seed=0, version="0", beliefs="", beliefs_sha256="")
    side = RunSide(facts=facts, problem=problem, measurement=people.measurement, records={"records": people.records})
    assert {one.name for one in compare_runs([side, side]).variables} == {"sex", "age", "car"}


@pytest.mark.slow
def test_real_records_need_not_have_them(people: Run, tmp_path: Path) -> None:
    problem, records = people.model.problem, people.records
    for real in (records.drop("code", "n"), records.with_columns(n=pl.lit(None), code=pl.lit("x"))):
        found = evaluate(problem, records, real)
        assert (found.n_pairs, found.copies.same_values, found.mean_marginal_tvd) == (3, 120, 0)
    (tmp_path / "spec.yaml").write_text(f"{PEOPLE}sample: {{file: survey.csv}}\n")
    records.with_columns(code=pl.lit(None)).write_csv(tmp_path / "survey.csv")
    assert synthesize(load_spec(tmp_path / "spec.yaml")).measurement.met
