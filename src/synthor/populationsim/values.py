"""Which values of one column a control counts: numbers between two places, texts, and blanks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce

Cut = tuple[float, int]
"""A place between numbers: right before a number (0) or right after it (1)."""
Stretch = tuple[Cut, Cut]
"""All numbers between two places."""

FIRST, LAST = (-math.inf, 0), (math.inf, 0)

SENTINEL = 1e8
NINES = 5
"""An outermost edge of at least so much, or of at least so many nines and nothing else, stands for infinity."""


def before(value: float) -> Cut:
    """The place right before a number."""
    return (value, 0)


def after(value: float) -> Cut:
    """The place right after a number; nothing is after infinity, and minus infinity is no number of a column."""
    return (value, 0 if math.isinf(value) else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSet:
    """Values of one column.

    Attributes:
        numbers: stretches of numbers, rising and apart.
        texts: texts.
        others: whether it is all texts but these.
        blank: whether a blank is one of them.
    """

    numbers: tuple[Stretch, ...] = ()
    texts: frozenset[str] = field(default_factory=frozenset)
    others: bool = False
    blank: bool = False

    @classmethod
    def between(cls, low: Cut, high: Cut) -> "ValueSet":
        """All numbers between two places.

        >>> ValueSet.between(after(15), after(24)).holds(15), ValueSet.between(after(15), after(24)).holds(24)
        (False, True)
        """
        return cls(numbers=((low, high),) if low < high else ())

    @classmethod
    def of(cls, values: Iterable[float | str]) -> "ValueSet":
        """Single values.

        >>> ValueSet.of([2, 3, "x"]).holds(3), ValueSet.of([2, 3, "x"]).holds("y")
        (True, False)
        """
        told = list(values)
        points = {float(value) for value in told if not isinstance(value, str)}
        return cls(
            numbers=_joined((before(point), after(point)) for point in points),
            texts=frozenset(value for value in told if isinstance(value, str)),
        )

    def holds(self, value: float | str | None) -> bool:
        """Whether a value is one of them; None is a blank."""
        if value is None:
            return self.blank
        if isinstance(value, str):
            return (value in self.texts) != self.others
        return any(low <= before(value) and after(value) <= high for low, high in self.numbers)

    @property
    def nothing(self) -> bool:
        """Whether no value is one of them."""
        return not (self.numbers or self.texts or self.others or self.blank)

    @property
    def everything(self) -> bool:
        """Whether every number is one of them, as far as any is meant, and no text is left out.

        >>> ValueSet.between(after(-999_999_999), LAST).everything, ValueSet.of(["own"]).without().everything
        (True, False)
        """
        every = len(self.numbers) == 1 and all(is_sentinel(cut[0]) for cut in self.numbers[0])
        return every and not (self.others and self.texts)

    @property
    def points(self) -> list[float]:
        """The single numbers among them, or among those that they leave out where they are all numbers but some.

        >>> ValueSet.of([3, 4]).points, ValueSet.of([1]).without().points
        ([3.0, 4.0], [1.0])
        """
        return [low[0] for low, high in self._apart() if _is_point((low, high))]

    @property
    def coded(self) -> bool:
        """Whether they are single values, or all but single values.

        >>> ValueSet.of([3]).coded, ValueSet.of([3]).without().coded, ValueSet.between(before(3), LAST).coded
        (True, True, False)
        """
        return all(map(_is_point, self._apart()))

    @property
    def edges(self) -> list[Cut]:
        """Finite places where stretches begin or end, rising."""
        return sorted({cut for stretch in self.numbers for cut in stretch if math.isfinite(cut[0])})

    def _apart(self) -> tuple[Stretch, ...]:
        """Its stretches, or what they leave out where they are all numbers but some."""
        return _gaps(self.numbers) if self.others and self.numbers else self.numbers

    def without(self) -> "ValueSet":
        """All other values."""
        return ValueSet(numbers=_gaps(self.numbers), texts=self.texts, others=not self.others, blank=not self.blank)

    def __or__(self, other: "ValueSet") -> "ValueSet":
        if self.others or other.others:
            return (self.without() & other.without()).without()
        return ValueSet(
            numbers=_joined((*self.numbers, *other.numbers)),
            texts=self.texts | other.texts,
            blank=self.blank or other.blank,
        )

    def __and__(self, other: "ValueSet") -> "ValueSet":
        pairs = ((max(a[0], b[0]), min(a[1], b[1])) for a in self.numbers for b in other.numbers)
        texts, others = _common(self, other)
        return ValueSet(
            numbers=tuple(sorted(pair for pair in pairs if pair[0] < pair[1])),
            texts=texts,
            others=others,
            blank=self.blank and other.blank,
        )


def is_sentinel(value: float) -> bool:
    """Whether an outermost edge stands for infinity.

    >>> [is_sentinel(value) for value in (math.inf, -999_999_999, 99_999, 85_185)]
    [True, True, True, False]
    """
    digits = f"{abs(value):.0f}"
    return abs(value) >= SENTINEL or (len(digits) >= NINES and set(digits) == {"9"} and value == round(value))


def union(sets: Iterable[ValueSet]) -> ValueSet:
    """The values of any of them."""
    return reduce(ValueSet.__or__, sets, ValueSet())


def _is_point(stretch: Stretch) -> bool:
    return stretch[0][0] == stretch[1][0]


def _joined(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Stretches that rise and lie apart."""
    found: list[Stretch] = []
    for low, high in sorted(stretches):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def _gaps(stretches: tuple[Stretch, ...]) -> tuple[Stretch, ...]:
    """What stretches leave out."""
    lows = [FIRST, *(high for _, high in stretches)]
    highs = [*(low for low, _ in stretches), LAST]
    return tuple((low, high) for low, high in zip(lows, highs, strict=True) if low < high)


def _common(one: ValueSet, other: ValueSet) -> tuple[frozenset[str], bool]:
    """Texts that both have, or all but which."""
    if one.others and other.others:
        return one.texts | other.texts, True
    if one.others:
        return other.texts - one.texts, False
    if other.others:
        return one.texts - other.texts, False
    return one.texts & other.texts, False
