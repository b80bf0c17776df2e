"""How the values of a numeric variable lie, counted in fine bins fixed beforehand: in bounded memory, chunk by chunk."""

from functools import lru_cache

import numpy as np

from synthor.schema import Variable
from synthor.schema.bins import sliced
from synthor.types import Floats

FINE_BINS = 160
"""Fine bins of a variable that are aimed at; each declared bin has a share of them, a few at least, a long one more."""

FEWEST_PARTS = 6
"""Fine bins of a declared bin at least, as far as it holds so many values."""

COUNTED = 250_000
"""Records of which the values are counted: of more, every second, third, ... one."""


class Spread:
    """Counts of one variable's values.

    Fine bins are narrow near 0, where values that reach far are many; they are others than those that a fit tells apart.

    Args:
        variable: numeric, as declared.
        n_records: of which every so many-th is counted that about `COUNTED` are.

    Attributes:
        variable: the same.
        every: the how many-th records are counted.
        first: (f,) smallest value of each fine bin.
        counts: (f,) records counted in it.
        smallest: value of all records, inf where there is none.
        largest: value of all records, -inf where there is none.

    >>> from synthor.spec.variables import Integer
    >>> spread = Spread(Integer(type="integer", min=0, max=9, bins=[0, 5]).build("x"), n_records=4)
    >>> spread.add(np.array([0, 7, 7, 2]))
    >>> spread.counts.tolist(), spread.largest, spread.quantile(0.4)
    ([1, 0, 1, 0, 0, 0, 0, 2, 0, 0], 7.0, 2.0)
    """

    def __init__(self, variable: Variable, n_records: int) -> None:
        self.variable, self.every = variable, max(n_records // COUNTED, 1)
        self.first = _fine_bins(variable)
        self.counts = np.zeros(len(self.first), np.int64)
        self.smallest, self.largest = float("inf"), float("-inf")

    def add(self, values: Floats) -> None:
        """Count values of one chunk, which lie in no order."""
        if len(values):
            self.smallest, self.largest = min(self.smallest, float(values.min())), max(self.largest, float(values.max()))
            place = np.searchsorted(self.first, values[:: self.every], side="right") - 1
            self.counts += np.bincount(place, minlength=len(self.first))

    def merge(self, other: "Spread") -> None:
        """Add what was counted of other chunks."""
        self.counts += other.counts
        self.smallest, self.largest = min(self.smallest, other.smallest), max(self.largest, other.largest)

    @property
    def below(self) -> Floats:
        """(f,) where each fine bin ends: the first value of the next, or one step beyond the largest."""
        return np.append(self.first[1:], self.variable.most + 10.0**-self.variable.decimals)

    def quantile(self, share: float) -> float:
        """About the value that so many records lie below: between the ends of a fine bin as if its values were even."""
        rising = np.concatenate([[0], np.cumsum(self.counts)]) / max(int(self.counts.sum()), 1)
        ends = np.append(self.first, self.below[-1])
        found = float(np.interp(share, rising, ends))
        step = 10.0**-self.variable.decimals
        return float(np.clip(np.floor(found / step) * step, self.smallest, self.largest))


@lru_cache(maxsize=1_024)  # every chunk counts in the same ones
def _fine_bins(variable: Variable) -> Floats:
    """First values of a variable's fine bins."""
    fine = sliced(variable, (), max(FINE_BINS // variable.size, FEWEST_PARTS))
    return np.array((variable if fine is None else fine).edges)
