"""What is a pool worth that was drawn from the top down? A made-up town of households with their persons.

    python bench/template.py

Writes bench/results/template.json and template.md. The town (50,000 households) is made by rules of our own: types, areas,
sizes, couples whose ages go together, children as much younger than the head as mothers are, each younger than the next older,
parents of the head, others, and a lodger in one household of 5,000. Beliefs are its own conditional tables of pairs, exact
unless said. 60,000 candidates are drawn and fitted onto one-way tables of both levels, nothing else; tables of pairs are
compared with the town's. Beside them stand candidates whose members have nothing to do with each other, the product of tables
without fitted factors, and the town made again with another seed, which says how near anything can come.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np

from harness import dated, write
from synthor import Prior, parse_spec
from synthor.fit.model import fit
from synthor.information import effective_size
from synthor.prior.beliefs import TABLE_STRENGTH
from synthor.prior.template import (
    Believed,
    Composition,
    Dependence,
    Maker,
    Members,
    Size,
    Template,
    WholeComposition,
    draw,
    prepared,
)
from synthor.problem import Axis, Count, Problem, Target, TargetGrid
from synthor.problem.model import Rule
from synthor.schema import Level, Ref, Role, Rows, Schema, Units, Variable, of_unit
from synthor.spec.variables import Category, Integer
from synthor.types import CellIndex, Codes, Counts, Floats
from synthor.values import possible

N, CANDIDATES = 50_000, 60_000


def category(name: str, *labels: str) -> Variable:
    return Category(type="category", values=list(labels)).build(name)


def number(name: str, most: int, *bins: int) -> Variable:
    return Integer(type="integer", min=bins[0], max=most, bins=list(bins)).build(name)


ROLES = ("head", "partner", "child", "parent", "other", "lodger")
HEAD, PARTNER, CHILD, PARENT, OTHER, LODGER = range(6)
HOUSEHOLD = (
    category("kind", "alone", "couple", "family", "lone parent", "shared"),
    category("area", "centre", "inner", "suburb", "village", "estate"),
    number("persons", 15, 1, 2, 3, 4, 5, 6),
    number("children", 12, 0, 1, 2, 3),
    number("workers", 15, 0, 1, 2, 3),
    number("head_age", 99, 0, 18, 25, 35, 45, 55, 65, 75),
    category("tenure", "owned", "rented", "social"),
    category("income", "low", "middle", "high", "highest"),
    category("cars", "none", "one", "more"),
)
KIND, AREA, PERSONS, CHILDREN, WORKERS, HEAD_AGE, TENURE, INCOME, CARS = range(9)
PERSON = (
    category("role", *ROLES),
    number("age", 99, 0, 5, 10, 15, 18, 25, 35, 45, 55, 65, 75),
    category("sex", "f", "m"),
    category("work", "no", "part", "full"),
    category("school", "none", "basic", "upper", "higher"),
)
ROLE, AGE, SEX, WORK, SCHOOL = range(5)
SCHEMA = Schema(
    levels=(
        Level(name="household", variables=HOUSEHOLD),
        Level(
            name="person",
            variables=PERSON,
            parent="household",
            role="role",
            roles={"head": 1, "partner": 1, "child": None, "parent": None, "other": None, "lodger": 1},
        ),
    )
)
RULES = (
    "child.age > head.age - 12",
    "age < 15 and work <> 'no'",
    "head.age < 18",
    "age < 10 and school <> 'none'",
    "not any(person, age >= 18)",
)


def of_role(column: int, role: int) -> Ref:
    return Ref(1, column, role=Role(ROLE, role))


def town(n: int, random: np.random.Generator) -> Units:
    """Households with their persons."""
    area = random.choice(5, n, p=[0.2, 0.25, 0.3, 0.15, 0.1])
    kinds = np.array([[5, 2, 1, 1, 2], [4, 3, 3, 1, 1], [2, 3, 4, 1, 0.3], [2.5, 3, 3.5, 0.6, 0.2], [2, 1.5, 3, 2.5, 1]])
    kind = _by(kinds[area], random)
    middle, spread = np.array([[52, 55, 41, 40, 33], [20, 15, 8, 9, 13]], float)
    head_age = np.clip(np.round(middle[kind] + spread[kind] * random.normal(size=n)), 18, 95).astype(int)
    head_sex = (random.random(n) < np.array([0.45, 0.65, 0.65, 0.18, 0.5])[kind]).astype(int)
    many = np.array(
        [[1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 35, 42, 16, 5, 2], [0, 52, 33, 11, 3, 1], [1, 0, 0, 0, 0, 0.0]]
    )
    n_children = _by(np.where(area[:, None] == 4, many[kind] * [1, 0.8, 1, 1.6, 2, 3], many[kind]), random)
    apart = (kind != 0) & (head_age < 70)
    numbers = np.stack(
        [
            np.ones(n, int),
            ((kind == 1) | (kind == 2)).astype(int),
            n_children,
            np.where(apart, (random.random(n) < 0.04).astype(int) * (1 + (random.random(n) < 0.3)), 0),
            np.where(kind == 4, 1 + random.poisson(0.8, n).clip(max=8), ((kind != 0) & (random.random(n) < 0.02)).astype(int)),
            (random.random(n) < 1 / 5000).astype(int),
        ],
        axis=1,
    )
    numbers[(kind == 0) & (numbers[:, LODGER] > 0), LODGER] = 0
    unit, role, place = _rows(numbers)
    own, sex0 = head_age[unit], head_sex[unit]
    m = len(unit)
    oldest = np.round(own - random.normal(29, 5, n)[unit])
    gaps = np.where(place > 0, 1 + random.poisson(2.0, m), 0)
    child = oldest - _within(gaps, unit, role)
    age = np.select(
        [role == HEAD, role == PARTNER, role == CHILD, role == PARENT],
        [
            own,
            own + np.where(sex0 == 1, -2, 2) + random.normal(0, 4, m),
            np.clip(child, 0, own - 15),
            own + random.normal(28, 4, m),
        ],
        own + random.normal(0, 9, m),
    )
    age = np.clip(np.round(age), np.where(role == CHILD, 0, 18), np.where(role == CHILD, 34, 99)).astype(int)
    sex = np.where(role == HEAD, sex0, np.where(role == PARTNER, 1 - sex0, random.integers(0, 2, m)))
    sex = np.where((role == PARENT) & (random.random(m) < 0.5), 0, sex)
    order = np.lexsort((-age, role, unit))
    unit, role, age, sex = unit[order], role[order], age[order], sex[order]
    return _household(n, kind, area, unit, np.stack([role, age, sex], axis=1), random)


def _household(n: int, kind: Counts, area: Counts, unit: CellIndex, persons: Counts, random: np.random.Generator) -> Units:
    """What hangs on persons and on their household."""
    role, age, sex = persons.T
    band = np.searchsorted([10, 15, 18, 25, 45, 65], age, side="right")
    learnt = np.array([[1, 0, 0, 0], [3, 7, 0, 0], [1, 8, 1, 0], [0, 2, 6, 2], [0, 1, 4, 5], [0, 2, 5, 3], [1, 5, 3, 1.0]])[
        band
    ]
    school = _by(learnt * np.where((area[unit] == 4)[:, None], [1, 2, 1, 0.3], [1, 1, 1, 1]), random)
    small = np.bincount(unit, (role == CHILD) & (age < 10), n)[unit] > 0
    works = np.array([[1, 0, 0], [1, 0, 0], [8, 2, 0], [4, 3, 3], [1.5, 2, 6.5], [2.5, 2, 5.5], [9.4, 0.5, 0.1]])[band]
    works = (
        works
        * np.where(((sex == 0) & small)[:, None], [2, 2, 0.6], [1, 1, 1])
        * np.where((school > 2)[:, None], [0.6, 1, 1.5], 1)
    )
    work = _by(works, random)
    workers = np.bincount(unit, work > 0, n)
    head = np.flatnonzero(role == HEAD)
    rich = 0.9 * workers + 0.6 * (school[head] == 3) + random.normal(0, 0.7, n)
    income = np.searchsorted([0.7, 1.6, 2.5], rich)
    old = age[head]
    own = np.array([0.2, 0.5, 0.75, 0.85, 0.15])[area] * np.clip((old - 18) / 30, 0.1, 1) * (0.7 + 0.2 * income / 2)
    tenure = np.where(random.random(n) < own, 0, np.where(random.random(n) < np.array([0.25, 0.25, 0.2, 0.1, 0.8])[area], 2, 1))
    cars = np.clip(np.round(0.2 + 0.35 * income + 0.3 * (area >= 2) + random.normal(0, 0.5, n)), 0, 2)
    size = np.bincount(unit, minlength=n)
    children = np.bincount(unit, (role == CHILD) & (age < 18), n)
    years = np.stack([np.clip(size - 1, 0, 5), np.clip(children, 0, 3), np.clip(workers, 0, 3)], axis=1)
    banded = HOUSEHOLD[HEAD_AGE].codes_of_numbers(old.astype(float))
    homes = np.column_stack([kind, area, years, banded, tenure, income, cars]).astype(np.int32)
    codes = np.column_stack([role, PERSON[AGE].codes_of_numbers(age.astype(float)), sex, work, school]).astype(np.int32)
    return Units(row_tables=(Rows(codes=homes), Rows(codes=codes, parent=unit)))


def _by(weights: Floats, random: np.random.Generator) -> Counts:
    rising = np.cumsum(weights, axis=1)
    return (rising <= (random.random(len(weights)) * rising[:, -1])[:, None]).sum(axis=1)


def _rows(numbers: Counts) -> tuple[CellIndex, Counts, Counts]:
    n, roles = numbers.shape
    times = numbers.ravel()
    unit, role = np.repeat(np.arange(n), numbers.sum(axis=1)), np.repeat(np.tile(np.arange(roles), n), times)
    return unit, role, np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)


def _within(gaps: Counts, unit: CellIndex, role: Counts) -> Counts:
    """Sums of gaps since the first of each role in each household."""
    rising = np.cumsum(gaps)
    first = np.flatnonzero(np.concatenate([[True], (unit[1:] != unit[:-1]) | (role[1:] != role[:-1])]))
    return rising - np.repeat(rising[first] - gaps[first], np.diff(np.append(first, len(unit))))


def derived(units: Units) -> Units:
    """Children, workers and the head's age, from the persons."""
    unit, n = units.above(0, 1), len(units)
    role, age, work = (units.column(Ref(1, column)) for column in (ROLE, AGE, WORK))
    bands = HOUSEHOLD[HEAD_AGE].codes_of_bins(PERSON[AGE])
    columns = units.columns()
    columns[CHILDREN] = np.bincount(unit, (role == CHILD) & (age < 4), n).clip(max=3)
    columns[WORKERS] = np.bincount(unit, work > 0, n).clip(max=3)
    columns[HEAD_AGE] = bands[units.column(of_role(AGE, HEAD), 0)]
    return units.with_columns(columns)


