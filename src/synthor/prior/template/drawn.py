"""Units drawn from a template so that few are in vain: compositions over-sampled, what rules reject drawn again inside its own.

Compositions are as uneven as anything: two of them may be half of all units, while a table of great-grandparents hangs on one
in five thousand. So a composition gets a part of the draws by the square root of its share, and a few hundred at least, and
each of its units weighs share / draws. The square root costs little where all is even, and lets a composition that is a
hundred times as rare lie ten times as thick. So it is with the commonest, and with the commonest of each number of each role.
Others that a first look found share the draws of one more, and so do those that it did not find.

A large unit has more chances to break a rule: with one in ten persons in a forbidden combination, a unit of ten passes in one
case of three, a unit of one in nine of ten. Thrown away and replaced by any other unit, large units would vanish, although the
rule says nothing about sizes and the sizes are believed. So a unit that breaks a rule is drawn again within its composition,
whose share stays as it is: q(composition) q(unit | composition, allowed). The chance of being allowed is estimated by
composition from the draws themselves and divided out wherever the density of a unit is asked for.

Every part of the draws has a generator of its own name, so that the same units come out whoever draws which part, when.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthor.information import effective_size
from synthor.prior.template.making import Maker
from synthor.prior.template.picking import distinct
from synthor.randomness import generator
from synthor.schema import Units
from synthor.types import CellIndex, Counts, Floats, Mask

PART = 5_000
"""Units that are drawn with one generator."""

FEWEST = 300
"""Draws of each common composition, and of those that hold a rare number of a role together, as far as half of all suffice."""

FEW_COMPOSITIONS, COMMON = 50, 10
"""Compositions that may have draws of their own, however few draws there are; and how many as they occur make one common."""

OF_EACH, UNHEARD_OF = 3, 1e-6
"""Compositions with draws of their own for each number of each role and each size, if more than such a share of units is so."""

LOOKS = (20_000, 100_000)
"""Compositions that are looked at, at least and at most, to find the commonest, and as many again for those that are rare."""

ROUNDS, MOST_TIMES = 12, 64
"""Times that units are drawn again for one that a rule rejects, and how many at once at most."""

OWN, SEEN, UNSEEN = range(3)
"""Compositions with draws of their own; those that looks found beside these, and those that none found, which share draws."""

NO_SHARE = 1e-9
"""Of compositions together: what is left of one by rounding alone."""

Allows = Callable[[Units], Mask]


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """How many units of which composition are drawn.

    Attributes:
        maker: of units.
        random_seed: names the generators.
        numbers: (compositions, roles).
        shares: (compositions,) under the template.
        draws: (compositions,) units that are drawn of each.
        group: (compositions,) OWN, or one of the groups that share draws.
        of_group: (groups,) share of all units whose composition is of each group.
    """

    maker: Maker
    random_seed: int
    numbers: Counts
    shares: Floats
    draws: Counts
    group: CellIndex
    of_group: Floats

    @classmethod
    def of(cls, maker: Maker, size: int, random_seed: int) -> "Plan":
        """The plan of so many draws."""
        of_key, compositions = maker.share_of_key, maker.compositions
        looks, random = int(np.clip(size, *LOOKS)), generator(random_seed, "template", "look")
        even = np.sqrt(of_key) / np.sqrt(of_key).sum()
        looked = [compositions.drawn(of_key, looks, random), compositions.flattened.drawn(even, looks, random)]
        numbers, shares = _by_share(maker, distinct(np.concatenate([compositions.whole, *looked]))[0])
        n_common = min(max(FEW_COMPOSITIONS, size // (2 * FEWEST)), int((shares * size >= COMMON).sum()))
        least = _fewest(numbers, shares, compositions.whole, n_common)
        group = np.where(least > 0, OWN, SEEN)
        own, seen = float(shares[group == OWN].sum()), float(shares[group == SEEN].sum())
        of_group = np.array([own, seen, 1.0 - own - seen])
        of_group = np.where(of_group > NO_SHARE, of_group, 0.0)
        draws = _allotted(
            np.append(shares[group == OWN], of_group[SEEN:]), np.append(least[group == OWN], [FEWEST * (seen > 0), 0]), size
        )
        unseen, times = _unseen(maker, numbers, int(draws[-1]), random)
        each = np.zeros(len(numbers), np.int64)
        each[group == OWN] = draws[:-2]
        if seen > 0:
            each[group == SEEN] = random.multinomial(draws[-2], shares[group == SEEN] / seen)
        each = np.append(each, times)
        return cls(
            maker=maker,
            random_seed=random_seed,
            numbers=np.concatenate([numbers, unseen])[each > 0],
            shares=np.append(shares, compositions.among(of_key, unseen))[each > 0],
            draws=each[each > 0],
            group=np.append(group, np.full(len(unseen), UNSEEN))[each > 0],
            of_group=of_group,
        )

    @classmethod
    def among(cls, maker: Maker, shares: Mapping[tuple[int, ...], float], size: int, random_seed: int) -> "Plan | None":
        """The plan of so many draws of some compositions alone, by the share of each; None where none of them can be.

        The unit's structural variables are as they are in each of these.
        """
        numbers, wanted = np.array(list(shares), np.int64), np.array(list(shares.values()))
        some = maker.compositions.among(maker.share_of_key, numbers) > 0
        if not some.any():
            return None
        numbers, wanted = numbers[some], wanted[some] / wanted[some].sum()
        return cls(
            maker=maker,
            random_seed=random_seed,
            numbers=numbers,
            shares=wanted,
            draws=_allotted(wanted, np.ones(len(numbers), np.int64), max(size, 2 * len(numbers))),
            group=np.full(len(numbers), OWN),
            of_group=np.array([1.0, 0.0, 0.0]),
        )

    @property
    def apart(self) -> Mask:
        """(compositions,) whether it has draws of its own."""
        return self.group == OWN

    @cached_property
    def slots(self) -> CellIndex:
        """The composition of each draw."""
        return np.repeat(np.arange(len(self.draws)), self.draws)

    @property
    def n_parts(self) -> int:
        """Parts of all draws."""
        return -(-len(self.slots) // PART)

    def part(self, number: int, allows: Allows) -> "PartOfDraws":
        """One part of the draws, the same whether others are drawn or not."""
        random = generator(self.random_seed, "template", "part", number)
        composition = self.slots[number * PART : (number + 1) * PART]
        waiting, times = np.arange(len(composition)), 1
        tried, kept = np.zeros(len(self.draws), np.int64), np.zeros(len(self.draws), np.int64)
        units, logs, slots = list[Units](), list[Floats](), list[CellIndex]()
        for _ in range(ROUNDS):
            slot = np.repeat(waiting, times)
            own = composition[slot]
            made, log = self.maker.made(self.structures(own, random), self.numbers[own], random)
            good = np.flatnonzero(np.isfinite(log) & allows(made))
            tried += np.bincount(own, minlength=len(tried))
            kept += np.bincount(own[good], minlength=len(tried))
            found, first = np.unique(slot[good], return_index=True)
            units.append(made.take(good[first]))
            logs.append(log[good[first]])
            slots.append(found)
            waiting = np.setdiff1d(waiting, found)
            if not len(waiting):
                break
            times = max(min(PART // len(waiting), MOST_TIMES), 1)
        order = np.argsort(np.concatenate(slots))
        return PartOfDraws(
            units=units[0].joined(*units[1:]).take(order),
            composition=composition[np.concatenate(slots)[order]],
            log_density=np.concatenate(logs)[order],
            tried=tried,
            kept=kept,
        )

    def structures(self, composition: CellIndex, random: np.random.Generator) -> CellIndex:
        """Structural variables given a composition, (n,), as the maker lists them."""
        n_keys = self._keys.shape[1]
        key = np.searchsorted(self._keys.ravel(), random.random(len(composition)) + composition, side="right")
        key = np.clip(key - composition * n_keys, 0, n_keys - 1)
        first, rising = self._within
        at = rising[first[key]] + random.random(len(key)) * (rising[first[key + 1]] - rising[first[key]])
        place = np.clip(np.searchsorted(rising, at, side="right") - 1, first[key], first[key + 1] - 1)
        return self._by_key[place]

    def log_each(self, found: Counts) -> Floats:
        """(compositions,) log of the share that one of each counts for, when so many units are found of each."""
        together = np.bincount(self.group, found, len(self.of_group))[self.group]
        with np.errstate(divide="ignore", invalid="ignore"):
            shared = np.log(self.of_group[self.group]) - np.log(together)
            return np.where(self.apart, np.log(self.shares) - np.log(found), shared)

    def missing(self, found: Counts) -> float:
        """Share of units whose composition nobody stands for, when so many are found of each."""
        nobody = np.bincount(self.group, found, len(self.of_group)) == 0
        nobody[OWN] = False
        own = self.of_group[OWN] - self.shares[self.apart & (found > 0)].sum()
        return float(self.of_group[nobody].sum() + (own if own > NO_SHARE else 0.0))

    @cached_property
    def _keys(self) -> Floats:
        """(compositions, keys) rising sums of the share of each key in a composition, one higher for each composition."""
        rising = np.cumsum(self.maker.compositions.shares(self.numbers) * self.maker.share_of_key, axis=1)
        return rising / rising[:, -1:] + np.arange(len(rising))[:, None]

    @cached_property
    def _by_key(self) -> CellIndex:
        """Structures in order of their keys."""
        return np.argsort(self.maker.key, kind="stable")

    @cached_property
    def _within(self) -> tuple[CellIndex, Floats]:
        """Of these, the first of each key, and the sums of shares before each."""
        n_keys = len(self.maker.compositions.keys)
        first = np.searchsorted(self.maker.key[self._by_key], np.arange(n_keys + 1))
        shares = np.exp(self.maker.log_structures[self._by_key])
        return first, np.concatenate([[0.0], np.cumsum(shares)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartOfDraws:
    """Units of one part of the draws.

    Attributes:
        units: that no rule rejects.
        composition: (n,) of each.
        log_density: (n,) under the template, rules that reject aside.
        tried: (compositions,) units drawn.
        kept: (compositions,) those that no rule rejects.
    """

    units: Units
    composition: CellIndex
    log_density: Floats
    tried: Counts
    kept: Counts


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """Units drawn from a template.

    Attributes:
        plan: by which they were drawn.
        units: n of them, by composition.
        composition: (n,) of each, as the plan counts them.
        log_density: (n,) log q of each, given that no rule rejects it.
        log_weight: (n,) log of q / (n g), with g what they were drawn from: their shares of the base measure, which sum to one.
        tried: (compositions,) units drawn.
        kept: (compositions,) those that no rule rejects.
        missing: share of units whose composition no unit was found for.
    """

    plan: Plan
    units: Units
    composition: CellIndex
    log_density: Floats
    log_weight: Floats
    tried: Counts
    kept: Counts
    missing: float

    @property
    def effective_sample_size(self) -> float:
        """Kish's, of the weights."""
        return effective_size(np.exp(self.log_weight))

    @property
    def log_drawn_from(self) -> Floats:
        """(n,) log g: the density that the units were drawn with."""
        return self.log_density - self.log_weight - np.log(len(self.log_weight))

    @property
    def acceptance(self) -> Floats:
        """(compositions,) share of draws that no rule rejects; of those drawn as they occur, by their number of members."""
        return _acceptance(self.plan, self.tried, self.kept)

    def log_density_of(self, units: Units) -> Floats:
        """Log q of any units that no rule rejects, their members in any order, (n,): of those drawn, what is said of them."""
        maker, plan, acceptance = self.plan.maker, self.plan, self.acceptance
        found, of, _ = distinct(maker.numbers_of(units))
        accepted = np.ones(len(found))
        for row, own in enumerate(found):
            same = np.flatnonzero((plan.numbers == own).all(axis=1))
            alike = np.flatnonzero(~plan.apart & (plan.numbers.sum(axis=1) == own.sum()))
            accepted[row] = acceptance[[*same, *alike][0]] if len(same) + len(alike) else 1.0
        with np.errstate(divide="ignore"):
            return maker.log_density(units) - np.log(accepted[of])


