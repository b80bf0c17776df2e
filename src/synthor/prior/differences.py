"""How far the numbers of two members lie apart, as believed: `head.age - partner.age`, by quantiles or by shares of bands."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthor.prior.model import DifferenceBelief, Dropped, band_ends, quantile_share
from synthor.prior.unknown import unknown
from synthor.problem import Problem
from synthor.schema import Ref, Variable
from synthor.types import Floats

MOST_STEPS = 2_000
"""Differences that are told apart; of more, steps of the variable are put together."""

POINTS = 50
"""Values of a bin for which the difference is looked at."""

LEAST = 1e-5
"""Chance of a bin, at least: a tail that is thin is not said to be empty."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Distribution:
    """How differences are believed to lie: their cumulative shares at some values, and what lies between.

    Between quantiles, and beyond them, differences lie as in pieces of normal distributions: z rises evenly. Inside bands they
    are even.

    Attributes:
        values: (m,) rising.
        shares: (m,) of the differences that are no larger.
        normal: whether z, not the share, rises evenly between.
    """

    values: Floats
    shares: Floats
    normal: bool

    @classmethod
    def of_quantiles(cls, quantiles: Mapping[str, float]) -> "Distribution":
        """From shares that lie below, in percent, and the values.

        >>> told = Distribution.of_quantiles({"5%": -6, "50%": 2, "95%": 12})
        >>> told.below(np.array([-6.0, 2.0, 7.0])).round(2).tolist()
        [0.05, 0.5, 0.79]
        """
        pairs = sorted((quantile_share(text), value) for text, value in quantiles.items())
        shares, values = np.array(pairs).T
        return cls(values=values, shares=shares, normal=True)

    @classmethod
    def of_bands(cls, percent: Mapping[str, float], step: float) -> "Distribution":
        """From the shares of bands; an open one is as wide as that beside it.

        >>> told = Distribution.of_bands({"15 to 24": 20, "25 to 34": 60, "35 or more": 20}, step=1.0)
        >>> told.below(np.array([14.0, 24.0, 34.0, 44.0])).round(2).tolist()
        [0.0, 0.2, 0.8, 1.0]
        """
        bands = sorted((*band_ends(label), weight) for label, weight in percent.items())
        low, high, weight = (np.array(side) for side in zip(*bands, strict=True))
        if np.isinf(low[0]):
            low[0] = high[0] - (high[1] - low[1])
        if np.isinf(high[-1]):
            high[-1] = low[-1] + (high[-2] - low[-2])
        values = np.stack([low - step, high], axis=1).ravel()
        rising = np.cumsum(weight) / weight.sum()
        shares = np.stack([np.append(0.0, rising[:-1]), rising], axis=1).ravel()
        kept = np.append(True, np.diff(values) > 0)  # a band begins where the one before ends
        return cls(values=values[kept], shares=shares[kept], normal=False)

    def below(self, values: Floats) -> Floats:
        """The share of differences that are no larger than each of some values, shaped alike."""
        if not self.normal:
            return np.interp(values, self.values, self.shares)
        from scipy.special import ndtr, ndtri

        z = ndtri(self.shares)
        place = np.clip(np.searchsorted(self.values, values, side="right"), 1, len(z) - 1)
        slope = (np.diff(z) / np.diff(self.values))[place - 1]
        return np.asarray(ndtr(z[place] + slope * (values - self.values[place])))

    def quantile(self, share: float, step: float) -> float:
        """The least difference, in whole steps, that so many are no larger than."""
        said = np.flatnonzero(np.isclose(self.shares, share))
        if len(said):
            return float(self.values[said[0]])
        low, high = self.values[0], self.values[-1]
        around = np.arange(low - 2 * (high - low), high + 2 * (high - low) + step, max(step, (high - low) / MOST_STEPS))
        return float(around[np.searchsorted(self.below(around), share - 1e-9)])


@dataclass(frozen=True, kw_only=True, eq=False)
class BelievedDifference:
    """A belief about a difference, ready for use.

    Attributes:
        name: of the belief.
        refs: where the two numbers are found: that from which the other is taken away first.
        level: whose rows see both.
        variable: that both have, as declared.
        distribution: of the differences.
        strength: pseudo-records that it is worth.
    """

    name: str
    refs: tuple[Ref, Ref]
    level: int
    variable: Variable
    distribution: Distribution
    strength: float

    @property
    def step(self) -> float:
        """Between two values of the variable."""
        return float(10.0**-self.variable.decimals)

    @property
    def given(self) -> int:
        """Which of the two the other is told of: that of whom there may be several, for there is a row of each."""
        return 1 if self.refs[1].among is not None else 0

    def rows(self, of: int) -> Floats:
        """P(bin of one of the two | bin of the other), (k, k), values inside the latter being even.

        Args:
            of: which of the two; 0 is that from which the other is taken.
        """
        low, high = self.variable.ends
        share = (np.arange(POINTS) + 0.5) / POINTS
        inside = share * (high - low + self.step)[:, None]
        other = (low[:, None] + self.step * np.floor(inside / self.step + 1e-9))[:, :, None]
        most, least = (high - other, low - other) if of == 0 else (other - low, other - high)
        found = (self.distribution.below(most) - self.distribution.below(least - self.step)).mean(axis=1)
        found = np.maximum(found, LEAST)
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    @cached_property
    def _logs(self) -> Floats:
        """Log of the chance of each difference from the least that there can be to the greatest, in steps of `_width`."""
        n = int(np.ceil((self.variable.most - self.variable.least) / self._width))
        ends = np.arange(-n, n + 2, dtype=np.float64) * self._width - (self._width + self.step) / 2
        chances = np.diff(self.distribution.below(ends))
        return np.asarray(np.log(np.maximum(chances, 1e-300)))

    @property
    def _width(self) -> float:
        n_steps = 2 * (self.variable.most - self.variable.least) / self.step
        return float(self.step * max(np.ceil(n_steps / MOST_STEPS), 1))

    def log_chances(self, first: Floats, second: Floats) -> Floats:
        """Log of the chance of each pair's difference, shaped as they are together, up to a constant."""
        place = np.rint((first - second) / self._width).astype(np.int64) + len(self._logs) // 2
        return np.asarray(self._logs[np.clip(place, 0, len(self._logs) - 1)])


