"""The controls of a set-up: which rows of the seed each counts, in which areas, and where its numbers stand."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from synthor.errors import Finding, InputError, nearest
from synthor.populationsim.expressions import Condition, OneColumn, UntranslatedError, condition_of, narrowed
from synthor.populationsim.settings import HOUSEHOLDS, PERSONS, SetUp
from synthor.populationsim.sheets import CsvFile, read_csv_file
from synthor.populationsim.weights import is_weight
from synthor.schema.text import in_brief

SHOWN = 80
"""Characters of an expression that a message shows."""

COLUMNS = ("target", "geography", "seed_table", "control_field", "expression")


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One line of a control file.

    Attributes:
        target: its name.
        geography: of whose areas it speaks.
        table: of the seed: households or persons.
        field: column of its numbers.
        condition: what it says of the rows that it counts; None of one that counts all.
        row: of the file.
    """

    target: str
    geography: str
    table: str
    field: str
    condition: Condition | None
    row: int

    @property
    def of_persons(self) -> bool:
        """Whether it counts persons."""
        return self.table == PERSONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Untranslated:
    """One line of a control file that no target says, and why."""

    target: str
    row: int
    why: str

    def __str__(self) -> str:
        return f"{self.target} (row {self.row}): {self.why}"


def read_controls(set_up: SetUp) -> tuple[list[Control], list[Untranslated], CsvFile]:
    """All controls of a set-up, those that could not be translated, and the file that they are from.

    Raises:
        InputError: the file cannot be read, or lacks a column.
    """
    file = read_csv_file(set_up.configs, set_up.controls, {})
    missing = [name for name in COLUMNS if name not in file.heads]
    if missing:
        raise InputError(
            [Finding(where=file.name, message=f"has no column '{name}'", cure=nearest(name, file.heads)) for name in missing]
        )
    found, not_said = list[Control](), list[Untranslated]()
    for one in _lines(file, set_up):
        if isinstance(one, Control):
            found.append(one)
        else:
            not_said.append(one)
    return found, not_said, file


def _lines(file: CsvFile, set_up: SetUp) -> Iterator[Control | Untranslated]:
    columns = [file.column(name) for name in COLUMNS]
    for target, geography, table, field, expression, row in zip(*columns, file.numbers, strict=True):
        name = target or field
        why = _slip(geography, table, field, set_up)
        if why:
            yield Untranslated(target=name, row=row, why=why)
            continue
        counts_all = table == HOUSEHOLDS and target == set_up.total
        try:
            condition = condition_of(expression, table)
        except UntranslatedError as error:
            if not counts_all:
                yield Untranslated(
                    target=name,
                    row=row,
                    why=f"{in_brief(expression, SHOWN)}: {error}" if expression else "it has no expression",
                )
                continue
            condition = None
        if condition is not None:
            condition = None if counts_all else narrowed(condition, partial(_is_true, weight=set_up.weight))
        yield Control(target=name, geography=geography, table=table, field=field, condition=condition, row=row)


def _slip(geography: str, table: str, field: str, set_up: SetUp) -> str:
    """What is wrong with a line apart from its expression."""
    if set_up.geographies and geography not in set_up.geographies:
        return f"the geography '{geography}' is none of {', '.join(set_up.geographies)}"
    if not geography or not field:
        return f"it has no {'geography' if not geography else 'control_field'}"
    if table not in (HOUSEHOLDS, PERSONS):
        return f"the seed table '{table}' is neither {HOUSEHOLDS} nor {PERSONS}"
    return ""


def _is_true(part: OneColumn, weight: str) -> bool:
    """Whether a condition holds for every row: any number does, or any weight above 0."""
    values = part.values
    return values.everything or (is_weight(part.column, weight) and values.holds(0.5) and values.holds(1e9))
