"""Beliefs about how far the numbers of two members lie apart: read, refused, and seen in the records."""

import html
import json
import re
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from synthor import Run, compile_problem, parse_spec, synthesize
from synthor.prior.beliefs import Beliefs, resolve
from synthor.prior.model import Prior, read_prior
from synthor.problem import Problem
from synthor.types import Floats

STREET = """
unit: home
records: 800
variables: {garden: {type: boolean}}
members:
  person:
    number: {min: 1, max: 6}
    role: role
    roles: {head: 1, partner: {max: 1}}
    pairs: {couple: [head, partner]}
    variables:
      role: {type: category, values: [head, partner, child, guest]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 40, 65]}
      pay: {type: number, min: 0, max: 100, bins: [0, 50]}
      hours: {type: number, min: 0, max: 100, bins: [0, 50]}
      sex: {type: category, values: [female, male]}
targets:
  - {counts: {garden: {yes: 300, no: 500}}}
  - {counts: {role: {head: 800, partner: 500, child: 700, guest: 20}}}
  - {rows: person, table: [{age: 0-17, count: 500}, {age: 18-39, count: 570}, {age: 40-64, count: 650}, {age: 65+, count: 300}]}
rules: [{never: head.age < 18}, {never: partner.age < 18}, {never: child.age > head.age - 15}, {never: hours > 60 and age < 25}]
"""
COUPLE = {"difference": "head.age - partner.age", "quantiles": {"5%": -6, "50%": 2, "95%": 12}, "confidence": 0.9}
BIRTHS = {"15 to 19": 5, "20 to 24": 20, "25 to 29": 27, "30 to 34": 27, "35 to 39": 15, "40 or more": 6}
CHILD = {"difference": "head.age - child.age", "percent": BIRTHS, "confidence": 0.9}
PAY = {"difference": "head.pay - partner.pay", "quantiles": {"5%": -10.5, "50%": 5, "95%": 20}, "confidence": 0.9}


@cache
def problem() -> Problem:
    return compile_problem(parse_spec(STREET))


def read(*differences: dict[str, Any]) -> tuple[Prior, list[str]]:
    """What is read of beliefs, and why each of the others is not."""
    prior, dropped = read_prior(json.dumps({"differences": list(differences)}), source="prior.json")
    return prior, [f"{entry.belief}: {entry.reason}" for entry in dropped]


def believed(*differences: dict[str, Any]) -> Beliefs:
    prior, unread = read(*differences)
    assert not unread
    return resolve(prior, problem())


@cache
def street() -> Run:
    prior, unread = read(COUPLE, CHILD, PAY)
    assert not unread
    return synthesize(parse_spec(STREET), prior=prior)


def apart(one: str, other: str, variable: str) -> tuple[Floats, Floats]:
    """The numbers of the two in each home that has both."""
    persons = street().tables["person"]
    both = [persons.filter(pl.col("role") == role).select("home_id", pl.col(variable).alias(role)) for role in (one, other)]
    pairs = both[0].join(both[1], on="home_id")
    return pairs[one].cast(pl.Float64).to_numpy(), pairs[other].cast(pl.Float64).to_numpy()


@pytest.mark.slow
def test_believed_differences_come_out_with_exact_targets_and_kept_rules() -> None:
    assert street().measurement.met and "no rule is broken" in street().verdict
    heads, partners = apart("head", "partner", "age")
    assert np.quantile(heads - partners, (0.05, 0.5, 0.95)) == pytest.approx((-6, 2, 12), abs=2.5)
    assert np.corrcoef(heads, partners)[0, 1] > 0.85
    heads, children = apart("head", "child", "age")
    assert np.quantile(heads - children, (0.05, 0.5, 0.95)) == pytest.approx((19, 29, 40), abs=2.5)
    assert (heads - children).min() >= 15


@pytest.mark.slow
def test_numbers_that_are_not_whole_are_drawn_so_too() -> None:
    heads, partners = apart("head", "partner", "pay")
    assert np.quantile(heads - partners, (0.05, 0.5, 0.95)) == pytest.approx((-10.5, 5, 20), abs=3)
    assert (heads != np.rint(heads)).mean() > 0.9


@pytest.mark.slow
def test_the_page_shows_them_as_believed_and_as_they_came_out() -> None:
    page = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", str(street().report()))).split())
    assert "Beliefs used: 3 differences." in page
    assert "Believed of head.age - partner.age: 5% below −6, half below 2, 95% below 12." in page
    assert "Of both speak: belief 'difference head.age - partner.age'" in page
    assert "partner.age given head.age dependence" in page


