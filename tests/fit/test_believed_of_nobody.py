"""What is believed of members whom a rule leaves none of pulls at nobody else."""

import numpy as np

from synthor import Prior, compile_problem, parse_spec
from synthor.fit.model import fit
from synthor.fit.status import Status
from synthor.fit.structure import Structure

COUPLES = """
unit: household
records: 1000
variables: {tenure: {type: category, values: [own, rent]}}
members:
  person:
    number: {min: 1, max: 4}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, child]}
      marital: {type: category, values: [single, together, married]}
targets:
  - {rows: person, counts: {role: {head: 1000, partner: 600, child: 900}}}
  - {rows: person, counts: {marital: {single: 1100, together: 500, married: 900}}}
rules: [{never: "head.marital <> partner.marital"}]
"""
OFTEN = {"given": "head.marital", "of": "partner.marital", "rows": [[80, 10, 10], [5, 90, 5], [3, 3, 94]], "confidence": 0.95}


def test_cells_that_a_rule_leaves_no_candidate_for_take_no_part() -> None:
    problem = compile_problem(parse_spec(COUPLES))
    model = fit(problem, Prior.model_validate({"dependencies": [OFTEN]}))
    assert model.status is Status.CONVERGED
    believed = Structure(model.pool).hard(problem, model.beliefs)[len(problem.targets)]
    assert believed.silent is not None
    np.testing.assert_array_equal(believed.silent.reshape(3, 3), ~np.eye(3, dtype=bool))
    assert not believed.cells.matrix().data.any()  # of the others all is as it must be: there is nothing to pull at
