"""The page's section on zones: each area's records and error, each control over all areas, and what the map is drawn from."""

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.errors import JOINERS, visible
from synthor.measure import Measurement
from synthor.measure.areas import Areas, AreaTable, Differences, areas_of
from synthor.problem import Problem
from synthor.schema.text import plural

STANDING = 50
"""Areas that stand on the page without its script, those furthest off first."""

MAX_CONTROLS = 60
"""Controls that are drawn; of more those furthest off."""

MOST_NUMBERS = 300_000
"""Counts of labels that the map can be coloured by: about a megabyte of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelView:
    """One level of areas in a line."""

    name: str
    n_areas: int
    n_tables: int
    n_cells: int
    n_met: int
    tae: int
    worst: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaTableView:
    """One table of areas in a line, in place of its bars."""

    anchor: str
    name: str
    areas: str
    n_cells: int
    n_met: int
    worst: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlView:
    """One label of a table over all areas: a dot and its whiskers.

    Attributes:
        table: name of the target.
        control: the label and its figures.
        dot: place of the mean along the axis, in percent of its length.
        left: place where the whiskers begin.
        width: of both.
    """

    table: str
    control: Differences
    dot: float
    left: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaView:
    """One area as it stands in the table without the page's script."""

    name: str
    records: int
    error: int
    worst: str
    wanted: str
    got: str
    off: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonesView:
    """Everything that the section says.

    Attributes:
        summary: in one sentence.
        levels: of areas, the smallest first.
        tables: of areas, by what their targets are called on the page.
        controls: that are drawn.
        n_controls: how many there are.
        reach: both ends of their axis, in percent.
        standing: the smallest areas, those furthest off.
        n_areas: how many of these there are.
        has_map: whether polygons were given.
        undrawn: how many of the smallest areas have no polygon.
        data: what the script makes the table of, as JSON that may stand in a page.
        outlines: the shapes, alike; empty without polygons.
    """

    summary: str
    levels: tuple[LevelView, ...]
    tables: tuple[AreaTableView, ...]
    controls: tuple[ControlView, ...]
    n_controls: int
    reach: float
    standing: tuple[AreaView, ...]
    n_areas: int
    has_map: bool
    undrawn: int
    data: str
    outlines: str


def view_zones(problem: Problem, measurement: Measurement, anchors: Mapping[str, str]) -> ZonesView | None:
    """What the page says of zones; None where records lie in none.

    Args:
        problem: with its zones.
        measurement: of the records.
        anchors: what each target is called on the page, by its name.
    """
    levels = areas_of(problem, measurement)
    if not levels:
        return None
    zones = problem.spec.zones
    shapes = zones.polygons if zones is not None and isinstance(zones.polygons, dict) else {}
    outlines = {str(name): path for name, path in shapes.items()}
    tables = [(level, table) for level in levels for table in level.tables]
    controls = [(table.fit.target.name, control) for _, table in tables for control in table.controls()]
    shown = sorted(sorted(range(len(controls)), key=lambda at: -_extent(controls[at][1]))[:MAX_CONTROLS])
    reach = _rounded_up(max((abs(control.mean) + control.sd for _, control in controls), default=0.0))
    return ZonesView(
        summary=_summary(levels),
        levels=tuple(_level(level) for level in levels),
        tables=tuple(_table(level, table, anchors[table.fit.target.name]) for level, table in tables),
        controls=tuple(_control(*controls[at], reach) for at in shown),
        n_controls=len(controls),
        reach=reach,
        standing=tuple(_area(levels[0], int(area)) for area in levels[0].by_error[:STANDING]),
        n_areas=len(levels[0].names),
        has_map=bool(outlines),
        undrawn=sum(name not in outlines for name in levels[0].names),
        data=as_script_data([_data(level, with_labels=bool(outlines) and not at) for at, level in enumerate(levels)]),
        outlines=as_script_data([outlines.get(name, "") for name in levels[0].names]) if outlines else "",
    )


