"""Records without a value: `missing` in a spec, from published tables to records and what is asked of them."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from model_server import Reply, serving
from synthor import InputError, Run, check, parse_spec, synthesize
from synthor.draft import infer
from synthor.evaluate.fidelity import evaluate
from synthor.evaluate.question import parse_question
from synthor.evaluate.ranges import Ranges, ask
from synthor.measure import measure
from synthor.report.explain import explain
from synthor.spec.dump import to_yaml
from synthor.spec.scaffold import scaffold
from synthor.spec.tables.records import read_frame

TOWN = """
records: 200
variables:
  sex: {type: category, values: [m, f], missing: unknown}
  age: {type: integer, min: 0, max: 99, bins: [0, 18, 65], missing: not stated}
  pay: {type: integer, min: 0, max: 90000, bins: [0, 20000], missing: refused}
  car: {type: boolean, missing: true}
"""
TABLES = """
targets:
  - table:
      - {age: Under 16, sex: m, count: 20}
      - {age: Under 16, sex: f, count: 18}
      - {age: 16 and over, sex: m, count: 76}
      - {age: 16 and over, sex: f, count: 74}
      - {age: "Not stated [1]", sex: f, count: 4}
      - {age: "Not stated [1]", sex: unknown, count: 8}
  - {shares: {pay: {0-19999: 45, 20000+: 40, refused: 15}}}
  - {mean: pay, by: [sex], table: [{sex: m, mean: 21000}, {sex: f, mean: 18000}, {sex: unknown, mean: 20000}]}
  - {counts: {car: {yes: 100, no: 90, missing: 10}}}
  - {counts: {car: {yes: 3, no: 7, missing: 2}}, where: "age = 'not stated'"}
rules:
  - {never: "age < 18 and car"}
  - {never: "age = 'not stated' and pay > 30000"}
  - {never: "sex != 'm' and pay = 'refused'"}
