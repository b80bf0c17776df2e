"""Few units with many members each: schools of classes of pupils, where everything must fit at once."""

import numpy as np

from synthor import Prior, compile_problem, parse_spec
from synthor.fit.model import fit
from synthor.fit.status import Status
from synthor.measure import measure
from synthor.report.misfit import explain_misfit
from synthor.sample.stream import sample
from synthor.schema import Ref, Rows, Units
from synthor.values import Together, possible

SCHOOLS = """
unit: school
records: 10
variables:
  kind: {type: category, values: [primary, secondary]}
  pupils: {from: "count(pupil)", bins: [0, 30, 60, 90]}
members:
  class:
    number: {min: 1, max: 6}
    variables:
      grade: {type: integer, min: 1, max: 10}
      size: {from: count(pupil), bins: [1, 10, 20]}
    members:
      pupil:
        number: {min: 5, max: 25}
        variables:
          sex: {type: category, values: [f, m]}
          age: {type: integer, min: 5, max: 18, bins: [5, 10, 14]}
targets:
  - {counts: {kind: {primary: 6, secondary: 4}}}
  - {rows: class, count: 35}
  - {rows: pupil, count: 525}
  - {counts: {sex: {f: 260, m: 265}}}
  - table:
     - {kind: primary, age: 5-9, count: 200}
     - {kind: primary, age: 10-13, count: 125}
     - {kind: primary, age: 14-18, count: 0}
     - {kind: secondary, age: 5-9, count: 0}
     - {kind: secondary, age: 10-13, count: 75}
     - {kind: secondary, age: 14-18, count: 125}
rules:
  - {never: "kind = 'primary' and grade > 5"}
  - {never: "kind = 'secondary' and grade <= 5"}
  - {never: "pupil.age < grade + 4"}
  - {never: "pupil.age > grade + 7"}
"""


def test_ten_schools_with_hundreds_of_pupils_meet_their_tables() -> None:
    problem = compile_problem(parse_spec(SCHOOLS))
    model = fit(problem, Prior(), pool_size=600)
    assert model.status is Status.CONVERGED and model.acceptance > 0.9
    made = sample(model)
    records = made.chunk(0)
    assert measure(problem, [records]).met
    assert sorted(records["school"]["kind"].value_counts().rows()) == [("primary", 6), ("secondary", 4)]
    assert len(records["pupil"]) == 525


def test_rules_on_each_of_many_rows_leave_large_units() -> None:
    """A fourth class has pupils of eight to eleven: each may be so, however many there are, and none need be drawn at once."""
    problem = compile_problem(parse_spec(SCHOOLS))
    ages = np.array([0, 1] * 30, np.int32)  # 5-9 and 10-13, of which 8-9 and 10-11 are right
    pupils = np.stack([np.zeros(60, np.int32), ages], axis=1)
    large = Units(
        row_tables=(
            Rows(codes=np.array([[0, 2]], np.int32)),
            Rows(codes=np.array([[3, 2]] * 3, np.int32), parent=np.zeros(3, np.int64)),
            Rows(codes=pupils, parent=np.repeat(np.arange(3), 20), above=1),
        )
    )
    assert possible(problem.refined, large).tolist() == [True]
    values = Together(problem.refined, large).values(np.zeros(1, np.int64))
    assert values["pupil"]["age"].is_between(8, 11).all()
    older = large.replace(Ref(2, 1), np.array([7]), np.array([2], np.int32))  # one of 14 or more
    assert possible(problem.refined, older).tolist() == [False]


def test_where_nothing_is_proven_no_table_is_called_wrong() -> None:
    """Candidates that are too few to meet right tables must not lead anybody to change these."""
    text = """
unit: household
records: 10
variables:
  home: {type: category, values: [own, rent]}
  cars: {type: category, values: [none, some]}
members:
  person:
    number: {min: 1, max: 4}
    variables: {sex: {type: category, values: [f, m]}}
targets:
  - {counts: {home: {own: 6, rent: 4}}}
  - {counts: {cars: {none: 3, some: 7}}}
  - {rows: person, count: 21}
  - {counts: {sex: {f: 9, m: 12}}}
"""
    model = fit(compile_problem(parse_spec(text)), Prior(), pool_size=4)
    assert model.status is Status.UNSUPPORTED and model.contradictions and not model.contradictions[0].proven
    told = [model.status.knob, *(text for one in explain_misfit(model) for text in (one.cure, one.promise, *one.changes))]
    assert not any("correct" in text.lower() or "instead of" in text for text in told)