@dataclass(frozen=True)
class Looked:
    """A table of two columns among rows of a level, in which some categories may be the only ones."""

    group: str
    level: int
    a: Ref
    b: Ref
    role: int | None = None

    def counts(self, units: Units, weights: Floats) -> Floats:
        """Weighted counts, (a, b)."""
        a, b = units.column(self.a, self.level), units.column(self.b, self.level)
        held = (a >= 0) & (b >= 0)
        if self.role is not None:
            held &= units.column(Ref(1, ROLE)) == self.role
        if self.a.step:
            held &= units.column(Ref(1, ROLE, step=-1), 1) == self.role
        shape = SCHEMA.variable(self.a).size, SCHEMA.variable(self.b).size
        rows = weights[units.above(0, self.level)][held]
        return np.asarray(np.bincount(a[held] * shape[1] + b[held], rows, shape[0] * shape[1]).reshape(shape), np.float64)


def looked_at() -> list[Looked]:
    """Every table of pairs that is compared."""
    found = [Looked("within household", 0, of_unit(a), of_unit(b)) for a, b in combinations(range(9), 2)]
    found += [Looked("within person", 1, Ref(1, a), Ref(1, b)) for a, b in combinations(range(5), 2)]
    found += [Looked("household x person", 1, of_unit(a), Ref(1, b)) for a in range(9) for b in range(5)]
    found += [Looked("head x partner", 0, of_role(a, HEAD), of_role(b, PARTNER)) for a in range(1, 5) for b in range(1, 5)]
    found.append(Looked("ages of head and partner", 0, of_role(AGE, HEAD), of_role(AGE, PARTNER)))
    found += [Looked("head x child", 1, of_role(a, HEAD), Ref(1, b), CHILD) for a in range(1, 5) for b in range(1, 5)]
    found.append(Looked("ages of head and child", 1, of_role(AGE, HEAD), Ref(1, AGE), CHILD))
    found.append(Looked("ages of siblings", 1, Ref(1, AGE, step=-1), Ref(1, AGE), CHILD))
    found.append(Looked("ages of head and parent", 1, of_role(AGE, HEAD), Ref(1, AGE), PARENT))
    return found


