"""Current units with one value changed, to choose from where whole counts miss; of units with members with two values, too.

Numbers so move to another bin, and a pool that holds no such unit is no obstacle. Of a unit with members they are values of its
own or of one member; what follows from members is computed anew. Two at once are needed where a rule ties one to the other:
who stops working has no earnings. And a member comes, or one leaves, mostly where others like it stay: without that, hardly
anything puts a number of members right.
"""

from collections.abc import Iterator

import numpy as np

from synthor.problem import Problem
from synthor.problem.following import derived
from synthor.schema import Level, Ref, Units, of_unit
from synthor.spec.levels import levels_of
from synthor.types import CellIndex, Codes, Counts
from synthor.values import possible

VARIED, NESTED_VARIED = 400, 50_000
"""Units of which variants are made: of those with members nearly all, since what is missed may hang on rare ones."""

MOST_VARIANTS = 20_000
"""Variants at most; with members, so many of each way."""

RARER = 4
"""Times as many members come or leave where others of their role stay as where none does."""


def varied(problem: Problem, units: Units, counts: Counts, random: np.random.Generator) -> tuple[Units, CellIndex]:
    """Variants of current units, as far as the rules allow, and which unit each was made of; of flat ones each once, of any.

    Those of units with members come in no order that means anything, and some may be what they were made of.

    Args:
        problem: with all rules.
        units: the candidates.
        counts: (n,) copies of each.
        random: chooses units.
    """
    current = np.flatnonzero(counts > 0)
    most = NESTED_VARIED if units.nested else VARIED
    if len(current) > most:
        chance = np.log(random.exponential(size=len(current))) - np.log(counts[current])
        current = np.sort(current[np.argsort(chance)[:most]])
    fine = problem.schema.refine(units.take(current))
    if not units.nested:
        found = _of_records(problem, fine, random)
        return found.take(found.unlike(units)), np.zeros(0, np.int64)
    parts = list(_of_members(problem, fine, random)) if problem.spec.members else []  # else what follows from what is unknown
    if not parts:
        return units.take(current[:0]), current[:0]
    made = derived(problem.follows, problem.schema.refined, parts[0][0].joined(*(part for part, _ in parts[1:])))
    kept = np.flatnonzero(possible(problem.refined, made))
    source = np.concatenate([of for _, of in parts])[kept]
    return problem.schema.coarsen(made.take(kept)), current[source]


