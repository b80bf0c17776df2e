"""Values and margins of error as they are printed in one table, and what is wrong with them."""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np

from synthor.problem.cures import of_value, short
from synthor.spec.tables.files import WORKBOOKS
from synthor.spec.tables.numbers import Published, published
from synthor.spec.targets import LARGEST, Suppression, TargetSpec
from synthor.types import Floats, Mask

MEASURES = ("count", "share")
CONTROLLED = ("*****", "-555555555")
"""How the American Community Survey marks a margin of error that is 0 because the figure was not estimated."""

OF_ACS = ("N",)
"""Marks of figures that the American Community Survey does not tell, beside the usual ones."""

LISTED = 20
"""Problems of one kind that are told one by one."""

Add = Callable[..., None]
"""Takes a message, a cure, and by name row, label, found, expected."""


class FirstFew:
    """Adds findings: of each kind the first few, and in the end how many more there are."""

    def __init__(self, add: Add) -> None:
        self._add = add
        self._n: dict[str, int] = {}

    def add(self, kind: str, message: str, cure: str, **place: object) -> None:
        self._n[kind] = self._n.get(kind, 0) + 1
        if self._n[kind] <= LISTED:
            self._add(message, cure, **place)

    def tell_of_the_rest(self) -> None:
        for kind, n in self._n.items():
            if n > LISTED:
                self._add(f"has {n - LISTED:,} more {kind}", "mend the first ones, then check again", found=float(n))


TOO_LARGE = f"{LARGEST:.0e} is the most that is read; correct it"