def rows_of(table: Looked, real: Units) -> Floats:
    """P(b | a) in counts, of which only the ratios inside a row matter; nobody says nothing."""
    return table.counts(real, np.ones(len(real)))


def template_of(real: Units, confidence: float) -> Template:
    """The town's own tables, all of one confidence."""
    strength = TABLE_STRENGTH * confidence / (1 - confidence)

    def told(level: int, given: Ref, of: Ref, role: int | None = None) -> Dependence:
        return Dependence(given=given, rows=rows_of(Looked("", level, given, of, role), real), strength=strength)

    def unit_variable(column: int, given: Sequence[int]) -> Believed:
        tables = tuple(told(0, of_unit(a), of_unit(column)) for a in given)
        return Believed(marginal=_marginal(real, of_unit(column)), tables=tables)

    last = (TENURE, INCOME, CARS)
    before = (KIND, AREA, PERSONS, CHILDREN, WORKERS, HEAD_AGE)
    rest = {}
    for column in last:
        given = unit_variable(column, [*before, *(other for other in last if other < column)])
        rest[column] = replace(given, tables=(*given.tables, told(0, of_role(SCHOOL, HEAD), of_unit(column))))
    return Template(
        schema=SCHEMA,
        structural={
            KIND: unit_variable(KIND, [AREA]),
            AREA: unit_variable(AREA, []),
            PERSONS: unit_variable(PERSONS, [KIND, AREA]),
        },
        composition=composition_of(real, strength),
        members=tuple(members_of(real, role, told) for role in range(len(ROLES))),
        rest=rest,
        derive=lambda units, random: derived(units),
        derived=(CHILDREN, WORKERS, HEAD_AGE),
        rules=tuple(Rule.of(text, SCHEMA) for text in RULES),
    )