def draw(maker: Maker, *, size: int, random_seed: int, allows: Allows = lambda units: np.ones(len(units), bool)) -> Drawn:
    """Draw units from a template.

    Args:
        maker: of units; see `prepared`.
        size: units to draw; fewer come out where rules leave nothing of a composition.
        random_seed: the same seed gives the same units.
        allows: which units no rule forbids, (n,).
    """
    return drawn_by(Plan.of(maker, size, random_seed), allows)


def drawn_by(plan: Plan, allows: Allows) -> Drawn:
    """Units as they are planned; see `draw`."""
    return gathered(plan, [plan.part(number, allows) for number in range(plan.n_parts)])


def gathered(plan: Plan, parts: Sequence[PartOfDraws]) -> Drawn:
    """All parts of a plan, in order, with the weights of their units."""
    composition = np.concatenate([part.composition for part in parts])
    tried, kept = np.sum([part.tried for part in parts], axis=0), np.sum([part.kept for part in parts], axis=0)
    found = np.bincount(composition, minlength=len(plan.shares))
    with np.errstate(divide="ignore"):
        log_accepted = np.log(_acceptance(plan, tried, kept))
    log_weight = plan.log_each(found)[composition]
    whole = np.exp(log_weight).sum() if len(log_weight) else 1.0
    return Drawn(
        plan=plan,
        units=parts[0].units.joined(*(part.units for part in parts[1:])),
        composition=composition,
        log_density=np.concatenate([part.log_density for part in parts]) - log_accepted[composition],
        log_weight=log_weight - np.log(whole),
        tried=tried,
        kept=kept,
        missing=plan.missing(found),
    )


