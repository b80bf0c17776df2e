"""How things look at a prompt and in a notebook: in a few lines, whatever tables and models wrote into them escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import polars as pl

from synthor.errors import Finding, InputError, visible
from synthor.measure import CountFit, Measurement, Records
from synthor.measure.areas import areas_of
from synthor.problem import Problem
from synthor.report.nested import UnitView, as_shown, view_units
from synthor.report.page import template
from synthor.schema import Schema
from synthor.schema.text import in_brief

UNITS = 3
"""Units that a notebook shows."""

TARGETS = 12
"""Targets that a notebook shows; those that are missed first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLine:
    """One target in a few words."""

    name: str
    cells: int
    tae: int | None
    worst: str
    met: bool


class Display:
    """A page or a picture: `str()` of it is HTML, and a notebook shows it.

    Args:
        html: of the page.
        about: what it shows, in a few words.
        framed: whether it is a page of its own, whose styles stay inside of it.
    """

    def __init__(self, html: str, about: str, *, framed: bool = False) -> None:
        self.html, self.about, self.framed = html, about, framed

    def __str__(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"<{visible(self.about)}: {len(self.html):,} characters of HTML, shown in a notebook; str() gives them>"

    def _repr_html_(self) -> str:
        if not self.framed:
            return self.html
        return f'<iframe srcdoc="{escape(self.html)}" style="width:100%;height:40em;border:0" sandbox></iframe>'


def target_lines(measurement: Measurement) -> list[TargetLine]:
    """Every target in a few words, in the spec's order."""
    return [
        TargetLine(
            name=fit.target.name,
            cells=fit.n_cells,
            tae=fit.tae if isinstance(fit, CountFit) else None,
            worst="" if fit.met else f"{', '.join(fit.target.labels(fit.worst).values()) or 'total'}: {fit.told(fit.worst)}",
            met=fit.met,
        )
        for fit in measurement.fits
    ]


def zones_frame(problem: Problem, measurement: Measurement) -> pl.DataFrame:
    """One row a zone, in the order of records.

    Raises:
        InputError: there are none.
    """
    if problem.zones is None:
        cure = "give the spec zones: {key: NAME}, and a table with a column of them"
        raise InputError([Finding(where="zones", message="the records lie in no zones", cure=cure)])
    zones = areas_of(problem, measurement)[0]
    rows = []
    for area, (at, cell) in enumerate(zones.worst.tolist()):
        table = zones.tables[at] if at >= 0 else None
        told: tuple[object, ...] = (None, None, None, None)
        if table is not None:
            fit, label = table.fit, table.label(int(table.of.cells[cell]))
            told = (fit.target.name, label, fit.target.wanted[cell].item(), int(fit.got[cell]))
        rows.append((zones.names[area], int(zones.records[area]), int(zones.error[area]), *told))
    columns = {"zone": pl.String, "records": pl.Int64, "error": pl.Int64}
    worst = {"worst_target": pl.String, "worst_label": pl.String, "wanted": pl.Float64, "got": pl.Int64}
    return pl.DataFrame(rows, schema=columns | worst, orient="row")


def run_in_words(title: str, rows: Sequence[str], measurement: Measurement | None, status: str) -> str:
    """A run at a prompt.

    Args:
        title: of the spec.
        rows: how many rows each level has, in words.
        measurement: None where nobody has counted yet.
        status: how the fit ended.
    """
    lines = [f"<Run{f' of {in_brief(title, 80)!r}' if title else ''}: {', '.join(rows)}>"]
    if measurement is None:
        return "\n".join([*lines, f"fit: {status}; nothing is counted yet: run.verdict counts what there is"])
    n_met = sum(fit.met for fit in measurement.fits)
    lines.append(in_brief(measurement.verdict, 300))
    if measurement.beliefs:
        lines.append(in_brief(measurement.beliefs, 160))
    return "\n".join([*lines, f"targets met: {n_met} of {len(measurement.fits)}; fit: {status}"])


def run_in_html(title: str, rows: Sequence[str], measurement: Measurement | None, records: Records, schema: Schema) -> str:
    """A run in a notebook: the verdict, its targets, a few units."""
    lines = target_lines(measurement) if measurement is not None else []
    shown = sorted(lines, key=lambda line: line.met)[:TARGETS]
    return template("run.html.j2").render(
        title=title,
        rows=rows,
        measurement=measurement,
        targets=shown,
        more=len(lines) - len(shown),
        units=_units(records, schema),
    )


def _units(records: Records, schema: Schema) -> tuple[UnitView, ...]:
    """The first few units as they stand in the tables, with their members."""
    if not records:
        return ()
    first = records[schema.unit.name].head(UNITS)
    if len(schema.levels) > 1:
        return view_units({**records, schema.unit.name: first}, schema)
    rows = first.iter_rows(named=True)
    return tuple(
        UnitView(
            name=f"record {place}",
            values=tuple((variable.name, as_shown(row[variable.name], variable)) for variable in schema.unit.variables),
            members=(),
        )
        for place, row in enumerate(rows, start=1)
    )