def _marginal(real: Units, ref: Ref, role: int | None = None) -> Floats:
    held = slice(None) if role is None else real.column(Ref(1, ROLE)) == role
    counts = np.bincount(real.column(ref)[held], minlength=SCHEMA.variable(ref).size)
    return counts / counts.sum()


def members_of(real: Units, role: int, told: Callable[..., Dependence]) -> Members:
    """Tables about members with one role: own pairs, the household, the head, the partner, the next older child."""
    variables: dict[int, Believed] = {}
    for column in (AGE, SEX, WORK, SCHOOL):
        own = Ref(1, column)
        tables = [told(1, Ref(1, a), own, role) for a in (AGE, SEX, WORK, SCHOOL) if a < column]
        tables += [told(1, of_unit(a), own, role) for a in (KIND, AREA, PERSONS)]
        tables += [told(1, of_role(a, HEAD), own, role) for a in (AGE, SEX, WORK, SCHOOL) if role != HEAD]
        tables += [told(1, of_role(a, PARTNER), own, role) for a in (AGE, SCHOOL) if role == CHILD]
        if role == CHILD and column == AGE:
            tables.append(told(1, Ref(1, AGE, step=-1), own, role))
        variables[column] = Believed(marginal=_marginal(real, own, role), tables=tuple(tables))
    several = role in (CHILD, PARENT, OTHER)
    return Members(level=1, role=role, variables=variables, oldest_first=AGE if several else None)


