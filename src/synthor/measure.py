"""Every target cell, wanted and got: counted on the records themselves."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from synthor.errors import Finding, InputError
from synthor.problem import Problem, Target
from synthor.types import Codes, Counts, Floats, Mask
from synthor.units import cell_index
from synthor.values import broken

Records = Mapping[str, pl.DataFrame]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """One target, met or not.

    Attributes:
        target: what was wanted.
        got: (c,) rows counted in each cell.
    """

    target: Target
    got: Counts

    @cached_property
    def error(self) -> Floats:
        """How far each cell is off, (c,): got minus the nearest count that is exact; 0 where the cell is met."""
        off = np.maximum(self.got - self.target.high, 0) + np.minimum(self.got - self.target.low, 0)
        return off.astype(np.float64)

    @property
    def tae(self) -> int:
        """Total absolute error: by how many rows all cells together are off."""
        return int(np.abs(self.error).sum())

    @cached_property
    def met_cells(self) -> Mask:
        return self.error == 0

    @property
    def met(self) -> bool:
        return self.tae == 0

    @property
    def worst(self) -> int:
        """The cell that is furthest off; the first where all are met."""
        return int(np.abs(self.error).argmax())

    def cell_json(self, cell: int) -> dict[str, Any]:
        return {
            "labels": self.target.labels(cell),
            "wanted": _plain(self.target.wanted[cell]),
            "got": int(self.got[cell]),
            "met": bool(self.met_cells[cell]),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurement:
    """What came out, against what was wanted.

    Attributes:
        n_records: records of level 0 that were counted.
        n_wanted: how many there should be.
        fits: one entry a target, in the spec's order.
        violations: records that break each rule, by the rule's text.
        n_broken: records that break some rule.
        random_seed: that they were drawn with; None where it is not known.
        status: how the fit ended that made the records; None where it is not known.
        beliefs: what was believed, in words.
        notes: what else a reader must know.
    """

    n_records: int
    n_wanted: int
    fits: tuple[Fit, ...]
    violations: Mapping[str, int]
    n_broken: int = 0
    random_seed: int | None = None
    status: str | None = None
    beliefs: str = ""
    notes: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether every target is met, no rule is broken and the number of records is right."""
        return all(fit.met for fit in self.fits) and not self.n_broken and self.n_records == self.n_wanted

    @property
    def verdict(self) -> str:
        """One sentence for a person."""
        if self.n_records != self.n_wanted:
            return f"Not met: {self.n_records:,} records instead of {self.n_wanted:,}."
        records = f"{self.n_records:,} record{'s' if self.n_records > 1 else ''}"
        n_cells = sum(fit.got.size for fit in self.fits)
        rules = self._rules_clause()
        if not self.fits:
            return f"{records}; there was no target to meet{rules}."
        if all(fit.met for fit in self.fits):
            every = f"all {len(self.fits)} targets" if len(self.fits) > 1 else "the target"
            lead = "Met" if self.met else "Not met"
            return f"{lead}: {records} add up to {every} exactly ({n_cells:,} cells){rules}."
        missed = [fit for fit in self.fits if not fit.met]
        off = sum(fit.tae for fit in missed)
        worst = max(missed, key=lambda fit: np.abs(fit.error).max())
        where = ", ".join(worst.target.labels(worst.worst).values())
        return (
            f"Not met: {len(missed)} of {len(self.fits)} targets are off, by {off:,} records in all; the worst cell is "
            f"{where} of '{worst.target.name}' "
            f"({worst.got[worst.worst]:,} instead of {worst.target.wanted[worst.worst]:,.10g}){rules}."
        )

    def _rules_clause(self) -> str:
        if not self.violations:
            return ""
        return f"; {self.n_broken:,} records break a rule" if self.n_broken else ", and no rule is broken"

    def to_json(self) -> str:
        """The file measurement.json."""
        document = {
            "status": self.status,
            "met": self.met,
            "verdict": self.verdict,
            "beliefs": self.beliefs,
            "random_seed": self.random_seed,
            "records": self.n_records,
            "records_wanted": self.n_wanted,
            "notes": list(self.notes),
            "rules": [{"never": text, "violations": count} for text, count in self.violations.items()],
            "targets": [
                {
                    "name": fit.target.name,
                    "kind": "one-way" if len(fit.target.columns) == 1 else "cross-table",
                    "published_as": fit.target.kind,
                    "met": fit.met,
                    "tae": fit.tae,
                    "worst": fit.cell_json(fit.worst),
                    "cells": [fit.cell_json(cell) for cell in range(fit.got.size)],
                }
                for fit in self.fits
            ],
        }
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def measure(
    problem: Problem,
    records: Records | Iterable[Records],
    *,
    status: str | None = None,
    beliefs: str = "",
    notes: tuple[str, ...] = (),
) -> Measurement:
    """Count records in every target cell.

    Args:
        problem: scaled to the number of records that are wanted.
        records: one table a level by the level's name, whole or as chunks.
        status: how the fit ended, to be carried along.
        beliefs: what was believed, to be carried along.
        notes: what else a reader must know.

    Raises:
        InputError: a column is missing, or a value belongs to no category.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec('''
    ... records: 3
    ... variables: {car: {type: boolean}}
    ... targets: [{counts: {car: {yes: 2, no: 1}}}]
    ... '''))
    >>> measure(problem, {"records": pl.DataFrame({"car": [True, False, True]})}).verdict
    'Met: 3 records add up to the target exactly (2 cells).'
    """
    tally = Tally(problem)
    for chunk in [records] if isinstance(records, Mapping) else records:
        tally.add(chunk)
    return tally.measurement(status=status, beliefs=beliefs, notes=notes)


