"""The cells of a table under the labels of its sides, freed step by step of what counts anybody twice."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from synthor.draft.blocks import base_of
from synthor.draft.grid import Grid
from synthor.draft.roles import IDENTIFIER, KIND, NO_COUNT, OF_WHICH, PERCENT, STATISTIC, is_time, may_be_time, times
from synthor.draft.wholes import PERTURBED, Wholes, wholes_of
from synthor.spec.tables.labels import column_key, is_total, undressed
from synthor.types import Codes, Floats, Mask

MANY_ABOVE = 2
"""Totals that are more than their cells, none being less, that are hardly so by chance."""
MOST_LEVELS = 8
"""Levels of areas that one column tells apart."""
MOST_COMBINED = 1_000_000
"""Cells of one target."""
MOST_CELLS = 4_000_000
"""Cells up to which a side is compared with the rest of its table."""
TOLERANCES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Per cent by which perturbed counts may be off that are proposed."""
KINDS = ("figures", "topic")
"""Columns of downloads that tell of which table or kind of figures a cell is."""
_UNITS = frozenset(
    [
        "unit",
        "units",
        "measure",
        "measures",
        "uom",
        "unit_of_measure",
        "value_type",
        "statistic",
        "einheit",
        "unidad",
        "unité",
        "unità",
        "eenheid",
        "unidade",
        "mesure",
    ]
)
_CODE = re.compile(r"(?:^|_)(?:code|id|cd|kode|codigo|código|codice|geoid|dguid|nr|num|ags|nuts\w*)(?:_|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What is known from other tables while one is read.

    Attributes:
        labels: for the plain form of each column's head, the labels of each table that has it.
        year: time that all tables with several of them have, to be preferred to their latest; None where there is none.
    """

    labels: Mapping[str, Sequence[frozenset[str]]] = field(default_factory=dict)
    year: str | None = None

    def absent(self, head: str, labels: Sequence[str]) -> frozenset[str]:
        """Labels that another table of the same variable does not have, although it has most of the others."""
        own = frozenset(map(undressed, labels))
        others = [found for found in self.labels.get(column_key(head), ()) if found != own and len(found & own) * 2 > len(own)]
        return frozenset().union(*(own - found for found in others))


class Edge:
    """One side of a table on its way: for each cell a label, as a code.

    Attributes:
        head: name of the column; empty for a header row.
        column: its position in the grid; None for a header row.
        row: position of the header row; None for a column.
        codes: (cells,) of labels.
        labels: distinct texts.
        kept: labels that are taken of it, where some were chosen.
        question: what a person is asked in place of the one that was chosen.
        wholes: labels that are sums of others.
    """

    def __init__(self, head: str, texts: Sequence[str], *, column: int | None = None, row: int | None = None) -> None:
        self.head, self.column, self.row = head, column, row
        known: dict[str, int] = {}
        self.codes: Codes = np.array([known.setdefault(text, len(known)) for text in texts], np.int64)
        self.labels = list(known)
        self.cores = cores(self.labels)
        self.kept: list[str] | None = None
        self.question = ""
        self.wholes = Wholes()

    @property
    def heads(self) -> bool:
        """Whether it is a header row."""
        return self.row is not None

    @property
    def chooser(self) -> str:
        """What it is called where rows are only chosen by it."""
        return self.head if self.row is None else f"header row {self.row + 1}"

    @property
    def present(self) -> list[int]:
        """Codes that some cell has."""
        return np.unique(self.codes).tolist()

    def total(self, code: int) -> bool:
        return self.called(code) and code not in self.wholes.not_totals

    def called(self, code: int) -> bool:
        """Whether a label is called a total, be it between words that all labels share."""
        return is_total(self.labels[code]) or is_total(self.cores[code])

    @property
    def taken(self) -> list[int]:
        """Codes of categories: no totals, no other wholes."""
        return [i for i in self.present if self.labels[i] and not self.total(i) and i not in self.wholes.of]

    @property
    def only(self) -> tuple[str, ...] | None:
        """The labels that are to be taken, where it has sums of some of them; totals of all may stay."""
        taken = set(self.taken)
        partial = [i for i, parts in self.wholes.of.items() if set(parts) != taken]
        if self.kept is None and not partial:
            return None
        return tuple(self.labels[i] for i in self.present if i not in partial)


class Cube:
    """The cells of one target: values under the labels of several sides."""

    def __init__(self, grid: Grid, edges: Sequence[Edge], texts: Sequence[str]) -> None:
        self.grid, self.edges, self.texts = grid, list(edges), list(texts)
        cells = [grid.number(text) for text in texts]
        self.numbers: Floats = np.array([math.nan if cell is None else cell.value for cell in cells])
        self.printed = self.numbers
        self.dropped: list[Edge] = []

    @property
    def base(self) -> int:
        """What all numbers of the table were rounded to, other years included; 1 where nothing says so."""
        return base_of(self.printed)

    @property
    def room(self) -> float:
        """How far a printed number may be off."""
        return self.base / 2 if self.base > 1 else 0.0

    @property
    def sides(self) -> list[Edge]:
        """Edges that tell cells apart."""
        return [edge for edge in self.edges if all(edge is not other for other in self.dropped)]

    @property
    def body(self) -> Mask:
        """Cells that are no totals, (cells,)."""
        inside = np.ones(len(self.numbers), bool)
        for edge in self.sides:
            inside &= np.isin(edge.codes, edge.taken)
        return inside

    def choose(self, edge: Edge, labels: Sequence[str]) -> None:
        """Keep the cells under some labels of one edge."""
        keep = np.isin(edge.codes, [edge.labels.index(label) for label in labels])
        edge.kept = list(labels)
        for other in self.edges:
            other.codes = other.codes[keep]
        self.numbers = self.numbers[keep]
        self.texts = [text for text, kept in zip(self.texts, keep, strict=True) if kept]

    def choose_one_time(self, preferred: str | None) -> list[str]:
        """Keep one year or date where there are several; says which."""
        said = []
        for edge in self.edges:
            names = [edge.labels[i] for i in edge.present if not edge.total(i)]
            when = times(names) if len(names) > 1 and is_time(edge.head, names) else None
            if when is None and may_be_time(edge.head, names):
                self.ask(edge, names, names[-1])
            elif when is not None:
                latest = preferred if preferred in names else names[max(range(len(when)), key=lambda k: when[k])]
                self.choose(edge, [latest])
                said.append(f"of {quoted(names)} only {latest} is read; for another change `only` and `records`")
        return said

    def choose_one_unit(self) -> list[str]:
        """Keep counts where per cent or averages of the same stand beside them; says what is left out."""
        said = []
        for edge in self.edges:
            names = [edge.labels[i] for i in edge.present]
            other = [name for name in names if PERCENT.fullmatch(undressed(name)) or NO_COUNT.fullmatch(undressed(name))]
            alone = len(names) == 2 and all(PERCENT.fullmatch(undressed(name)) for name in other)
            if other and len(other) < len(names) and (edge.heads or alone or column_key(edge.head) in _UNITS):
                self.choose(edge, [name for name in names if name not in other])
                said += [f"{quoted(other)} of '{edge.head}' is left out"] if edge.head else []
            names = [edge.labels[i] for i in edge.present if edge.labels[i]]
            if (
                len(names) > 1
                and edge.head
                and KIND.fullmatch(plain(edge.head))
                and not any(edge.total(i) for i in edge.present)
            ):
                self.ask(edge, names, names[-1])
        return said

    def ask_which_kind(self) -> None:
        """Ask which of several kinds of figures, or tables, that a download has below each other is meant."""
        for edge in self.edges:
            if edge.head in KINDS and len(edge.present) > 1:
                sizes = np.bincount(edge.codes, minlength=len(edge.labels))
                self.ask(edge, [edge.labels[i] for i in edge.present], edge.labels[int(sizes.argmax())])

    def ask(self, edge: Edge, names: Sequence[str], kept: str) -> None:
        """Take one of some labels, and ask which one is meant."""
        self.choose(edge, [kept])
        edge.question = f"which of {quoted(names)} is meant? the draft speaks of '{kept}'; of another, change `records`, too"

    def drop_counted_elsewhere(self) -> list[str]:
        """Leave out labels of people who are counted under another one, and of averages and ratios; says which."""
        said = []
        for edge in self.edges:
            names = [edge.labels[i] for i in edge.present if edge.labels[i]]
            other = [name for name in names if OF_WHICH.fullmatch(undressed(name)) or STATISTIC.fullmatch(undressed(name))]
            if other and len(other) < len(names):
                self.choose(edge, [name for name in names if name not in other])
                said.append(f"{quoted(other)} is left out: it is counted elsewhere, or counts nobody")
        return said

    def choose_one_level(self) -> list[str]:
        """Keep the areas of one level where a column says of which level each is, and several count everybody; says which."""
        said = []
        columns = [edge for edge in self.edges if not edge.heads]
        for edge in columns:
            names = [edge.labels[i] for i in edge.present]
            areas = [other for other in columns if other is not edge and follows(edge, other)]
            if not 1 < len(names) <= MOST_LEVELS or not areas:
                continue
            area = max(areas, key=lambda one: len(one.present))
            rest = [one for one in self.edges if one is not edge and one is not area and not follows(one, area)]
            rows = np.zeros(len(self.numbers), np.int64)
            for one in rest:
                _, rows = np.unique(rows * len(one.labels) + one.codes, return_inverse=True)
            sums = np.zeros((len(edge.labels), int(rows.max(initial=0)) + 1))
            np.add.at(sums, (edge.codes, rows), np.nan_to_num(self.numbers))
            of_areas = {code: len(np.unique(area.codes[edge.codes == code])) for code in edge.present}
            finest = max(edge.present, key=lambda code: of_areas[code])
            near = np.abs(sums - sums[finest]) <= 3 * (of_areas[finest] + 1) * max(self.room, 1.0) + PERTURBED * sums[finest]
            same = [code for code in edge.present if code != finest and near[code].all()]
            if same and of_areas[finest] > min(of_areas[code] for code in same):
                self.choose(edge, [edge.labels[finest]])
                said.append(f"of {quoted(names)} only '{edge.labels[finest]}' is read: each of them counts everybody")
        return said

    def find_wholes(self, around: Around) -> None:
        """Find labels that are sums of others, first among rows, then among heads."""
        for edge in sorted(self.sides, key=lambda one: one.heads):
            self._find_wholes(edge, around)

    def _find_wholes(self, edge: Edge, around: Around) -> None:
        present = edge.present
        if len(present) < 3:
            return
        others = [other for other in self.sides if other is not edge and not follows(other, edge)]
        rows = np.zeros(len(self.numbers), np.int64)
        for other in others:
            _, rows = np.unique(rows * len(other.labels) + other.codes, return_inverse=True)
        n_rows = int(rows.max(initial=0)) + 1
        if len(present) * n_rows > MOST_CELLS:
            return
        place = {code: at for at, code in enumerate(present)}
        cells = np.full((len(present), n_rows), np.nan)
        cells[np.searchsorted(present, edge.codes), rows] = self.numbers
        fresh = np.ones(n_rows, bool)  # rows of totals of other sides repeat what the others say
        for other in others:
            totals = [i for i in other.present if other.total(i) or i in other.wholes.of]
            if totals and len(other.present) > 1:
                fresh[rows[np.isin(other.codes, totals)]] = False
        if fresh.any():
            cells = cells[:, fresh]
        labels = [edge.labels[i] for i in present]
        called = [at for at, code in enumerate(present) if edge.called(code)]
        known = {whole: parts for whole, parts in edge.wholes.of.items() if whole in place}
        found = wholes_of(labels, cells, called, around.absent(edge.head, labels), self.room)
        edge.wholes = Wholes(
            of={present[whole]: [present[i] for i in parts] for whole, parts in found.of.items()} | known,
            asked={
                present[whole]: [present[i] for i in parts]
                for whole, parts in found.asked.items()
                if present[whole] not in known
            },
            not_totals=[present[i] for i in found.not_totals],
        )

    def drop_copies(self) -> None:
        """Drop edges that say nothing or what another says: one label throughout, codes beside labels, numbers of rows."""
        self.dropped = [edge for edge in self.edges if len(edge.present) < 2]
        heads = [edge for edge in self.sides if edge.heads]
        for edge in heads:
            for other in heads:
                same = distinct([edge, other]) == len(edge.present) == len(other.present) > 2
                if self._both(edge, other) and same and _is_code(edge, other):
                    self.dropped.append(edge)
        columns = [edge for edge in self.sides if not edge.heads]
        for edge in columns:
            for other in columns:
                if self._both(edge, other) and follows(edge, other) and follows(other, edge) and _is_code(edge, other):
                    self.dropped.append(edge)
        for edge in [one for one in self.sides if not one.heads]:
            others = [one for one in self.sides if one is not edge and not one.heads]
            named = IDENTIFIER.fullmatch(plain(edge.head)) is not None
            if named and others and len(edge.present) == distinct([edge, *others]) == distinct(others) > 2:
                self.dropped.append(edge)

    def drop_levels(self) -> None:
        """Drop edges that are the same throughout where another one is a category, and areas above others that are too many."""
        columns = [edge for edge in self.sides if not edge.heads]
        for edge in columns:
            for other in columns:
                if not self._both(edge, other) or not follows(edge, other):
                    continue
                inside = np.isin(other.codes, other.taken)
                n_labels = len(np.unique(edge.codes[inside]))
                names = 2 * n_labels > len(other.taken)  # nearly as many: names that some areas share
                if n_labels == 1 or names or math.prod(len(one.taken) for one in self.sides) > MOST_COMBINED:
                    self.dropped.append(edge)
        for edge in self.sides:
            if len(self.sides) > 1 and len(edge.taken) < 2 and not any(edge.total(i) for i in edge.present):
                self.dropped.append(edge)

    def _both(self, edge: Edge, other: Edge) -> bool:
        """Whether two edges are different ones that still tell cells apart."""
        return edge is not other and not any(one is edge or one is other for one in self.dropped)

    def sums_beside(self, edge: Edge) -> list[int]:
        """Labels that are sums of some others, where each is exactly that beside its parts, and a total of all is told."""
        taken = edge.taken
        partial = [i for i, parts in edge.wholes.of.items() if set(parts) != set(taken)]
        others = [other for other in self.sides if other is not edge]
        rows = np.zeros(len(self.numbers), np.int64)
        for other in others:
            _, rows = np.unique(rows * len(other.labels) + other.codes, return_inverse=True)
        n_rows = int(rows.max(initial=0)) + 1
        cells = np.full((len(edge.labels), n_rows), np.nan)
        cells[edge.codes, rows] = self.numbers
        every = [i for i in edge.present if edge.total(i) or set(edge.wholes.of.get(i, ())) == set(taken)]
        if not any(np.array_equal(cells[i], cells[taken].sum(axis=0)) for i in every):
            return []
        for whole in partial:
            parts = sorted(edge.wholes.of[whole])
            at = [taken.index(part) for part in parts if part in taken]
            beside = len(at) == len(parts) and at == list(range(at[0], at[0] + len(at)))
            before = beside and [i for i in taken if i > whole][:1] == parts[:1]
            behind = beside and [i for i in taken if i < whole][-1:] == parts[-1:]
            if not (before or behind) or not np.array_equal(cells[whole], cells[parts].sum(axis=0)):
                return []
        return sorted(partial)

    @property
    def repeats(self) -> bool:
        """Whether two cells have the same labels."""
        body = self.body
        return bool(body.any()) and distinct(self.sides, body) < int(body.sum())

    @property
    def whole(self) -> float | None:
        """What the cells add up to, as the total of all says; None where none does."""
        inside = np.ones(len(self.numbers), bool)
        for edge in self.sides:
            taken = set(edge.taken)
            over = [i for i, parts in edge.wholes.of.items() if set(parts) == taken]
            inside &= np.isin(edge.codes, [i for i in edge.present if edge.total(i) or i in over])
        told = self.numbers[inside]
        if self.sides and len(told) == 1 and math.isfinite(told[0]):
            return float(told[0])
        return next((found for edge in self.sides if (found := self._whole_over(edge)) is not None), None)

    def _whole_over(self, edge: Edge) -> float | None:
        """What the totals over one side add up to, where there is one for each label of the others."""
        taken = set(edge.taken)
        over = [i for i in edge.present if edge.total(i) or set(edge.wholes.of.get(i, ())) == taken]
        inside = np.isin(edge.codes, over)
        others = [other for other in self.sides if other is not edge]
        for other in others:
            inside &= np.isin(other.codes, other.taken)
        told = self.numbers[inside]
        every = math.prod(len(other.taken) for other in others)
        return float(told.sum()) if others and len(told) == every and np.isfinite(told).all() else None

    @property
    def sum(self) -> float | None:
        """What all cells add up to; None where some are not told."""
        inner = self.numbers[self.body]
        return float(inner.sum()) if len(inner) and np.isfinite(inner).all() else None

    @property
    def least(self) -> float:
        """The least that all cells add up to."""
        inner = [cell for text, kept in zip(self.texts, self.body, strict=True) if kept and (cell := self.grid.number(text))]
        return sum(cell.low for cell in inner)

    @property
    def misses(self) -> tuple[float, float, bool]:
        """How far totals are from the sums of their cells at most: in records, and as a share; 0 where they are their sums.

        Also whether all of them are more than their cells, as where some people are of no category that is printed.
        """
        body, pairs = self.body, []
        for edge in self.sides:
            taken = set(edge.taken)
            over = [i for i in edge.present if edge.total(i) or set(edge.wholes.of.get(i, ())) == taken]
            others = [one for one in self.sides if one is not edge]
            rows = np.zeros(len(self.numbers), np.int64)
            for one in others:
                _, rows = np.unique(rows * len(one.labels) + one.codes, return_inverse=True)
            sums = np.bincount(rows[body], self.numbers[body], int(rows.max(initial=0)) + 1)
            totals = np.isin(edge.codes, over)
            for one in others:
                totals &= np.isin(one.codes, one.taken)
            pairs.append(np.stack([self.numbers[totals], sums[rows[totals]]]))
        if self.whole is not None and self.sum is not None:
            pairs.append(np.array([[self.whole], [self.sum]]))
        told = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0))
        told = told[:, np.isfinite(told).all(axis=0)]
        off = np.abs(told[0] - told[1])
        above = int((told[0] > told[1]).sum()) >= MANY_ABOVE and not (told[0] < told[1]).any()
        return float(off.max(initial=0.0)), float((off / np.maximum(told[0], 1.0)).max(initial=0.0)), above

    def tolerance_for_totals(self) -> float:
        """The least per cent of those proposed by which cells may be off to come to their totals; 0 where none is enough."""
        body = self.body
        for percent in TOLERANCES:
            room = np.floor(np.nan_to_num(self.numbers) * percent / 100)
            fits = self.whole is not None and self.sum is not None and abs(self.whole - self.sum) <= room[body].sum()
            for edge in self.sides:
                others = [one for one in self.sides if one is not edge]
                rows = np.zeros(len(self.numbers), np.int64)
                for one in others:
                    _, rows = np.unique(rows * len(one.labels) + one.codes, return_inverse=True)
                totals = np.isin(edge.codes, [i for i in edge.present if edge.total(i)])
                for one in others:
                    totals &= np.isin(one.codes, one.taken)
                sums, rooms = (np.bincount(rows[body], of[body], int(rows.max(initial=0)) + 1) for of in (self.numbers, room))
                fits &= bool((np.abs(self.numbers - sums[rows]) <= rooms[rows])[totals].all())
            if fits:
                return percent
        return 0.0

    def drop_totals(self) -> None:
        """Choose categories alone: totals that are not the sums of their cells say nothing that can be met beside them."""
        for edge in self.sides:
            kept = [edge.labels[i] for i in edge.taken]
            if len(kept) < len(edge.present):
                self.choose(edge, kept)


def cores(labels: Sequence[str]) -> list[str]:
    """Labels without the words that all of them begin and end with.

    >>> cores(["Age : Total - Unit : Persons", "Age : Under 15 - Unit : Persons"])
    ['Total', 'Under 15']
    """
    told = [label for label in labels if label]
    if len(told) < 2:
        return list(labels)
    begin, end = _shared(told), _shared([label[::-1] for label in told])[::-1]
    begin = begin[: max((at + 1 for at, letter in enumerate(begin) if letter in " :;,-"), default=0)]
    end = end[min((at for at, letter in enumerate(end) if letter in " :;,-"), default=len(end)) :]
    if any(len(begin) + len(end) >= len(label) for label in told):
        return list(labels)
    return [label[len(begin) : len(label) - len(end)].strip(" :;,-") for label in labels]


def _shared(texts: Sequence[str]) -> str:
    """What all texts begin with."""
    shortest = min(texts, key=len)
    return shortest[
        : next((at for at, letters in enumerate(zip(*texts, strict=False)) if len(set(letters)) > 1), len(shortest))
    ]


def plain(head: str) -> str:
    """A column's name as words in lower case."""
    return column_key(head).replace("_", " ")


def quoted(names: Sequence[str]) -> str:
    """Names for a remark, the first and last of many.

    >>> quoted(["2019", "2020"])
    "'2019', '2020'"
    """
    shown = [f"'{name}'" for name in names]
    return ", ".join(shown) if len(shown) < 6 else f"{', '.join(shown[:2])} ... {shown[-1]}"


def distinct(edges: Sequence[Edge], inside: Mask | None = None) -> int:
    """How many different combinations of labels cells have."""
    if not edges:
        return 0
    rows = np.zeros(len(edges[0].codes) if inside is None else int(inside.sum()), np.int64)
    for edge in edges:
        _, rows = np.unique(
            rows * len(edge.labels) + (edge.codes if inside is None else edge.codes[inside]), return_inverse=True
        )
    return int(rows.max(initial=-1)) + 1


def follows(one: Edge, other: Edge) -> bool:
    """Whether each label of the other edge has one label of the first throughout: the other says all that it says."""
    if one.heads or other.heads:
        return False
    return distinct([one, other]) == len(other.present) > 1


def _is_code(edge: Edge, other: Edge) -> bool:
    """Of two columns that say the same, whether the first is the one of codes, or the later of two of labels."""
    marked = [_CODE.search(column_key(one.head)) is not None for one in (edge, other)]
    if marked[0] != marked[1]:
        return marked[0]
    numbered = [all(label == str(i + 1) for i, label in enumerate(one.labels)) for one in (edge, other)]
    if numbered[0] != numbered[1]:
        return numbered[0]
    letters = [sum(len(re.findall(r"[^\W\d_]{3,}", label)) for label in one.labels) for one in (edge, other)]
    if letters[0] != letters[1]:
        return letters[0] < letters[1]
    repeated = len(edge.codes) > len(edge.present) or len(edge.present) > 2
    return repeated and (edge.column or 0) > (other.column or 0)