def numbers_of(units: Units) -> Counts:
    """Members of each role, (n, roles)."""
    found = np.bincount(units.above(0, 1) * len(ROLES) + units.column(Ref(1, ROLE)), minlength=len(units) * len(ROLES))
    return found.reshape(len(units), len(ROLES))


def composition_of(real: Units, strength: float) -> Composition:
    """The town's 25 commonest compositions, by kind and size, and how many of each role by kind and by area."""
    numbers, n = numbers_of(real), len(real)
    kind, area, size = (real.column(of_unit(column)) for column in (KIND, AREA, PERSONS))

    def by(given: Codes, k: int, of: Counts, most: int) -> Floats:
        return np.bincount(given * (most + 1) + of, minlength=k * (most + 1)).reshape(k, most + 1).astype(float)

    roles = {}
    for role in range(len(ROLES)):
        own, most = numbers[:, role], int(numbers[:, role].max())
        marginal = np.bincount(own, minlength=most + 1) / n
        tables = (
            Dependence(given=of_unit(KIND), rows=by(kind, 5, own, most), strength=strength),
            Dependence(given=of_unit(AREA), rows=by(area, 5, own, most), strength=strength),
        )
        roles[role] = Believed(marginal=marginal, tables=tables)
    distinct, inverse, times = np.unique(numbers, axis=0, return_inverse=True, return_counts=True)
    whole = []
    for row in np.argsort(-times)[:25]:
        these = inverse.ravel() == row
        for k, s in {(int(a), int(b)) for a, b in zip(kind[these], size[these], strict=True)}:
            there = (kind == k) & (size == s)
            share = float((these & there).sum() / there.sum())
            whole.append(WholeComposition(numbers=tuple(distinct[row].tolist()), share=share, where={KIND: k, PERSONS: s}))
    totals = np.zeros((6, 16))
    people = np.bincount(real.above(0, 1))
    np.add.at(totals, (size, people), 1.0)
    return Composition(
        level=1,
        roles=roles,
        least=1,
        most=15,
        size=Size(column=PERSONS, totals=totals / totals.sum(axis=1, keepdims=True)),
        whole=tuple(sorted(whole, key=lambda one: (one.numbers, sorted(one.where.items())))),
    )


def apart(real: Units, n: int, random: np.random.Generator) -> Units:
    """Households whose variables and members have nothing to do with each other: every column by its marginal alone."""
    number_of = random.choice(np.bincount(real.above(0, 1)), n)
    unit = np.repeat(np.arange(n), number_of)
    first = np.concatenate([[True], unit[1:] != unit[:-1]])
    roles = _marginal(real, Ref(1, ROLE)) * [0, 1, 1, 1, 1, 1]
    columns = [random.choice(PERSON[c].size, len(unit), p=_marginal(real, Ref(1, c))) for c in range(5)]
    columns[ROLE] = np.where(first, HEAD, random.choice(len(ROLES), len(unit), p=roles / roles.sum()))
    homes = [random.choice(HOUSEHOLD[c].size, n, p=_marginal(real, of_unit(c))) for c in range(9)]
    homes[PERSONS] = np.clip(number_of - 1, 0, 5)
    codes = [np.stack(side, axis=1).astype(np.int32) for side in (homes, columns)]
    return derived(Units(row_tables=(Rows(codes=codes[0]), Rows(codes=codes[1], parent=unit))))


