"""What must be met: the targets as a user writes them."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from synthor.errors import InputError
from synthor.forms import Form
from synthor.spec.written import Digits, Value

Cell = str | int | float | bool
Statistic = Literal["mean", "total", "sd"]
STATISTICS: tuple[Statistic, ...] = ("mean", "total", "sd")


LARGEST = 1e18
"""Of all numbers that tables tell: sums of larger ones lose what they are met to, and end in infinity."""


RANGE = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6}):([A-Za-z]{1,3})([1-9][0-9]{0,6})")
"""Cells of a sheet, from one corner to the other."""


SUREST = (1e-6, 1 - 1e-12)
"""Least and greatest confidence that a margin of error can be turned into a standard deviation with."""


def _edges(band: object) -> object:
    """A band of numbers as [first value, first value beyond it]; a list of labels as it is."""
    if isinstance(band, list) and band and not all(isinstance(edge, int | float) for edge in band):
        return [str(label) for label in band]
    return band


Band = Annotated[list[float] | list[str], BeforeValidator(_edges), Field(min_length=1)]


def in_place(table: object) -> object:
    """A frame of any library as rows that are written in place; text and rows as they are."""
    if isinstance(table, str) and not table:
        raise PydanticCustomError("no_table", "{message}", {"message": "its name is empty", "cure": "name a file"})
    if table is None or isinstance(table, str | list):
        return table
    from synthor.frames import as_frame, rows_of

    try:
        return rows_of(as_frame(table))
    except InputError as error:
        found = error.findings[0]
        raise PydanticCustomError("no_table", "{message}", {"message": found.message, "cure": found.cure}) from None


class Tolerance(Form):
    """How far a cell may be off: an interval, inside of which every value is as good as any other."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    points: float | None = Field(None, ge=0, le=100, description="Percentage points of all records.")
    relative: str | float | None = Field(None, description="Of the cell itself: 1% or 0.01.")

    @model_validator(mode="after")
    def _one(self) -> "Tolerance":
        if (self.points is None) == (self.relative is None):
            raise ValueError("tolerance needs either points or relative; give one of them")
        if not 0 <= self.factor <= 1:
            raise ValueError("relative is no share; write 1% or 0.01")
        return self

    @property
    def factor(self) -> float:
        """`relative` as a fraction; 0 where it is not given, -1 where it is no number."""
        if self.relative is None:
            return 0.0
        text = str(self.relative).strip()
        try:
            return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            return -1.0


class Layout(Form):
    """How a table lies in its file, where that is not one header row and one row a cell.

    >>> Layout(wide=["sex"]).skip is None
    True
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    format: Literal["acs", "cbs", "eurostat", "genesis", "ine", "nomis", "ons", "sdmx", "statcan"] | None = Field(
        None, description="Read it as downloaded from there: data.census.gov, Eurostat, Nomis and others; see docs/offices.md."
    )
    sheet: str | int | None = Field(None, description="Of a workbook: name, or number from 1; the first unless given.")
    encoding: str | None = Field(None, description="Of a text file, such as latin-1; UTF-8 unless given.")
    cells: str | list[str] | None = Field(
        None,
        min_length=1,
        description="Where it lies in its sheet, such as A5:D12; of several such ranges, the table goes on in the others "
        "under the same heads.",
    )
    skip: int | None = Field(None, ge=0, le=1000, description="Rows above the header; those of a single field unless given.")
    wide: list[str] | None = Field(
        None, min_length=1, description="Variables whose labels are column heads, one a header row, from the top."
    )
    sections: list[str] | None = Field(
        None,
        min_length=1,
        description="Variables whose labels stand in rows of their own above the rows that they are true of, the outermost "
        "first.",
    )
    values: Literal["count", "share", "mean", "total", "sd"] | None = Field(
        None, description="What the cells of a wide table are; counts unless they are printed with percent signs."
    )
    columns: dict[str, str | None] | None = Field(
        None, description="What columns of this file are called, and the variable or measure that each is; null leaves it out."
    )
    only: dict[str, Value | list[Value]] | None = Field(
        None, description="Rows to take: for a column, the value or values that it must have."
    )
    unit: float = Field(1.0, gt=0, le=1e9, description="What one of a printed count stands for: 1000 in a table in thousands.")
    decimal: Literal[".", ","] = Field(".", description="Mark before decimals; the others separate thousands.")
    total: list[str] | None = Field(None, min_length=1, description="Labels of totals; Total, All and the like unless given.")

    @model_validator(mode="after")
    def _ranges(self) -> "Layout":
        for told in self.ranges:
            if not RANGE.fullmatch(told.strip()):
                raise ValueError(f"cells says '{told[:60]}', which is no range; write one such as A5:D12")
        return self

    @property
    def ranges(self) -> list[str]:
        """The ranges of `cells`, in order."""
        return [self.cells] if isinstance(self.cells, str) else self.cells or []


class Suppression(Form):
    """Cells that are not told: each an interval, never 0 and never an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    below: float | None = Field(None, gt=0, description="They were left out because they are smaller than this.")
    marks: list[str] = Field(default_factory=list, description="How they are marked, beside *, -, .., c, x, : and <10.")


