"""What every kind of variable has: a declared form, which a spec writes, and a behaviour, which all else asks.

The behaviour written here is that of a variable whose categories are all that there is: labels in, labels out, and nothing
inside of them. Kinds with numbers inside their bins build on `binned`.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from synthor.forms import Form
from synthor.schema.text import as_text, number_of, unread
from synthor.schema.variable import Variable
from synthor.types import Codes, Counts, Floats

if TYPE_CHECKING:
    import polars as pl

Label = Annotated[str, BeforeValidator(unread), WithJsonSchema({"type": ["string", "number"]})]
"""A text that may be written as a number: `1.10` stays `1.10`."""

Shortened = Callable[[Sequence[str]], str]
"""How a list of labels is told, long ones by their ends."""


class Kind(ABC):
    """How variables of one kind behave.

    A kind holds no state of a variable's: its methods are given the variable. Two of the same kind are equal.

    Attributes:
        name: what the spec calls it.
        numeric: values are numbers inside bins: they have sums and means, and tables may tell them in bands.
        ordered: neighbouring categories are alike, so that those of a long list can be joined.
        whole: values are whole steps of one, so that 16-24 ends before 25; no continuum in which a number alone is a point.
        named: labels are names that somebody chose: they can be mistaken for others, and another can be added.
        texts: records hold texts, which a file's column keeps as they stand, digits and all.
        free: each record has a value of its own, which no category tells: it is filled in where records are written.
        wider: names of the kinds that hold what it holds, so that what follows as this kind may be declared as one of them.
        alone: the category that is meant where a condition names the variable alone.
    """

    name: ClassVar[str]
    numeric: ClassVar[bool] = False
    ordered: ClassVar[bool] = False
    whole: ClassVar[bool] = True
    named: ClassVar[bool] = False
    texts: ClassVar[bool] = False
    free: ClassVar[bool] = False
    wider: ClassVar[tuple[str, ...]] = ()
    alone: ClassVar[int | None] = None

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), tuple(vars(self).items())))

    def __repr__(self) -> str:
        return self.name

    # --- Values that are read

    def code(self, variable: Variable, label: str) -> int:
        """The code of one label as written in a table, -1 when it matches none; case and outer blanks are forgiven."""
        text = label.strip().casefold()
        code = variable.code_by_label.get(text, -1)
        return code if code >= 0 else self.code_of_other(variable, text)

    def code_of_other(self, variable: Variable, text: str) -> int:
        """The code of a text that is no label, without case and outer blanks; -1 where it is none."""
        return -1

    def code_of_value(self, variable: Variable, value: object) -> int:
        """The code of one raw value of a record, or of a label in its place; -1 where it is none."""
        return self.code(variable, as_text(value))

    def codes_of_numbers(self, variable: Variable, values: Floats) -> Codes:
        """Bins of numbers, (n,) -> (n,); -1 where there is none."""
        return np.full(len(values), -1, np.int32)

    def encode(self, variable: Variable, column: "pl.Series") -> Codes:
        """Category codes of a column of raw values or of labels, (n,); -1 where a value matches nothing."""
        import polars as pl

        distinct = column.unique(maintain_order=True)
        codes = pl.Series([self.code_of_value(variable, value) for value in distinct], dtype=pl.Int32)
        return column.replace_strict(distinct, codes, return_dtype=pl.Int32).to_numpy().astype(np.int32)

    def encode_as_drawn(self, variable: Variable, column: "pl.Series") -> NDArray[np.integer[Any]] | None:
        """What `encode` gives of a column without nulls that has the type of drawn records, sooner; None of other types."""
        import polars as pl

        return column.to_physical().to_numpy() if column.dtype == pl.Enum(variable.labels) else None

    def from_text(self, column: "pl.Series") -> "pl.Series":
        """A column of texts from a file as values, where they all are such."""
        return column

    def numbers_of(self, column: "pl.Series") -> "pl.Series | None":
        """Values of records as numbers that can be compared, null where one is none; None of a kind without numbers."""
        return None

    # --- Values that are drawn and written

    def draw(self, variable: Variable, codes: Codes, decay: Floats, random: np.random.Generator) -> Floats | Counts | None:
        """A number inside each code's bin, (n,), as `numbers` has them; None of a kind without numbers, nothing being drawn."""
        return None

    def numbers(self, variable: Variable, codes: Codes, u: Floats, decay: Floats) -> Floats | Counts | None:
        """The number at quantile `u` of each code's bin, (n,), u below 1; None of a kind without numbers.

        Args:
            variable: of this kind.
            codes: (n,) bins.
            u: (n,) shares of a bin's values that lie below.
            decay: (k,) rate of exponential decline from a bin's lower edge, per unit of value; negative from the upper; 0 even.
        """
        return None

    def held(self, values: Floats) -> Floats | Counts:
        """Numbers in the type that records hold."""
        return values

    @abstractmethod
    def column(self, variable: Variable, codes: Codes, numbers: Floats | Counts | None) -> "pl.Series":
        """What records hold, in the type that Parquet and CSV keep: from codes, and numbers where the kind has them."""

    def fill(self, variable: Variable, first: int, n: int) -> "pl.Series":
        """Values of n records in a row, so many being before the first of them over all chunks; of `free` kinds alone."""
        raise NotImplementedError(f"{variable.name}: its categories say what record {first} of {n} holds, not its place")

    def short_of(self, n: int) -> tuple[str, str] | None:
        """What is wrong, and the cure, where n records cannot each have a value of their own; of `free` kinds."""
        return None

    # --- Bins

    def cut(self, variable: Variable, edges: Iterable[float], n_slices: int) -> Variable | None:
        """The variable in finer bins; None where it has none."""
        return None

    # --- Words for people

    def extent(self, variable: Variable) -> str:
        """Its values in words, for messages."""
        return f"{variable.name} is one of {', '.join(variable.labels[:8])}{', ...' if variable.size > 8 else ''}"

    @abstractmethod
    def described(self, variable: Variable, shortened: Shortened) -> str:
        """What it holds, for somebody who has not seen the spec."""

    def band(self, low: float, below: float) -> str:
        """What two numbers stand for that a table's own label is said to be: of categories these two, of numbers a band."""
        return f"{as_text(low)} and {as_text(below)}"

    # --- What a model is asked and answers

    def range_schema(self, variable: Variable) -> dict[str, Any] | None:
        """JSON schema of either end of a range of values, as an answer may have it; None where there are no ranges."""
        return None

    def overlap(self, variable: Variable, low: float, high: float) -> Floats | None:
        """How much of each bin lies in a range of values, low below high, (k,); None where there are no ranges."""
        return None


