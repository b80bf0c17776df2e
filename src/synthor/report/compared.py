"""Runs beside each other, for a terminal, a program, a notebook and as a page."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from rich.console import Group, RenderableType
from rich.table import Table

from synthor.evaluate.compared import CellPair, Compared, Numbers, TargetPair, VariablePair
from synthor.report.page import template
from synthor.report.screen import Fitting, Tone, print_json, say, show, words
from synthor.schema.text import in_brief, plural, some_of
from synthor.version import __version__

FEW, MANY = 12, 1_000
"""Cells, categories and areas that a terminal shows; and with --verbose."""

MOST_DRAWN = 60
"""Cells and categories of one picture: of more, those that differ most."""

MOST_TARGETS = 40
"""Targets whose cells are drawn."""

DASH = "–"


def show_compared(found: Compared, tone: Tone) -> None:
    """Runs beside each other; quietly, one sentence."""
    if tone is Tone.JSON:
        print_json(compared_document(found))
    elif tone is Tone.QUIET:
        say(verdict_of(found))
    else:
        show(compared_table(found, most=MANY if tone is Tone.VERBOSE else FEW))


def verdict_of(found: Compared) -> str:
    """How much differs, in a sentence."""
    if not found.targets:
        return "No target is common to all runs."
    every = "Both runs" if len(found.runs) == 2 else f"All {len(found.runs)} runs"
    targets, cells = plural(len(found.targets), "target"), plural(found.n_cells, "cell")
    if not found.n_differing:
        return f"{every} have {targets} ({cells}) in common, and got the same in each."
    differ = f"{plural(found.n_differing, 'cell')} differ{'' if found.n_differing > 1 else 's'}"
    return f"{every} have {targets} ({cells}) in common; {differ}."


def compared_in_words(found: Compared) -> str:
    """A comparison at a prompt."""
    lines = [f"<Comparison of {' and '.join(run.name for run in found.runs)}>", verdict_of(found)]
    for target, cell in found.largest[:3]:
        lines.append(in_brief(f"{target.name}, {cell.label}: {' -> '.join(told(one) for one in cell.got)}", 120))
    return "\n".join([*lines, found.sentence])


def compared_table(found: Compared, *, most: int) -> RenderableType:
    """What the runs were made with, the cells that differ most, statistics, variables, areas, and what not all have."""
    parts: list[RenderableType] = [_facts(found), "", words(verdict_of(found), "bold"), words(found.sentence)]
    if found.largest:
        parts += ["", _cells(found, found.largest[:most], "Largest differences")]
        if len(found.largest) > most:
            parts.append(words(f"... and {len(found.largest) - most:,} more cells."))
    if found.statistics:
        parts += ["", _cells(found, found.statistics[:most], "Statistics")]
    moved = [variable for variable in found.variables if max(variable.tvd) > 0]
    if moved:
        parts += ["", _variables(found, moved[:most])]
    if len(moved) < len(found.variables):
        parts.append(words(f"{plural(len(found.variables) - len(moved), 'variable')} the same in all runs."))
    if found.areas is not None:
        parts += ["", _areas(found, found.areas, most)]
    parts += [words(line, "yellow") for line in _only(found)]
    return Group(*parts)


def compared_document(found: Compared) -> dict[str, object]:
    """The same for programs."""
    every = (*found.variables, *([found.areas] if found.areas is not None else []))
    return {
        "runs": [asdict(run) for run in found.runs],
        "same": {what.replace(" ", "_"): same for what, same in found.same.items()},
        "targets": [
            {
                "name": target.name,
                "kind": target.kind,
                "cells": [
                    {
                        "labels": dict(cell.labels),
                        "wanted": list(cell.wanted),
                        "got": list(cell.got),
                        "difference": list(cell.differences),
                        "percent": list(cell.percents),
                    }
                    for cell in target.cells
                ],
                "cells_not_in_all": target.n_apart,
            }
            for target in found.targets
        ],
        "variables": [
            {
                "name": variable.name,
                "area": variable.area,
                "tvd": list(variable.tvd),
                "categories": [
                    {
                        "label": label,
                        "rows": [int(rows[at]) for rows in variable.counts],
                        "share": [shares[at] for shares in variable.shares],
                    }
                    for at, label in enumerate(variable.labels)
                ],
            }
            for variable in every
        ],
        "not_in_all": [
            {
                "run": run.name,
                "targets": list(found.only_targets[run.name]),
                "variables": list(found.only_variables[run.name]),
            }
            for run in found.runs
        ],
    }


def told(number: float | None, decimals: int = 0) -> str:
    """A count, or a value with some decimals.

    >>> told(1200.0), told(31000.256, 1), told(None)
    ('1,200', '31,000.3', '–')
    """
    return DASH if number is None else f"{number:,.{decimals}f}"


def signed(number: float | None, decimals: int = 0, unit: str = "") -> str:
    """A difference with its sign; 0 where nothing is left of it.

    >>> signed(16.0), signed(-2.25, 1, "%"), signed(0.02, 1), signed(None)
    ('+16', '-2.2%', '0', '–')
    """
    if number is None:
        return DASH
    return "0" if abs(number) < 0.5 * 10.0**-decimals else f"{number:+,.{decimals}f}{unit}"


def _facts(found: Compared) -> RenderableType:
    runs = found.runs
    lines = [
        ("records", [f"{run.records:,}" for run in runs]),
        ("targets met", ["yes" if run.met else "no" for run in runs]),
        *([("scenario", [in_brief(run.scenario, 40) or "-" for run in runs])] if any(run.scenario for run in runs) else []),
        *([("of the run in", [run.base or "-" for run in runs])] if any(run.base for run in runs) else []),
        ("random seed", ["-" if run.random_seed is None else str(run.random_seed) for run in runs]),
        ("beliefs", [run.beliefs_sha256[:8] for run in runs]),
        ("synthor", [run.version or "-" for run in runs]),
    ]
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    for run in runs:
        table.add_column(words(run.name))
    for what, values in lines:
        table.add_row(what, *(words(value) for value in values))
    narrow = [
        words(f"{run.name}: {', '.join(f'{what} {values[at]}' for what, values in lines)}") for at, run in enumerate(runs)
    ]
    return Fitting(table, Group(*narrow))


def _apart(cell: CellPair, decimals: int) -> tuple[str, ...]:
    """Differences of all runs but the first, with percents where there are any."""
    found = []
    for one, share in zip(cell.differences[1:], cell.percents[1:], strict=True):
        text, percent = signed(one, decimals), signed(share, 1, "%")
        found.append(text if "0" in (text, percent) or share is None else f"{text} ({percent})")
    return tuple(found)


def _row(target: TargetPair, cell: CellPair) -> tuple[list[str], tuple[str, ...]]:
    """What each run got, with what was wanted where that is not the same; and differences of all but the first."""
    got = []
    for one, wanted in zip(cell.got, cell.wanted, strict=True):
        met = not target.counts or wanted is None or one is None or abs(one - wanted) < 1
        text = told(one, target.decimals)
        got.append(text if met else f"{text} (of {told(wanted)})")
    return got, _apart(cell, target.decimals)


def _cells(found: Compared, pairs: Sequence[tuple[TargetPair, CellPair]], heading: str) -> RenderableType:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("target")
    table.add_column("cell")
    several = len(found.runs) > 2
    for run in found.runs:
        table.add_column(words(run.name), justify="right", no_wrap=True)
    for run in found.runs[1:]:
        table.add_column(words(f"{run.name}: difference" if several else "difference"), justify="right", no_wrap=True)
    narrow = []
    for target, cell in pairs:
        got, apart = _row(target, cell)
        table.add_row(words(target.name), words(cell.label), *map(words, got), *map(words, apart))
        narrow.append(words(f"{target.name}, {cell.label}:"))
        narrow.append(words(f"  {', '.join(got)}: {', '.join(apart)}"))
    return Group(words(heading, "bold"), Fitting(table, Group(*narrow)))


def _variables(found: Compared, variables: Sequence[VariablePair]) -> RenderableType:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("variable", "moved", "furthest category"):
        table.add_column(name, justify="right" if name == "moved" else "left")
    for run in found.runs:
        table.add_column(words(run.name), justify="right", no_wrap=True)
    narrow = [words("variables, and the share of rows that lie otherwise", "bold")]
    for variable in variables:
        at = variable.furthest
        moved, shares = _percent(max(variable.tvd)), [f"{100 * shares[at]:.1f}%" for shares in variable.shares]
        table.add_row(words(variable.name), moved, words(variable.labels[at]), *shares)
        narrow.append(words(f"{variable.name}: {moved}, {variable.labels[at]}: {', '.join(shares)}"))
    return Fitting(table, Group(*narrow))


def _areas(found: Compared, areas: VariablePair, most: int) -> RenderableType:
    """Units in each of the largest areas, those that change most first."""
    pairs = [
        (TargetPair(name=areas.name, kind="count", counts=True, decimals=0, cells=(), n_apart=0), cell)
        for cell in _as_cells(areas)
    ]
    pairs.sort(key=lambda pair: -pair[1].furthest)
    rest = [words(f"... and {len(pairs) - most:,} more areas.")] if len(pairs) > most else []
    return Group(_cells(found, pairs[:most], "Units in each area"), *rest)


def _as_cells(variable: VariablePair) -> list[CellPair]:
    """The categories of a variable as cells that nothing is wanted of."""
    nothing: Numbers = (None,) * len(variable.counts)
    return [
        CellPair(labels={variable.name: label}, wanted=nothing, got=tuple(float(rows[at]) for rows in variable.counts))
        for at, label in enumerate(variable.labels)
    ]


def _only(found: Compared) -> list[str]:
    """What not all runs have."""
    lines = []
    for run in found.runs:
        for what, names in (("target", found.only_targets[run.name]), ("variable", found.only_variables[run.name])):
            if names:
                lines.append(f"Not in all runs, but in {run.name}: {plural(len(names), what)}: {some_of(names)}.")
    apart = [(target.name, target.n_apart) for target in found.targets if target.n_apart]
    lines += [f"'{name}' has {plural(n, 'cell')} that not all runs have; these are left out." for name, n in apart]
    return lines


# --- The page


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedBar:
    """One cell or category: of each run its value and the length of its bar in percent; of the others the difference."""

    label: str
    values: tuple[str, ...]
    widths: tuple[float, ...]
    apart: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPicture:
    """The bars of one variable or target.

    Attributes:
        name: of it.
        about: what stands beside its name.
        bars: those that are drawn.
        n_left_out: how many are not.
    """

    name: str
    about: str
    bars: tuple[ComparedBar, ...]
    n_left_out: int


def compared_page(found: Compared) -> str:
    """The page: what the runs were made with, the largest differences, every variable and target. It loads and runs nothing."""
    return template("compare.html.j2").render(**_shown(found)) + "\n"


def compared_part(found: Compared) -> str:
    """A comparison in a notebook."""
    return template("compared.html.j2").render(**_shown(found))


def _shown(found: Compared) -> dict[str, object]:
    pictures = [_picture_of_target(target) for target in found.targets if target.cells]
    return {
        "found": found,
        "title": in_brief(found.runs[0].title, 120) or "Synthetic records",
        "verdict": verdict_of(found),
        "largest": [(target.name, cell.label, *_row(target, cell)) for target, cell in found.largest[: 2 * FEW]],
        "n_more": max(len(found.largest) - 2 * FEW, 0),
        "statistics": [(target.name, cell.label, *_row(target, cell)) for target, cell in found.statistics[:MOST_DRAWN]],
        "variables": [_picture_of_variable(variable) for variable in found.variables],
        "areas": None if found.areas is None else _picture_of_areas(found.areas),
        "targets": pictures[:MOST_TARGETS],
        "n_targets_left_out": max(len(pictures) - MOST_TARGETS, 0),
        "only": _only(found),
        "version": __version__,
    }


def _picture_of_variable(variable: VariablePair) -> ComparedPicture:
    shares = list(zip(*variable.shares, strict=True))
    longest = max((share for row in shares for share in row), default=0.0) or 1.0
    bars = [
        ComparedBar(
            label=label,
            values=tuple(f"{100 * share:.1f}%" for share in row),
            widths=tuple(round(100 * share / longest, 1) for share in row),
            apart=tuple(_points(share - row[0]) for share in row[1:]),
        )
        for label, row in zip(variable.labels, shares, strict=True)
    ]
    moved = max(variable.tvd)
    about = f"{_percent(moved)} of rows lie otherwise" if moved > 0 else "the same"
    return _picture(variable.name, about, bars, [max(abs(share - row[0]) for share in row) for row in shares])


def _percent(share: float) -> str:
    return "<0.1%" if 0 < share < 0.0005 else f"{100 * share:.1f}%"


def _points(apart: float) -> str:
    """A difference of shares, in percentage points."""
    return "<0.1 pt" if 1e-9 < abs(apart) < 0.0005 else signed(100 * apart, 1, " pt")


def _picture_of_areas(areas: VariablePair) -> ComparedPicture:
    cells = sorted(_as_cells(areas), key=lambda cell: -cell.furthest)
    return _picture(areas.name, "units in each", _bars_of_cells(cells), [cell.furthest for cell in cells])


def _picture_of_target(target: TargetPair) -> ComparedPicture:
    n = sum(target.differs(cell) for cell in target.cells)
    about = f"{target.kind}; {plural(n, 'cell')} of {len(target.cells):,} differ{'' if n > 1 else 's'}" if n else "the same"
    return _picture(target.name, about, _bars_of_cells(target.cells, target.decimals), [cell.furthest for cell in target.cells])


def _bars_of_cells(cells: Iterable[CellPair], decimals: int = 0) -> list[ComparedBar]:
    every = list(cells)
    longest = max((abs(got) for cell in every for got in cell.got if got is not None), default=0.0) or 1.0
    return [
        ComparedBar(
            label=cell.label,
            values=tuple(told(got, decimals) for got in cell.got),
            widths=tuple(round(100 * abs(got or 0.0) / longest, 1) for got in cell.got),
            apart=_apart(cell, decimals),
        )
        for cell in every
    ]


def _picture(name: str, about: str, bars: Sequence[ComparedBar], apart: Sequence[float]) -> ComparedPicture:
    """As many bars as there is room for, in their order: of more those that differ most."""
    kept = sorted(sorted(range(len(bars)), key=lambda at: -apart[at])[:MOST_DRAWN])
    return ComparedPicture(name=name, about=about, bars=tuple(bars[at] for at in kept), n_left_out=len(bars) - len(kept))
