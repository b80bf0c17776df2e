"""How targets pull any units, asked often for few units at a time: what does not depend on the units is worked out once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from synthor.fit.face import Closing
from synthor.problem import Target
from synthor.schema import Ref, Units
from synthor.types import Floats, Mask

FEW = 20_000
"""Units up to which one-way tables are looked up together: for more, what each look-up costs besides is next to nothing."""

TOGETHER = 500
"""Tables that are looked up together."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _OneWay:
    """A table of one variable: what it has to say of each category.

    Attributes:
        ref: the column that is read.
        pull: (k,) multiplier of each category.
        closed: (k,) categories that must be empty; None where there are none.
    """

    ref: Ref
    pull: Floats
    closed: Mask | None


class Pulls:
    """Multipliers of tables of level 0.

    Args:
        targets: the tables.
        thetas: multipliers of each one's cells.
        closed: each one's cells that must be empty.
        closings: why more units weigh nothing.
        few: units up to which one-way tables are looked up together.
        together: tables that are, at once.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        thetas: Sequence[Floats],
        closed: Sequence[Mask],
        closings: Sequence[Closing],
        *,
        few: int = FEW,
        together: int = TOGETHER,
    ) -> None:
        self.few = few
        self.targets, self.closings = targets, closings
        self.thetas = [np.append(theta, 0.0) for theta in thetas]  # the last, of units that count nowhere
        self.closed = [np.append(shut, False) if shut.any() else None for shut in closed]
        self.one_way = [self._one_way(t) for t in range(len(targets))]
        self.runs = [
            (is_one_way, run[begin : begin + together])
            for is_one_way, members in groupby(range(len(targets)), lambda t: self.one_way[t] is not None)
            for run in [list(members)]
            for begin in range(0, len(run), together)
        ]

    def _one_way(self, t: int) -> _OneWay | None:
        grid, closed = self.targets[t].grid, self.closed[t]
        if len(grid.axes) != 1 or grid.universe is not None or grid.listed is not None:
            return None
        axis = grid.axes[0]
        cell = np.where(axis.group_of < 0, axis.size, axis.group_of)
        return _OneWay(ref=axis.ref, pull=self.thetas[t][cell], closed=None if closed is None else closed[cell])

    def log_weights(self, log_base: Floats, units: Units) -> Floats:
        """Log of the weight of each unit, (n,), up to a constant; -inf where it must weigh nothing.

        Args:
            log_base: (n,) log weight of each before any table pulls.
            units: n of them.
        """
        found = np.where(self._alive(units), log_base, -np.inf)
        for pull in self._each(units):
            found += pull
        return found

    def _alive(self, units: Units) -> Mask:
        """Units that count in no cell that must be empty, and that nothing else closes, (n,)."""
        alive = np.ones(len(units), bool)
        for target, one_way, closed in zip(self.targets, self.one_way, self.closed, strict=True):
            if one_way is not None and one_way.closed is not None:
                alive &= ~one_way.closed[units.column(one_way.ref)]
            elif closed is not None:
                alive &= ~closed[target.index(units)]
        for closing in self.closings:
            cells = {t: self.targets[t].cells(units) for t in np.unique(closing.tables).tolist()}
            alive &= ~closing.closes(cells, len(units))
        return alive

    def _each(self, units: Units) -> Iterator[Floats]:
        """What each table in turn adds, (n,): always in the same order, since a sum depends on it in its last digit."""
        for is_one_way, run in self.runs:
            if not is_one_way:
                yield from (self.thetas[t][self.targets[t].index(units)] for t in run)
                continue
            tables = [table for table in (self.one_way[t] for t in run) if table is not None]
            if len(units) > self.few:
                yield from (table.pull[units.column(table.ref)] for table in tables)
                continue
            sizes = np.cumsum([0, *(len(table.pull) for table in tables)])
            values = np.concatenate([table.pull for table in tables])
            places = np.stack([units.column(table.ref) for table in tables]) + sizes[:-1, None]
            yield from values[places]