class Printed:
    """Reads values and margins of error, each text once.

    Attributes:
        said: what each text says that can be read.
    """

    def __init__(self, written: TargetSpec, measure: str, first_few: FirstFew, *, signed: bool) -> None:
        self.written, self.measure, self.first_few, self.signed = written, measure, first_few, signed
        self.decimal = written.layout.decimal if written.layout is not None else "."
        self.unit = written.layout.unit if written.layout is not None and measure != "share" else 1.0
        self.below, self.marks = _suppression(written)
        self.z = z_of(written.confidence)
        self.said: dict[str, Published] = {}

    def values(self, texts: Sequence[str]) -> tuple[Floats, Floats, Floats, Mask]:
        """What each row says, the least and the most that it can be, and whether it can be read at all, (n,) each."""
        nothing = Published(math.nan, math.nan, math.nan)
        for text in dict.fromkeys(texts):
            found = self._value(text)
            if found is not None and not (found.value < 0 and not self.signed) and not _beyond(found):
                self.said[text] = found
        every = [self.said.get(text, nothing) for text in texts]
        value, low, high = (np.array([getattr(one, name) for one in every], np.float64) for name in ("value", "low", "high"))
        return value, low, high, ~np.isnan(low)

    def _value(self, text: str) -> Published | None:
        if text.isascii() and text.isdigit() and text not in self.marks and math.isfinite(number := float(text)):
            number *= self.unit
            return Published(number, number, number)
        whole = self.measure == "count" and self.unit == 1
        found = published(text, decimal=self.decimal, marks=self.marks, below=self.below, whole=whole)
        if found is None or self.unit == 1 or not any(char.isdigit() for char in text):  # what a mark hides is in records
            return found
        # Thousands of records with decimals are whole records: half a unit in the last place may be half a record or more.
        value, low, high = (round(number * self.unit, 9) for number in (found.value, found.low, found.high))
        return Published(value, low, high, max(found.decimals - math.floor(math.log10(self.unit)), 0))

    def refuse(self, text: str, row: int) -> None:
        """Add a finding on a value that cannot be read, or is negative."""
        found = self._value(text)
        if found is not None and _beyond(found):
            self._add(f"{self.measure} {short(text)} is larger than any that is published", TOO_LARGE, row, label=text)
            return
        if found is not None:
            cure = "counts and shares are 0 or more" if self.measure in MEASURES else f"a {self.measure} is 0 or more"
            cure += f"; if it marks a cell that is not told, say `suppressed: {{marks: ['{short(text)}']}}`"
            self._add(f"{self.measure} {short(text)} is negative", cure, row, found=found.value, expected=0.0)
            return
        other = {".": ",", ",": "."}[self.decimal]
        cure = of_value(text, self.measure, self.decimal, published(text, decimal=other) is not None)
        if not text and isinstance(self.written.table, str) and self.written.table.lower().endswith(WORKBOOKS):
            cure += "; a formula that was never worked out, or its error, is blank, too: save the table with its values"
        message = f"'{short(text)}' is no {self.measure}" if text else f"{self.measure} is blank"
        self._add(message, cure, row, label=text)

    def refuse_some_percent(self, texts: Sequence[str], rows: Sequence[int]) -> None:
        """Add a finding where some values have a percent sign and others none, or where they are counts."""
        told = [text for text, found in self.said.items() if found.told]
        percent = next((text for text in told if text.endswith("%")), None)
        if percent is None or self.measure not in MEASURES:
            return
        row = rows[texts.index(percent)]
        plain = next((text for text in told if not text.endswith("%") and self.said[text].value > 0), None)
        if plain is not None:
            message = f"'{percent}' is a percentage, but '{plain}' in row {rows[texts.index(plain)]} is none"
            cure = "write all of them as counts, or all as shares; `columns: {...: null}` leaves a column out"
            self._add(message, cure, row, label=percent)
        elif self.measure == "count":
            self._add(f"'{percent}' is a percentage, not a count", "call the column share", row, label=percent)

    def sigmas(self, texts: Sequence[str] | None, told: Mask) -> tuple[Floats, Mask]:
        """Standard deviation of each row from its margin of error, 0 of one that is not told, and whether it can be read.

        Of the American Community Survey it is infinite where no margin could be computed.

        Args:
            texts: margins of error; None where one stands for all rows, or there are none.
            told: (n,) whether the value of each row is.
        """
        if texts is None:
            margin = self.written.margin_of_error
            one = 0.0 if margin is None or isinstance(margin, str) else margin / self.z
            return np.where(told, one, 0.0), np.ones(len(told), bool)
        read = {text: self._sigma(text) for text in dict.fromkeys(texts)}
        sigma = np.where(told, np.array([read[text] for text in texts], np.float64), 0.0)
        return np.nan_to_num(sigma, posinf=np.inf), ~np.isnan(sigma)

    def _sigma(self, text: str) -> float:
        """Standard deviation; NaN where it cannot be read."""
        bare = _bare(text)
        if bare in CONTROLLED:
            return 0.0
        found = published(bare, decimal=self.decimal)
        percent = bare.endswith("%") and self.measure != "share"
        if found is not None and not found.told and _of_acs(self.written):
            return math.inf
        return math.nan if found is None or found.value < 0 or percent or _beyond(found) else found.value * self.unit / self.z

    def refuse_margin(self, text: str, row: int) -> None:
        """Add a finding on a margin of error that cannot be read."""
        found = published(_bare(text), decimal=self.decimal)
        if found is not None and _beyond(found):
            self._add(f"margin of error {short(text)} is larger than any that is published", TOO_LARGE, row, label=text)
            return
        if found is not None and found.value >= 0:
            message = f"margin of error {text} is a percentage, but {self.measure} is none"
            self._add(message, f"write it in the unit of the {self.measure}", row, label=text)
            return
        cure = "write a number of 0 or more; leave rows out whose margin could not be computed"
        message = f"'{short(text)}' is no margin of error" if text else "the margin of error is blank"
        self._add(message, cure, row, label=text)

    def _add(self, message: str, cure: str, row: int, **told: object) -> None:
        self.first_few.add("values that cannot be read", message, cure, row=row, **told)


def z_of(confidence: float) -> float:
    """How many standard deviations a margin of error is.

    >>> round(z_of(0.9), 3)
    1.645
    """
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def _beyond(found: Published) -> bool:
    """Whether a number, or an end of an interval, is larger than numbers are worked with."""
    return any(abs(number) > LARGEST for number in (found.value, found.low, found.high) if math.isfinite(number))


def _of_acs(written: TargetSpec) -> bool:
    return written.layout is not None and written.layout.format == "acs"


def _bare(text: str) -> str:
    """A margin of error without the signs before it."""
    return text.strip().lstrip("±").removeprefix("+/-").strip()


def _suppression(written: TargetSpec) -> tuple[float, tuple[str, ...]]:
    """What cells that are not told were smaller than, and how they are marked."""
    told = written.suppressed
    own = OF_ACS if _of_acs(written) else ()
    if isinstance(told, Suppression):
        return math.inf if told.below is None else told.below, (*told.marks, *own)
    found = None if told is None else published(told, whole=False)
    if found is None:
        return math.inf, own
    at_most = told is not None and told.lstrip().startswith(("<=", "≤"))
    return (math.nextafter(found.high, math.inf) if at_most else found.high), own
