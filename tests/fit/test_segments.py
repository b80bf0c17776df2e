"""Segments of households with their persons: a second source of candidates, as said, beside those of the template."""

from typing import Any

import numpy as np
import pytest

from synthor import compile_problem, parse_spec
from synthor.fit.model import Model, fit
from synthor.fit.nested import template_of
from synthor.fit.segments import DrawnSegments, drawn_segments
from synthor.measure import measure
from synthor.prior.beliefs import resolve
from synthor.prior.model import CompositionBelief, DifferenceBelief, Prior, Proposal, Range, read_prior
from synthor.problem import Problem
from synthor.sample.stream import sample
from synthor.schema import Ref, Role, Units

HOMES = """
unit: home
records: 500
variables:
  tenure: {type: category, values: [owned, rented]}
  persons: {from: count(person), bins: [1, 2, 3, 4]}
  head_age: {from: head.age, bins: [15, 30, 50, 65, 90]}
  oldest: {from: max(person.age), bins: [0, 65]}
members:
  person:
    number: {min: 1, max: 8}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, child, grandchild]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 30, 50, 65]}
      sex: {type: category, values: [f, m]}
targets:
  - {counts: {tenure: {owned: 300, rented: 200}}}
  - {counts: {persons: {"1": 180, "2": 150, "3": 100, "4+": 70}}}
  - {rows: person, count: 1100}
  - {counts: {role: {head: 500, partner: 250, child: 344, grandchild: 6}}}
  - {table: [{age: 0-17, count: 250}, {age: 18-89, count: 845}, {age: 90+, count: 5}]}
rules:
  - {never: "child.age > head.age - 15"}
  - {never: "grandchild.age > head.age - 45"}
  - {never: "head.age < 18"}
"""

BY_AGE = """  - table: [{head_age: 15-49, role: head, count: 250}, {head_age: 15-49, role: partner, count: 120},
            {head_age: 15-49, role: child, count: 244}, {head_age: 15-49, role: grandchild, count: 0},
            {head_age: 50+, role: head, count: 250}, {head_age: 50+, role: partner, count: 130},
            {head_age: 50+, role: child, count: 100}, {head_age: 50+, role: grandchild, count: 6}]
"""

OLD = Proposal(
    name="very old with a grandchild",
    share=0.4,
    values={"head.age": Range.model_validate({"from": 90, "to": 95}), "tenure": "rented", "head.sex": {"f": 3, "m": 1}},
    compositions=[CompositionBelief(members={"head": 1, "grandchild": 1}, percent=100)],
    differences=[DifferenceBelief(difference="head.age - grandchild.age", percent={"74 to 76": 100})],
)


def homes(more: str = "") -> Problem:
    return compile_problem(parse_spec(HOMES.replace("rules:", f"{more}rules:")))


def drawn(problem: Problem, *segments: Proposal) -> DrawnSegments:
    beliefs = resolve(Prior(proposals=list(segments)), problem)
    assert not beliefs.dropped
    return drawn_segments(problem, beliefs, template_of(problem, beliefs), size=200, random_seed=1)


def seen(problem: Problem, units: Units, name: str, weights: np.ndarray) -> dict[str, float]:
    """Shares of a variable's finest bins, as units, or rows of members with a role, see it."""
    ref = problem.schema.resolve_among(name)
    assert ref is not None
    codes = units.column(ref, ref.level if ref.among is not None else 0)
    weights, variable = weights[: len(codes)] if len(weights) > len(codes) else weights, problem.schema.refined.variable(ref)
    shares = np.bincount(codes[codes >= 0], np.resize(weights, len(codes))[codes >= 0], variable.size)
    return {label: round(float(share), 2) for label, share in zip(variable.labels, shares, strict=True) if share > 0}


@pytest.mark.parametrize("more", ["", BY_AGE], ids=["age of the head computed", "age of the head drawn first"])
def test_units_of_a_segment_are_as_it_says(more: str) -> None:
    problem = homes(more)
    found = drawn(problem, OLD)
    assert found.units is not None and not found.empty
    weights = np.exp(found.log_share)
    assert found.share == pytest.approx(0.004)
    assert weights.sum() == pytest.approx(1.0)
    assert seen(problem, found.units, "tenure", weights) == {"rented": 1.0}
    assert seen(problem, found.units, "persons", weights) == {"2": 1.0}
    assert seen(problem, found.units, "head.age", weights) == {"90+": 1.0}
    assert 0.6 < seen(problem, found.units, "head.sex", weights)["f"] < 0.9
    assert seen(problem, found.units, "grandchild.age", weights).keys() <= {"0-14", "15-17", "18-29"}


@pytest.mark.slow
def test_what_a_segment_says_of_all_or_of_the_unit_holds_for_those_of_whom_nothing_else_is_said() -> None:
    problem = homes()
    values: dict[str, Any] = {"age": "30-49", "head_age": "50-64", "child.age": "0-17", "persons": "4+"}
    found = drawn(problem, Proposal(share=2, values=values)).units
    assert found is not None
    each = np.full(found.n_rows(1), 1.0)
    assert seen(problem, found, "head.age", each).keys() == {"50-64"}
    assert seen(problem, found, "partner.age", each).keys() == {"30-49"}
    assert seen(problem, found, "child.age", each).keys() <= {"0-14", "15-17"}
    assert found.n_rows(1) >= 4 * len(found)