MISSING = "missing"
"""The label of those without a value, where tables have none."""


def _label_of_missing(value: object) -> object:
    if value is True:
        return MISSING
    if value is False:
        raise ValueError("no label is called false; write what tables call those without a value, or leave missing out")
    return unread(value)


MissingLabel = Annotated[
    str | None, BeforeValidator(_label_of_missing), WithJsonSchema({"type": ["string", "boolean", "null"], "default": None})
]


class Declared(Form):
    """A variable as a spec declares it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True, defer_build=True)

    kind: ClassVar[Kind]
    if TYPE_CHECKING:

        @property
        def type(self) -> str:
            """What the spec calls its kind; each form says which it takes."""

    about: str = Field("", description="What the variable means; people and models read it.")

    def build(self, name: str) -> Variable:
        """The variable as the solver sees it."""
        raise NotImplementedError(name)

    def understood(self) -> dict[str, Any]:
        """What its defaults stand for, by key, where somebody who reads it should know."""
        return {}


class DeclaredValues(Declared):
    """A variable that each record has a value of, or all but those whose label `missing` is."""

    missing: MissingLabel = Field(
        None, description="What tables call those without a value, such as not stated; records hold nothing there."
    )

    def build(self, name: str) -> Variable:
        variable = self.of_values(name)
        return variable if self.missing is None else variable.with_missing(self.missing)

    def of_values(self, name: str) -> Variable:
        """The variable without the category of those that have no value."""
        raise NotImplementedError(name)

    def check(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            ValueError: says what, and after a semicolon what to do.
        """

    @model_validator(mode="after")
    def _consistent(self) -> "DeclaredValues":
        self.check()
        if self.missing is not None:
            self._check_missing(self.missing)
        return self

    def _check_missing(self, label: str) -> None:
        if not label.strip():
            raise ValueError("the label of those without a value is blank; write what tables call them, such as not stated")
        variable = self.of_values("")
        if variable.kind.code_of_value(variable, label) >= 0:
            raise ValueError(f"'{label}' is the label of those without a value, and of a value, too; name them apart")
        if variable.numeric and not np.isnan(number_of(label)):
            cure = "write words, such as not stated, and what tables call it under `labels`"
            raise ValueError(f"{label} is a number, and the label of those without one; {cure}")


def nominal(name: str, kind: Kind, labels: tuple[str, ...], about: str) -> Variable:
    """A variable without values inside of its categories."""
    codes = np.arange(len(labels), dtype=float)
    return Variable(name=name, kind=kind, labels=labels, low=codes, high=codes, about=about)


def check_labels(labels: list[str]) -> None:
    """Refuse labels that are blank, or that readers take for the same.

    Raises:
        ValueError: says which.
    """
    if not all(label.strip() for label in labels):
        raise ValueError("a label is blank; give each a name")
    folded = [label.strip().casefold() for label in labels]
    n_like = Counter(folded)
    repeated = sorted({label for label, key in zip(labels, folded, strict=True) if n_like[key] > 1})
    if repeated:
        raise ValueError(f"labels that cannot be told apart: {', '.join(repeated)}; keep one, or name them apart")