class TargetSpec(Form):
    """One published statistic: a table of counts or shares, a mean, total or standard deviation, quantiles, or flows.

    >>> TargetSpec(shares={"tenure": {"owned": 61, "rented": 39}}).kind
    'share'
    >>> TargetSpec(mean="income", value=51_200).statistic
    'mean'
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    name: str = Field("", description="Shown in reports; made from the variables unless given.")
    table: Annotated[str | list[dict[str, Value]] | None, BeforeValidator(in_place)] = Field(
        None,
        description="A CSV or Parquet file, or rows written in place: columns named like variables, plus count or share "
        "(or mean, total, sd).",
    )
    layout: Layout | None = Field(None, description="How the table lies in its file.")
    suppressed: str | Suppression | None = Field(
        None, description="What cells marked as suppressed were smaller than, such as '<10'."
    )
    as_of: Cell | None = Field(None, description="Year or date that the table speaks of, for messages.")
    counts: dict[str, dict[Cell, Digits]] | None = Field(None, description="Count of each category of one variable.")
    shares: dict[str, dict[Cell, Digits]] | None = Field(
        None, description="Share of each category of one variable, as fractions or percentages."
    )
    count: Digits | None = Field(
        None,
        description="How many rows or pairs there are in all, or inside `where`: {rows: person, count: 215559}.",
    )
    mean: str | None = Field(None, description="Variable whose mean is known.")
    total: str | None = Field(None, description="Variable whose sum over all records is known.")
    sd: str | None = Field(None, description="Variable whose standard deviation is known; needs its mean as a target, too.")
    value: Digits | None = Field(None, description="The mean, total or standard deviation, where it is one number.")
    quantiles: str | None = Field(None, description="Variable whose quantiles are known.")
    values: dict[Cell, Digits] | None = Field(None, description="Quantiles: {0.25: 24000, 0.5: 47000}.")
    flows: list[str] | None = Field(
        None, min_length=2, description="Variables of a sparse table, such as origin and destination."
    )
    others: Literal["none", "free"] = Field("none", description="Flows that the table does not list: none, or unknown.")
    by: list[str] | None = Field(
        None, min_length=1, description="Shares, mean, total or sd are given for each category of these variables."
    )
    rows: str | None = Field(
        None,
        min_length=1,
        description="Level whose rows the table counts, such as person; the deepest of its variables' levels unless given.",
    )
    pairs: str | None = Field(None, min_length=1, description="Relation whose pairs the table counts, such as couple.")
    where: str | None = Field(None, min_length=1, description="SQL predicate: the table counts only these records.")
    groups: dict[str, dict[str, Band]] | None = Field(
        None,
        description="Labels of the table that are no categories: bands [from, below] of a number, or lists of categories.",
    )
    tolerance: Tolerance | None = Field(None, description="How far a cell may be off; without it, not at all.")
    margin_of_error: str | float | None = Field(
        None, description="Column that gives each cell's margin of error, or one for all cells."
    )
    confidence: float = Field(0.9, gt=0, lt=1, description="Of the margin of error.")
    rounded_to: float | None = Field(None, gt=0, description="Every cell was rounded to a multiple of this.")

    @model_validator(mode="after")
    def _one_source(self) -> "TargetSpec":
        sources = ("table", "counts", "shares", "count", "value", "values")
        given = [key for key in sources if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"has {' and '.join(given) or 'none'} of {', '.join(sources)}; give exactly one")
        if given[0] in ("counts", "shares") and (inline := len(getattr(self, given[0]))) != 1:
            raise ValueError(f"{given[0]} written in place take one variable, not {inline}; use one target each")
        return self

    @model_validator(mode="after")
    def _one_kind(self) -> "TargetSpec":
        kinds = [key for key in (*STATISTICS, "quantiles", "flows") if getattr(self, key) is not None]
        if len(kinds) > 1:
            raise ValueError(f"is {' and '.join(kinds)} at once; use one target each")
        if self.value is not None and self.statistic is None:
            raise ValueError("value needs mean, total or sd beside it; write {mean: income, value: 51200}")
        if (self.values is None) != (self.quantiles is None):
            raise ValueError(
                "quantiles take a variable, and values; write {quantiles: income, values: {0.25: 24000, 0.5: 47000}}"
            )
        if self.count is not None and (kinds or self.by or self.groups):
            raise ValueError("count is one number, of all rows or pairs; with other keys than where, use a table")
        if self.statistic and (self.counts or self.shares):
            raise ValueError(f"{self.statistic} takes a value or a table, not counts or shares; use one target each")
        if self.flows and self.table is None:
            raise ValueError("flows take a table; write one row a pair, with a count or share")
        return self

    @model_validator(mode="after")
    def _one_row_set(self) -> "TargetSpec":
        if self.rows is not None and self.pairs is not None:
            raise ValueError("has rows and pairs: it counts either; keep one")
        if self.count is not None and self.rows is None and self.pairs is None:
            raise ValueError("count does not say of what; write {rows: person, count: 215559}")
        if self.count is not None and not 0 <= self.count <= LARGEST:
            raise ValueError(f"count is {self.count:.15g}; write a number of 0 or more, at most {LARGEST:.0e}")
        return self

    @model_validator(mode="after")
    def _readable_suppression(self) -> "TargetSpec":
        if isinstance(self.suppressed, str) and not re.fullmatch(r"(?:<=?|\u2264)?\s*\d+(?:\.\d+)?", self.suppressed.strip()):
            raise ValueError(f"suppressed says '{self.suppressed[:60]}', not what cells were smaller than; write '<10'")
        return self

    @model_validator(mode="after")
    def _one_looseness(self) -> "TargetSpec":
        loose = [key for key in ("tolerance", "margin_of_error", "rounded_to") if getattr(self, key) is not None]
        if len(loose) > 1:
            raise ValueError(f"has {' and '.join(loose)}: a cell is off by one rule only; keep one")
        if self.statistic and self.tolerance is not None and self.tolerance.points is not None:
            raise ValueError(
                f"tolerance in points is of shares and counts, not of a {self.statistic}; write tolerance: {{relative: 1%}}, "
                f"or rounded_to: {2 * self.tolerance.points:g} for {self.tolerance.points:g} to either side"
            )
        if isinstance(self.margin_of_error, float) and self.margin_of_error < 0:
            raise ValueError("margin_of_error is negative; write a number of 0 or more")
        for key in ("margin_of_error", "rounded_to"):
            number = getattr(self, key)
            if isinstance(number, int | float) and number > LARGEST:
                raise ValueError(f"{key} is {number:g}; {LARGEST:.0e} is the most that is read")
        if not SUREST[0] <= self.confidence <= SUREST[1]:
            raise ValueError(f"confidence {self.confidence:.17g} says nothing of a margin of error; 90% is 0.9")
        if self.quantiles and (self.by or self.groups):
            raise ValueError("quantiles take neither by nor groups; use where")
        return self

    @property
    def loose(self) -> bool:
        """Whether its figures may be off, by what it says, be they told."""
        return any(one is not None for one in (self.rounded_to, self.tolerance, self.margin_of_error))

    @property
    def kind(self) -> str | None:
        """Count or share where the spec says it, None where the table's column will."""
        counted = self.counts is not None or self.count is not None
        return "count" if counted else "share" if self.shares is not None or self.quantiles else None

    @property
    def statistic(self) -> Statistic | None:
        """Mean, total or sd, if it is one of these."""
        return next((name for name in STATISTICS if getattr(self, name) is not None), None)

    @property
    def of(self) -> str | None:
        """The numeric variable that a statistic or quantiles are about."""
        return self.quantiles or (getattr(self, self.statistic) if self.statistic else None)
