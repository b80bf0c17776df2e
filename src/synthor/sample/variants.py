"""Current units with one value changed, for programmes to choose from; of units with members with two values, too.

Numbers so move to another bin, and a pool that holds no such unit is no obstacle. Of a unit with members they are values of its
own or of one member; what follows from members is computed anew. Two at once are needed where a rule ties one to the other:
who stops working has no earnings.
"""

from collections.abc import Iterator

import numpy as np

from synthor.problem import Problem
from synthor.problem.following import derived
from synthor.schema import Level, Ref, Units, of_unit
from synthor.types import CellIndex, Codes, Counts
from synthor.values import possible

VARIED, MOST_VARIANTS = 400, 20_000
"""Units of which variants are made, and variants at most; with members, so many with one value changed, and with two."""


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
    if len(current) > VARIED:
        chance = np.log(random.exponential(size=len(current))) - np.log(counts[current])
        current = np.sort(current[np.argsort(chance)[:VARIED]])
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
    follows = {(one.level, one.position) for one in problem.follows}
    follows |= {(at, own.position(own.role)) for at, own in enumerate(schema) if own.role}  # who there is stays as it is
    concerned = {(axis.ref.level, axis.position) for target in problem.targets for axis in target.axes} - follows
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
