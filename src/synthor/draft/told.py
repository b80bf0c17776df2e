"""What a table tells: its sides without what counts anybody twice, its measure, and how a spec has to say so."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from synthor.draft.answers import answers_of
from synthor.draft.blocks import ValueColumns, base_of, blocks_of
from synthor.draft.called import told_of_categories
from synthor.draft.cube import Around, Cube, SideLabels, plain
from synthor.draft.grid import Grid, quoted
from synthor.draft.rests import ask_of_the_first, ask_of_the_rest
from synthor.draft.roles import AREAS, MEASURE, PERCENT, Roles, roles_of
from synthor.draft.sections import by_sections, by_variables
from synthor.draft.wholes import NEARLY
from synthor.spec.tables.labels import Span, column_key, is_total, span, undressed
from synthor.spec.tables.words import SCALES
from synthor.types import Codes, Floats

ASK = "FILL IN: "
MOST_NOISE = 3
"""Records by which totals of perturbed counts may differ from sums, however small they are."""
ROUNDED = 0.006
"""Share by which rounded shares may miss a whole."""
FEW = 8
"""Values that must be multiples of a number to say that they were rounded to it, where totals differ from their sums."""
THOUSANDS = re.compile(
    r"\b(?:in|en|em) (?:thousands?|1[ .,']?000s?|tsd\.?|tausend|milliers|miles|milhares|migliaia|duizend(?:tallen)?)\b"
    r"|\((?:thousands|1[ .,']?000s?|'000s?|000s|tsd\.?|tausend|milliers|miles|milhares|migliaia|x ?1[ .,]?000)\)"
    r"|\bthousands of\b|\bmilliers de\b|\bmiles de\b|\bmilhares de\b|\bmigliaia di\b|(?:^|\s)'?000s\b",
    re.IGNORECASE,
)
HIDES = re.compile(
    r"suppress|not (?:shown|told|disclosed|available)|confidential|\*|\.\.|geheim|zahlenwert|hidden|withheld|secret",
    re.IGNORECASE,
)
HIDDEN = re.compile(
    r"(?:(?:fewer|less|smaller) than|unter|weniger als|moins de|menos de|meno di|minder dan|<)\s*([0-9][0-9,]*)\s*(\w*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a table: a column of labels, or the column heads of a wide table.

    Attributes:
        head: name of the column; of column heads, the name that is made for them.
        labels: distinct, in the order of the table, without totals and other wholes.
        wide: whether they are column heads.
        taken: name of a column of another table that it was taken to be the same as.
        named: whether the heads themselves tell the name.
        section: whether its labels stand in rows of their own.
    """

    head: str
    labels: tuple[str, ...]
    wide: bool = False
    taken: str = ""
    named: bool = False
    section: bool = False

    @property
    def titled(self) -> bool:
        """Whether its head is that of a column of the file."""
        return not self.wide and not self.section

    @property
    def key(self) -> str:
        """What tells its variable from others."""
        return column_key(self.taken or self.head)

    @property
    def spans(self) -> list[Span] | None:
        """Its labels as bands of numbers, where all of them are."""
        found = [span(label) for label in self.labels]
        return None if any(one is None for one in found) else [one for one in found if one is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one table tells, as one target.

    Attributes:
        file: its name.
        title: that stands above it, where the file has other tables.
        sides: of the table.
        measure: count, share, mean, total or sd.
        value: head of the column of values, as the file has it; empty for a wide table.
        margin: head of the column of margins of error, if any.
        total: what its counts add up to; None where that cannot be told.
        by: of shares that add up inside the categories of one side, which side.
        n_hidden: cells that are not told.
        least: that all cells add up to.
        layout: how it lies in its file, but for the names of variables.
        used: heads of columns that hold its values.
        left: heads of columns that are left out.
        only: for each side by position, or for the head of a column that is no side, the labels that are taken.
        sums: for each side by position, labels that are sums of some others, where they may be named instead of these.
        named: labels of totals that have to be named with them.
        wide: for each header row, the position of its side, or the name of one that only chooses.
        sections: for each level of labels in rows of their own, the position of its side, or the name of one that only chooses.
        keys: of the target, such as rounded_to.
        asked: about labels that are as large as all others together.
        remarks: what a person should know of how it was read.
    """

    file: str
    sides: tuple[Side, ...]
    measure: str
    value: str = ""
    margin: str | None = None
    title: str = ""
    total: float | None = None
    by: int | None = None
    n_hidden: int = 0
    least: float = 0.0
    layout: Mapping[str, object] = field(default_factory=dict)
    used: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    only: Mapping[int | str, tuple[str, ...]] = field(default_factory=dict)
    sums: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    named: tuple[str, ...] = ()
    wide: tuple[int | str, ...] = ()
    sections: tuple[int | str, ...] = ()
    keys: Mapping[str, object] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def told_by(grid: Grid, around: Around) -> list[Told] | str:
    """The targets that a table makes, or why it makes none."""
    roles = roles_of(grid)
    if isinstance(roles, str):
        return roles
    if grid.depth and (apart := by_sections(grid, roles)):
        return _by_topic(grid, roles, apart, around)
    variables = by_variables(grid, roles)
    if isinstance(variables, str):
        return variables
    return _by_variable(grid, roles, variables, around) if variables else _told_by(grid, roles, around)


def _by_variable(grid: Grid, roles: Roles, variables: Mapping[str, Grid], around: Around) -> list[Told] | str:
    """The targets of a table whose rows are of several variables, one below the other."""
    side = roles.sides[0]
    found: list[Told] = []
    for name, part in variables.items():
        told = _told_by(part, roles, around)
        if isinstance(told, str):
            return told
        for one in told:
            at = next(position for position, own in enumerate(one.sides) if own.head == grid.name(side))
            only = {**one.only, at: one.only.get(at, part.columns[side])}
            found.append(replace(_called(one, name, grid.name(side)), only=only))
    return found


def _told_by(grid: Grid, roles: Roles, around: Around) -> list[Told] | str:
    """The targets of a table whose rows are all of the same variables."""
    blocks = blocks_of(grid, roles) if len(roles.values) > 1 else [(roles.values, ValueColumns())]
    if isinstance(blocks, str):
        return blocks
    made = [_Reader(grid, roles, block, part).told(around) for block, part in blocks]
    good = [one for one in made if not isinstance(one, str)]
    bad = [one for one in made if isinstance(one, str)]
    if not good:
        return bad[0]
    first = replace(good[0], remarks=(*good[0].remarks, *(f"one of its variables is not used: {reason}" for reason in bad)))
    return [first, *good[1:]]


def _by_topic(grid: Grid, roles: Roles, apart: Mapping[str, Grid], around: Around) -> list[Told] | str:
    """The targets of a table whose sections have labels of their own: one variable each, or areas inside of larger ones.

    They are areas where a total of all sections says so, or the name of their column, unless the sections add up to the same.
    """
    made = {topic: told_by(part, around) for topic, part in apart.items()}
    good = {topic: told for topic, told in made.items() if not isinstance(told, str)}
    totals = [told[0].total for told in good.values()]
    every = sum(total for total in totals if total is not None)
    same = len(totals) > 1 and len({None if total is None else round(total) for total in totals} - {None}) == 1
    side = next(i for i in roles.sides if i not in grid.sections)
    together = _told_by(grid, roles, around)
    whole = not isinstance(together, str) and together[0].total is not None and abs(together[0].total - every) <= 0.5
    summed = whole and any(is_total(label) for label in grid.columns[grid.sections[0]])
    if summed or (whole and not same and AREAS.search(column_key(grid.name(side)).replace("_", " "))):
        return together
    if not good:
        return next(reason for reason in made.values() if isinstance(reason, str))
    remarks = [
        f"of the rows below '{topic}' nothing is used: {reason}" for topic, reason in made.items() if isinstance(reason, str)
    ]
    found = [_called(one, topic, grid.name(side)) for topic, told in good.items() for one in told]
    return [replace(found[0], remarks=(*found[0].remarks, *remarks)), *found[1:]]


def _called(one: Told, topic: str, head: str) -> Told:
    """A target whose labels below others are a variable that goes by these."""
    return replace(one, sides=tuple(replace(side, taken=topic) if side.head == head else side for side in one.sides))


class _Reader:
    """One target on its way: the cells of some columns of values under the labels of the sides."""

    def __init__(self, grid: Grid, roles: Roles, block: Sequence[int], part: ValueColumns) -> None:
        self.grid, self.roles, self.part = grid, roles, part
        self.base = 1
        self.values = sorted({*block, *([part.total] if part.total is not None else [])})
        self.wide = len(self.values) > 1
        self.remarks = [*grid.remarks, *part.remarks]
        self.remarks += _left_out({grid.name(i): reason for i, reason in roles.left.items() if reason})
        times = len(self.values)
        sides = [*(i for i in roles.sides if i in grid.sections), *(i for i in roles.sides if i not in grid.sections)]
        edges = [
            SideLabels(
                grid.name(i), [text for text in grid.columns[i] for _ in range(times)], column=i, section=i in grid.sections
            )
            for i in sides
        ]
        if self.grid.indents:
            _indent(edges, [depth for depth in self.grid.indents for _ in range(times)])
        if self.wide:
            heads = [[grid.filled[row][i] for i in self.values] for row in range(len(grid.heads))]
            edges += [SideLabels("", head * len(grid.rows), row=row) for row, head in enumerate(heads)]
        self.cube = Cube(grid, edges, [row[i] for row in grid.rows for i in self.values])

    def told(self, around: Around) -> Told | str:
        """The target, or why there is none."""
        cube = self.cube
        self._part()
        if told := self._counted_once(around):
            return told
        if not cube.sides or not cube.body.any():
            return "has no labels beside its numbers"
        if told := self._overlapping():
            return told
        self._about_totals()
        self._about_shares()
        if cube.repeats:
            apart = [edge.head for edge in cube.edges if edge.head and edge not in cube.sides and len(edge.present) > 1]
            return f"gives cells more than once{f', told apart by {quoted(apart)} alone' if apart else ''}"
        name = "" if self._rows_of_heads() else self._value()
        measure, by = self._measure(name)
        layout, keys, total = self._layout(measure, name)
        return Told(
            file=self.grid.file,
            title=self.grid.title,
            sides=tuple(self._side(edge) for edge in cube.sides),
            measure=measure,
            value=name,
            margin=self.grid.name(self.roles.margin) if self.roles.margin is not None else None,
            total=total,
            by=by,
            n_hidden=self._n_hidden(),
            least=cube.least * float(str(layout.get("unit", 1))) if measure in ("count", "total?") else 0.0,
            layout=layout,
            used=tuple(self.grid.name(i) for i in self.values),
            left=self._left(),
            only=self._only(),
            sums=self._sums(),
            named=tuple(self._named_totals()),
            wide=self._rows_of_heads(),
            sections=self._sections(),
            keys=keys,
            asked=self._asked(),
            remarks=tuple(self.remarks),
        )

    def _counted_once(self, around: Around) -> str:
        """Leave out whatever counts the same people again; why that cannot be done, empty where it can."""
        cube = self.cube
        self.remarks += cube.choose_one_time(around.year)
        self.remarks += cube.choose_one_unit()
        cube.ask_which_thing()
        self.remarks += cube.drop_counted_elsewhere()
        self.remarks += cube.choose_one_level()
        if self.grid.format is not None:
            cube.ask_which_kind()
        self.remarks += cube.drop_partial_levels()
        self.remarks += cube.find_nests()
        if told := answers_of(self.grid, self.roles, cube):
            return told
        cube.drop_copies()
        cube.find_wholes(around)
        self.remarks += cube.drop_levels()
        cube.doubt_sections(self.grid.repeated)
        cube.ask_whose_rows()
        self.remarks += ask_of_the_rest(cube)
        ask_of_the_first(cube)
        self.remarks += told_of_categories(cube)
        return ""

    def _overlapping(self) -> str:
        """Bands of one side that meet, so that their people are counted twice; empty where there are none."""
        for edge in self.cube.sides:
            spans = [(found, edge.labels[i]) for i in edge.taken if (found := span(edge.labels[i])) is not None]
            if len(spans) < len(edge.taken):
                continue
            spans.sort(key=lambda one: (one[0].low, one[0].high))
            for (lower, first), (upper, second) in pairwise(spans):
                if upper.low < lower.high:
                    return f"bands '{first}' and '{second}' overlap: leave one of them out, with `layout: {{only: ...}}`"
        return ""

    def _about_totals(self) -> None:
        """Whether numbers were rounded, or perturbed one by one, so that totals are not the sums of their cells."""
        misses = self.cube.misses
        off, worst = misses.off, misses.worst
        self.base = base_of(self.cube.printed, FEW) if off and self.roles.margin is None else 1
        perturbed = (off <= MOST_NOISE or misses.share <= NEARLY) and not misses.above
        if self.base > 1:
            told = f"totals are not the sums of their cells, by up to {off:,.10g} ({worst})"
            told += f", and all numbers are multiples of {self.base}"
            self.remarks.append(f"{told}: they are read as rounded to {self.base}")
        elif off and self.roles.margin is None and perturbed:
            whole, of_parts = self.cube.whole, self.cube.sum
            both = f"; together {whole:,.10g}, and {of_parts:,.10g} by their cells" if whole and of_parts else ""
            chosen = any(edge.kept is not None for edge in self.cube.edges)
            percent = 0.0 if chosen or not both else self.cube.tolerance_for_totals()
            self.cube.drop_totals()
            told = f"totals are not the sums of their cells, by up to {off:,.10g} ({worst}{both}): counts were perturbed"
            also = (
                f"; for both, each within an interval, write `tolerance: {{relative: {percent:g}%}}` in place of `layout.only`"
            )
            records = f" and `records: {whole:.0f}`" if whole is not None and whole != of_parts else ""
            self.remarks.append(f"{told}, and the draft takes the cells without the totals{also + records if percent else ''}")

    def _about_shares(self) -> None:
        """Whether shares of all labels add up to one, so that none of them is the total of others."""
        cube = self.cube
        if len(cube.sides) != 1 or self._rows_of_heads():
            return
        name = self._value()
        told = MEASURE.get(column_key(name)) == "share" or PERCENT.fullmatch(plain(name)) is not None
        inner = cube.numbers[cube.body]
        shares = (told or all(text.endswith("%") for text in cube.texts)) and bool(np.isfinite(inner).all())
        if shares and any(abs(float(inner.sum()) - whole) <= ROUNDED * whole for whole in (1.0, 100.0)):
            cube.sides[0].wholes.asked = {}

    def _part(self) -> None:
        """What is known of the block: under which upper head it stands, and which column is its total."""
        heads = [edge for edge in self.cube.edges if edge.heads]
        if self.part.top:
            self.cube.choose(heads[-2], [self.part.top])
        if self.part.total is not None and not is_total(name := self.grid.heads[-1][self.part.total]):
            last = heads[-1]
            whole = last.labels.index(name)
            last.wholes.of[whole] = [i for i in range(len(last.labels)) if i != whole]

    def _value(self) -> str:
        """Name of the one column of values that is left."""
        if not self.wide:
            return self.grid.name(self.values[0])
        last = next(edge for edge in reversed(self.cube.edges) if edge.heads)
        return last.labels[last.present[0]]

    def _measure(self, name: str) -> tuple[str, int | None]:
        """Measure, and of shares inside of one side, which."""
        cube, body = self.cube, self.cube.body
        inner = cube.numbers[body]
        measure = MEASURE.get(column_key(name), "count") if name else "count"
        if measure == "count" and name and PERCENT.fullmatch(plain(name)):
            measure = "share"
        elif measure == "count" or (measure == "total" and is_total(name)):
            shares = _measure_of(inner, [text for text, kept in zip(cube.texts, body, strict=True) if kept])
            measure = "total?" if measure == "total" and shares == "count" else shares
        by = None
        if measure in ("count", "share") and len(cube.sides) == 2:
            by = _shares_inside([edge.codes[body] for edge in cube.sides], inner)
            measure = "share" if by is not None else measure
        return measure, by

    def _layout(self, measure: str, name: str) -> tuple[dict[str, object], dict[str, object], float | None]:
        """Keys of the layout, keys of the target, and what its counts add up to."""
        grid, cube = self.grid, self.cube
        layout: dict[str, object] = {}
        keys: dict[str, object] = {}
        if grid.format is not None:
            layout["format"] = grid.format
        if grid.sheet:
            layout["sheet"] = grid.sheet
        if grid.cells:
            layout["cells"] = grid.cells[0] if len(grid.cells) == 1 else list(grid.cells)
        if grid.skip is not None:
            layout["skip"] = grid.skip
        if grid.decimal != ".":
            layout["decimal"] = grid.decimal
        if totals := self._totals():
            layout["total"] = totals
        total = None
        if measure in ("count", "total?"):
            total = cube.sum if cube.whole is None else cube.whole
            heads = [label for edge in cube.edges for label in ((edge.head,) if not edge.heads else edge.labels)]
            if any(THOUSANDS.search(text) for text in (*grid.words, name, *heads)):
                told = [cell for text in set(cube.texts) if (cell := grid.number(text)) is not None]
                decimals = max((cell.decimals for cell in told), default=0)
                layout["unit"] = 1000
                if decimals < 3:
                    keys["rounded_to"] = 10 ** (3 - decimals)
                total = None if total is None else total * 1000
            elif self.base > 1:
                keys["rounded_to"] = self.base
        if self._n_hidden():
            hides = [text for text in grid.words if HIDES.search(text)]
            below = next((found for text in hides if (found := HIDDEN.search(text))), None)
            if below is not None:
                keys["suppressed"] = f"<{float(below[1].replace(',', '')) * SCALES.get(below[2].casefold(), 1.0):.0f}"
        return layout, keys, total

    def _totals(self) -> list[str]:
        """Labels of totals that their words do not tell, with all others of the table."""
        cube = self.cube
        named = self._named_totals()
        found: list[str] = []
        for edge in cube.sides:
            taken = set(edge.taken)
            over = [i for i, parts in edge.wholes.of.items() if set(parts) == taken]
            found += [edge.labels[i] for i in (*over, *filter(edge.total, edge.present)) if not is_total(edge.labels[i])]
        strange = any(edge.wholes.not_totals for edge in cube.sides)
        return list(dict.fromkeys([*found, *named])) or ["Total"] if found or strange or self._asked() else []

    def _named_totals(self) -> list[str]:
        return list(dict.fromkeys(_clean(edge.labels[i]) for edge in self.cube.edges for i in edge.present if edge.total(i)))

    def _asked(self) -> tuple[str, ...]:
        """What is to be said of labels that may be totals of all others."""
        return tuple(
            f"{ASK}'{edge.labels[i]}' is as large as all other labels together; write it here if it is their total, "
            "or delete this entry if it is one of them"
            for edge in self.cube.sides
            for i, parts in edge.wholes.asked.items()
            if len(parts) == len(edge.taken) - 1
        )

    def _asked_of_some(self, edge: SideLabels) -> tuple[str, ...]:
        """What is to be said of labels that may be sums of some others."""
        several = {i: parts for i, parts in edge.wholes.asked.items() if len(parts) < len(edge.taken) - 1}
        told = {i: quoted([edge.labels[j] for j in parts]) or "others" for i, parts in several.items()}
        return tuple(f"{ASK}delete this entry, and '{edge.labels[i]}' if it is the sum of {of}" for i, of in told.items())

    def _sums(self) -> dict[int, tuple[str, ...]]:
        """For each side by position, sums of some of its labels that are shorter to name than all others: bands above years."""
        found = {}
        for position, edge in enumerate(self.cube.sides):
            if edge.kept is None and edge.only is not None and not edge.wholes.asked:
                sums = [edge.labels[i] for i in self.cube.sums_beside(edge)]
                if sums and 2 * sum(map(len, sums)) < sum(len(edge.labels[i]) for i in edge.taken):
                    found[position] = tuple(sums)
        return found

    def _n_hidden(self) -> int:
        cells = map(self.grid.number, self.cube.texts)
        return sum(cell is not None and not cell.told for cell in cells)

    def _only(self) -> dict[int | str, tuple[str, ...]]:
        """For each side by position, or for an edge that only chooses, the labels that are taken."""
        cube = self.cube
        found: dict[int | str, tuple[str, ...]] = {}
        for position, edge in enumerate(cube.sides):
            asked = (*([ASK + edge.doubt] if edge.doubt else []), *self._asked_of_some(edge))
            if (labels := edge.only) is not None or asked:
                found[position] = (*asked, *(labels or (edge.labels[i] for i in edge.present)))
        for edge in cube.edges:
            if edge in cube.sides or (edge.heads and not self._rows_of_heads()):
                continue
            if edge.question:
                found[edge.chooser] = (f"{ASK}{edge.question}",)
            elif edge.kept is not None or edge.heads or edge.section:
                found[edge.chooser] = tuple(edge.labels[i] for i in edge.present)
        return found

    def _rows_of_heads(self) -> tuple[int | str, ...]:
        """For each header row of a wide table, the position of its side, or what it is called where it only chooses."""
        heads = [edge for edge in self.cube.edges if edge.heads]
        sides = self.cube.sides
        chosen = [edge for edge in heads if edge.question or (edge.kept is not None and len(self.grid.heads) > 1)]
        if not any(edge in sides for edge in heads) and not chosen:
            return ()
        return tuple(sides.index(edge) if edge in sides else edge.chooser for edge in heads)

    @property
    def _stem(self) -> str:
        """What names that are made up begin with."""
        return self.grid.title or Path(self.grid.file).stem

    def _sections(self) -> tuple[int | str, ...]:
        """For each level of labels in rows of their own, the position of its side, or what it is called if it only chooses."""
        sides = self.cube.sides
        return tuple(sides.index(edge) if edge in sides else edge.chooser for edge in self.cube.edges if edge.section)

    def _left(self) -> tuple[str, ...]:
        """Names of columns that are left out."""
        used = {edge.column for edge in self.cube.sides} | {self.roles.margin}
        used |= {edge.column for edge in self.cube.edges if edge.kept is not None or edge.section}
        values = set(self.values) if self._rows_of_heads() else {i for i in self.values if self.grid.name(i) == self._value()}
        return tuple(self.grid.name(i) for i in range(self.grid.width) if i not in used and i not in values)

    def _side(self, edge: SideLabels) -> Side:
        labels = tuple(dict.fromkeys(_clean(edge.labels[i]) for i in edge.taken))
        if edge.section:
            inner = " 2" if edge.column != self.grid.sections[0] else ""
            return Side(head=f"sections of {self._stem}{inner}", labels=labels, section=True)
        if not edge.heads:
            return Side(head=edge.head, labels=labels)
        last = edge.row == len(self.grid.heads) - 1
        name = self.part.name if last else ""
        row = "" if last or not edge.row else f" {edge.row + 1}"
        return Side(
            head=name or f"columns of {self._stem}{row}",
            labels=labels,
            wide=True,
            named=bool(name),
        )


def _left_out(reasons: Mapping[str, str]) -> list[str]:
    """What is to be said of columns that are left out: once for all of which one reason holds."""
    of: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        of.setdefault(reason.replace(f"'{name}'", "each"), []).append(name)
    return [
        f"column '{names[0]}' was left out: {reasons[names[0]]}"
        if len(names) == 1
        else f"columns {quoted(names)} were left out: {reason}"
        for reason, names in of.items()
    ]


def _indent(edges: Sequence[SideLabels], indents: Sequence[int]) -> None:
    """Say how far labels are indented, of the column with most labels that have one indentation each."""
    for edge in sorted(edges, key=lambda one: -len(one.labels)):
        of: dict[int, set[int]] = {}
        for code, depth in zip(edge.codes.tolist(), indents, strict=True):
            of.setdefault(code, set()).add(depth)
        if all(len(depths) == 1 for depths in of.values()):
            edge.indents = [min(of[code]) for code in range(len(edge.labels))]
            return


def _measure_of(values: Floats, texts: Sequence[str]) -> str:
    """Whether values are counts or shares: shares carry percent signs, or are fractions or decimals that add up."""
    told = values[np.isfinite(values)]
    if any(text.strip().endswith("%") for text in texts):
        return "share"
    total = float(told.sum())
    decimals = bool((told != np.round(told)).any())
    near = any(abs(total - whole) <= 0.02 * whole for whole in (1.0, 100.0))
    return "share" if decimals and near else "count"


def _shares_inside(codes: Sequence[Codes], values: Floats) -> int | None:
    """Of which side the values of each label add up to a whole; None where those of neither do, or of both."""
    if not np.isfinite(values).all():
        return None
    inside = []
    for mine in codes:
        _, label = np.unique(mine, return_inverse=True)
        sums = np.bincount(label, values)
        inside.append(len(sums) > 1 and any((np.abs(sums - whole) <= ROUNDED * whole).all() for whole in (1.0, 100.0)))
    decimals = bool((values != np.round(values)).any()) or bool((values <= 100).all())
    return inside.index(True) if sum(inside) == 1 and decimals else None


def _clean(label: str) -> str:
    """A label without its dressing, in its own case."""
    plain = undressed(label)
    at = label.casefold().find(plain)
    return label[at : at + len(plain)] if at >= 0 else label.strip()