def differences_of(
    beliefs: Sequence[DifferenceBelief], strengths: Sequence[float], problem: Problem, dropped: list[Dropped]
) -> tuple[BelievedDifference, ...]:
    """Beliefs about differences, those that fit the problem.

    Args:
        beliefs: as written.
        strengths: pseudo-records that each is worth.
        problem: what is known.
        dropped: takes those that do not fit, with the reason.
    """
    found = []
    for i, belief in enumerate(beliefs):
        place = f"differences[{i}] ({belief.difference})"
        names = [name.strip() for name in re.split(r"\s+-\s+", belief.difference)]
        refs = [problem.schema.resolve_among(name) for name in names]
        wrong = _wrong(problem, names, refs)
        if wrong:
            dropped.append(Dropped(belief=place, reason=wrong))
            continue
        first, second = (ref for ref in refs if ref is not None)
        beyond = _beyond(belief, problem.schema.variable(first))
        if beyond is not None:
            dropped.append(Dropped(belief=place, reason=f"no two of {names[0]} and {names[1]} are {beyond:g} apart"))
            continue
        variable, level = problem.schema.variable(first), problem.schema.shared_level((first, second))
        assert level is not None
        distribution = (
            Distribution.of_quantiles(belief.quantiles)
            if belief.quantiles is not None
            else Distribution.of_bands(belief.percent or {}, 10.0**-variable.decimals)
        )
        found.append(
            BelievedDifference(
                name=belief.difference,
                refs=(first, second),
                level=level,
                variable=variable,
                distribution=distribution,
                strength=strengths[i],
            )
        )
    return tuple(found)


def _wrong(problem: Problem, names: Sequence[str], refs: Sequence[Ref | None]) -> str:
    """Why there is no such difference, and what to write instead; empty where there is."""
    if len(names) != 2:
        return "is no difference of two numbers; write head.age - partner.age"
    schema = problem.schema
    for name, ref in zip(names, refs, strict=True):
        if ref is None:
            return unknown(name, problem, _names(problem))
        if ref.role is None and ref.among is None:
            return f"'{name}' does not say whose it is; write it with a role before it, as head.age"
        if not schema.variable(ref).numeric:
            return f"'{name}' holds no numbers; name a variable that does"
    first, second = (ref for ref in refs if ref is not None)
    if (first.level, first.column) != (second.level, second.column):
        return f"'{names[0]}' and '{names[1]}' are not the same variable; write both with one, as head.age - partner.age"
    if (first.role or first.among) == (second.role or second.among):
        return "both have the same role; name two roles"
    if first.among is not None and second.among is not None:
        own = schema.levels[first.level]
        single = ", ".join(role for role, most in own.roles.items() if most == 1) or "none"
        return f"there may be several of both; name one role of whom there is one at most ({single})"
    return (
        f"some have no {schema.variable(first).name}; such a difference is not read" if schema.variable(first).missing else ""
    )


def _beyond(belief: DifferenceBelief, variable: Variable) -> float | None:
    """A quantile that no two values of a variable lie apart; None where there is none. Bands may go beyond."""
    widest = variable.most - variable.least
    return next((value for value in (belief.quantiles or {}).values() if abs(value) > widest), None)


def differences_told(problem: Problem) -> tuple[str, ...]:
    """Differences that may be told of the members of a problem, as they are written; the first is single."""
    schema, found = problem.schema, []
    for level in schema:
        labels = level.variables[level.position(level.role)].labels if level.role else ()
        single = [role for role in labels if level.roles.get(role) == 1]
        pairs = [
            (one, other)
            for i, one in enumerate(single)
            for other in (*single[i + 1 :], *labels)
            if other not in single[: i + 1]
        ]
        for position in level.numeric:
            name = level.variables[position].name
            told = [(f"{one}.{name}", f"{other}.{name}") for one, other in dict.fromkeys(pairs)]
            found += [
                " - ".join(both) for both in told if not _wrong(problem, both, [schema.resolve_among(one) for one in both])
            ]
    return tuple(found)


def _names(problem: Problem) -> list[str]:
    """What may stand in a difference: numbers of members by their roles."""
    return [
        f"{role}.{level.variables[position].name}"
        for level in problem.schema
        for role in level.roles
        for position in level.numeric
    ]
