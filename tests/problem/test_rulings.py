import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthor import compile_problem, parse_spec
from synthor.problem import Problem
from synthor.problem.rulings import BROKEN, KEPT, OPEN
from synthor.rules.on_categories import truth
from synthor.rules.on_values import holds
from synthor.schema import Units
from synthor.schema.kinds import BOOLEAN

SPEC = """
records: 10
variables:
  age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
  hours: {type: integer, min: 0, max: 80, bins: [0, 1, 35]}
  work: {type: category, values: [none, some, full]}
  car: {type: boolean}
  town: {type: category, values: [a, b, c, d, e, f, g, h]}
  street: {type: category, values: [a, b, c, d, e, f, g, h]}
  house: {type: category, values: [a, b, c, d, e, f, g, h]}
  flat: {type: category, values: [a, b, c, d, e, f, g, h]}
  bell: {type: category, values: [a, b, c, d, e, f, g, h]}
  door: {type: category, values: [a, b, c, d, e, f, g, h]}
"""
PARTS = (
    "age < 16", "age > hours", "hours >= 40", "work = 'none'", "work in ('some', 'full')", "car", "not car", "town = 'a'",
    "house in ('a', 'b')", "flat = 'h'", "age + hours > 90",
)  # fmt: skip
PLACES = "(town = 'a' or street = 'b' or house = 'c' or flat = 'd' or bell = 'e' or door = 'f')"
"""Speaks of more combinations of categories than are listed."""


def problem(rules: list[str]) -> Problem:
    listed = "".join(f'\n  - {{never: "{rule}"}}' for rule in rules)
    return compile_problem(parse_spec(SPEC + (f"rules:{listed}\n" if rules else "")))


def records(made: Problem, n: int, seed: int) -> tuple[np.ndarray, pl.DataFrame]:
    random = np.random.default_rng(seed)
    variables = made.schema.unit.variables
    columns = []
    for variable in variables:
        if variable.numeric:
            columns.append(pl.Series(variable.name, random.integers(variable.low[0], variable.high[-1] + 1, n)))
        elif variable.kind == BOOLEAN:
            columns.append(pl.Series(variable.name, random.random(n) < 0.5))
        else:
            columns.append(pl.Series(variable.name, np.array(variable.labels)[random.integers(0, variable.size, n)]))
    codes = np.stack([variable.encode(column) for variable, column in zip(variables, columns, strict=True)], axis=1)
    return codes, pl.DataFrame(columns)


@pytest.mark.slow
@given(
    st.lists(
        st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map(" and ".join)
        | st.just(f"car and {PLACES}")
        | st.just(f"age > 30 and {PLACES}"),
        max_size=8,
        unique=True,
    ),
    st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_rules_judged_together_say_what_each_says_alone(rules: list[str], seed: int) -> None:
    made = problem(rules)
    codes, frame = records(made, 300, seed)
    units = Units.flat(codes)
    known = {variable.name: codes[:, v] for v, variable in enumerate(made.schema.unit.variables)}
    must, may, broken = np.zeros((3, len(codes)), dtype=bool)
    each = []
    for rule in made.rules:
        found, alone = truth(rule.predicate, known, made.variables, len(codes)), holds(rule.predicate, frame, made.variables)
        must, may, broken = must | found.must, may | found.may, broken | alone
        each.append(int(alone.sum()))
    assert made.rulings.state(units).tolist() == np.where(must, BROKEN, np.where(may, OPEN, KEPT)).tolist()
    assert made.rulings.breaks(units, frame).tolist() == broken.tolist()
    counts, any_broken = made.rulings.counts(units, frame)
    assert (counts.tolist(), any_broken.tolist()) == (each, broken.tolist())
