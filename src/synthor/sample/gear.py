"""How conditions on counts and sums are set: a search goes through several gears, the easiest first."""

from dataclasses import dataclass
from typing import Literal

Shares = Literal["near", "fitting", "loosest"]
"""Shares lie beside what no whole number meets, as far as the sizes of their cells are known; or fit to their rounding,
whatever the sizes; or lie no further off than any population's that meets them: for proofs."""

INSIDE = 0.05
"""Share of half the range of a published value that is kept free at either end, for what rounding moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gear:
    """One way of setting conditions.

    Attributes:
        margin: share of each band that numbers keep away from its edges.
        close: follow the squares of numbers bin by bin, so that standard deviations hang together with means; otherwise each is
            only known to lie between the extremes.
        shares: how near they must come; where they are `loosest`, statistics, too, may take all of their rounding.
    """

    margin: float = 0.0
    close: bool = False
    shares: Shares = "near"

    @property
    def inside(self) -> float:
        """Share of half the range of a published value that is kept free at either end."""
        return 0.0 if self.shares == "loosest" else INSIDE