def as_script_data(value: object) -> str:
    r"""JSON that may stand in a script element of a page: nothing in it ends the element, or begins a comment or another one.

    >>> as_script_data(["</script><b>", "a & b"])
    '["\\u003c/script\\u003e\\u003cb\\u003e","a \\u0026 b"]'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def script_hash(script: str) -> str:
    """What a page's policy calls a script that it may run.

    >>> script_hash("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _summary(levels: Sequence[Areas]) -> str:
    """Zones, levels, cells met, the worst."""
    first, *around = levels
    own = "" if first.name.casefold() in ("zone", "zones") else f" ({first.name})"
    parts = [f"{plural(len(first.names), 'zone')}{own}", *(f"{plural(len(u.names), 'area')} ({u.name})" for u in around)]
    tables, cells, met = (sum(of(level) for level in levels) for of in (_n_tables, _n_cells, _n_met))
    told = f"{' in '.join(parts)}; {met:,} of {cells:,} cells of {plural(tables, 'table')} of areas are met"
    worst = max(levels, key=lambda level: abs(level.off_by(int(level.by_error[0]))) if len(level.names) else 0.0)
    return f"{told}{_worst_of(worst)}."


def _worst_of(level: Areas) -> str:
    off = [abs(level.off_by(area)) for area in range(len(level.names))]
    at = int(np.argmax(off)) if off else -1
    if at < 0 or not off[at]:
        return ""
    table, cell = level.tables[level.worst[at, 0]], int(level.worst[at, 1])
    return f"; the worst is {level.name} {level.names[at]}, {_cell(table, cell)}: {table.fit.told(cell)}"


def _n_tables(level: Areas) -> int:
    return len(level.tables)


def _n_cells(level: Areas) -> int:
    return level.n_cells


def _n_met(level: Areas) -> int:
    return level.n_met


def _cell(table: AreaTable, cell: int) -> str:
    """A cell of an area, without the area's name."""
    return f"{table.label(int(table.of.cells[cell]))} of '{table.fit.target.name}'"


def _level(level: Areas) -> LevelView:
    return LevelView(
        name=level.name,
        n_areas=len(level.names),
        n_tables=len(level.tables),
        n_cells=level.n_cells,
        n_met=level.n_met,
        tae=int(level.error.sum()),
        worst=_worst_of(level).removeprefix("; the worst is "),
    )


def _table(level: Areas, table: AreaTable, anchor: str) -> AreaTableView:
    fit = table.fit
    labels = ", ".join(fit.target.labels(fit.worst).values())
    return AreaTableView(
        anchor=anchor,
        name=fit.target.name,
        areas=f"{int(table.of.told.sum()):,} ({level.name})",
        n_cells=fit.n_cells,
        n_met=table.n_met,
        worst="" if fit.met else f"{labels}: {fit.told(fit.worst)}",
    )


def _extent(control: Differences) -> float:
    return max(abs(control.mean) + control.sd, control.rmse)


def _rounded_up(number: float) -> float:
    """The end of an axis: 1, 2 or 5 times a power of ten, one percent at least.

    >>> _rounded_up(0.0), _rounded_up(3.2), _rounded_up(120.0)
    (1.0, 5.0, 200.0)
    """
    power = 10.0 ** math.floor(math.log10(max(number, 1.0)))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= number)


def _control(table: str, control: Differences, reach: float) -> ControlView:
    low, high = control.mean - control.sd, control.mean + control.sd
    return ControlView(
        table=table,
        control=control,
        dot=round(50 + 50 * control.mean / reach, 2),
        left=round(50 + 50 * low / reach, 2),
        width=round(50 * (high - low) / reach, 2),
    )


def _area(level: Areas, area: int) -> AreaView:
    worst, wanted, got, off = next(_worst_cells(level, [area]), ("", "", "", ""))
    return AreaView(
        name=level.names[area],
        records=int(level.records[area]),
        error=int(level.error[area]),
        worst=worst,
        wanted=wanted,
        got=got,
        off=off,
    )


def _worst_cells(level: Areas, areas: Sequence[int]) -> Iterator[tuple[str, str, str, str]]:
    """The worst cell of each of some areas, what it should hold, what it does and the difference; of those with one alone."""
    for area in areas:
        at, cell = (int(place) for place in level.worst[area])
        if at >= 0:
            table = level.tables[at]
            off = f"{level.off_by(area):+,.0f}".replace("-", "−")
            yield _cell(table, cell), table.fit.asked(cell), f"{int(table.fit.got[cell]):,}", off


def _data(level: Areas, *, with_labels: bool) -> dict[str, object]:
    """One level of areas for the page's script; counts of labels for its map alone."""
    off = np.flatnonzero(level.error)
    cells = _worst_cells(level, off.tolist())
    found: dict[str, object] = {
        "name": _shown(level.name),
        "areas": [_shown(name) for name in level.names],
        "records": level.records.tolist(),
        "error": {str(area): int(level.error[area]) for area in off},
        "worst": {str(area): [*map(_shown, cell), level.off_by(int(area))] for area, cell in zip(off, cells, strict=True)},
    }
    if with_labels:
        found["tables"] = list(_labels(level))
    return found


def _labels(level: Areas) -> Iterator[dict[str, object]]:
    """Tables whose labels the map can be coloured by, as far as there is room for them."""
    left = MOST_NUMBERS
    for table in level.tables:
        size = len(level.names) * table.of.grid.size
        if table.fit.target.grid.listed is None and table.of.grid.size > 1 and size <= left:
            left -= size
            got = table.inside(table.fit.got.astype(np.float64)).astype(np.int64)
            labels = [_shown(table.label(cell)) for cell in range(table.of.grid.size)]
            yield {"name": _shown(table.fit.target.name), "labels": labels, "got": got.ravel().tolist()}


def _shown(text: str) -> str:
    """A text without characters that a reader cannot see."""
    return visible(text, kept=JOINERS)