"""


@pytest.fixture(scope="module")
def town() -> Run:
    return synthesize(parse_spec(TOWN + TABLES))


def asked(run: Run, text: str) -> Ranges:
    return ask(run.model.problem, [parse_question(text, run.model.problem)], {"records": run.records})[0]


def told(text: str) -> list[str]:
    return [str(finding) for finding in check(parse_spec(text))]


# --- From tables to records -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_tables_count_them_by_their_label_and_records_hold_nothing(town: Run) -> None:
    records = town.records
    assert town.measurement.met
    assert {name: records[name].null_count() for name in records.columns} == {"sex": 8, "age": 12, "pay": 30, "car": 10}
    assert records["age"].dtype == pl.Int64 and records["car"].dtype == pl.Boolean
    assert (records["age"].drop_nulls() < 16).sum() == 38
    assert records.filter(pl.col("sex").is_null())["pay"].mean() == pytest.approx(20_000, abs=0.5)
    unknown = records.filter(pl.col("age").is_null())
    assert unknown["car"].value_counts().sort("car").rows() == [(None, 2), (False, 7), (True, 3)]


@pytest.mark.slow
def test_a_rule_says_of_whom_nothing_is_known_by_the_label_alone(town: Run) -> None:
    records = town.records
    assert records.filter(pl.col("age").is_null() & (pl.col("pay") > 30_000)).height == 0
    assert records.filter((pl.col("sex") == "f") & pl.col("pay").is_null()).height == 0
    assert records.filter(pl.col("sex").is_null() & pl.col("pay").is_null()).height > 0  # neither m nor not m


def test_files_are_read_back_with_blanks_or_with_the_labels_in_their_place(town: Run, tmp_path: Path) -> None:
    problem, records = town.model.problem, town.records
    labels = {variable.name: variable.labels[-1] for variable in problem.schema.unit.variables}
    written = records.select(pl.col(name).cast(pl.String).fill_null(label.upper()) for name, label in labels.items())
    records.write_csv(tmp_path / "blank.csv")
    written.write_csv(tmp_path / "labels.csv")
    for name in ("blank.csv", "labels.csv"):
        read = read_frame(tmp_path / name, variables=problem.schema.unit.variables)
        assert measure(problem, {"records": read}).met


@pytest.mark.slow
def test_statistics_leave_them_out_and_bounds_hold_what_records_come_to(town: Run) -> None:
    mean = asked(town, "mean pay by sex")
    assert mean.value == pytest.approx([21_000, 18_000, 20_000], abs=0.5)
    assert mean.bounds.low == pytest.approx([21_000, 18_000, 20_000], abs=1)
    for text in ("median age by car", "sd pay", "total pay by age", "age by sex", "age = 'not stated' by sex"):
        one = asked(town, text)
        there = np.isfinite(one.value) & np.isfinite(one.bounds.low)
        assert there.any()
        assert (one.bounds.low[there] <= one.value[there] + 1e-6).all() and (
            one.value[there] <= one.bounds.high[there] + 1
        ).all()
    assert asked(town, "median age").value[0] == town.records["age"].median()


@pytest.mark.slow
def test_real_records_with_blanks_are_compared_value_by_value(town: Run) -> None:
    problem, records = town.model.problem, town.records
    same = evaluate(problem, records, records)
    assert (same.copies.same_values, same.mean_marginal_tvd) == (200, 0)
    floats = records.with_columns(pl.col("age", "pay").cast(pl.Float64).fill_null(float("nan")))  # as pandas has them
    assert evaluate(problem, records, floats).copies.same_values == 200
    moved = records.with_columns(pl.col("pay") + 1)
    assert evaluate(problem, moved, records).copies.same_values <= records["pay"].null_count()


def test_what_is_understood_is_told_and_written_again() -> None:
    spec = parse_spec(TOWN + TABLES)
    lines = [line for section in explain(spec) for line in section.lines]
    assert "age: a whole number from 0 to 99, in 3 bins: 0-17, 18-64, 65+; 'not stated' where there is no value." in lines
    assert "nan" not in " ".join(lines)
    again = parse_spec(to_yaml(spec))
    assert {name: one.build(name).labels for name, one in again.variables.items()} == {
        name: one.build(name).labels for name, one in spec.variables.items()
    }


# --- What contradicts itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            "{type: category, values: [a, b], missing: A}",
            "'A' is the label of those without a value, and of a value, too; name",
        ),
        ("{type: boolean, missing: n}", "'n' is the label of those without a value, and of a value, too"),
        ("{type: integer, min: 0, max: 9, missing: 7}", "'7' is the label of those without a value, and of a value, too"),
        ("{type: integer, min: 0, max: 9, missing: -9}", "-9 is a number, and the label of those without one; write words"),
        ("{type: boolean, missing: ' '}", "the label of those without a value is blank; write what tables call them"),
        ("{type: boolean, missing: false}", "no label is called false"),
        ("{type: number, min: 0, max: 9, bins: [0, 5], labels: [lo, hi], missing: HI}", "'HI' is the label of those without"),
        ("{type: integer, min: 9, max: 0, missing: true}", "min 9 is larger than max 0"),
    ],
)
def test_a_label_that_cannot_stand_for_nothing_is_refused(declared: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_spec(f"{{records: 9, variables: {{x: {declared}}}}}")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("{table: [{age: 0-17, count: 90}, {age: 18+, count: 100}, {age: not told, count: 10}]}", "did you mean 'not stated'"),
        ("{table: [{age: Under 9, count: 90}, {age: 9+, count: 100}, {age: unknown, count: 10}]}", "{'unknown': not stated}"),
        ("{table: [{age: Under 9, count: 90}, {age: 9+, count: 110}]}", "leave out not stated of age, yet its counts add up"),
        ("{counts: {sex: {m: 100, f: 100}}}", "has no row for unknown; none is wanted"),
        ("{counts: {sex: {m: 100, f: 100, unknown: 0}}, where: age is null}", "write age = 'not stated'"),
        ("{counts: {sex: {m: 100, f: 100, unknown: 0}}, where: age > 'not stated'}", "is compared with a number"),
    ],
)
def test_tables_and_conditions_that_speak_of_them_wrongly_are_told(target: str, message: str) -> None:
    assert message in "\n".join(told(f"{TOWN}\ntargets: [{target}]"))


def test_a_row_of_those_not_known_says_how_to_declare_them() -> None:
    table = "[{age: 0-17, count: 20}, {age: 18+, count: 70}, {age: Not stated, count: 10}]"
    age = "{age: {type: integer, min: 0, max: 99, bins: [0, 18]}}"
    (finding,) = told(f"{{records: 100, variables: {age}, targets: [{{table: {table}}}]}}")
    assert finding.endswith("if it stands for those without a value, say so of age: `missing: Not stated`")


def test_a_draft_of_tables_with_such_rows_declares_them(tmp_path: Path) -> None:
    (tmp_path / "ages.csv").write_text("Age,Male,Female\n0-15,20,30\n16-64,70,50\n65+,10,10\nNot stated,6,4\n")
    (tmp_path / "old.csv").write_text("Age,Persons\n0-64,170\n65+,20\nAge not known,10\n")
    draft = infer(tmp_path, beside=tmp_path)
    assert "missing: Not stated}" in scaffold(draft)
    assert not [one for one in check(parse_spec(scaffold(draft)).placed_in(tmp_path)) if one.severity == "error"]


# --- Beliefs, samples, models -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_survey_with_blanks_says_how_they_go_together(tmp_path: Path) -> None:
    rows = [f"m,{age},{'' if age < 40 else 30000},true" for age in range(20, 60)] + [
        f"f,{age},9000,false" for age in range(20, 60)
    ]
    (tmp_path / "survey.csv").write_text("\n".join(["sex,age,pay,car", *rows * 5]))
    counts = "{counts: {sex: {m: 100, f: 100, unknown: 0}}}, {counts: {age: {0-17: 0, 18-64: 200, 65+: 0, not stated: 0}}}"
    pay = "{counts: {pay: {0-19999: 100, 20000+: 50, refused: 50}}}"
    run = synthesize(parse_spec(f"{TOWN}\ntargets: [{counts}, {pay}]\nsample: {{file: survey.csv}}").placed_in(tmp_path))
    assert run.measurement.met
    assert run.records.filter(pl.col("pay").is_null())["sex"].value_counts().rows()[0][0] == "m"


@pytest.mark.slow
def test_a_model_writes_the_label_where_a_record_has_no_value(tmp_path: Path) -> None:
    def behaviour(number: int, body: dict[str, object]) -> Reply:
        records = '["m", "0-17", "0-19999", "no"], ["unknown", "not stated", "refused", "missing"]'
        return Reply(content=f'{{"records": [{records}]}}')

    few = TOWN.replace("records: 200", "records: 20")
    with serving(behaviour) as server:
        spec = parse_spec(f'{few}\nmodel: {{name: "{server.model}", requests: 2}}\nmethod: direct\n')
        run = synthesize(spec, answers=tmp_path / "a.jsonl")
    (unknown,) = {run.records[name].null_count() for name in run.records.columns}
    assert 9 <= unknown <= 11
    assert (run.records["age"].drop_nulls() < 18).all()


# --- Members and zones ------------------------------------------------------------------------------------------------------

HOMES = """
unit: household
records: 60
variables:
  persons: {from: count(person), bins: [1, 2, 3]}
  children: {from: "count(person, age < 18)", bins: [0, 1, 2]}
  head_age: {from: head.age}
  head_sex: {from: head.sex}
  oldest: {from: "max(person.age, age >= 0)", bins: [0, 40, 65]}
  pay: {from: "sum(person.pay, pay != 'refused')", bins: [0, 20000]}