@pytest.mark.slow
def test_a_rare_household_is_among_the_candidates_and_targets_stay_exact() -> None:
    problem = homes()
    without, model = (fit(problem, prior, pool_size=2_000) for prior in (Prior(), Prior(proposals=[OLD])))

    def n_such(one: Model) -> int:
        units, head, grandchild = one.pool.units, Role(0, 0), problem.schema.levels[1].role_of("grandchild")
        old = units.column(Ref(1, 1, role=head), 0) == 4
        kin = np.bincount(units.above(0, 1), units.column(Ref(1, 0)) == grandchild.code, len(units)) > 0
        return int((old & kin & (units.column(Ref(0, 1)) == 1) & (units.column(Ref(0, 0)) == 1)).sum())

    assert n_such(model) >= n_such(without) + 90
    assert np.exp(model.pool.log_base[-100:]).sum() == pytest.approx(0.004, rel=0.02)
    assert model.beliefs.sentence == "Beliefs used: 1 proposal."
    assert measure(problem, sample(model).chunk(0)).met
    again = Model.from_json(model.to_json())
    assert again.pool.units.sha256 == model.pool.units.sha256


@pytest.mark.slow
def test_a_segment_that_is_wrong_weighs_little_and_costs_no_target() -> None:
    problem = homes()
    wrong = Proposal(name="all are old men", share=100, values={"age": {"65+": 1}, "sex": "m", "tenure": "owned"})
    model = fit(problem, Prior(proposals=[wrong]), pool_size=2_000)
    records = sample(model).chunk(0)
    assert measure(problem, records).met
    plain = sample(fit(problem, Prior(), pool_size=2_000)).chunk(0)
    men = [one["person"]["sex"].to_list().count("m") / 1100 for one in (records, plain)]
    assert abs(men[0] - men[1]) < 0.08


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"values": {"head.agge": "65+"}}, "no variable is called 'head.agge'; did you mean 'head.age'?"),
        ({"values": {"role": "child"}}, "'role' is who a person is: say so by `compositions`"),
        ({"values": {"oldest": "65+"}}, "'oldest' follows from max(person.age): say what the members have or who they are"),
        ({"values": {"head.age": "ancient"}}, "'ancient' is no label of age"),
        ({"values": {"sex": Range.model_validate({"from": 1, "to": 2})}}, "sex cannot range from 1 to 2"),
        ({"values": {"sex": {"f": 0}}}, "no value of sex that it gives is possible"),
        ({"values": {}, "members": {"person": []}}, "a whole unit is read by `method: direct` alone"),
        ({"compositions": [CompositionBelief(members={"head": 2}, percent=1)]}, "none of its compositions can be"),
        (
            {"differences": [DifferenceBelief(difference="head.age - uncle.age", percent={"0 to 9": 1})]},
            "head.age - uncle.age no variable is called 'uncle.age'",
        ),
    ],
)
def test_a_segment_that_cannot_be_used_is_dropped_with_the_reason(change: dict[str, Any], reason: str) -> None:
    beliefs = resolve(Prior(proposals=[OLD.model_copy(update=change), OLD]), homes())
    assert [segment.place for segment in beliefs.segments] == ["proposals[1] (very old with a grandchild)"]
    assert any(entry.reason.startswith(reason) for entry in beliefs.dropped), beliefs.dropped


@pytest.mark.slow
@pytest.mark.parametrize(
    "impossible",
    [
        {"values": {"head.age": "0-17"}},
        {"values": {"head.age": 12}},
        {"values": {"persons": "4+"}},
        {"differences": [DifferenceBelief(difference="head.age - grandchild.age", percent={"1 to 9": 100})]},
    ],
    ids=["rule", "bins", "members", "difference"],
)
def test_a_segment_of_which_rules_leave_nothing_has_no_units(impossible: dict[str, Any]) -> None:
    found = drawn(homes(), OLD.model_copy(update=impossible))
    assert found.units is None
    assert [entry.belief for entry in found.empty] == ["proposals[0] (very old with a grandchild)"]


@pytest.mark.slow
def test_that_rules_empty_a_segment_is_told() -> None:
    model = fit(homes(), Prior(proposals=[OLD.model_copy(update={"values": {"head.age": "0-17"}})]), pool_size=500)
    assert "leave none of its units" in model.dropped[0].reason
    assert "leave none of its units" in Model.from_json(model.to_json()).dropped[0].reason


def test_segments_are_read_from_a_file_as_they_are_written() -> None:
    prior = Prior(proposals=[OLD])
    again, dropped = read_prior(prior.to_json(), source="prior.json")
    assert not dropped
    assert again == prior


def test_flat_records_have_no_members_to_speak_of() -> None:
    flat = compile_problem(parse_spec("{records: 9, variables: {car: {type: boolean}}}"))
    beliefs = resolve(Prior(proposals=[OLD.model_copy(update={"values": {"car": True}})]), flat)
    assert not beliefs.n_proposals
    assert "which these records do not have" in beliefs.dropped[0].reason
