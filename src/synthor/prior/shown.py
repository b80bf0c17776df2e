"""Variables as a model is shown them: few enough categories to think about, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.schema import Variable
from synthor.types import Codes, Floats, Shares

MANY = 24
"""Categories that a table can have along one side; a variable with more is shown in groups."""

GROUPS = 10
"""Groups that such a variable is shown in."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """A variable as it is shown.

    Attributes:
        variable: as the solver sees it.
        labels: of what is shown: its categories, or groups of them.
        group_of: (k,) which label each category goes under.
        seen_as: its name from the rows that see it, if that is not its own: `head.age`.
    """

    variable: Variable
    labels: tuple[str, ...]
    group_of: Codes
    seen_as: str = ""

    @property
    def name(self) -> str:
        return self.seen_as or self.variable.name

    @property
    def size(self) -> int:
        """Number of labels."""
        return len(self.labels)

    @property
    def grouped(self) -> bool:
        return self.size < self.variable.size

    def gathered(self, shares: Shares) -> Shares:
        """Shares of what is shown, from shares of the categories, (k,) -> (size,)."""
        return np.bincount(self.group_of, shares, minlength=self.size).astype(np.float64)

    def spread(self, weights: Floats, shares: Shares) -> Floats:
        """Weights of the categories from weights of what is shown: inside a group as the shares are, (.., size) -> (.., k)."""
        if not self.grouped:
            return weights
        sums = self.gathered(shares)[self.group_of]
        alone = 1 / np.bincount(self.group_of, minlength=self.size)[self.group_of]
        inside = np.where(sums > 0, shares / np.where(sums > 0, sums, 1), alone)
        spread: Floats = weights[..., self.group_of] * inside
        return spread

    def code(self, label: str) -> int:
        """Position of a label among those shown, -1 when it is none of them."""
        folded = label.strip().casefold()
        for code, known in enumerate(self.labels):
            if known.strip().casefold() == folded:
                return code
        return -1 if self.grouped else self.variable.code(label)


def shown(variable: Variable, groups: Mapping[str, Sequence[str]] | None = None) -> Shown:
    """A variable as it is shown: as it is, or in groups that were named for it.

    Args:
        variable: as the solver sees it.
        groups: labels of the categories in each named group; those in none go under `other`.
    """
    if not groups:
        return Shown(variable=variable, labels=variable.labels, group_of=np.arange(variable.size, dtype=np.int32))
    names = list(groups)
    group_of = np.full(variable.size, -1, np.int32)
    for position, members in enumerate(groups.values()):
        for label in members:
            code = variable.code(label)
            if code >= 0:
                group_of[code] = position
    if (group_of < 0).any():
        rest = next((i for i, name in enumerate(names) if name.strip().casefold() == "other"), len(names))
        if rest == len(names):
            names.append("other")
        group_of[group_of < 0] = rest
    return Shown(variable=variable, labels=tuple(names), group_of=group_of)


def neighbours(variable: Variable, shares: Shares | None) -> dict[str, list[str]]:
    """Groups of neighbouring bins of a numeric variable, about equally large; records without a value by themselves.

    Args:
        variable: as the solver sees it.
        shares: (k,) of its categories, where they are known.

    >>> from synthor.spec.variables import Integer
    >>> list(neighbours(Integer(type="integer", min=1, max=30).build("day"), None))[:3]
    ['1-3', '4-6', '7-9']
    """
    known = np.ones(variable.size) if shares is None else shares
    weights = known[: variable.n_valued] / known[: variable.n_valued].sum()
    middle = np.cumsum(weights) - weights / 2
    band = np.minimum((middle * GROUPS + 1e-9).astype(int), GROUPS - 1)
    groups = {}
    for value in np.unique(band):
        members = np.flatnonzero(band == value)
        groups[_span(variable, int(members[0]), int(members[-1]))] = [variable.labels[int(code)] for code in members]
    return groups | {label: [label] for label in variable.labels[variable.n_valued :]}


def _span(variable: Variable, first: int, last: int) -> str:
    if first == last:
        return variable.labels[first]
    low, high = variable.low[first], variable.high[last]
    return f"{low:.15g}-{high:.15g}" if low >= 0 else f"{low:.15g} to {high:.15g}"
