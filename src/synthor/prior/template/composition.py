"""Who a unit consists of: how many members of each role, given the unit's structural variables.

Listed compositions have their shares as they are believed. For all others the numbers of each role are independent given the
unit, on the condition that they sum to its size; sums of independent numbers are convolutions, and backwards from the last
role these say how many ways are left, so that numbers are drawn role by role and none in vain. What is listed is left out of
the others. Structural variables are few, so their combinations are listed, and every share here is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from synthor.prior.template.chances import Chances
from synthor.prior.template.factors import EXACT, fitted
from synthor.prior.template.picking import distinct, picked
from synthor.prior.template.told import Composition
from synthor.schema import Ref, Schema
from synthor.types import CellIndex, Codes, Counts, Floats, Mask, Shares

LEAST_LEFT = 1e-9
"""Where listed compositions leave less of what the roles' numbers allow, nothing else can be."""

MOST_AT_ONCE = 500_000
"""Compositions times keys that are looked at together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Compositions:
    """Shares of compositions. A *key* is a combination of those structural variables that compositions depend on.

    Attributes:
        keys: (keys, columns of the unit) these combinations; other columns mean nothing.
        numbers: for each role (keys, most + 1) share of each number of members.
        totals: (keys, most + 1) share of each number of members in all.
        whole: (listed, roles) the compositions listed.
        listed: (listed, keys) their shares.
    """

    keys: Codes
    numbers: tuple[Shares, ...]
    totals: Shares
    whole: Counts
    listed: Shares

    @classmethod
    def of(
        cls,
        schema: Schema,
        told: Composition | None,
        keys: Codes,
        share_of_key: Shares,
        open_: Sequence[Mask] | None = None,
    ) -> "Compositions":
        """Shares for some keys. Sizes that no composition has are left out, and so are keys without any: `possible`.

        Args:
            schema: of all levels.
            told: what is believed.
            keys: (keys, columns of the unit).
            share_of_key: (keys,).
            open_: for each role (keys, most + 1) which numbers rules leave it; all unless given.
        """
        n = len(keys)
        if told is None:
            none = np.zeros((0, 0), np.int64)
            return cls(keys=keys, numbers=(), totals=np.ones((n, 1)), whole=none, listed=np.zeros((0, n)))

        def see(ref: Ref) -> Codes:
            return keys[:, ref.column]

        numbers = []
        for believed in told.roles.values():
            chances = fitted(Chances.of(schema, believed, believed.tables), see, share_of_key, EXACT)
            weights = chances.weights(see, n)[:, : told.most + 1]
            padded = np.zeros((n, told.most + 1))
            padded[:, : weights.shape[1]] = weights / weights.sum(axis=1, keepdims=True)
            numbers.append(padded)
        ways = _ways(numbers, n, told.most)[0]
        inside = np.arange(told.most + 1) >= told.least
        if told.size is None:
            believed_totals = ways * inside
        else:
            wide = np.zeros((len(told.size.totals), told.most + 1))
            upto = min(told.size.totals.shape[1], told.most + 1)
            wide[:, :upto] = told.size.totals[:, :upto]
            believed_totals = (wide * inside)[keys[:, told.size.column]]
        totals = _normal(np.where(ways > 0, believed_totals, 0.0))
        whole, listed = _listed(told, keys, _normal(believed_totals))
        found = cls(keys=keys, numbers=tuple(numbers), totals=totals, whole=whole, listed=listed)
        return found if open_ is None or all(one.all() for one in open_) else found._without(open_)

    def _without(self, open_: Sequence[Mask]) -> "Compositions":
        """The shares that are left where some roles cannot have some numbers; the rest stay as they are to each other."""
        numbers = tuple(shares * own for shares, own in zip(self.numbers, open_, strict=True))
        left = _ways(numbers, len(self.keys), self.totals.shape[1] - 1)[0]
        each = np.divide(self.totals, self.ways[0], out=np.zeros_like(self.totals), where=self.ways[0] > 0)
        every, listed, unlisted = np.arange(len(self.keys)), np.zeros_like(self.listed), (each * left).sum(axis=1)
        for row, own in enumerate(self.whole):
            allowed = np.all([side[:, number] for side, number in zip(open_, own, strict=True)], axis=0)
            listed[row] = self.listed[row] * allowed
            by_numbers = self._by_numbers(np.tile(own, (len(every), 1)), every)
            unlisted -= np.where(allowed & (self.listed[row] > 0), by_numbers, 0.0)
        rest, open_share, _ = self._rest
        whole = listed.sum(axis=0) + np.maximum(unlisted, 0.0) * rest / open_share
        listed = np.divide(listed, whole, out=np.zeros_like(listed), where=whole > 0)
        return replace(self, numbers=numbers, totals=_normal(each * left), listed=listed)

    @cached_property
    def ways(self) -> list[Floats]:
        """For each role and after the last: (keys, most + 1) share of each sum of its number and of all after it."""
        return _ways(self.numbers, len(self.keys), self.totals.shape[1] - 1)

    @cached_property
    def _rest(self) -> tuple[Floats, Floats, Floats]:
        """(keys,) share of compositions that are not listed; what of the roles' numbers is not; what listed shares sum to."""
        sums = self.listed.sum(axis=0)
        every = np.arange(len(self.keys))
        taken = np.zeros(len(every))
        for own, shares in zip(self.whole, self.listed, strict=True):
            taken += np.where(shares > 0, self._by_numbers(np.tile(own, (len(every), 1)), every), 0.0)
        open_ = np.maximum(self.totals.sum(axis=1) - taken, 0.0)
        some = open_ > LEAST_LEFT
        rest = np.where(some, np.maximum(1 - sums, 0.0), 0.0)
        return rest, np.where(some, open_, 1.0), np.where((sums > 1) | (~some & (sums > 0)), sums, 1.0)

    @property
    def possible(self) -> Mask:
        """(keys,) whether there is any composition."""
        return (self._rest[0] > 0) | (self.listed.sum(axis=0) > 0)

    @property
    def flattened(self) -> "Compositions":
        """Shares that find what is rare: those of numbers of each role to their square roots, every size alike."""
        roots = tuple(np.sqrt(shares) / np.sqrt(shares).sum(axis=1, keepdims=True) for shares in self.numbers)
        some = self.totals > 0
        even = some / np.maximum(some.sum(axis=1, keepdims=True), 1)
        return replace(self, numbers=roots, totals=even)

    def _by_numbers(self, numbers: Counts, keys: CellIndex) -> Floats:
        """Share of compositions by the numbers of each role alone, (n,)."""
        total = numbers.sum(axis=1)
        most = self.totals.shape[1] - 1
        fits = (total <= most) & (numbers.max(axis=1, initial=0) <= most)
        numbers, total = np.where(fits[:, None], numbers, 0), np.where(fits, total, 0)
        found = self.totals[keys, total] * fits
        ways = self.ways[0][keys, total]
        found = np.divide(found, ways, out=np.zeros(len(keys)), where=ways > 0)
        for role, shares in enumerate(self.numbers):
            found = found * shares[keys, numbers[:, role]]
        return found

    def share(self, numbers: Counts, keys: CellIndex) -> Floats:
        """Share of each composition among the units of a key, (n,), given as (n, roles) and (n,)."""
        rest, open_, sums = self._rest
        found = self._by_numbers(numbers, keys) * (rest / open_)[keys]
        at = self._place(numbers)
        for row in np.unique(at[at >= 0]):
            these = np.flatnonzero(at == row)
            shares = self.listed[row, keys[these]]
            found[these] = np.where(shares > 0, shares / sums[keys[these]], found[these])
        return found

    def among(self, share_of_key: Shares, numbers: Counts) -> Floats:
        """Share of each composition among all units, (compositions,)."""
        each = max(MOST_AT_ONCE // len(self.keys), 1)
        parts = [
            (self.shares(numbers[begin : begin + each]) * share_of_key).sum(axis=1) for begin in range(0, len(numbers), each)
        ]
        return np.concatenate([np.zeros(0), *parts])

    def shares(self, numbers: Counts) -> Floats:
        """Share of each composition among the units of each key, (compositions, keys)."""
        n, k = len(numbers), len(self.keys)
        return self.share(np.repeat(numbers, k, axis=0), np.tile(np.arange(k), n)).reshape(n, k)

    def _place(self, numbers: Counts) -> CellIndex:
        """Which listed composition each is, -1 for none, (n,)."""
        if not len(self.whole):
            return np.full(len(numbers), -1)
        places = {tuple(own): row for row, own in enumerate(self.whole.tolist())}
        found, of, _ = distinct(numbers)
        return np.array([places.get(tuple(own), -1) for own in found.tolist()], np.int64)[of]

    def drawn(self, share_of_key: Shares, n: int, random: np.random.Generator) -> Counts:
        """Compositions by the numbers of each role, (n, roles), none where all are listed.

        Those that are not listed come as often as they occur; those that are mean nothing, and have draws of their own.

        Args:
            share_of_key: (keys,).
            n: draws.
            random: draws.
        """
        rest, open_, _ = self._rest
        weights = share_of_key * rest / open_
        if weights.sum() <= 0:
            return np.zeros((0, len(self.numbers)), np.int64)
        keys = random.choice(len(weights), n, p=weights / weights.sum())
        return _by_role(self.numbers, self.ways, keys, picked(self.totals[keys], random), random)


@dataclass(frozen=True, kw_only=True, eq=False)
class NumbersByRole:
    """How many rows there are of each role below each of some rows above, given how many there are in all.

    Attributes:
        numbers: for each role (rows above, most + 1) share of each number of rows.
        ways: for each role and after the last: (rows above, most + 1) share of each sum of its number and of all after it.
    """

    numbers: tuple[Shares, ...]
    ways: list[Floats]

    @classmethod
    def of(cls, weights: Sequence[Floats], most: int) -> "NumbersByRole":
        """From the weights of each role's numbers, and the most rows that there are in all."""
        numbers = []
        for own in weights:
            wide = np.zeros((len(own), most + 1))
            upto = min(own.shape[1], most + 1)
            wide[:, :upto] = own[:, :upto]
            numbers.append(_normal(wide))
        return cls(numbers=tuple(numbers), ways=_ways(numbers, len(numbers[0]), most))

    def drawn(self, totals: Counts, random: np.random.Generator) -> Counts:
        """Rows of each role, (rows above, roles)."""
        return _by_role(self.numbers, self.ways, np.arange(len(totals)), totals, random)

    def share(self, found: Counts) -> Floats:
        """Share of some numbers of each role among those that sum to as many, (rows above,)."""
        rows, most = np.arange(len(found)), self.ways[0].shape[1] - 1
        total = np.minimum(found.sum(axis=1), most)
        chance = np.ones(len(found))
        for role, shares in enumerate(self.numbers):
            own = found[:, role]
            chance = chance * np.where(own <= most, shares[rows, np.minimum(own, most)], 0.0)
        ways = self.ways[0][rows, total]
        return np.divide(chance, ways, out=np.zeros(len(found)), where=ways > 0)


def _by_role(
    numbers: Sequence[Shares], ways: Sequence[Floats], keys: CellIndex, left: Counts, random: np.random.Generator
) -> Counts:
    """Numbers of each role that sum to a number, drawn role by role, (n, roles)."""
    found = np.zeros((len(keys), len(numbers)), np.int64)
    for role, shares in enumerate(numbers):
        after = ways[role + 1]
        remaining = left[:, None] - np.arange(after.shape[1])
        chances = np.where(remaining >= 0, shares[keys] * after[keys[:, None], np.maximum(remaining, 0)], 0.0)
        found[:, role] = picked(chances, random)
        left = left - found[:, role]
    return found


def _ways(numbers: Sequence[Shares], n: int, most: int) -> list[Floats]:
    """Convolutions from the last role backwards."""
    last = np.zeros((n, most + 1))
    last[:, 0] = 1.0
    found = [last]
    for shares in reversed(numbers):
        summed = np.zeros((n, most + 1))
        for own in range(most + 1):
            summed[:, own:] += shares[:, own, None] * found[0][:, : most + 1 - own]
        found.insert(0, summed)
    return found


def _normal(shares: Floats) -> Floats:
    """Rows that sum to one, but for those that are 0."""
    sums = shares.sum(axis=1, keepdims=True)
    return np.divide(shares, sums, out=np.zeros_like(shares), where=sums > 0)


def _listed(told: Composition, keys: Codes, totals: Shares) -> tuple[Counts, Shares]:
    """Listed compositions, each once, and their shares where size and structural variables are as they say."""
    shares: dict[tuple[int, ...], Floats] = {}
    for one in told.whole:
        total = sum(one.numbers)
        there = totals[:, total] if total < totals.shape[1] else np.zeros(len(keys))
        there = there if one.of_as_many else (there > 0).astype(np.float64)
        for column, code in one.where.items():
            there = there * (keys[:, column] == code)
        shares[one.numbers] = shares.get(one.numbers, np.zeros(len(keys))) + one.share * there
    if not shares:
        return np.zeros((0, len(told.roles)), np.int64), np.zeros((0, len(keys)))
    return np.array(list(shares), np.int64), np.stack(list(shares.values()))