def _acceptance(plan: Plan, tried: Counts, kept: Counts) -> Floats:
    """Share of draws that no rule rejects, by composition; of those without draws of their own, by size: they are too few."""
    size = np.where(plan.apart, -1, plan.numbers.sum(axis=1))
    of_size, place = np.unique(size, return_inverse=True)
    n, good = (np.bincount(place.ravel(), counts, len(of_size))[place.ravel()] for counts in (tried, kept))
    n, good = np.where(plan.apart, tried, n), np.where(plan.apart, kept, good)
    return np.divide(good, n, out=np.ones(len(n)), where=n > 0)


def _by_share(maker: Maker, numbers: Counts) -> tuple[Counts, Floats]:
    """Compositions, the commonest first, and their shares of all units."""
    shares = maker.compositions.among(maker.share_of_key, numbers)
    order = np.argsort(-shares, kind="stable")
    return numbers[order], shares[order]


def _fewest(numbers: Counts, shares: Floats, whole: Counts, n_common: int) -> Counts:
    """Draws that compositions, the commonest first, have at least; 0 where they have none of their own.

    Beside the commonest and those that are listed some have that hold a number of a role, or of all members, of which there
    are few: a table may ask for lodgers, for six children or for fifteen persons, however rare they are.
    """
    found = np.where(np.arange(len(shares)) < n_common, FEWEST, 0)
    for own in np.column_stack([numbers, numbers.sum(axis=1)]).T:
        for number in np.unique(own[own > 0]):
            held = np.flatnonzero(own == number)
            if shares[held].sum() > UNHEARD_OF:
                rare = held[:OF_EACH]
                found[rare] = np.maximum(found[rare], FEWEST // len(rare))
    known = {tuple(own) for own in whole.tolist()}
    found[np.array([tuple(own) in known for own in numbers.tolist()], bool)] = FEWEST
    return np.where(shares > 0, found, 0)


def _allotted(shares: Floats, least: Counts, size: int) -> Counts:
    """So many draws for each of some compositions, by the square root of its share, but no fewer than some; whole numbers."""
    least = np.floor(least * min(size / (2 * max(int(least.sum()), 1)), 1.0)).astype(np.int64)
    exact = least + (size - least.sum()) * np.sqrt(shares) / np.sqrt(shares).sum()
    draws = np.floor(exact).astype(np.int64)
    draws[np.argsort(draws - exact, kind="stable")[: size - int(draws.sum())]] += 1
    return draws


def _unseen(maker: Maker, seen: Counts, n: int, random: np.random.Generator) -> tuple[Counts, Counts]:
    """Compositions that no look found, as they occur, and how often each of them does; few are where nearly all was found."""
    found, left = [np.zeros((0, seen.shape[1]), np.int64)], n
    known = {tuple(own) for own in seen.tolist()}
    for _ in range(ROUNDS if n else 0):
        different, of, _ = distinct(maker.compositions.drawn(maker.share_of_key, max(4 * left, PART), random))
        new = np.array([tuple(own) not in known for own in different.tolist()], bool)
        found.append(different[of[new[of]][:left]])
        left -= len(found[-1])
        if not left:
            break
    numbers, _, times = distinct(np.concatenate(found))
    return numbers, times