def problem_of(real: Units, *, ruled: bool = True) -> Problem:
    """One-way tables of both levels."""
    targets = []
    for level, variables in enumerate((HOUSEHOLD, PERSON)):
        for column, variable in enumerate(variables):
            own = np.arange(variable.size, dtype=np.int32)
            axis = Axis(position=column, ref=Ref(level, column), variable=variable, labels=variable.labels, group_of=own)
            grid = TargetGrid(axes=(axis,))
            wanted = np.bincount(real.column(Ref(level, column)), minlength=variable.size).astype(float)
            targets.append(Target(name=f"{level} {variable.name}", level=level, grid=grid, statistic=Count(), wanted=wanted))
    spec = parse_spec(f"{{records: {N}, variables: {{kind: {{type: category, values: [a, b]}}}}}}")
    rules = tuple(Rule.of(text, SCHEMA) for text in RULES) if ruled else ()
    return Problem(spec=spec, n_units=len(real), schema=SCHEMA, targets=tuple(targets), rules=rules)


def errors(real: Units, units: Units, weights: Floats) -> dict[str, float]:
    """Mean TVD of each group of tables."""
    found: dict[str, list[float]] = {}
    ones = np.ones(len(real))
    for table in looked_at():
        wanted, got = table.counts(real, ones), table.counts(units, weights)
        shares = got / got.sum() if got.sum() > 0 else np.full(got.shape, 1 / got.size)
        found.setdefault(table.group, []).append(0.5 * float(np.abs(shares - wanted / wanted.sum()).sum()))
    return {group: float(np.mean(values)) for group, values in found.items()}


Row = dict[str, Any]


def rough(template: Template, random: np.random.Generator) -> Template:
    """The same beliefs as somebody would write them who knows them by hearsay: every row off by a factor of two or so."""

    def heard(believed: Believed) -> Believed:
        def noisy(rows: Floats) -> Floats:
            return np.round(
                100 * rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-9) * random.lognormal(0, 0.7, rows.shape)
            )

        return replace(believed, tables=tuple(replace(table, rows=noisy(table.rows)) for table in believed.tables))

    members = [
        replace(one, variables={column: heard(told) for column, told in one.variables.items()}) for one in template.members
    ]
    return replace(template, members=tuple(members), rest={column: heard(told) for column, told in template.rest.items()})


def case(name: str, problem: Problem, real: Units, units: Units, log_weight: Floats | None) -> list[Row]:
    """Candidates as they are, and fitted onto the targets."""
    base = np.full(len(units), 1 / len(units)) if log_weight is None else np.exp(log_weight)
    begin = time.perf_counter()
    model = fit(problem, Prior(), handed=(units, log_weight))
    spent = time.perf_counter() - begin
    as_drawn: Row = {"case": name, "stage": "as drawn", "effective": round(effective_size(base)), **errors(real, units, base)}
    fitted: Row = {
        "case": name,
        "stage": "on the targets",
        "effective": round(model.effective_sample_size),
        "status": model.status.value,
        "fit, s": spent,
        **errors(real, model.pool.units, model.weights),
    }
    return [as_drawn, fitted]


def drawn(name: str, problem: Problem, real: Units, make: Callable[[], Maker]) -> list[Row]:
    """Candidates of a template, as they are and fitted, and what it took to draw them."""
    begin = time.process_time()
    maker = make()
    ready = time.process_time()
    found = draw(maker, size=CANDIDATES, random_seed=7, allows=lambda units: possible(problem, units))
    took = {"prepare, s": ready - begin, "draw, s": time.process_time() - ready}
    own = found.plan.apart & (found.tried > 0)
    told = {
        **took,
        "candidates": len(found.units),
        "members": found.units.n_rows(1),
        "compositions": int(own.sum()),
        "acceptance": float(found.acceptance[own].min()),
        "missing": found.missing,
    }
    rows = case(name, problem, real, found.units, found.log_weight)
    return [rows[0] | told, rows[1]]


