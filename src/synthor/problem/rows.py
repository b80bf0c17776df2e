"""The rows of a table, read: which cell each is, what it says, and what it does not tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.problem.cures import of_groups, of_label, of_left_out, short
from synthor.problem.grid import Axis
from synthor.problem.printed import LISTED, Add, FirstFew, Printed
from synthor.problem.sides import NONE, TOTAL, codes_of, groups_of
from synthor.schema import Variable
from synthor.spec.tables import Table
from synthor.spec.tables.labels import is_total, span, undressed
from synthor.spec.tables.numbers import Published
from synthor.spec.targets import TargetSpec
from synthor.types import CellIndex, Floats, Mask


@dataclass(frozen=True, slots=True)
class PrintedTotal:
    """A row of totals.

    Attributes:
        codes: those of its cell, `TOTAL` in place of those that it sums over.
        value: what it says.
        row: of the file.
        place: of it among all rows of the table, as are `Listed.places`.
        sigma: standard deviation from its own margin of error, infinite where none can be read; 0 where there are none.
        head: of the column that it stands in, where its row of the file has cells, too: in a wide table; empty otherwise.
    """

    codes: tuple[int, ...]
    value: Published
    row: int
    place: int
    sigma: float
    head: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listed:
    """The cells that a table lists.

    Attributes:
        cells: (m,) flat index.
        values: (m,) as printed; NaN where they are not told.
        low: (m,) the least that each can be; the value itself where it is told.
        high: (m,) the most.
        sigma: (m,) standard deviation where there are margins of error, otherwise 0.
        rows: (m,) row of the file.
        places: (m,) place among all rows of the table, cell by cell.
        totals: rows that sum over others; several may be of the same.
        decimals: most that a value was written with.
    """

    cells: CellIndex
    values: Floats
    low: Floats
    high: Floats
    sigma: Floats
    rows: CellIndex
    places: CellIndex
    totals: tuple[PrintedTotal, ...]
    decimals: int

    @property
    def told(self) -> Mask:
        """Which of them are told, (m,)."""
        return ~np.isnan(self.values)


def listed(
    table: Table,
    written: TargetSpec,
    axes: Sequence[Axis],
    measure: str,
    renamed: Mapping[str, Mapping[str, str]],
    add: Add,
    *,
    variables: Sequence[Variable] = (),
    signed: bool = False,
) -> Listed:
    """Read the rows of a table; what is wrong with them is added to the findings.

    Args:
        table: as text.
        written: in the spec.
        axes: its sides.
        measure: its column of values.
        renamed: what tables call categories, by variable.
        add: takes what is wrong.
        variables: all of the spec, whose labels may have been mixed up.
        signed: whether values may be negative.
    """
    at = {column: i for i, column in enumerate(table.columns)}
    sides = [at[axis.variable.name] for axis in axes]
    lookup = [_lookup(table, written, axis, renamed, side) for axis, side in zip(axes, sides, strict=True)]
    first_few = FirstFew(add)
    read = Printed(written, measure, first_few, signed=signed)
    unknown = _Unknown(table, written, axes, sides, variables, first_few)
    columns = list(zip(*table.rows, strict=True))
    codes = np.array([[of[text] for text in columns[side]] for of, side in zip(lookup, sides, strict=True)], np.int64)
    codes = codes.reshape(len(axes), len(table.rows))
    margin = columns[at[written.margin_of_error]] if isinstance(written.margin_of_error, str) else None
    texts = columns[at[measure]]
    values, low, high, legible = read.values(texts)
    sigma, known = read.sigmas(margin, ~np.isnan(values))
    free, of_totals = np.isinf(sigma), np.where(known, sigma, np.inf)
    values[free], low[free], high[free], sigma[free] = np.nan, 0.0, np.inf, 0.0
    nameless, over = (codes == NONE).any(axis=0), (codes == TOTAL).any(axis=0)
    usable = np.flatnonzero(legible & known & ~nameless & ~over)
    cells = np.zeros(len(usable), np.int64)
    for axis, side_codes in zip(axes, codes, strict=True):
        cells = cells * axis.size + side_codes[usable]
    _, first, kind = np.unique(cells, return_index=True, return_inverse=True)
    kept = np.sort(first)
    again = np.zeros(len(table.rows), bool)
    again[usable] = True
    again[usable[kept]] = False
    was = dict(zip(usable[again[usable]].tolist(), usable[first[kind[again[usable]]]].tolist(), strict=True))
    again[_told_apart(table, was, first_few, in_place=not isinstance(written.table, str))] = False
    for i in np.flatnonzero(nameless | ~legible | (~known & ~over & ~nameless) | again).tolist():
        row, number = table.rows[i], table.numbers[i]
        if nameless[i]:
            unknown.tell(codes[:, i].tolist(), row, number)
        if not legible[i]:
            read.refuse(texts[i], number)
        elif not known[i] and not nameless[i]:
            read.refuse_margin(margin[i] if margin is not None else str(written.margin_of_error), number)
        elif again[i]:
            labels = ", ".join(row[side] for side in sides)
            message, cure = _given_already(table, axes, sides, codes[:, i].tolist(), i, was[i])
            first_few.add("cells that were given already", message, cure, row=number, label=labels)
    read.refuse_some_percent(texts, table.numbers)
    first_few.tell_of_the_rest()
    rows = usable[kept]
    totals = np.flatnonzero(over & ~nameless & legible).tolist()
    with_cells = {table.numbers[i] for i in rows.tolist()}

    def head(i: int) -> str:
        """Of a total in a row of cells: the label that says that it is one."""
        told = [table.rows[i][side] for side, code in zip(sides, codes[:, i], strict=True) if code == TOTAL]
        return told[-1] if table.numbers[i] in with_cells else ""

    return Listed(
        cells=cells[kept],
        values=values[rows],
        low=low[rows],
        high=high[rows],
        sigma=sigma[rows],
        rows=np.array(table.numbers, np.int64)[rows],
        places=rows,
        totals=tuple(
            PrintedTotal(tuple(codes[:, i].tolist()), read.said[texts[i]], table.numbers[i], i, float(of_totals[i]), head(i))
            for i in totals
        ),
        decimals=max((read.said[text].decimals for text in {texts[i] for i in rows.tolist()}), default=0),
    )


def _given_already(
    table: Table, axes: Sequence[Axis], sides: Sequence[int], codes: Sequence[int], row: int, before: int
) -> tuple[str, str]:
    """What is wrong with a row whose cell was given before, and what to do.

    Two labels may stand for one category, where a table tells more than the variable: neither row is one too many then.

    Args:
        table: as text.
        axes: its sides.
        sides: their columns.
        codes: of the row, on each side.
        row: the place of the row.
        before: the place of the row that gave its cell first.
    """
    for axis, side, code in zip(axes, sides, codes, strict=True):
        text, first = table.rows[row][side], table.rows[before][side]
        if undressed(text) != undressed(first):
            message = (
                f"'{short(text)}' and '{short(first)}' in row {table.numbers[before]} both stand for '{axis.labels[code]}'"
            )
            name = axis.variable.name
            return message, f"give {name} a category for each; keep one of the two rows only if they count the same"
    labels = ", ".join(table.rows[row][side] for side in sides)
    return f"cell ({labels}) was given in row {table.numbers[before]} already", "keep one of the two rows"


def _told_apart(table: Table, was: Mapping[int, int], first_few: FirstFew, *, in_place: bool) -> list[int]:
    """Rows whose cells were given already, but that differ by a column that was left out; it is told, with what to do about it.

    Args:
        table: as text.
        was: for rows whose cells were given already, the row that gave it first.
        first_few: takes the finding.
        in_place: whether the table is written in the spec.
    """
    left_out = [(name, _filled_down(texts)) for name, texts in table.left_out]
    every = {i for _, texts in left_out for i, before in was.items() if texts[i] != texts[before]}
    if not every:
        return []
    first = was[min(every)]
    only: dict[str, str] = {}
    left = {i: was[i] for i in every}
    for name, texts in left_out:  # those that are left over when rows are chosen by the columns before
        if any(texts[i] != texts[before] for i, before in left.items()):
            only[name] = texts[first]
            left = {i: before for i, before in left.items() if texts[i] == texts[before] == texts[first]}
    names, one = " and ".join(f"'{short(name)}'" for name in only), len(only) == 1
    gives = "1 row gives" if len(every) == 1 else f"{len(every):,} rows give"
    first_few.add(
        "columns that were left out",
        f"{names} {'was' if one else 'were'} left out, but rows differ by {'it' if one else 'them'}: "
        f"{gives} cells that rows above gave already",
        of_left_out(only, in_place=in_place),
        row=table.numbers[min(every)],
        label=next(iter(only)),
    )
    return sorted(every)


def _filled_down(texts: Sequence[str]) -> list[str]:
    """Texts of a column, blanks filled with the text above them, as merged cells leave them."""
    found: list[str] = []
    for text in texts:
        found.append(text or (found[-1] if found else ""))
    return found


def _lookup(
    table: Table, written: TargetSpec, axis: Axis, renamed: Mapping[str, Mapping[str, str]], side: int
) -> dict[str, int]:
    texts = dict.fromkeys(row[side] for row in table.rows)
    as_they_are = axis.variable if axis.labels == axis.variable.labels else None
    totals = written.layout.total if written.layout is not None else None
    numbers = axis.variable if as_they_are is None and axis.variable.numeric else None
    found = codes_of(texts, axis.labels, as_they_are, renamed.get(axis.variable.name, {}), totals, numbers=numbers)
    if written.flows is not None:
        return {text: NONE if code == TOTAL else code for text, code in found.items()}
    return found


class _Unknown:
    """Labels that are none: each is told once, with its first row and how many rows more have it."""

    def __init__(
        self,
        table: Table,
        written: TargetSpec,
        axes: Sequence[Axis],
        sides: Sequence[int],
        variables: Sequence[Variable],
        first_few: FirstFew,
    ) -> None:
        self.table, self.written, self.axes, self.sides = table, written, axes, sides
        self.variables, self.first_few = variables, first_few
        self.seen: set[tuple[int, str]] = set()

    def tell(self, codes: Sequence[int], row: Sequence[str], number: int) -> None:
        for axis, code, side in zip(self.axes, codes, self.sides, strict=True):
            if code != NONE or (side, row[side]) in self.seen:
                continue
            self.seen.add((side, row[side]))
            if len(self.seen) <= LISTED * len(self.sides):
                self._add(axis, side, row[side], number)
            else:
                self.first_few.add(f"unknown labels of {axis.variable.name}", "", "")

    def _add(self, axis: Axis, side: int, text: str, number: int) -> None:
        name = axis.variable.name
        rows = {at for row, at in zip(self.table.rows, self.table.numbers, strict=True) if row[side] == text}
        more = f" (nor in {len(rows) - 1:,} more rows)" if len(rows) > 2 else " (nor in one more row)" if len(rows) > 1 else ""
        more = more if text else more.replace("nor", "and")
        message = f"'{short(text)}' is no label of {name}{more}" if text else f"{name} is blank{more}"
        unknown = axis.variable.labels[axis.variable.n_valued :]
        cure = of_label(text, tuple(dict.fromkeys((*axis.labels, *unknown))), axis.variable, self.variables)
        if axis.variable.numeric and (one := span(text)) is not None and one.single:
            groups = groups_of((row[side] for row in self.table.rows), axis.variable)
            cure += f"; {of_groups(groups, name)}" if groups is not None and len(groups) <= LISTED else ""
        if self.written.flows is not None and is_total(text):
            cure = "flows take no totals: leave the row out"
        self.first_few.add(f"unknown labels of {name}", message, cure, row=number, label=text)
