"""The seed of a set-up, households and persons of a survey: which codes and numbers its columns hold, and its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from synthor.errors import InputError
from synthor.populationsim.settings import HOUSEHOLDS, PERSONS, InputTable, SetUp
from synthor.populationsim.sheets import BLANKS, COMMENT, as_areas, files_in
from synthor.populationsim.weights import is_weight
from synthor.schema.text import as_text
from synthor.spec.tables import read_frame

MOST_CODES = 60
"""Codes of one column, at most: a column with more is one of numbers or names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """Rows of a survey, a table a level.

    Attributes:
        frames: by table; those that are there and can be read.
        weight: column of the households' weights; empty where there is none.
        key: column of both tables that joins them; empty where there is none.
        remarks: what a person must know.
    """

    frames: Mapping[str, pl.DataFrame]
    weight: str = ""
    key: str = ""
    remarks: tuple[str, ...] = ()

    def has(self, table: str, column: str) -> bool:
        """Whether it holds a column."""
        return table in self.frames and column in self.frames[table].columns

    def codes(self, table: str, column: str) -> list[str | None] | None:
        """What a column holds, as labels, numbers first; None among them is a blank. None where there is no such column.

        >>> seed = Seed(frames={"households": pl.DataFrame({"BLD": ["2", "10", None, "x"]})})
        >>> seed.codes("households", "BLD"), seed.codes("households", "TEN")
        (['2', '10', 'x', None], None)
        """
        if not self.has(table, column):
            return None
        found = as_labels(self.frames[table][column]).unique().to_list()
        told = [text for text in found if text is not None]
        return [*sorted(told, key=code_order), *([None] if None in found else [])]

    def ends(self, table: str, column: str) -> tuple[float, float] | None:
        """The least and greatest number of a column; None where it holds none.

        >>> Seed(frames={"persons": pl.DataFrame({"AGEP": ["7", "NA", "93"]})}).ends("persons", "AGEP")
        (7.0, 93.0)
        """
        if not self.has(table, column):
            return None
        numbers = as_floats(self.frames[table][column]).drop_nulls()
        numbers = numbers.filter(numbers.is_finite())
        low, high = numbers.min(), numbers.max()
        return (low, high) if isinstance(low, float) and isinstance(high, float) else None

    def whole(self, table: str, column: str) -> bool:
        """Whether all numbers of a column are whole ones; not so where nobody tells."""
        if self.ends(table, column) is None:
            return False
        numbers = as_floats(self.frames[table][column]).drop_nulls()
        return bool((numbers == numbers.round()).all())

    def largest_household(self) -> int | None:
        """Persons of the household that has most; None where nobody tells."""
        if not (self.key and self.has(PERSONS, self.key)):
            return None
        most = self.frames[PERSONS][self.key].value_counts()["count"].max()
        return most if isinstance(most, int) else None


def code_order(code: str) -> tuple[bool, float, str]:
    """What codes are sorted by: numbers by their size, before texts."""
    try:
        return (False, float(code), "")
    except ValueError:
        return (True, 0.0, code)


def as_labels(column: pl.Series) -> pl.Series:
    """A column as texts, whole numbers without a point; blanks are missing.

    >>> as_labels(pl.Series([1.0, 2.5, None])).to_list()
    ['1', '2.5', None]
    """
    if column.dtype.is_float():
        known = {value: as_text(value) for value in column.fill_nan(None).drop_nulls().unique().to_list()}
        return column.replace_strict(known, default=None, return_dtype=pl.String)
    texts = column.cast(pl.String).str.strip_chars()
    return texts.set(texts.is_in(list(BLANKS)), None)


def as_floats(column: pl.Series) -> pl.Series:
    """A column as numbers; what is none is missing."""
    if column.dtype.is_numeric():
        return column.cast(pl.Float64).fill_nan(None)
    return column.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False).fill_nan(None)


def seed_of(set_up: SetUp, areas: Sequence[str] | None) -> Seed:
    """The seed that a set-up names, as far as it can be read; without households that have no weight.

    Args:
        set_up: says where it lies.
        areas: of the seed geography that have zones; others' households are left out, as PopulationSim leaves them out.
    """
    frames, remarks = dict[str, pl.DataFrame](), list[str]()
    for table in (HOUSEHOLDS, PERSONS):
        told = set_up.tables.get(table) or _found(set_up, table)
        if told is None:
            continue
        if not (set_up.data / told.file).is_file():
            remarks.append(f"The seed's {table} are not used: there is no {told.file} in {set_up.data}.")
            continue
        try:
            frames[table] = _read(set_up.data / told.file, told)
        except InputError as error:
            remarks.append(f"The seed's {table} are not used: {error.findings[0]}.")
    homes = frames.get(HOUSEHOLDS)
    if homes is None:
        return Seed(frames=frames, remarks=tuple(remarks))
    if areas is not None and set_up.seed_geography in homes.columns:
        own = as_areas(["" if told is None else told for told in as_labels(homes[set_up.seed_geography]).to_list()])
        frames[HOUSEHOLDS] = homes.filter(pl.Series(own).is_in(list(areas)))
    weight = next((name for name in homes.columns if is_weight(name, set_up.weight)), "")
    weight = set_up.weight if set_up.weight in homes.columns else weight
    if weight:
        frames[HOUSEHOLDS] = frames[HOUSEHOLDS].filter(as_floats(frames[HOUSEHOLDS][weight]) > 0)
    return Seed(frames=frames, weight=weight, key=_key(frames, set_up.key), remarks=tuple(remarks))


def _read(path: Path, told: InputTable) -> pl.DataFrame:
    frame = read_frame(path, shown=told.file)
    first = frame.to_series(0)
    if first.dtype == pl.String:
        frame = frame.filter(~first.str.starts_with(COMMENT).fill_null(value=False))
    return frame.rename({old: new for old, new in told.renamed.items() if old in frame.columns}, strict=False)


def _found(set_up: SetUp, table: str) -> InputTable | None:
    """The file of a seed table, where nothing names one."""
    if set_up.tables:
        return None
    found = [name for name in files_in(set_up.data) if table in name.casefold() and "synthetic" not in name.casefold()]
    return InputTable(file=found[0]) if found else None


def _key(frames: Mapping[str, pl.DataFrame], told: str) -> str:
    """The column that joins both tables."""
    if all(table in frames and told in frames[table].columns for table in (HOUSEHOLDS, PERSONS)):
        return told
    return ""