def all_cases() -> list[Row]:
    real = town(N, np.random.default_rng(1))
    problem, loose = problem_of(real), problem_of(real, ruled=False)
    again = errors(real, town(N, np.random.default_rng(2)), np.ones(N))
    rows: list[Row] = [{"case": "the town made again", "stage": "", **again}]
    rows += case("independent members", loose, real, apart(real, CANDIDATES, np.random.default_rng(2)), None)
    product = template_of(real, 0.9)
    rows += drawn("product of tables, confidence 0.9", problem, real, partial(Maker.of, product))
    for confidence in (0.5, 0.9, 0.99):
        exact = template_of(real, confidence)
        rows += drawn(f"template, confidence {confidence}", problem, real, partial(prepared, exact))
    for confidence in (0.05, 0.2, 0.5, 0.9):
        heard = rough(template_of(real, confidence), np.random.default_rng(3))
        rows += drawn(f"rough tables, confidence {confidence}", problem, real, partial(prepared, heard))
    return rows


def sizes() -> list[Row]:
    """What more candidates cost."""
    real = town(N, np.random.default_rng(1))
    maker, rows = prepared(template_of(real, 0.9)), []
    for size in (10_000, 100_000, 1_000_000):
        begin = time.process_time()
        found = draw(maker, size=size, random_seed=7)
        spent = time.process_time() - begin
        lodgers = numbers_of(found.units)[:, LODGER] > 0
        rows.append(
            {
                "candidates": size,
                "members": found.units.n_rows(1),
                "draw, s": spent,
                "effective": round(found.effective_sample_size),
                "with a lodger": int(lodgers.sum()),
                "share with a lodger": float(np.exp(found.log_weight)[lodgers].sum()),
            }
        )
    return rows


GROUPS = tuple(dict.fromkeys(table.group for table in looked_at()))


def page(result: Row) -> str:
    """The figures for people."""
    lines = [
        "# A pool of households with their persons, drawn from a template",
        "",
        f"`python bench/template.py`, {result['date']}, {result['machine']}; mean TVD over the tables of each group.",
        "",
        "| candidates | | effective | " + " | ".join(GROUPS) + " | prepare + draw, s CPU | fit, s |",
        "|" + "---|" * (len(GROUPS) + 5),
    ]
    for row in result["cases"]:
        took = f"{row['prepare, s']:.1f} + {row['draw, s']:.1f}" if "draw, s" in row else ""
        fit_took = f"{row['fit, s']:.1f} ({row['status']})" if "fit, s" in row else ""
        effective = f"{row['effective']:,}" if "effective" in row else ""
        told = " | ".join(f"{row[group]:.3f}" for group in GROUPS)
        lines.append(f"| {row['case']} | {row['stage']} | {effective} | {told} | {took} | {fit_took} |")
    lines += [
        "",
        *NOTES,
        "",
        "| candidates | with members | s CPU | effective | of them with a lodger | their share |",
        "|" + "---|" * 6,
    ]
    for row in result["sizes"]:
        lodgers = f"{row['with a lodger']:,} | {row['share with a lodger']:.6f}"
        lines.append(
            f"| {row['candidates']:,} | {row['members']:,} | {row['draw, s']:.1f} | {row['effective']:,} | {lodgers} |"
        )
    return "\n".join(lines) + "\n"


NOTES = (
    "Errors are those of the weighted candidates, before any is taken; *effective* is Kish's size of their weights.",
    "Candidates of a template are over-sampled by composition: two of them are half of the town's households.",
    "",
    "- *Independent members* have the town's sizes and every column's marginal, a head in each household, and nothing else.",
    "  No rules are asked of them: these would leave hardly anything.",
    "- *Product of tables* is m(c) prod [t(c | a) / m(c)]^lambda as it stands, four parents at most. The head's age, the",
    "  partner's age and school say the same things, and count several times.",
    "- *Template* has factors fitted until every believed table comes out. What is left beside the town made again is what",
    "  four parents do not say (incomes hang on six variables, the oldest child's age on how many there are).",
    "- *Rough tables* are off by a factor of two or so in every cell (lognormal, 0.7), and rounded to whole percents. What is",
    "  wrong does harm in proportion to its trust, and strong ties are worth having in spite of that: so there is a lambda,",
    "  and it comes from the confidence.",
)


def main() -> None:
    result = dated({"households": N, "asked for": CANDIDATES, "cases": all_cases(), "sizes": sizes()})
    text = page(result)
    write("template", result, text)
    print(text)


if __name__ == "__main__":
    main()
