"""Columns of the seed as variables: codes as labels, numbers in bins, and what a set of values is called there."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from synthor.draft.variables import farthest
from synthor.populationsim.seed import MOST_CODES, Seed, as_floats, as_labels, code_order
from synthor.populationsim.values import Cut, ValueSet, is_sentinel, union
from synthor.schema.text import as_text
from synthor.spec.scaffold import Entry

_AGES = re.compile(r"(?:^|[^a-z])age|^(?:p|hh|head|ref)age", re.IGNORECASE)
"""Names of columns of ages, such as AGEP, HHAGE and age_of_head."""
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?")

SIZES = frozenset({"np", "persons", "hhsize", "hh_size", "household_size", "hhsz", "n_persons", "npers", "num_persons"})
"""Columns of households that hold how many persons they have, by their names."""

Band = tuple[float, float]
"""The first number of a band, and the first beyond it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """A column of codes: a variable with these as its labels.

    Attributes:
        labels: of each code, in order.
        blank: the label of blanks; empty where there is none.
        others: the label of all other codes; empty where there is none.
    """

    labels: tuple[str, ...]
    blank: str = ""
    others: str = ""

    @property
    def categories(self) -> list[str]:
        """All labels."""
        return [*self.labels, *(label for label in (self.blank, self.others) if label)]

    def labels_in(self, values: ValueSet) -> list[str]:
        """The labels of a set of values."""
        own = [label for label in self.labels if values.holds(_value(label))]
        if self.blank and values.holds(None):
            own.append(self.blank)
        return [*own, self.others] if self.others and values.others else own

    def covers(self, sets: Sequence[ValueSet]) -> bool:
        """Whether each label belongs to one of some sets."""
        return {label for values in sets for label in self.labels_in(values)} == set(self.categories)

    def written(self, column: pl.Series) -> pl.Series:
        """A column of the seed in these labels; missing where a value has none."""
        texts = as_labels(column)
        known = texts.replace_strict(
            {label: label for label in self.labels}, default=self.others or None, return_dtype=pl.String
        )
        return known.set(texts.is_null(), self.blank or None)

    def entry(self, name: str, comment: str) -> Entry:
        """The variable as a spec writes it."""
        return Entry(name=name, body={"type": "category", "values": self.categories}, comment=comment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A column of numbers: a variable with bins.

    Attributes:
        edges: where bins begin; the first is the least number.
        most: the greatest number.
        decimals: of its numbers; 0 of whole ones.
        upwards: whether numbers between whole ones belong to the next greater one.
        guessed: what of its ends nobody says: least, greatest.
    """

    edges: tuple[float, ...]
    most: float
    decimals: int
    upwards: bool
    guessed: tuple[str, ...] = ()

    @property
    def beyond(self) -> float:
        """The first number that is too great."""
        return self.most + 10.0**-self.decimals

    def bands_in(self, values: ValueSet) -> list[Band]:
        """The stretches of a set of values, inside the variable's range; those that follow each other as one.

        >>> Numbers(edges=(0, 2, 4), most=9, decimals=0, upwards=True).bands_in(ValueSet.of([2, 3, 7]))
        [(2.0, 4.0), (7.0, 8.0)]
        """
        found: list[Band] = []
        for low, high in values.numbers:
            first = max(edge_of(low, self.decimals), self.edges[0])
            below = min(edge_of(high, self.decimals), self.beyond)
            if found and first <= found[-1][1]:
                found[-1] = (found[-1][0], max(below, found[-1][1]))
            elif first < below:
                found.append((first, below))
        return found

    def covers(self, sets: Sequence[ValueSet]) -> bool:
        """Whether each number of the range belongs to one of some sets."""
        return self.bands_in(union(sets)) == [(self.edges[0], self.beyond)]

    def label_of(self, band: Band) -> str | None:
        """What a table calls a band so that it is understood; None where nothing short is.

        >>> whole = Numbers(edges=(-900, 10, 20), most=90, decimals=0, upwards=True)
        >>> [whole.label_of(band) for band in [(-900, 10), (10, 20), (20, 91), (12, 13), (-5, 10)]]
        ['under 10', '10-19', '20+', '12', None]
        """
        low, below = band
        if self.decimals or (low < 0 and low != self.edges[0]):
            return None
        if below == low + 1:
            return as_text(low) if low >= 0 else None
        if below == self.beyond:
            return f"{as_text(low)}+" if low >= 0 else None
        return f"under {as_text(below)}" if low < 0 else f"{as_text(low)}-{as_text(below - 1)}"

    def written(self, column: pl.Series) -> pl.Series:
        """A column of the seed as these numbers; missing where a value is none, or beyond the range."""
        numbers = as_floats(column)
        if not self.decimals:
            numbers = numbers.ceil() if self.upwards else numbers.floor()
        inside = numbers.is_between(self.edges[0], self.most)
        kept = numbers.set(~inside.fill_null(value=False), None)
        return kept if self.decimals else kept.cast(pl.Int64)

    def entry(self, name: str, comment: str) -> Entry:
        """The variable as a spec writes it."""
        body: dict[str, object] = {
            "type": "number" if self.decimals else "integer",
            "min": _plain(self.edges[0]),
            "max": _plain(self.most),
            "bins": [_plain(edge) for edge in self.edges],
        }
        if self.decimals not in (0, 2):
            body["decimals"] = self.decimals
        ends = " and the ".join(self.guessed)
        guess = (
            f"the {ends} value {'is a guess' if len(self.guessed) == 1 else 'are guesses'}: nothing says more" if ends else ""
        )
        return Entry(name=name, body=body, comment="; ".join(part for part in (comment, guess) if part))


Column = Codes | Numbers


def column_of(table: str, name: str, sets: Sequence[ValueSet], seed: Seed, proven: ValueSet | None) -> Column | None:
    """A column of the seed as a variable; None where it holds codes and numbers that no variable can hold together.

    Args:
        table: of the seed.
        name: of the column.
        sets: the values that controls count.
        seed: says what else the column holds.
        proven: values of which controls say, by their sums, that there are no others.
    """
    if all(values.coded for values in sets):
        return _codes(sets, seed.codes(table, name), proven)
    told = [values for values in sets if values.numbers]
    if any(values.texts and not values.others for values in told):
        return None
    whole = name.casefold() in SIZES or seed.whole(table, name)
    return _numbers(name, told, seed.ends(table, name), proven, whole=whole)


def _codes(sets: Sequence[ValueSet], held: Sequence[str | None] | None, proven: ValueSet | None) -> Codes:
    few = held if held is not None and len(held) <= MOST_CODES else None
    named = dict.fromkeys(label for label in few or () if label is not None)
    written = {_value(label) for label in named}
    for values in sets:
        own = [*(as_text(point) for point in values.points), *sorted(values.texts)]
        named |= dict.fromkeys(label for label in own if _value(label) not in written)
    blank = any(values.blank and not values.others for values in sets) or None in (few or ())
    if proven is not None:
        named = {label: None for label in named if proven.holds(_value(label))}
        blank = blank and proven.blank
    labels = tuple(sorted(named, key=code_order))
    told = few is not None or (proven is not None and not proven.others)
    others = "" if told else _unlike("other", labels)
    return Codes(labels=labels, blank=_unlike("missing", labels) if blank else "", others=others)


def _numbers(
    name: str,
    sets: Sequence[ValueSet],
    ends: tuple[float, float] | None,
    proven: ValueSet | None,
    *,
    whole: bool,
) -> Numbers:
    cuts = sorted({cut for values in sets for cut in values.edges})
    cuts = [cut for cut in cuts if not (cut in (cuts[0], cuts[-1]) and is_sentinel(cut[0]))]
    whole = whole or all(cut[0] == round(cut[0]) for cut in cuts)
    decimals = 0 if whole else max(2, *(len(as_text(cut[0]).partition(".")[2]) for cut in cuts))
    every = union(sets) if proven is None else proven
    edges = sorted({edge_of(cut, decimals) for cut in cuts})
    width = edges[-1] - edges[-2] if len(edges) > 1 else max(abs(edges[-1]), 1.0)
    guessed = []
    low, high = every.numbers[0][0], every.numbers[-1][1]
    upwards = any(cut[1] for cut in cuts)
    first_of = math.ceil if upwards and whole else math.floor
    last_of = math.ceil if upwards or not whole else math.floor
    step, least, most = 10.0**-decimals, _end(low, decimals), _end(high, decimals)
    most = None if most is None else most - step
    if ends is None and proven is None:  # what controls leave out may be there all the same
        least, most = (None if least is None or least > 0 else least), None
    ages, below = _AGES.search(name) is not None, any(_upto(values, decimals) <= edges[0] for values in sets)
    if ends is not None and (least is None or (proven is None and ends[0] < least)):
        least = min(float(first_of(ends[0])), edges[0] - step * below)
    elif least is None and name.casefold() in SIZES:
        least = min(1.0, edges[0])
    elif least is None:
        least = 0.0 if edges[0] > 0 else edges[0] - width * below
        guessed += [] if least == 0 and ages else ["least"]
    if ends is not None and (most is None or (proven is None and ends[1] > most)):
        most = max(float(last_of(ends[1])), edges[-1] if most is None else most)
    elif most is None:
        most = farthest(edges[-1], width, of_ages=ages)
        guessed.append("greatest")
    bins = sorted({least, *(edge for edge in edges if least < edge <= most)})
    return Numbers(edges=tuple(bins), most=most, decimals=decimals, upwards=upwards, guessed=tuple(guessed))


def _upto(values: ValueSet, decimals: int) -> float:
    """The first number beyond a set of values."""
    return edge_of(values.numbers[-1][1], decimals)


def _end(cut: Cut, decimals: int) -> float | None:
    """The end of a range where it is told; None where it is open."""
    return None if is_sentinel(cut[0]) else edge_of(cut, decimals)


def edge_of(cut: Cut, decimals: int) -> float:
    """The first number that is not before a place, of numbers with so many decimals.

    >>> edge_of((15.0, 1), 0), edge_of((15.0, 0), 0), edge_of((0.5, 1), 2)
    (16.0, 15.0, 0.51)
    """
    value, beyond = cut
    if math.isinf(value):
        return value
    scale = 10**decimals
    steps = math.floor(round(value * scale, 6)) + 1 if beyond else math.ceil(round(value * scale, 6))
    return steps / scale


def _value(label: str) -> float | str:
    """A label as the value that it is of."""
    return float(label) if _NUMBER.fullmatch(label) else label


def _unlike(label: str, taken: Iterable[str]) -> str:
    """A label that no other one is."""
    while label in taken:
        label = f"any {label}"
    return label


def _plain(value: float) -> int | float:
    return int(value) if value == int(value) else value


def groups_of(bands: Mapping[str, Band]) -> dict[str, list[int | float]]:
    """Bands as `groups` of a target write them."""
    return {label: [_plain(low), _plain(below)] for label, (low, below) in bands.items()}


def adjoining(bands: Sequence[Band]) -> bool:
    """Whether bands lie apart.

    >>> adjoining([(0, 5), (5, 9)]), adjoining([(0, 6), (5, 9)])
    (True, False)
    """
    return all(earlier[1] <= later[0] for earlier, later in pairwise(sorted(bands)))
