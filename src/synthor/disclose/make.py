"""From records to a spec, tables and a note: the one way that a private file takes."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from synthor.disclose.columns import DeclaredColumn, LeftOut, read_columns
from synthor.disclose.count import Counted, count, strongest_pairs, whole_weights
from synthor.disclose.noise import CONFIDENCE, Noisy, add_noise
from synthor.disclose.note import Facts, note
from synthor.disclose.settings import Settings
from synthor.disclose.suppress import Suppressed, suppress
from synthor.errors import Finding, InputError, nearest
from synthor.spec.scaffold import CONTEXT, SCHEMA_FILE, TITLE, Draft, Entry, scaffold, schema_text
from synthor.types import Counts

HIDDEN = "*"
MARGIN = "margin_of_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """What may be handed on: files by name, each with its text; and what was done, in short.

    Attributes:
        files: disclosure.md, the tables, the spec's schema and spec.yaml, in the order in which they are to be written.
        summary: a few sentences for the terminal.
    """

    files: Mapping[str, str]
    summary: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Released:
    """One table as it is published."""

    table: Counted
    cells: Counts
    target: Mapping[str, object]
    comment: str
    suppressed: Suppressed | None = None
    margin: float | None = None


def disclose(frame: pl.DataFrame, settings: Settings | None = None, *, source: str = "the file") -> Disclosure:
    """A spec and aggregate tables from private records, protected as the settings say.

    Args:
        frame: one row a record.
        settings: what to publish and how to protect it; counts of fewer than 10 records are suppressed unless given.
        source: what to call the file in a message.

    Raises:
        InputError: no column can be a variable, or the settings speak of one that is none.

    >>> frame = pl.DataFrame({"car": ["yes", "no"] * 50, "rooms": [1, 2, 2, 3] * 25})
    >>> made = disclose(frame, Settings(cross=(("car", "rooms"),)))
    >>> sorted(made.files)
    ['disclosure.md', 'spec.schema.json', 'spec.yaml', 'tables/car.csv', 'tables/car_by_rooms.csv', 'tables/rooms.csv']
    >>> print(made.files["tables/car.csv"])
    car,count
    no,50
    yes,50
    <BLANKLINE>
    """
    settings = settings or Settings()
    weights = _weights(frame, settings, source)
    columns, left = read_columns(
        frame, fewest=settings.fewest, weight=settings.weight, alphabetical=settings.epsilon is not None
    )
    if not columns:
        reasons = "; ".join(f"{column.source}: {column.reason}" for column in left[:5])
        message = f"holds no column that can be a variable ({reasons})" if left else "holds no columns"
        raise InputError([Finding(where=source, message=message, cure="give one row a record, with labels or numbers")])
    pairs = _pairs(columns, left, settings, weights)
    marginals = [count(columns, (i,), weights) for i in range(len(columns))]
    crossed = [count(columns, pair, weights) for pair in pairs]
    n_records = len(frame) if weights is None else int(weights.sum())
    facts = Facts(settings=settings, columns=columns, left=left, n_records=n_records)
    if settings.epsilon is not None:
        noisy = add_noise([*marginals, *crossed], n_records if settings.records is None else None, settings.epsilon)
        facts = replace(facts, noisy=noisy, n_records=noisy.total or int(settings.records or 0))
        released = _noisy(noisy, [*marginals, *crossed])
    elif settings.round_to is not None:
        released = [_rounded(table, settings.round_to) for table in [*marginals, *crossed]]
    else:
        hidden = suppress(crossed, columns, weights, below=settings.fewest) if settings.suppresses else []
        facts = replace(facts, suppressed=tuple(hidden))
        cut = [_cut(found, settings.fewest, weights is not None) for found in hidden if not found.withheld]
        released = [*(_told(table) for table in marginals), *(cut if settings.suppresses else map(_told, crossed))]
    facts = replace(facts, tables=tuple(r.table for r in released))
    return _written(released, facts)


def _weights(frame: pl.DataFrame, settings: Settings, source: str) -> Counts | None:
    """Whole weights of the records; None where each counts once."""
    if frame.is_empty():
        raise InputError([Finding(where=source, message="holds no records", cure="give one row a record")])
    if settings.weight is None:
        if settings.records is None or settings.epsilon is not None:
            return None
        return whole_weights(np.ones(len(frame)), settings.records)
    if settings.weight not in frame.columns:
        message = f"has no column '{settings.weight}', which --weight names"
        raise InputError([Finding(where=source, message=message, cure=nearest(settings.weight, frame.columns))])
    column = frame[settings.weight]
    if not column.dtype.is_numeric():
        message = f"column '{settings.weight}' holds no numbers, so it cannot be a weight"
        raise InputError([Finding(where=source, message=message, cure="name a column of numbers")])
    values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        message = f"{int(wrong.sum()):,} weights are missing or negative, the first in record {row + 1}"
        cure = "mend them, or leave these records out"
        raise InputError([Finding(where=f"{source}, {settings.weight}", message=message, cure=cure)])
    total = settings.records or round(float(values.sum()))
    if total < 1 or (settings.records is None and total < len(frame) / 2):
        message = f"weights add up to {values.sum():.6g}, fewer than the {len(frame):,} records"
        cure = "say with --records how many records the tables stand for"
        raise InputError([Finding(where=f"{source}, {settings.weight}", message=message, cure=cure)])
    return whole_weights(values, total)


def _pairs(
    columns: Sequence[DeclaredColumn], left: Sequence[LeftOut], settings: Settings, weights: Counts | None
) -> list[tuple[int, ...]]:
    """Variables of the cross-tables: those asked for, then the most dependent ones."""
    place = {column.source: i for i, column in enumerate(columns)}
    place |= {column.name: i for i, column in enumerate(columns)}
    reasons = {column.source: column.reason for column in left}
    findings: list[Finding] = []
    wanted: list[tuple[int, ...]] = []
    for names in settings.cross:
        where = f"--cross {','.join(names)}"
        unknown = [name for name in names if name not in place]
        for name in unknown:
            told = f"column '{name}' was left out: {reasons[name]}" if name in reasons else f"no column is called '{name}'"
            cure = "mend the column, or cross others" if name in reasons else nearest(name, list(place))
            findings.append(Finding(where=where, message=told, cure=cure, label=name))
        found = tuple(place[name] for name in names if name in place)
        if not unknown and (len(set(found)) < len(found) or len(found) < 2):
            findings.append(Finding(where=where, message="needs two different columns or more", cure="write --cross sex,age"))
        elif sorted(found) not in [sorted(other) for other in wanted]:
            wanted.append(found)
    if findings:
        raise InputError(findings)
    if settings.cross_tables:
        known = {tuple(sorted(pair)) for pair in wanted}
        wanted += [pair for pair in strongest_pairs(columns, weights) if pair not in known][: settings.cross_tables]
    return wanted


def _told(table: Counted) -> _Released:
    return _Released(table=table, cells=table.counts, target={}, comment=f"{table.counts.size} cells")


def _rounded(table: Counted, base: int) -> _Released:
    cells = (table.counts + base // 2) // base * base
    return _Released(table=table, cells=cells, target={"rounded_to": base}, comment=f"{table.counts.size} cells")


def _cut(found: Suppressed, below: int, weighted: bool) -> _Released:
    if not found.hidden.any():
        return _told(found.table)
    says_how_small = found.only_primary and not weighted
    body = {"suppressed": f"<{below}"} if says_how_small else {"suppressed": {"marks": [HIDDEN]}}
    comment = f"{found.hidden.size} cells, {int(found.hidden.sum())} suppressed"
    return _Released(table=found.table, cells=found.table.counts, target=body, comment=comment, suppressed=found)


def _noisy(noisy: Noisy, tables: Sequence[Counted]) -> list[_Released]:
    body = {"margin_of_error": MARGIN, "confidence": CONFIDENCE}
    return [
        _Released(table=table, cells=cells, target=body, comment=f"{cells.size} cells", margin=noisy.margin)
        for table, cells in zip(tables, noisy.tables, strict=True)
    ]


def _written(released: Sequence[_Released], facts: Facts) -> Disclosure:
    files: dict[str, str] = {}
    targets = []
    for one in released:
        stem = "_by_".join(one.table.names)
        name = f"tables/{stem}.csv"
        suffix = 1
        while name.casefold() in {known.casefold() for known in files}:
            suffix += 1
            name = f"tables/{stem}_{suffix}.csv"
        files[name] = _csv(one)
        targets.append(Entry(body={"table": name, **one.target}, comment=one.comment))
    variables = [Entry(name=column.name, body=column.declared, comment=_remark(column)) for column in facts.columns]
    draft = Draft(
        title=TITLE,
        context=CONTEXT,
        records=facts.n_records,
        records_comment=facts.total_told,
        variables=variables,
        targets=targets,
        remarks=(
            "Made by `synthor init --from`; disclosure.md says what was disclosed and what is protected. Fill in title and "
            "context, give coded labels their words, say what is impossible in `rules`, then run `synthor check` on this file.",
        ),
    )
    # What was disclosed comes first, and the spec, which names the tables, last: that is the order in which they appear.
    files = {"disclosure.md": note(facts)} | files | {SCHEMA_FILE: schema_text(), "spec.yaml": scaffold(draft)}
    return Disclosure(files=files, summary=facts.summary)


def _remark(column: DeclaredColumn) -> str:
    renamed = f"column '{column.source}'" if column.source != column.name else ""
    return "; ".join(filter(None, (renamed, column.remark)))


def _csv(one: _Released) -> str:
    """A table as CSV: one row a cell, in the order of the labels."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*one.table.names, "count", *([MARGIN] if one.margin is not None else [])])
    hidden = np.zeros(one.cells.shape, bool) if one.suppressed is None else one.suppressed.hidden
    for place in np.ndindex(*one.cells.shape):
        labels = [one.table.labels[axis][code] for axis, code in enumerate(place)]
        told = HIDDEN if hidden[place] else str(int(one.cells[place]))
        writer.writerow([*labels, told, *([f"{one.margin:.4g}"] if one.margin is not None else [])])
    return out.getvalue()
