"""Polygons as outlines that a page has room for: whole numbers on a grid, neighbours' common borders kept in common.

All corners are rounded to one grid, so that what touched still touches. A corner where more than two borders meet stays; those
of a border between two such corners go by the distance at which Douglas and Peucker (1973) would drop them, which is the same
for both its sides. How many points there are decides which distance that is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.types import CellIndex, Floats, Mask

SIDE = 4096
"""Steps of the grid along the longer side of the map."""

MOST_POINTS = 250_000
"""Points of all outlines together: about 1.5 MB of a page."""

UNSEEN = 1.5
"""Steps of the grid that a border may be moved by in any case."""

FULL_TURN = 360.0
"""Degrees of longitude."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ring:
    """A closed line around a part of a zone, or around a hole in it.

    Attributes:
        points: (n, 2) corners, the last before it returns to the first; eastings and northings.
        hole: whether it is one.
    """

    points: Floats
    hole: bool


def outlines(zones: Mapping[str, Sequence[Ring]], *, degrees: bool) -> dict[str, str]:
    """The outline of each zone as an SVG path with whole numbers, in a frame whose longer side is `SIDE`; y points down.

    Outer rings turn one way and holes the other, so that parts that are there twice stay filled.

    Args:
        zones: at least one ring each, by name.
        degrees: whether corners are longitude and latitude, which are drawn as wide as they are at their middle latitude.

    >>> square = Ring(points=np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0], [0.0, 1.0]]), hole=False)
    >>> outlines({"7": [square]}, degrees=False)
    {'7': 'M0 4096l4096 0 0-4096-4096 0z'}
    """
    rings = [ring for parts in zones.values() for ring in parts]
    zone = np.repeat(np.arange(len(zones)), [len(parts) for parts in zones.values()])
    first = np.cumsum([0, *(len(ring.points) for ring in rings)])
    corners = _on_grid(np.concatenate([ring.points for ring in rings]), degrees)
    ring_of = np.repeat(np.arange(len(rings)), np.diff(first))
    firsts = first[np.unique(zone, return_index=True)[1]]
    begins = corners[firsts].tolist()
    corners, ring_of = _moving(corners, ring_of)
    kept = _kept(corners, ring_of)
    corners, ring_of = corners[kept], ring_of[kept]
    edges = np.searchsorted(ring_of, np.arange(len(rings) + 1))
    paths: list[list[str]] = [[] for _ in zones]
    for at, ring in enumerate(rings):
        path = _path(corners[edges[at] : edges[at + 1]], hole=ring.hole)
        if path:
            paths[zone[at]].append(path)
    # A zone that is smaller than a step of the grid is seen all the same.
    dots = [f"M{max(x - 1, 0)} {max(y - 1, 0)}l2 0 0 2-2 0z" for x, y in begins]
    return {name: "".join(path) or dot for name, path, dot in zip(zones, paths, dots, strict=True)}


def _on_grid(points: Floats, degrees: bool) -> CellIndex:
    """Corners as whole numbers, (n, 2), y pointing down."""
    x, y = points[:, 0].copy(), points[:, 1]
    if degrees:
        sides = np.unique(x)
        gaps = np.diff(sides)
        if len(gaps) and gaps.max() > FULL_TURN / 2:  # they lie on both sides of the 180th meridian
            x[x <= sides[gaps.argmax()]] += FULL_TURN
        x *= np.cos(np.radians((y.min() + y.max()) / 2))
    x, y = x - x.min(), y.max() - y
    longer = max(float(x.max()), float(y.max()))
    return np.rint(np.column_stack([x, y]) * (SIDE / longer if longer > 0 else 0.0)).astype(np.int64)


def _moving(corners: CellIndex, ring_of: CellIndex) -> tuple[CellIndex, CellIndex]:
    """Corners that are not where the one before is, ring by ring."""
    moves = (corners != corners[_before(ring_of)]).any(axis=1)
    return corners[moves], ring_of[moves]


def _before(ring_of: CellIndex) -> CellIndex:
    """Place of the corner before each one, round its ring."""
    before = np.arange(len(ring_of)) - 1
    starts = np.flatnonzero(np.diff(ring_of, prepend=-1))
    before[starts] = np.append(starts[1:], len(ring_of)) - 1
    return before