def test_a_difference_becomes_shares_of_bins_row_by_row() -> None:
    table = believed({"difference": "head.age - partner.age", "percent": {"2 to 2": 100}}).tables[0]
    assert table.conditional and (table.name, table.level) == ("difference head.age - partner.age", 0)
    wanted = [[1, 0, 0, 0], [2 / 22, 20 / 22, 0, 0], [0, 2 / 25, 23 / 25, 0], [0, 0, 2 / 35, 33 / 35]]
    assert table.rows == pytest.approx(np.array(wanted), abs=0.03)
    turned = believed({"difference": "partner.age - head.age", "percent": {"-2 to -2": 100}}).tables[0]
    assert turned.rows[0] == pytest.approx([16 / 18, 2 / 18, 0, 0], abs=0.03)  # heads are two years older


def test_what_there_may_be_several_of_is_given() -> None:
    table = believed(CHILD).tables[0]
    assert [problem().schema.levels[ref.level].variables[ref.column].name for ref in table.refs] == ["age", "age"]
    assert table.refs[0].among is not None and table.refs[1].role is not None


def test_beliefs_are_written_as_they_were_read() -> None:
    prior, _ = read(COUPLE, CHILD)
    again, dropped = read_prior(prior.to_json(), source="prior.json")
    assert again == prior and not dropped and not prior.empty
    assert "differences" not in Prior().to_json()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quantiles": {"5%": 3, "50%": 2}}, 'whose values rise; write {"5%": -6, "50%": 2, "95%": 12}'),
        ({"quantiles": {"50%": 2}}, "needs two quantiles at least"),
        ({"quantiles": {"5%": 1, "5.0": 2}}, "whose values rise"),
        ({"quantiles": {"median": 2, "95%": 9}}, "'median' is no percentage between 0 and 100; write 5%"),
        ({"quantiles": {"0%": 2, "95%": 9}}, "'0%' is no percentage between 0 and 100"),
        ({"percent": {"0 to 9": 50}}, "needs exactly one of quantiles, percent"),
        (
            {"quantiles": None, "percent": {"0 to 9": 50, "5 to 20": 50}},
            "two bands hold 5; let each begin after the one before",
        ),
        ({"quantiles": None, "percent": {"up to 0": 50, "1+": 50}}, "needs a band with both ends, such as -4 to 4"),
        ({"quantiles": None, "percent": {"0 to 9": 0}}, "a sum above 0"),
        ({"quantiles": None, "percent": {"older": 50}}, "'older' is no band of a difference; write -4 to 4, 35+ or up to -5"),
    ],
)
def test_what_is_no_difference_is_refused_with_the_place_and_the_cure(changes: dict[str, Any], reason: str) -> None:
    prior, (told,) = read(COUPLE | changes)
    assert told.startswith("differences[0]: ") and reason in told
    assert prior.empty


@pytest.mark.parametrize(
    ("difference", "reason"),
    [
        ("head.age", "is no difference of two numbers; write head.age - partner.age"),
        ("head.age - partnr.age", "no variable is called 'partnr.age'; did you mean 'partner.age'?"),
        ("age - partner.age", "'age' does not say whose it is; write it with a role before it, as head.age"),
        ("head.sex - partner.sex", "'head.sex' holds no numbers; name a variable that does"),
        ("head.age - partner.pay", "'head.age' and 'partner.pay' are not the same variable"),
        ("head.age - head.age", "both have the same role; name two roles"),
        ("child.age - guest.age", "there may be several of both; name one role of whom there is one at most (head, partner)"),
    ],
)
def test_what_members_do_not_have_is_dropped_with_the_reason(difference: str, reason: str) -> None:
    beliefs = believed(COUPLE | {"difference": difference})
    (dropped,) = beliefs.dropped
    assert dropped.belief == f"differences[0] ({difference})" and reason in dropped.reason
    assert not beliefs.used


def test_members_who_cannot_be_so_far_apart_are_not_believed_to_be() -> None:
    beliefs = believed(COUPLE | {"quantiles": {"5%": -6, "95%": 1e9}})
    (dropped,) = beliefs.dropped
    assert dropped.reason == "no two of head.age and partner.age are 1e+09 apart"
    assert believed(COUPLE | {"quantiles": {"5%": -99, "95%": 99}}).differences


def test_records_without_members_have_no_such_differences() -> None:
    flat = compile_problem(parse_spec("{records: 4, variables: {car: {type: boolean}}}"))
    (dropped,) = resolve(read(COUPLE)[0], flat).dropped
    assert "no variable is called 'head.age'" in dropped.reason
