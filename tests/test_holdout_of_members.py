"""Tables of households, of persons and of couples left out and predicted: what is told, and what is no test."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forked import synthor
from synthor import Prior, Spec, compile_problem, parse_spec
from synthor.errors import InputError, WaitingError
from synthor.evaluate.believed import believed_of
from synthor.evaluate.holdout import HeldOut, HoldOuts
from synthor.fit.model import fit_what_can_be
from synthor.holdout import hold_out
from synthor.loop import fit_spec
from synthor.problem import apart, leave_out
from synthor.spec.model import ModelSpec

TOWN = """
unit: home
records: 1000
variables:
  tenure: {type: category, values: [owned, rented]}
  persons: {from: count(person), bins: [1, 2, 3]}
members:
  person:
    number: {min: 1, max: 4}
    role: role
    roles: {head: 1, partner: {max: 1}}
    pairs: {couple: [head, partner]}
    variables:
      role: {type: category, values: [head, partner, child]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
targets:
  - {name: tenure, counts: {tenure: {owned: 600, rented: 400}}}
  - {name: size, counts: {persons: {"1": 400, "2": 350, "3+": 250}}}
  - {name: role, counts: {role: {head: 1000, partner: 500, child: 450}}}
  - name: persons by size
    rows: person
    table: [{persons: "1", count: 400}, {persons: "2", count: 700}, {persons: "3+", count: 850}]
  - name: age by tenure
    table:
      - {age: 0-17, tenure: owned, count: 300}
      - {age: 0-17, tenure: rented, count: 150}
      - {age: 18-64, tenure: owned, count: 600}
      - {age: 18-64, tenure: rented, count: 600}
      - {age: 65+, tenure: owned, count: 270}
      - {age: 65+, tenure: rented, count: 30}
  - name: couples
    pairs: couple
    table:
      - {head.age: 18-64, partner.age: 18-64, count: 380}
      - {head.age: 18-64, partner.age: 65+, count: 20}
      - {head.age: 65+, partner.age: 18-64, count: 20}
      - {head.age: 65+, partner.age: 65+, count: 80}
rules:
  - {never: "head.age < 18"}
  - {never: "partner.age < 18"}
  - {never: "child.age > 17"}
"""

OLD_WITH_OLD = {"given": "head.age", "of": "partner.age", "confidence": 0.9, "rows": [[0, 50, 50], [0, 95, 5], [0, 20, 80]]}
OLD_OWN = {"given": "tenure", "of": "age", "confidence": 0.9, "rows": [[25.6, 51.3, 23.1], [19.2, 76.9, 3.9]]}
RIGHT = Prior.model_validate({"dependencies": [OLD_WITH_OLD, OLD_OWN]})


def town(**more: Any) -> Spec:
    return parse_spec(TOWN).model_copy(update=more)


@pytest.fixture(scope="module")
def outs() -> HoldOuts:
    return hold_out(town(), ["each", "persons by size"], prior=RIGHT).outs


def of(outs: HoldOuts, name: str) -> HeldOut:
    return next(table for table in outs.tables if table.name == name)


@pytest.mark.slow
def test_each_cross_table_of_persons_and_of_couples_is_predicted_in_turn(outs: HoldOuts) -> None:
    assert [table.name for table in outs.tables] == ["persons by size", "age by tenure", "couples"]
    persons, couples = of(outs, "age by tenure"), of(outs, "couples")
    assert (persons.variables, couples.variables) == (("age", "tenure"), ("head.age", "partner.age"))
    for table in (persons, couples):
        assert table.is_test
        assert table.believed
        assert table.tvd < 0.25 * table.tvd_of_independence
        assert table.tvd_of_targets > 0.5 * table.tvd_of_independence, "the others alone say little of it"
    assert persons.kept == ("age of age by tenure", "tenure of age by tenure")
    assert couples.kept == ("head.age of couples", "partner.age of couples")
    assert "2 cross-tables, each left out in turn, were predicted at" in outs.verdict
    assert "numbers of roles" in outs.independence


@pytest.mark.slow
def test_nothing_tells_of_the_table_but_its_sides(outs: HoldOuts) -> None:
    """The prediction is what a fit says of it whose spec never had it: no candidates are those of another fit."""
    sides = """
  - {name: ages, counts: {age: {0-17: 450, 18-64: 1200, 65+: 300}}}
  - {name: homes, rows: person, counts: {tenure: {owned: 1170, rented: 780}}}
"""
    problem = compile_problem(town())
    table = next(target for target in problem.targets if target.name == "age by tenure")
    begin, end = TOWN.index("  - name: age by tenure"), TOWN.index("  - name: couples")
    model = fit_what_can_be(compile_problem(parse_spec(TOWN[:begin] + sides.strip("\n") + "\n" + TOWN[end:])), RIGHT)
    got = table.cells(model.pool.units).totals(model.weights)
    tvd = 0.5 * np.abs(got / got.sum() - table.wanted / table.wanted.sum()).sum()
    assert of(outs, "age by tenure").tvd == pytest.approx(tvd, abs=1e-3)


@pytest.mark.slow
def test_what_follows_from_members_makes_tables_tell_each_other(outs: HoldOuts) -> None:
    table = of(outs, "persons by size")
    assert table.told_by == ("size",), "how many live with how many is what homes by their size say"
    assert table.kept == (), "other tables of persons say how many there are"
    assert table.tvd < 1e-3
    assert not table.is_test
    assert "'persons by size' is no test: 'size' says the same of other rows" in " ".join(outs.notes)


@pytest.mark.slow
def test_independence_knows_what_the_spec_says_of_roles(outs: HoldOuts) -> None:
    product_of_sides = 2 * abs(0.8 * 0.8 - 0.76)
    assert of(outs, "couples").tvd_of_independence == pytest.approx(product_of_sides, abs=0.02)
    children_own = 300 / 1950 - (450 / 1950) * (1170 / 1950)
    assert of(outs, "age by tenure").tvd_of_independence > children_own


@pytest.mark.slow
def test_the_result_is_read_again_from_its_file(outs: HoldOuts) -> None:
    assert HoldOuts.from_json(outs.to_json()) == outs
    document = json.loads(outs.to_json())
    del document["independence"]
    assert HoldOuts.from_json(json.dumps(document)).independence == "the product of a table's sides"


def test_sides_are_those_of_the_rows_that_a_table_counts() -> None:
    left = leave_out(compile_problem(town()), ["age by tenure"])
    assert [(side.level, side.wanted.tolist()) for side in left.problem.targets if side.name in left.kept] == [
        (1, [450, 1200, 300]),
        (1, [1170, 780]),
    ]


def test_how_many_members_there_are_stays_known_where_a_one_way_table_is_left_out() -> None:
    spec = parse_spec(TOWN[: TOWN.index("  - name: persons by size")])
    left = leave_out(compile_problem(spec), ["role"])
    assert left.kept == ("number of role",)
    assert next(target for target in left.problem.targets if target.name in left.kept).wanted.tolist() == [1950]
    others = leave_out(compile_problem(town()), ["role"])
    assert others.kept == (), "other tables of persons say it"
    assert leave_out(compile_problem(spec), ["tenure"]).kept == (), "of homes it is known anyhow"


def test_alone_every_variable_keeps_what_is_told_of_it_and_nothing_else() -> None:
    left = apart(compile_problem(town()))
    assert [target.name for target in left.targets] == [
        "tenure",
        "size",
        "role",
        "persons by size",
        "age of age by tenure",
        "tenure of age by tenure",
        "head.age of couples",
        "partner.age of couples",
    ]


def test_beliefs_about_couples_and_persons_compare_with_the_tables_of_just_these() -> None:
    problem = compile_problem(town())
    found = {
        target.name: [pair.belief for pair in believed_of(problem, target, RIGHT)] for target in problem.counts if target.axes
    }
    assert found["couples"] == ["partner.age given head.age"]
    assert found["age by tenure"] == ["age given tenure"]
    assert found["tenure"] == []
    couples = next(target for target in problem.counts if target.name == "couples")
    pair = next(believed_of(problem, couples, RIGHT))
    assert pair.records == 500
    assert pair.believed.sum(axis=0) == pytest.approx(pair.published.sum(axis=0))
    assert pair.believed == pytest.approx(pair.published, abs=0.02)


def test_of_a_single_number_nothing_can_be_predicted() -> None:
    spec = parse_spec(TOWN.replace("rules:", "  - {name: all, rows: person, count: 1950}\nrules:"))
    with pytest.raises(InputError, match="'all' is a single number, of which no distribution can be predicted"):
        hold_out(spec, ["all"])


HEADS_AND_ROLES = """
  - name: age by role
    table:
      - {role: head, age: 18-64, count: 800}
      - {role: head, age: 65+, count: 200}
      - {role: partner, age: 18-64, count: 400}
      - {role: partner, age: 65+, count: 100}
      - {role: child, age: 0-17, count: 450}
"""


@pytest.mark.slow
def test_a_table_that_follows_from_several_others_names_them() -> None:
    """Homes by the age of their head follow from ages by role; persons of rented homes from homes by size and tenure."""
    text = TOWN.replace("  persons: {from", "  head_age: {from: head.age, bins: [0, 18, 65]}\n  persons: {from")
    by_size = """
  - name: persons by size and tenure
    rows: person
    table:
      - {persons: "1", tenure: owned, count: 250}
      - {persons: "1", tenure: rented, count: 150}
      - {persons: "2", tenure: owned, count: 380}
      - {persons: "2", tenure: rented, count: 320}
      - {persons: "3+", tenure: owned, count: 540}
      - {persons: "3+", tenure: rented, count: 310}
  - name: homes by size and tenure
    table:
      - {persons: "1", tenure: owned, count: 250}
      - {persons: "1", tenure: rented, count: 150}
      - {persons: "2", tenure: owned, count: 190}
      - {persons: "2", tenure: rented, count: 160}
      - {persons: "3+", tenure: owned, count: 160}
      - {persons: "3+", tenure: rented, count: 90}
  - name: heads
    counts: {head_age: {18-64: 800, 65+: 200}}
"""
    spec = parse_spec(text.replace("rules:", HEADS_AND_ROLES.strip("\n") + by_size + "rules:"))
    outs = hold_out(spec, ["heads", "persons by size and tenure"]).outs
    assert of(outs, "heads").told_by == ("age by role",)
    assert of(outs, "persons by size and tenure").told_by == ("homes by size and tenure",)
    assert outs.verdict == "No cross-table was put to the test."


@pytest.mark.slow
def test_a_model_is_asked_what_it_would_be_asked_had_the_tables_never_been_published(tmp_path: Path) -> None:
    one_way = """
  - {name: ages, counts: {age: {0-17: 450, 18-64: 1200, 65+: 300}}}
"""
    without = TOWN[: TOWN.index("  - name: age by tenure")] + one_way.strip("\n") + "\n" + TOWN[TOWN.index("rules:") :]
    held = town(model=ModelSpec(name="batch:held")).placed_in(tmp_path)
    never = parse_spec(without).model_copy(update={"model": ModelSpec(name="batch:never")}).placed_in(tmp_path)
    with pytest.raises(WaitingError):
        hold_out(held, answers=tmp_path / "held.jsonl")
    with pytest.raises(WaitingError):
        fit_spec(never, answers=tmp_path / "never.jsonl")
    asked = (tmp_path / "held" / "requests-0001.jsonl").read_text()
    assert asked == (tmp_path / "never" / "requests-0001.jsonl").read_text()
    assert "partner.age" in asked


@pytest.mark.long
def test_a_run_holds_out_calibrates_goes_on_and_writes_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(TOWN)
    off = {**OLD_WITH_OLD, "rows": [[0, 50, 50], [0, 88, 12], [0, 30, 70]]}
    (tmp_path / "prior.json").write_text(json.dumps({"dependencies": [off]}))
    out = tmp_path / "out"
    given = ("--prior", tmp_path / "prior.json", "--out", out)
    done = synthor("run", tmp_path / "spec.yaml", *given, "--hold-out", "couples", "--calibrate-confidence")
    assert done.returncode == 0, done.stderr
    assert "The cross-table left out was predicted at" in done.stdout
    assert "compares with the published 'couples'" in done.stdout
    assert "Met: 1,000 units add up to all 6 targets exactly" in done.stdout
    outs = HoldOuts.from_json((out / "holdout.json").read_text())
    assert outs.calibration is not None
    assert outs.calibration.factor < 0.2, "the belief claims 2,700 records, and is off by far more"
    confidence = json.loads((out / "prior.json").read_text())["dependencies"][0]["confidence"]
    assert confidence < 0.9
    page = (out / "report.html").read_text()
    assert "Published tables, left out and predicted" in page
    assert "Independence is what numbers of roles, what follows from members, and rules make of one-way tables alone" in page
    again = synthor("measure", out)
    assert again.returncode == 0, again.stderr