def _of_records(problem: Problem, fine: Units, random: np.random.Generator) -> Units:
    """Variants of flat records, each once, in declared bins."""
    level = problem.schema.unit
    concerned = {p for target in problem.targets if target.flat for p in target.positions}
    found = []
    for position in sorted(concerned):
        size = level.band(position).size
        each = max(MOST_VARIANTS // max(len(concerned) * size, 1), 1)
        some = fine if len(fine) <= each else fine.take(np.sort(random.choice(len(fine), each, replace=False)))
        changed = _one_of(_firsts(level, position), random, len(some))
        found.append(some.repeated(size).replace(of_unit(position), slice(None), changed))
    made = found[0].joined(*found[1:]).distinct() if found else fine.take(np.zeros(0, np.int64))
    made = made.where(possible(problem.refined, made)) if len(made) else made
    return problem.schema.coarsen(made)


def _of_members(problem: Problem, fine: Units, random: np.random.Generator) -> Iterator[tuple[Units, CellIndex]]:
    """Variants of units with members in the finest bins, and which unit each was made of."""
    schema = problem.schema
    follows = {(one.level, one.position) for one in problem.follows if not one.by_values}
    follows |= {(at, own.position(own.role)) for at, own in enumerate(schema) if own.role}  # who there is stays as it is
    areas = () if problem.zones is None else problem.zones.columns  # nor does anybody move: areas hang together
    refs = {axis.ref for target in problem.targets for axis in target.axes}
    apart = [(ref.level, ref.of_two.category.column) for ref in refs if ref.of_two is not None]  # what tells two apart
    concerned = ({(ref.level, schema.levels[ref.level].declared(ref.column)) for ref in refs} | {*apart}) - follows
    concerned -= {(0, position) for position in areas}
    most = MOST_VARIANTS // max(sum(schema.levels[level].band(position).size for level, position in concerned), 1)
    for level, position in sorted(concerned):
        size, n_rows = schema.levels[level].band(position).size, fine.n_rows(level)
        rows = np.sort(random.choice(n_rows, min(n_rows, max(most, 1)), replace=False))
        some, at = fine.of_rows(level, np.repeat(rows, size))
        codes = _one_of(_firsts(schema.levels[level], position), random, len(rows))
        yield some.replace(Ref(level, position), at, codes), np.repeat(fine.above(0, level)[rows], size)
    several = {level: [position for at, position in sorted(concerned) if at == level] for level, _ in concerned}
    several = {level: of for level, of in sorted(several.items()) if len(of) > 1 and fine.n_rows(level)}
    for level, positions in several.items():
        yield _two_changed(fine, schema.levels[level], level, positions, MOST_VARIANTS // len(several), random)
    below = [level for level in range(1, len(schema.levels)) if fine.n_rows(level)]
    for level in below:
        yield from _one_less_or_more(problem, fine, level, MOST_VARIANTS // len(below), random)


def _one_less_or_more(
    problem: Problem, fine: Units, level: int, n: int, random: np.random.Generator
) -> Iterator[tuple[Units, CellIndex]]:
    """Units with one row of a level less, n of them, and with one more, n, a copy of another unit's; and what they were.

    Most are of roles that the unit has already, and still has then, so that what it is stays as it was. But nobody else could
    make a unit of two of one of one; so there are some of whom the only one with a role leaves, or the first one comes.
    """
    form, own, above = levels_of(problem.spec)[level], problem.schema.levels[level], problem.schema.above(level)
    n_roles = own.variables[own.position(own.role)].size if own.role else 1
    role = fine.column(Ref(level, own.position(own.role))) if own.role else np.zeros(fine.n_rows(level), np.int64)
    parent = fine.above(above or 0, level)
    labels = own.variables[own.position(own.role)].labels if own.role else ("",)
    fewest = np.array([form.fewest(label) if label in form.roles else 0 for label in labels])[role]
    ends = [form.roles[label].max if label in form.roles else None for label in labels]
    most = np.array([np.inf if end is None else end for end in ends])[role]
    siblings, alike = np.bincount(parent)[parent], np.bincount(parent * n_roles + role)[parent * n_roles + role]
    unit = fine.above(0, level)
    less = np.flatnonzero((alike >= 2) & (alike > fewest) & (siblings > form.number.min))
    if len(less):
        rows = np.sort(random.choice(less, min(n, len(less)), replace=False))
        yield fine.without_rows(level, rows), unit[rows]
    more = np.flatnonzero((alike < most) & (siblings < (np.inf if form.number.max is None else form.number.max)))
    if len(more):
        rows = np.sort(random.choice(more, n))
        by_role, first = np.argsort(role, kind="stable"), np.searchsorted(np.sort(role), np.arange(n_roles + 1))
        others = by_role[first[role[rows]] + np.floor(random.random(n) * np.diff(first)[role[rows]]).astype(np.int64)]
        yield fine.with_copies(level, rows, others), unit[rows]
    if n_roles == 1:
        return
    last = np.flatnonzero((alike == 1) & (fewest == 0) & (siblings > form.number.min))
    if len(last):
        rows = np.sort(random.choice(last, min(n // RARER, len(last)), replace=False))
        yield fine.without_rows(level, rows), unit[rows]
    room = np.flatnonzero(siblings < (np.inf if form.number.max is None else form.number.max))
    if len(room):
        rows, others = np.sort(random.choice(room, n // RARER)), random.integers(0, fine.n_rows(level), n // RARER)
        held = np.bincount(parent * n_roles + role, minlength=(int(parent[-1]) + 1) * n_roles)
        first = (held[parent[rows] * n_roles + role[others]] == 0) & (most[others] > 0)
        yield fine.with_copies(level, rows[first], others[first]), unit[rows[first]]


def _two_changed(
    fine: Units, own: Level, level: int, positions: list[int], n: int, random: np.random.Generator
) -> tuple[Units, CellIndex]:
    """Units with two values of one row of a level drawn anew, n of them, and which unit each was made of."""
    rows = np.sort(random.integers(0, fine.n_rows(level), size=n))
    found, at = fine.of_rows(level, rows)
    first = random.integers(0, len(positions), size=n)
    second = (first + random.integers(1, len(positions), size=n)) % len(positions)
    for place, position in enumerate(positions):
        changed = np.flatnonzero((first == place) | (second == place))
        begin = _firsts(own, position)
        bins = random.integers(0, len(begin) - 1, size=len(changed))
        codes = begin[bins] + np.floor(random.random(len(changed)) * np.diff(begin)[bins])
        found = found.replace(Ref(level, position), at[changed], codes.astype(np.int32))
    return found, fine.above(0, level)[rows]


def _firsts(level: Level, position: int) -> CellIndex:
    """First of the finest bins in each band of a variable, and where the last band ends."""
    if position not in level.slices:
        return np.arange(level.finest(position).size + 1)
    band = level.band(position).codes_of_bins(level.finest(position))
    return np.searchsorted(band, np.arange(level.band(position).size + 1))


def _one_of(first: CellIndex, random: np.random.Generator, n: int) -> Codes:
    """For each of n rows one code of each span between two firsts, (n * spans,)."""
    size = np.diff(first)
    return (first[:-1] + np.floor(random.random((n, len(size))) * size)).astype(np.int32).ravel()