class Tally:
    """Counts that grow chunk by chunk, so that records need never be in memory together.

    Args:
        problem: its targets and rules are counted.
        pairs: positions of pairs of variables to be cross-counted as well.

    Attributes:
        pair_counts: (k_a, k_b) counts of each pair.
    """

    def __init__(self, problem: Problem, pairs: Sequence[tuple[int, int]] = ()) -> None:
        self.problem, self.pairs = problem, tuple(pairs)
        sizes = [variable.size for variable in problem.levels[0].variables]
        self.pair_counts = [np.zeros((sizes[a], sizes[b]), np.int64) for a, b in self.pairs]
        self.n_records = self.n_broken = 0
        self.got = [np.zeros(target.wanted.size, np.int64) for target in problem.targets]
        self.violations = dict.fromkeys((rule.text for rule in problem.rules), 0)

    def add(self, records: Records) -> None:
        """Count one chunk."""
        codes = [encode(records[level.name], level.variables) for level in self.problem.levels]
        self.n_records += len(codes[0])
        for target, got in zip(self.problem.targets, self.got, strict=True):
            index = cell_index(codes[target.level], target.columns, target.shape)
            np.add(got, np.bincount(index, minlength=len(got)), out=got)
        for pair, counts in zip(self.pairs, self.pair_counts, strict=True):
            index = cell_index(codes[0], pair, counts.shape)
            np.add(counts, np.bincount(index, minlength=counts.size).reshape(counts.shape), out=counts)
        frame = records[self.problem.levels[0].name]
        some = np.zeros(frame.height, dtype=bool)
        for rule in self.problem.rules:
            these = broken(self.problem.with_only((rule,)), frame)
            self.violations[rule.text] += int(these.sum())
            some |= these
        self.n_broken += int(some.sum())

    def measurement(
        self, *, status: str | None = None, beliefs: str = "", notes: tuple[str, ...] = (), random_seed: int | None = None
    ) -> Measurement:
        """What was counted so far."""
        return Measurement(
            n_records=self.n_records,
            n_wanted=self.problem.n_units,
            fits=tuple(Fit(target=t, got=got) for t, got in zip(self.problem.targets, self.got, strict=True)),
            violations=self.violations,
            n_broken=self.n_broken,
            random_seed=random_seed,
            status=status,
            beliefs=beliefs,
            notes=notes,
        )


def encode(frame: pl.DataFrame, variables: Iterable[Any]) -> Codes:
    """Category codes of a table of records, (n, v).

    Raises:
        InputError: lists every column that is missing and every value that belongs to no category.
    """
    findings, columns = [], []
    for variable in variables:
        if variable.name not in frame.columns:
            cure = f"the columns are {', '.join(frame.columns[:12])}"
            findings.append(Finding(where="records", message=f"column '{variable.name}' is missing", cure=cure))
            continue
        codes = variable.encode(frame[variable.name])
        if (codes < 0).any():
            row = int((codes < 0).argmax())
            value = frame[variable.name][row]
            known = ", ".join(variable.labels[:8]) + (", ..." if variable.size > 8 else "")
            message = f"'{value}' is no value of {variable.name} ({int((codes < 0).sum()):,} rows like it)"
            findings.append(Finding(where="records", row=row + 2, message=message, cure=f"known: {known}"))
        columns.append(codes)
    if findings:
        raise InputError(findings)
    return np.stack(columns, axis=1) if columns else np.empty((frame.height, 0), np.int32)


def _plain(value: float) -> int | float:
    return round(value) if abs(value - round(value)) < 1e-6 else float(value)
