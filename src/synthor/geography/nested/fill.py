"""Whole units with members in zones.

Zones first, then the areas around them, the region last (`chosen`, `split`). Whole units are a little beside what is expected,
and what areas see of large households decides most of what the region's own tables see of them; over thousands of zones that
adds up. So half of the largest areas come first; what the region then still lacks is asked of the others, of which half come
next, and so on: in the end only one area's rounding is left, and pairs of exchanges that no area notices mend that.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.engine.engine import Engine
from synthor.geography.housed import Housed
from synthor.geography.nested.chosen import chosen
from synthor.geography.nested.pulled import Pulled, fitted
from synthor.geography.nested.split import split
from synthor.geography.nested.vectors import Vectors
from synthor.problem.zones import Zones
from synthor.randomness import generator
from synthor.types import CellIndex, Counts, Floats

BATCH = 32
"""Zones that are filled by one task, about."""


def filled(
    fit: Pulled,
    zones: Zones,
    weights: Floats,
    totals: Counts,
    random_seed: int,
    engine: Engine,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Housed:
    """Whole candidates in zones, the tables of all areas and of the region met.

    Args:
        fit: what is expected in the areas.
        zones: all of them, the region aside.
        weights: (n,) share of each candidate.
        totals: (zones,) units in each zone.
        random_seed: of the spec.
        engine: where areas are filled.
        advance: told how many zones are filled, of how many.
    """
    vectors, last = fit.vectors, len(zones.sizes)
    inside = _in_turn(fit, zones.with_region, totals, random_seed, engine, lambda done: advance(done, zones.sizes[0]))
    expected = fit.mass(last, fit.base[None], slice(0, 1))[0]
    housed = split(inside, expected, vectors, last, 0, generator(random_seed, "zones", "split", last, 0))
    return _candidates(housed, vectors, weights, generator(random_seed, "zones", "candidates"))


def _in_turn(
    whole: Pulled, zones: Zones, totals: Counts, random_seed: int, engine: Engine, advance: Callable[[int], None]
) -> Housed:
    """Whole units in all zones, as the largest areas tell them apart: area by area, each half of those that are left."""
    top = len(zones.sizes) - 2
    order = generator(random_seed, "zones", "in turn").permutation(zones.sizes[top])
    fit, made, found = whole, np.zeros(whole.vectors.counts[-1].shape[1]), list[Housed]()
    n_zones = 0
    while len(fit.areas[top]):
        rank = np.argsort(order[fit.areas[top]], kind="stable")
        n = -(-len(rank) // 2)
        now, later = fit.part(np.sort(rank[:n])), fit.part(np.sort(rank[n:]))
        work = _Work(fit=now, totals=totals, random_seed=random_seed)
        parts = []
        for part in _kept_or_made(_batches(now), f"areas-{random_seed}-{len(found)}", work, engine):
            parts.append(part)
            n_zones += len(np.unique(part.zone))
            advance(n_zones)
        own = Housed.joined(parts)
        found.append(own)
        made += fit.given(own.totals(fit.vectors.sizes[top]).astype(np.float64))
        fit = replace(later, vectors=later.vectors.without(made, whole.vectors))
        if len(fit.areas[top]):
            fitted(fit, engine, kept=f"fit-{random_seed}-{len(found)}")
    return Housed.joined(found)


def _kept_or_made(batches: Sequence[CellIndex], name: str, work: "_Work", engine: Engine) -> Iterator[Housed]:
    """Whole units in the zones of each batch: those on the shelf, or new ones, which are put there."""
    shelf = work.fit.shelf
    there = [shelf.take(f"{name}-{number}") for number in range(len(batches))]
    made = engine.map(_in_areas, [batch for batch, own in zip(batches, there, strict=True) if own is None], shared=work)
    for number, own in enumerate(there):
        found = next(made) if own is None else Housed(zone=own[0], unit=own[1], count=own[2])
        if own is None:
            shelf.put(f"{name}-{number}", [found.zone, found.unit, found.count])
        yield found


def _batches(fit: Pulled) -> list[CellIndex]:
    """The largest areas, a few at a time: about as many zones in each."""
    sizes = fit.zones.sizes
    each = max(BATCH * sizes[-2] // sizes[0], 1)
    return [np.arange(begin, min(begin + each, sizes[-2])) for begin in range(0, sizes[-2], each)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Work:
    """What all tasks look at.

    Attributes:
        fit: of all areas that are to be filled now.
        totals: units in each of all zones.
        random_seed: of the spec.
    """

    fit: Pulled
    totals: Counts
    random_seed: int


def _in_areas(work: _Work, some: CellIndex) -> Housed:
    """Whole units in the zones of some of the largest areas, by their places."""
    fit, totals, random_seed = work.fit.part(some), work.totals, work.random_seed
    above = fit.down()
    found = Housed.joined([chosen(fit, above[0], totals, block, random_seed) for block in fit.blocks(0)])
    for level in range(1, len(fit.zones.sizes) - 1):
        names, around = fit.areas[level], fit.zones.above(0, level)
        parts = []
        for block in fit.blocks(level):
            for place, expected in enumerate(fit.mass(level, above[level], block), start=block.start):
                random = generator(random_seed, "zones", "split", level, int(names[place]))
                own = found.where(around[np.searchsorted(fit.areas[0], found.zone)] == place)
                parts.append(split(own, expected, fit.vectors, level, place, random))
        found = Housed.joined(parts)
    return found


def _candidates(housed: Housed, vectors: Vectors, weights: Floats, random: np.random.Generator) -> Housed:
    """Candidates in place of vectors: of those that are the same to all tables each as often as it weighs, as nearly as can be.

    Equal steps along the weights of a vector's candidates tell how many there are of each; which zone has which is chance.
    """
    order = np.argsort(vectors.of_units, kind="stable")
    kind = vectors.of_units[order]
    rising = np.cumsum(weights[order])
    begin, end = np.searchsorted(kind, housed.unit), np.searchsorted(kind, housed.unit, side="right")
    every = housed.each
    shuffled = every[np.lexsort((random.random(len(every)), housed.unit[every]))]
    own = housed.unit[shuffled]
    first = np.searchsorted(own, own)
    n = np.searchsorted(own, own, side="right") - first
    start = random.random(vectors.sizes[-1])
    share = (np.arange(len(own)) - first + start[own]) / n
    before = np.append(rising, 0.0)[begin[shuffled] - 1]
    marks = before + share * (rising[end[shuffled] - 1] - before)
    place = np.clip(np.searchsorted(rising, marks, side="right"), begin[shuffled], end[shuffled] - 1)
    return Housed.of(housed.zone[shuffled], order[place])
