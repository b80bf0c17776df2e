"""What came out against what was wanted, cell by cell, and the verdict in words."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import product
from typing import Any, Literal

import numpy as np

from synthor.measure.lines import InLine, in_lines
from synthor.measure.related import PairedNumbers
from synthor.problem import Target
from synthor.problem.demand import EDGE
from synthor.schema.text import in_brief
from synthor.spread import Spread
from synthor.types import CellIndex, Counts, Floats, Mask

MOST_DIGITS = 15
"""Decimals that a value is shown with at most: a double has no more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit(ABC):
    """One target, met or not.

    Attributes:
        target: what was wanted.
    """

    target: Target

    @cached_property
    @abstractmethod
    def error(self) -> Floats:
        """How far each number is off, (numbers,): 0 where it is met."""

    @property
    def met(self) -> bool:
        """Whether all are met."""
        return not self.error.any()

    @property
    @abstractmethod
    def rounded(self) -> bool:
        """Whether it is met, but some number only to the next whole record."""

    @property
    @abstractmethod
    def worst(self) -> int:
        """The number that is furthest off; the first where all are met."""

    @property
    @abstractmethod
    def n_cells(self) -> int:
        """How many numbers are wanted."""

    @abstractmethod
    def told(self, cell: int) -> str:
        """What came out instead of what was wanted."""

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """For the file measurement.json."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CountFit(Fit):
    """A table of counts, met or not.

    Attributes:
        got: (c,) rows counted in each cell.
        side_of_areas: which side of the table are areas, if any is.
    """

    got: Counts
    side_of_areas: int | None = None

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
    def n_cells(self) -> int:
        return int(self.got.size)

    @property
    def rounded(self) -> bool:
        """Whether it is met, but some cell only to the next whole record: what was published holds no whole number there."""
        low, high = self.target.lowest - self.target.rounding, self.target.highest + self.target.rounding
        return self.met and bool((np.ceil(low - EDGE) > np.floor(high + EDGE)).any())

    @property
    def worst(self) -> int:
        """The cell that is furthest off; the first where all are met."""
        return int(np.abs(self.error).argmax())

    def interval(self, cell: int) -> tuple[int, int] | None:
        """The least and the most that a cell may hold, where the target leaves it room."""
        if self.target.highest[cell] - self.target.lowest[cell] <= 1e-6:
            return None
        low, high = int(self.target.low[cell]), int(self.target.high[cell])
        return None if low == high else (low, high)

    def asked(self, cell: int) -> str:
        """What is wanted of a cell, in words."""
        room, wanted = self.interval(cell), f"{self.target.wanted[cell]:,.13g}"
        if room is None:
            return wanted
        return f"{room[0]:,} to {room[1]:,}" + ("" if self.target.hidden else f" ({wanted})")

    @property
    def table(self) -> str:
        """What kind of table it is, by how many variables it is over."""
        return ("total", "one-way", "cross-table")[min(len(self.target.columns), 2)]

    def told(self, cell: int) -> str:
        return f"{self.got[cell]:,} instead of {self.asked(cell)}"

    def document(self) -> dict[str, Any]:
        return {
            "name": self.target.name,
            "kind": self.table,
            "published_as": self.target.statistic.word,
            "met": self.met,
            **({"rounded": True} if self.rounded else {}),
            "tae": self.tae,
            "worst": self.cell_json(self.worst),
            **({} if self.target.aim is None else {"moved": self.moved}),
            **self._cells(),
        }

    @property
    def moved(self) -> dict[str, Any]:
        """How far what came out lies from what was published, of a table that had to be moved inside its tolerance."""
        off = np.abs(self.got - self.target.wanted)
        furthest = int(off.argmax())
        return {
            "cells": int((off > EDGE).sum()),
            "in_all": _plain(off.sum()),
            "at_most": _plain(off[furthest]),
            "furthest": self.cell_json(furthest),
        }

    def _cells(self) -> dict[str, Any]:
        """All cells, for the file: one by one; of a full table of areas, which has very many, a row of numbers an area."""
        side, grid = self.side_of_areas, self.target.grid
        if side is None or grid.listed is not None:
            return {"cells": [self.cell_json(cell) for cell in range(self.got.size)]}
        others = [axis for at, axis in enumerate(grid.axes) if at != side]
        names = [axis.variable.name for axis in others]

        def by_area(values: Iterable[object]) -> list[InLine]:
            held = np.array(list(values), object).reshape(grid.shape)
            return [InLine(row) for row in np.moveaxis(held, side, 0).reshape(grid.shape[side], -1).tolist()]

        rooms = [self.interval(cell) for cell in range(self.got.size)] if not self.target.exact else []
        ends = zip(*(room or (None, None) for room in rooms), strict=True) if any(rooms) else ()
        return {
            "areas": {
                "of": grid.axes[side].variable.name,
                "names": InLine(grid.axes[side].labels),
                "labels": [dict(zip(names, told, strict=True)) for told in product(*(axis.labels for axis in others))],
                "wanted": by_area(map(_plain, self.target.wanted.tolist())),
                "got": by_area(self.got.tolist()),
                **{name: by_area(end) for name, end in zip(("low", "high"), ends, strict=False)},
            }
        }

    def cell_json(self, cell: int) -> dict[str, Any]:
        """One cell, for the file."""
        room = self.interval(cell)
        return {
            "labels": self.target.labels(cell),
            "wanted": _plain(self.target.wanted[cell]),
            **({"low": room[0], "high": room[1]} if room else {}),
            "got": int(self.got[cell]),
            "met": bool(self.met_cells[cell]),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class StatisticFit(Fit):
    """One mean, total, standard deviation or table of shares inside cells, met or not.

    Attributes:
        got: (values,) what the records give, NaN where no record is in the cell.
        step: (values,) what one record more or less would change: shares are met at either side of what no whole number meets.
    """

    got: Floats
    step: Floats

    @cached_property
    def error(self) -> Floats:
        """How far each value is off, (values,): 0 where it is met, or not given."""
        low, high = self.target.lowest.ravel(), self.target.highest.ravel()
        # What the order of a sum makes of its last digits; and no share is nearer than the next whole record.
        wanted = self.target.wanted.ravel()
        nearest = np.where(np.abs(self.got - wanted) < self.step * (1 - 1e-9), self.step, 0.0)
        span = np.maximum(1e-9 * np.maximum(np.abs(low), np.abs(high)), nearest)
        off = np.maximum(self.got - high - span, 0) + np.minimum(self.got - low + span, 0)
        off = np.where(np.isnan(self.got), np.inf, off)
        return np.where(np.isnan(low), 0.0, off)

    @cached_property
    def given(self) -> CellIndex:
        """The values that are wanted at all."""
        return np.flatnonzero(np.isfinite(self.target.wanted.ravel()))

    @property
    def n_cells(self) -> int:
        return len(self.given)

    @property
    def rounded(self) -> bool:
        """Whether it is met, but some share only to the next whole record: none of such a part is what was published."""
        low, high = self.target.lowest.ravel() - self.target.rounding, self.target.highest.ravel() + self.target.rounding
        with np.errstate(invalid="ignore"):
            return self.met and bool(((self.step > 0) & ((self.got > high + 1e-9) | (self.got < low - 1e-9))).any())

    @property
    def worst(self) -> int:
        """The value that is furthest off, for its own rounding or margin; the first where all are met."""
        room = np.maximum(self.target.highest - self.target.lowest, 1e-12).ravel()
        with np.errstate(invalid="ignore"):
            return int(np.nan_to_num(np.abs(self.error) / room).argmax()) if not self.met else int(self.given[0])

    @property
    def decimals(self) -> int:
        """That the values were published with."""
        return int(np.clip(math.ceil(-math.log10(2 * self.target.rounding) - 1e-9), 0, 12)) if self.target.rounding > 0 else 12

    def shown(self, value: float) -> str:
        """A value as people read it, to the digits that were published; `no record` where there is none."""
        return "no record" if math.isnan(value) else f"{value:,.{self.decimals}f}"

    def digits(self, cell: int) -> int:
        """Decimals that show whether a value is met: those published, and more where it is off by less than they show."""
        got, low, high = (float(side.ravel()[cell]) for side in (self.got, self.target.lowest, self.target.highest))
        if math.isnan(got) or not self.error[cell]:
            return self.decimals
        wanted = self.shown(float(self.target.wanted.ravel()[cell]))
        for digits in range(self.decimals, MOST_DIGITS):
            text, first, last = (f"{value:,.{digits}f}" for value in (got, low, high))
            apart = self.target.exact or len({text, first, last}) == 3
            if apart and text != wanted and not low <= round(got, digits) <= high:
                return digits
        return MOST_DIGITS

    def asked(self, cell: int) -> str:
        """What is wanted, in words: with its interval where there is one."""
        wanted, low, high = (float(x.ravel()[cell]) for x in (self.target.wanted, self.target.lowest, self.target.highest))
        if self.target.exact:
            return self.shown(wanted)
        return f"{low:,.{self.digits(cell)}f} to {high:,.{self.digits(cell)}f} ({self.shown(wanted)})"

    def told(self, cell: int) -> str:
        """What came out instead of what was wanted, to as many digits as show that it is off."""
        got = float(self.got[cell])
        return f"{'no record' if math.isnan(got) else f'{got:,.{self.digits(cell)}f}'} instead of {self.asked(cell)}"

    def document(self) -> dict[str, Any]:
        return {
            "name": self.target.name,
            "kind": self.target.statistic.word,
            "met": self.met,
            **({"rounded": True} if self.rounded else {}),
            "worst": self.cell_json(self.worst),
            "cells": [self.cell_json(int(cell)) for cell in self.given],
        }

    def cell_json(self, cell: int) -> dict[str, Any]:
        """One value, for the file."""
        got = float(self.got[cell])
        return {
            "labels": self.target.labels(cell),
            "wanted": float(self.target.wanted.ravel()[cell]),
            "got": None if np.isnan(got) else got,
            "met": not self.error[cell],
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """Why targets are not met, or how far beliefs and targets pull each other.

    Attributes:
        kind: contradiction, unsupported, rounding to whole records, strained target or strained belief.
        sentence: what is the matter.
        lines: the same in detail, an entry a line.
        changes: of a contradiction, changes that were tried.
        promise: what any one of the changes brings, in words that introduce them.
        cure: what can be done.
        notable: whether it is worth a reader's time even when nobody asks.
        details: the same as plain values, for programs.
    """

    kind: Literal["contradiction", "unsupported", "rounding", "target", "belief"]
    sentence: str
    lines: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    promise: str = ""
    cure: str = ""
    notable: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurement:
    """What came out, against what was wanted.

    Attributes:
        n_records: units that were counted.
        n_wanted: how many there should be.
        fits: one entry a target, in the order of the problem.
        violations: records that break each rule, by the rule's text; and what members are not as the spec says, told alike.
        n_broken: records that break some rule.
        random_seed: that they were drawn with; None where it is not known.
        status: how the fit ended that made the records; None where it is not known.
        beliefs: what was believed, in words.
        notes: what else a reader must know.
        explanations: why targets are not met, and how far beliefs and targets pull each other; gravest first.
        spreads: how the values of numeric variables lie.
        related: the numbers of pairs of members.
        counted: what a unit is called: a record, where it has no members.
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
    explanations: tuple[Explanation, ...] = ()
    spreads: tuple[Spread, ...] = ()
    related: tuple[PairedNumbers, ...] = ()
    counted: str = "record"

    def __repr__(self) -> str:
        n_met = sum(fit.met for fit in self.fits)
        return f"<Measurement: {n_met} of {len(self.fits)} targets met>\n{in_brief(self.verdict, 400)}"

    def units(self, number: int) -> str:
        """A number of units, in words."""
        return f"{number:,} {self.counted}{'s' if number != 1 else ''}"

    @property
    def of_counts(self) -> tuple[CountFit, ...]:
        """Those of counts."""
        return tuple(fit for fit in self.fits if isinstance(fit, CountFit))

    @property
    def of_statistics(self) -> tuple[StatisticFit, ...]:
        """Those of means, totals, standard deviations and shares inside cells."""
        return tuple(fit for fit in self.fits if isinstance(fit, StatisticFit))

    @property
    def met(self) -> bool:
        """Whether every target is met, no rule is broken and the number of records is right."""
        return all(fit.met for fit in self.fits) and not self.n_broken and self.n_records == self.n_wanted

    @property
    def verdict(self) -> str:
        """One sentence for a person."""
        if self.n_records != self.n_wanted:
            return f"Not met: {self.units(self.n_records)} instead of {self.n_wanted:,}."
        records = self.units(self.n_records)
        n_cells = sum(fit.n_cells for fit in self.fits)
        rules = self._rules_clause()
        if not self.fits:
            return f"{records}; there was no target to meet{rules}."
        if all(fit.met for fit in self.fits):
            every = f"all {len(self.fits)} targets" if len(self.fits) > 1 else "the target"
            lead = "Met" if self.met else "Not met"
            how = " exactly" if all(fit.target.exact for fit in self.fits) else ""
            how = " to the nearest whole record" if any(fit.rounded for fit in self.fits) else how
            adds = "adds" if self.n_records == 1 else "add"
            return f"{lead}: {records} {adds} up to {every}{how} ({n_cells:,} cells){rules}."
        unmet = [fit for fit in self.of_statistics if not fit.met]
        missed = [fit for fit in self.of_counts if not fit.met]
        if not missed:
            worst = unmet[0].worst
            labels = unmet[0].target.labels(worst)
            where = f"{', '.join(labels.values())} of " if labels else ""
            return (
                f"Not met: {len(unmet)} of {len(self.fits)} targets are off; {where}'{unmet[0].target.name}' is "
                f"{unmet[0].told(worst)}{rules}."
            )
        off = sum(fit.tae for fit in missed)
        records = f"{off:,} record{'s' if off != 1 else ''}"
        furthest = max(missed, key=lambda fit: np.abs(fit.error).max())
        where = ", ".join(furthest.target.labels(furthest.worst).values()) or "the total"
        return (
            f"Not met: {len(missed) + len(unmet)} of {len(self.fits)} targets are off, by {records} in all; "
            f"the worst cell is {where} of '{furthest.target.name}' "
            f"({furthest.got[furthest.worst]:,} instead of {furthest.asked(furthest.worst)}){rules}."
        )

    def _rules_clause(self) -> str:
        if not self.violations:
            return ""
        if not self.n_broken:
            return ", and no rule is broken"
        broken = {text: count for text, count in self.violations.items() if count}
        most = " ".join(max(broken, key=lambda text: broken[text], default="").split())[:80]
        which = f", most often `{most}`" if len(broken) > 1 else f": `{most}`" if broken else ""
        return f"; {self.units(self.n_broken)} break{'s' if self.n_broken == 1 else ''} a rule{which}"

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
            "explanations": [asdict(explanation) for explanation in self.explanations],
            "rules": [{"never": text, "violations": count} for text, count in self.violations.items()],
            "targets": [fit.document() for fit in self.fits],
        }
        return in_lines(document)


def _plain(value: float) -> int | float:
    return round(value) if abs(value - round(value)) < 1e-6 else float(value)