def _kept(corners: CellIndex, ring_of: CellIndex) -> Mask:
    """The corners that are drawn, (n,)."""
    if not len(corners):
        return np.zeros(0, bool)
    keys, vertex = np.unique(corners[:, 0] * (SIDE + 1) + corners[:, 1], return_inverse=True)
    before = vertex[_before(ring_of)]
    edges = np.unique(np.minimum(vertex, before) * len(keys) + np.maximum(vertex, before))
    junction = np.bincount(np.concatenate(np.divmod(edges, len(keys))), minlength=len(keys)) != 2
    # A ring without junctions begins where it would from any other side.
    begins = np.flatnonzero(np.diff(ring_of, prepend=-1))
    alone = ~np.logical_or.reduceat(junction[vertex], begins)
    stays = junction.copy()
    stays[np.minimum.reduceat(vertex, begins)[alone]] = True
    matter = np.where(stays, np.inf, 0.0)
    sequence, stops = _arcs(vertex, ring_of, stays)
    _weigh(np.column_stack(np.divmod(keys, SIDE + 1)).astype(np.float64), sequence, stops, matter)
    found: Floats = matter[vertex]
    room = MOST_POINTS - int(np.isinf(found).sum())
    finite = np.sort(found[np.isfinite(found)])[::-1]
    least = UNSEEN if len(finite) <= room else max(UNSEEN, float(finite[max(room, 0)]))
    return np.asarray(found > least)


def _arcs(vertex: CellIndex, ring_of: CellIndex, stays: Mask) -> tuple[CellIndex, CellIndex]:
    """Rings cut where corners stay, each border once: their corners in a row, and where these pieces begin and end."""
    begins = np.flatnonzero(np.diff(ring_of, prepend=-1))
    sizes = np.diff(np.append(begins, len(vertex)))
    fixed = np.flatnonzero(stays[vertex])
    turn = fixed[np.searchsorted(fixed, begins)] - begins
    step = np.arange(int((sizes + 1).sum())) - np.repeat(np.cumsum(sizes + 1) - sizes - 1, sizes + 1)
    sequence = vertex[np.repeat(begins, sizes + 1) + (step + np.repeat(turn, sizes + 1)) % np.repeat(sizes, sizes + 1)]
    stops = np.flatnonzero(stays[sequence])
    pieces = np.column_stack([stops[:-1], stops[1:]])[(np.diff(stops) > 1) & (step[stops[1:]] > 0)]
    if not len(pieces):
        return sequence, pieces
    # Corners that do not stay lie on one border alone, so that the least of them names it.
    inside = np.where(stays[sequence], len(stays), sequence)
    names = np.minimum.reduceat(inside, pieces.ravel())[::2]
    return sequence, pieces[np.unique(names, return_index=True)[1]]


def _weigh(at: Floats, sequence: CellIndex, pieces: CellIndex, matter: Floats) -> None:
    """Write Douglas and Peucker's distance of each corner inside a piece; none is larger than that of the split it follows.

    Args:
        at: (vertices, 2) where they are.
        sequence: vertices of all pieces.
        pieces: (pieces, 2) where each begins and ends in it.
        matter: (vertices,) is written to.
    """
    begin, end, most = pieces[:, 0], pieces[:, 1], np.full(len(pieces), np.inf)
    places = at[sequence]
    while len(begin):
        sizes = end - begin - 1
        edges = np.cumsum(sizes) - sizes
        of = np.repeat(np.arange(len(begin)), sizes)
        inner = begin[of] + 1 + np.arange(len(of)) - edges[of]
        away, chord = places[inner] - places[begin[of]], (places[end] - places[begin])
        length = np.hypot(*chord.T)
        with np.errstate(divide="ignore", invalid="ignore"):
            across = np.abs(away[:, 0] * chord[of, 1] - away[:, 1] * chord[of, 0]) / length[of]
        far = np.where(length[of] > 0, across, np.hypot(*away.T))
        furthest = np.maximum.reduceat(far, edges)
        splits = np.flatnonzero(far == furthest[of])
        split = inner[splits[np.unique(of[splits], return_index=True)[1]]]
        found = np.minimum(furthest, most)
        matter[sequence[inner]] = np.minimum(found[of], UNSEEN)
        goes_on = found > UNSEEN
        matter[sequence[split[goes_on]]] = found[goes_on]
        begin = np.concatenate([begin[goes_on], split[goes_on]])
        end = np.concatenate([split[goes_on], end[goes_on]])
        most = np.tile(found[goes_on], 2)
        several = end - begin > 1
        begin, end, most = begin[several], end[several], most[several]


def _path(corners: CellIndex, *, hole: bool) -> str:
    """A ring as a path; empty where nothing is inside of it."""
    if len(corners) < 3:
        return ""
    x, y = corners.T
    twice = int(x[:-1] @ y[1:] - x[1:] @ y[:-1] + x[-1] * y[0] - x[0] * y[-1])
    if not twice:
        return ""
    turned = corners[::-1] if (twice > 0) != hole else corners
    steps = " ".join(map(str, np.diff(turned, axis=0).ravel().tolist())).replace(" -", "-")
    return f"M{turned[0, 0]} {turned[0, 1]}l{steps}z"