members:
  person:
    number: {min: 1, max: 4}
    role: kin
    roles: {head: 1}
    variables:
      kin: {type: category, values: [head, other]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 40, 65], missing: not stated}
      sex: {type: category, values: [m, f], missing: unknown}
      pay: {type: integer, min: 0, max: 90000, bins: [0, 20000], missing: refused}
"""
OF_HOMES = """
targets:
  - {rows: person, count: 130}
  - {counts: {persons: {"1": 20, "2": 20, "3+": 20}}}
  - {counts: {kin: {head: 60, other: 70}}}
  - {counts: {age: {0-17: 30, 18-39: 40, 40-64: 30, 65+: 20, not stated: 10}}}
  - {counts: {head_age: {0-17: 0, 18-39: 20, 40-64: 20, 65+: 14, not stated: 6}}}
  - {counts: {head_sex: {m: 30, f: 27, unknown: 3}}}
  - {shares: {person.pay: {0-19999: 50, 20000+: 30, refused: 20}}}
rules:
  - {never: "head_age = 'not stated' and persons > 2"}
  - {never: "any(person, sex = 'unknown') and children > 0"}
"""


@pytest.mark.slow
def test_what_follows_from_members_knows_of_whom_nothing_is_known() -> None:
    run = synthesize(parse_spec(HOMES + OF_HOMES))
    assert run.measurement.met
    homes, persons = (pl.concat([chunk[name] for chunk in run.sample.chunks()]) for name in ("household", "person"))
    head = pl.col("kin") == "head"
    by_home = persons.group_by("household_id").agg(
        children=(pl.col("age") < 18).sum(),
        head_age=pl.col("age").filter(head).first(),
        head_sex=pl.col("sex").filter(head).first(),
        oldest=pl.col("age").max(),
        pay=pl.col("pay").sum(),
        unknown=pl.col("sex").is_null().any(),
    )
    both = homes.join(by_home, on="household_id")
    for name in ("children", "head_age", "head_sex", "oldest", "pay"):
        assert both.filter(pl.col(name).eq_missing(pl.col(f"{name}_right"))).height == 60, name
    assert (both["head_age"].null_count(), both["head_sex"].null_count()) == (6, 3)
    assert both.filter(pl.col("head_age").is_null() & (pl.col("persons") > 2)).height == 0
    assert both.filter(pl.col("unknown") & (pl.col("children") > 0)).height == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("max(person.age, age >= 0)", "max(person.age)", "are 'not stated'; take those that have one: max(person.age, age"),
        ("sum(person.pay, pay != 'refused')", "sum(person.pay, sex = 'f')", "sum(person.pay, (sex = 'f') and pay >= 0)"),
        ("roles: {head: 1}", "roles: {head: {max: 1}}", "neither holds a value; write max(head.age, age >= 0)"),
        ("values: [head, other]", "values: [head, other], missing: unknown", "tells no members apart where it is 'unknown'"),
    ],
)  # fmt: skip
def test_what_would_follow_from_nobody_knows_what_is_refused(old: str, new: str, message: str) -> None:
    assert old in HOMES
    try:
        found = told(HOMES.replace(old, new))
    except InputError as error:
        found = [str(error)]
    assert message in "\n".join(found)


def test_a_rule_about_one_member_without_a_value_is_written_by_any() -> None:
    found = told(HOMES + "rules: [{never: \"head.age = 'not stated' and persons > 2\"}]")
    assert any("write any(head, age = 'not stated')" in one for one in found)


def test_areas_count_them_too() -> None:
    zones = "zones: {key: zone}"
    cells = {"a": (10, 20, 0), "b": (5, 20, 5), "c": (10, 25, 5)}
    rows = [
        f"{{zone: {zone}, age: {label}, count: {n}}}"
        for zone, counts in cells.items()
        for label, n in zip(("0-15", "16+", "not stated"), counts, strict=True)
    ]
    ages = "{age: {type: integer, min: 0, max: 99, bins: [0, 18], missing: not stated}, car: {type: boolean}}"
    text = f"{{records: 100, {zones}, variables: {ages}, targets: [{{table: [{', '.join(rows)}]}}, {{mean: age, value: 40}}]}}"
    run = synthesize(parse_spec(text))
    assert run.measurement.met
    assert run.records.group_by("zone").agg(pl.col("age").null_count()).sort("zone").rows() == [("a", 0), ("b", 5), ("c", 5)]
    means = ", ".join(f"{{zone: {zone}, mean: 40}}" for zone in cells)
    found = told(text.replace("{mean: age, value: 40}", f"{{mean: age, by: [zone], table: [{means}]}}"))
    assert "a mean by zone of a variable that some records have no value of is not met yet" in "\n".join(found)
