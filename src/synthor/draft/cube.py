"""The cells of a table under the labels of its sides, freed step by step of what counts anybody twice."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from synthor.draft.blocks import base_of
from synthor.draft.grid import Grid, quoted
from synthor.draft.meaning import sex_of
from synthor.draft.nests import Nest, nests_of
from synthor.draft.parts import NUMBERED
from synthor.draft.roles import AREAS, IDENTIFIER, KIND, NO_COUNT, OF_WHICH, PEOPLE, PERCENT, STATISTIC
from synthor.draft.times import is_time, may_be_time, times
from synthor.draft.units import thing_of
from synthor.draft.wholes import NEARLY, PERTURBED, ROWS, Wholes, adding_up, wholes_of
from synthor.spec.tables.labels import column_key, is_sex, is_total, span, undressed
from synthor.types import CellIndex, Codes, Floats, Mask

OF_ALL = re.compile(r"(?:total\w*|totaal|gesamt|insgesamt) (?:(?:of|de|di|der) )?")
"""What stands before a label that is called a total of it."""
BINARY = 1e-9
"""Share by which sums of numbers that are not whole may be off."""
MANY_ABOVE = 2
"""Totals that are more than their cells, none being less, that are hardly so by chance."""
MOST_LEVELS = 8
"""Levels of areas that one column tells apart."""
MOST_COMBINED = 1_000_000
"""Cells of one target."""
MOST_CELLS = 4_000_000
"""Cells up to which a side is compared with the rest of its table."""
ANSWERS = frozenset((
    "yes", "no", "agree", "disagree", "neutral", "don't know", "strongly agree", "strongly disagree", "neither", "often",
    "never", "sometimes", "always", "ja", "nein", "oui", "non", "sí", "si", "sim", "não", "nee", "nej", "tak", "nie", "ano",
    "ne", "kyllä", "ei", "да", "нет", "はい", "いいえ", "是", "否", "예", "아니오",
))  # fmt: skip
"""Answers to one question."""
LEAST_ALIKE = 30
"""Records up to which several labels may add up to the same by chance."""
MOST_APART = 3.0
"""Records that a total may be more than its parts where counts were perturbed."""
MOST_THINGS = 30
"""Labels up to which they may be things that are counted."""
MOST_NESTED = 5_000
"""Labels of one side up to which those that stand below others are looked for."""
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
LEVEL = re.compile(
    r"sumlev\w*|(?:(?:geo|geographic|geography|area|region|spatial|admin\w*) ?)?(?:level|type)s?|geography|lvl|niveau\w*|nivå"
    r"|nivel|livello|ebene|typ|type|tipo|soort regio|gebietstyp|regionstyp|taso|poziom|úroveň|szint"
)
"""Columns that tell of what level areas are."""
STRICT = re.compile(r"sumlev|level|niveau|nivå|nivel|livello|ebene|taso|poziom|úroveň|szint|geo")
"""Names of these that hardly any other column has."""
BARE = re.compile(r"[A-Za-z]{1,8}[_ -]?[0-9]{2,}(?:[_ -]?[0-9A-Za-z]{1,6})?")
"""Labels that are codes and tell nothing: `F989`, `B25003_002E`."""
_CODE = re.compile(
    r"(?:^|_)(?:code|id|cd|kode|codigo|código|codice|geoid|dguid|nr|num|ags|nuts\w*)(?:_|$)|コード|코드|代[码碼]"
)


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


def names_others(label: str, others: Sequence[str]) -> bool:
    """Whether a label names several others: `England and Wales`.

    >>> names_others("England and Wales", ["England", "Wales"]), names_others("North", ["North East", "South"])
    (True, False)
    """
    plain_label = undressed(label)
    return sum(re.search(rf"(?<!\w){re.escape(undressed(one))}(?!\w)", plain_label) is not None for one in others if one) > 1


class SideLabels:
    """One side of a table on its way: for each cell a label, as a code.

    Attributes:
        head: name of the column; empty for a header row.
        column: its position in the grid; None for a header row.
        row: position of the header row; None for a column.
        section: whether its labels stand in rows of their own.
        codes: (cells,) of labels.
        labels: distinct texts.
        kept: labels that are taken of it, where some were chosen.
        question: what a person is asked in place of the one that was chosen.
        doubt: what a person is asked beside all that are taken.
        of_one_level: whether a column beside it says that its labels are all of one level, so that none is the sum of others.
        wholes: labels that are sums of others.
        indents: blanks before each label.
        nested: codes of labels that stand below another, whose sum that is.
    """

    def __init__(
        self, head: str, texts: Sequence[str], *, column: int | None = None, row: int | None = None, section: bool = False
    ) -> None:
        self.head, self.column, self.row, self.section = head, column, row, section
        known: dict[str, int] = {}
        self.codes: Codes = np.array([known.setdefault(text, len(known)) for text in texts], np.int64)
        self.labels = list(known)
        self.cores = cores(self.labels)
        self.kept: list[str] | None = None
        self.question = ""
        self.doubt = ""
        self.of_one_level = False
        self.wholes = Wholes()
        self.indents = [0] * len(self.labels)
        self.nested: set[int] = set()

    @property
    def heads(self) -> bool:
        """Whether it is a header row."""
        return self.row is not None

    @property
    def chooser(self) -> str:
        """What it is called where rows are only chosen by it."""
        return self.head if self.row is None else f"header row {self.row + 1}"

    @property
    def of_people(self) -> bool:
        """Whether it tells bands of a number, or the two sexes."""
        labels = [self.labels[i] for i in self.taken]
        spans = [span(label) for label in labels]
        return all(one is not None and not one.single for one in spans) or all(map(is_sex, labels))

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Misses:
    """How far totals are from the sums of their cells; 0 where they are their sums.

    Attributes:
        off: at most, in records.
        share: at most, of a total.
        above: whether all of them are more than their cells, as where some people are of no category that is printed.
        worst: which is furthest off, and both numbers.
    """

    off: float
    share: float
    above: bool
    worst: str


class Cube:
    """The cells of one target: values under the labels of several sides."""

    def __init__(self, grid: Grid, edges: Sequence[SideLabels], texts: Sequence[str]) -> None:
        self.grid, self.edges, self.texts = grid, list(edges), list(texts)
        cells = [grid.number(text) for text in texts]
        self.numbers: Floats = np.array([math.nan if cell is None else cell.value for cell in cells])
        self.printed = self.numbers
        self.dropped: list[SideLabels] = []

    @property
    def base(self) -> int:
        """What all numbers of the table were rounded to, other years included; 1 where nothing says so."""
        return base_of(self.printed)

    @property
    def room(self) -> float:
        """How far a printed number may be off."""
        return self.base / 2 if self.base > 1 else 0.0

    @property
    def sides(self) -> list[SideLabels]:
        """Edges that tell cells apart."""
        return [edge for edge in self.edges if all(edge is not other for other in self.dropped)]

    @property
    def body(self) -> Mask:
        """Cells that are no totals, (cells,)."""
        inside = np.ones(len(self.numbers), bool)
        for edge in self.sides:
            inside &= np.isin(edge.codes, edge.taken)
        return inside

    def choose(self, edge: SideLabels, labels: Sequence[str]) -> None:
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
            head = "" if edge.section else edge.head
            when = times(names) if len(names) > 1 and is_time(head, names) else None
            if when is None and may_be_time(head, names) and not IDENTIFIER.fullmatch(plain(head)):
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
            if other and len(other) < len(names) and (edge.heads or edge.section or alone or column_key(edge.head) in _UNITS):
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

    def ask_which_thing(self) -> None:
        """Ask which of several things is meant that are counted below each other: people, homes, cars."""
        for edge in [one for one in self.edges if not one.heads]:
            names = [edge.labels[i] for i in edge.present if edge.labels[i]]
            things = {name: thing_of(name) for name in names} if len(names) <= MOST_THINGS else {}
            told = [name for name in things if things[name]]
            if len({things[name] for name in told}) > 1 and 2 * len(told) > len(names):
                self.ask(edge, names, next((name for name in told if things[name] == "people"), told[0]))

    def ask_which_kind(self) -> None:
        """Ask which of several kinds of figures, or tables, that a download has below each other is meant."""
        for edge in self.edges:
            if edge.head in KINDS and len(edge.present) > 1:
                sizes = np.bincount(edge.codes, minlength=len(edge.labels))
                self.ask(edge, [edge.labels[i] for i in edge.present], edge.labels[int(sizes.argmax())])

    def ask(self, edge: SideLabels, names: Sequence[str], kept: str) -> None:
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
        """Keep the areas of one level where a column says of which level each is, and several count everybody; says which.

        The level kept is the finest of those that count everybody. Levels that list some areas alone may stand beside them,
        where the column is called like levels.
        """
        said = []
        columns = [edge for edge in self.edges if not edge.heads and not edge.section]
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
            kept = self._finest(edge, area, rows)
            if kept is None:
                continue
            label = edge.labels[kept]
            sure = int(rows.max(initial=0)) + 1 >= ROWS or self._called_levels(edge, names)
            if not sure:
                self.ask(edge, names, label)
                continue
            self.choose(edge, [label])
            for one in areas:
                one.of_one_level = True
            said.append(f"of {quoted(names)} only '{label}' is read: each of them counts everybody")
        return said

    @staticmethod
    def _called_levels(edge: SideLabels, names: Sequence[str]) -> bool:
        """Whether a column, or what stands in it, is called like levels of areas, so that sums of few rows are no chance."""
        words = sum(AREAS.search(plain(name)) is not None for name in names)
        return 2 * words >= len(names) or any(map(is_total, names)) or STRICT.search(plain(edge.head)) is not None

    def _finest(self, edge: SideLabels, area: SideLabels, rows: CellIndex) -> int | None:
        """The finest level of areas that counts everybody, of two or more; None where levels are no such ones."""
        wide = int(rows.max(initial=0)) + 1
        by_area = np.zeros((len(area.labels), wide))
        np.add.at(by_area, (area.codes, rows), np.nan_to_num(self.numbers))
        of_level = {code: np.unique(area.codes[edge.codes == code]).tolist() for code in edge.present}
        sums, n_areas = {}, {}
        for code, own in of_level.items():
            parts = [i for i in own if not names_others(area.labels[i], [area.labels[j] for j in own if j != i])]
            sums[code], n_areas[code] = by_area[parts].sum(axis=0), len(parts)
        top = max(sums, key=lambda code: float(sums[code].sum()))
        most = max(n_areas.values())

        def near(one: Floats, other: Floats) -> bool:
            few = 3 * (most + 1) + PERTURBED * other
            allowed = np.maximum(few, np.minimum((most + 1) * self.room, NEARLY * other))
            return bool((np.abs(one - other) <= allowed).all())

        every = [code for code in sums if near(sums[code], sums[top])]
        some = [code for code in sums if code not in every]
        finest = max(every, key=lambda code: n_areas[code])
        if some and not LEVEL.fullmatch(plain(edge.head)):
            return None
        if len(every) < 2 and not all(
            any(near(sums[code], by_area[i]) for other in sums if other != code for i in of_level[other]) for code in some
        ):
            return None
        coarser = any(n_areas[code] < n_areas[finest] for code in every if code != finest)
        return finest if coarser or (len(every) == 1 and some) else None

    def find_wholes(self, around: Around) -> None:
        """Find labels that are sums of others, first among rows, then among heads."""
        for edge in sorted(self.sides, key=lambda one: one.heads):
            self._find_wholes(edge, around)

    def _find_wholes(self, edge: SideLabels, around: Around) -> None:
        present = [i for i in edge.present if i not in edge.nested]
        edge.wholes.not_totals = _sexes_called_totals(edge, present)
        if len(present) < 3:
            return
        cells = self.cells_of(edge, present)
        if cells is None:
            return
        labels = [edge.labels[i] for i in present]
        called = [at for at, code in enumerate(present) if edge.called(code)]
        known = edge.wholes.of
        found = wholes_of(labels, cells, called, around.absent(edge.head, labels), self.room)
        if AREAS.search(plain(edge.head)) and _country_first(cells, found.asked.get(0, [])):
            found.of[0] = found.asked.pop(0)
        edge.wholes = Wholes(
            of={present[whole]: [present[i] for i in parts] for whole, parts in found.of.items()} | known,
            asked={
                present[whole]: [present[i] for i in parts]
                for whole, parts in found.asked.items()
                if present[whole] not in known and not edge.of_one_level
            }
            | edge.wholes.asked,
            not_totals=sorted({*(present[i] for i in found.not_totals), *edge.wholes.not_totals}),
        )

    def doubt_sections(self, repeated: bool) -> None:
        """Ask whether labels that stand above whole blocks tell people apart, where they may name several counts of the same.

        They do where a total of all of them is printed, and where they are sexes. Blocks with headers of their own may be
        anything.
        """
        for edge in self.sides:
            names = [edge.labels[i] for i in edge.taken]
            sure = (
                any(edge.total(i) for i in edge.present)
                or edge.wholes.of
                or all(is_sex(NUMBERED.sub("", name)) for name in names)
            )
            of_people = any(PEOPLE.fullmatch(undressed(name)) for name in names)
            if edge.section and len(names) > 1 and not sure and (repeated or of_people):
                edge.doubt = (
                    f"delete this entry if {quoted(names)} count different people; if each counts the same ones, or something "
                    "else, keep the one that is meant, and change `records`, too"
                )

    def cells_of(self, edge: SideLabels, present: Sequence[int]) -> Floats | None:
        """Values of some labels, (labels, rows of the rest), NaN where there is none; None where they are too many."""
        others = [other for other in self.sides if other is not edge and not follows(other, edge)]
        rows = np.zeros(len(self.numbers), np.int64)
        for other in others:
            _, rows = np.unique(rows * len(other.labels) + other.codes, return_inverse=True)
        n_rows = int(rows.max(initial=0)) + 1
        if len(present) * n_rows > MOST_CELLS:
            return None
        cells = np.full((len(present), n_rows), np.nan)
        kept = np.isin(edge.codes, present)
        cells[np.searchsorted(present, edge.codes[kept]), rows[kept]] = self.numbers[kept]
        fresh = np.ones(n_rows, bool)  # rows of totals of other sides repeat what the others say
        for other in others:
            totals = [i for i in other.present if other.total(i) or i in other.wholes.of]
            if totals and len(other.present) > 1:
                fresh[rows[np.isin(other.codes, totals)]] = False
        return cells[:, fresh] if fresh.any() else cells

    def find_nests(self) -> list[str]:
        """Find labels that stand below others: parts of them, or only some of their parts, which are left out; says which."""
        said: list[str] = []
        for edge in [one for one in self.edges if not one.heads]:
            present = [i for i in edge.present if edge.labels[i] and not edge.called(i)]
            if not 3 <= len(present) <= MOST_NESTED:
                continue
            nests = nests_of([edge.labels[i] for i in present], [edge.indents[i] for i in present])
            for nest in [*nests, *self._under_their_own_name(edge, present)]:
                told = self._nested(edge, present, nest)
                if told is not None:
                    said += told
                    break
        return said

    def _under_their_own_name(self, edge: SideLabels, present: Sequence[int]) -> list[Nest]:
        """Labels that stand among their parts under their own name, as in a column of districts that lists each region, too."""
        place = {code: at for at, code in enumerate(present)}
        for other in self.edges:
            if other is edge or other.heads or not follows(other, edge) or follows(edge, other):
                continue
            of = {code: np.unique(edge.codes[other.codes == code]).tolist() for code in other.present}
            own = {
                code: [i for i in inner if edge.labels[i] == other.labels[code] and i in place] for code, inner in of.items()
            }
            if all(len(found) == 1 for found in own.values()):
                parts = {own[code][0]: [i for i in inner if i not in own[code] and i in place] for code, inner in of.items()}
                return [Nest(parts={place[i]: [place[j] for j in inner] for i, inner in parts.items() if inner}, sure=False)]
        return []

    def ask_whose_rows(self) -> None:
        """Ask which label is meant where each of them adds up to the same people, as questions of a survey do."""
        for edge in self.sides if len(self.sides) == 2 else []:
            other = next(one for one in self.sides if one is not edge)
            body = self.body
            sums = np.bincount(edge.codes[body], self.numbers[body], len(edge.labels))[edge.taken]
            answers = other.heads and all(undressed(other.labels[i]) in ANSWERS for i in other.taken)
            if any(edge.total(i) for i in edge.present) or edge.wholes.of:
                continue
            alike = len(sums) > 1 and np.isfinite(sums).all() and (sums == sums[0]).all() and sums[0] > LEAST_ALIKE
            if (alike and sums[0] % 100 and (answers or len(sums) > 2)) or (alike and answers):
                names = [edge.labels[i] for i in edge.taken]
                self.ask(edge, names, names[0])
                self.dropped.append(edge)
                return

    def _nested(self, edge: SideLabels, present: Sequence[int], nest: Nest) -> list[str] | None:
        """Take what stands below others as their parts, as far as adding up bears it out; None where it speaks against it."""
        cells = self.cells_of(edge, present)
        if cells is None:
            return None
        found = {whole: adding_up(cells, whole, parts, self.room) for whole, parts in nest.parts.items()}
        wholes = [whole for whole, how in found.items() if how == "whole"]
        some = [whole for whole, how in found.items() if how == "some"]
        over = [whole for whole, how in found.items() if how == "over"]
        twins = [one for one in self.edges if one is not edge and not one.heads and follows(edge, one) and follows(one, edge)]
        told_by = [edge.labels, *(one.labels for one in twins)]
        named = any(
            all(re.search(r"(?:\W|\A)[^\W\d_]{2}|\W[^\W\d_]", label) for label in labels if label) for labels in told_by
        )
        if not nest.sure:
            told = sum(len(nest.parts[whole]) > 1 or cells.shape[1] >= ROWS for whole in wholes)
            if over or not (told or len(some) > 1 or (nest.coded and named)):
                return None
            if not told or not (named or len(wholes) > 1 or cells.shape[1] >= ROWS):
                over, wholes, some = [*wholes, *some], [], []
        if len(some) == 1 and len(nest.below(some[0])) in (1, len(present) - 1):
            over, some = [*over, *some], []  # a mark may mean something else, and the first of a list stand apart
        for whole in over:
            edge.wholes.asked[present[whole]] = [present[i] for i in nest.parts[whole]]
        for whole in wholes:
            edge.wholes.of[present[whole]] = [present[i] for i in nest.parts[whole]]
            edge.nested |= {present[i] for i in nest.below(whole)}
        for other in twins:
            twin = dict(zip(edge.codes.tolist(), other.codes.tolist(), strict=True))
            other.wholes.of |= {twin[i]: [twin[j] for j in parts] for i, parts in edge.wholes.of.items()}
            other.wholes.asked |= {twin[i]: [twin[j] for j in parts] for i, parts in edge.wholes.asked.items()}
            other.nested |= {twin[i] for i in edge.nested}
        gone = list(dict.fromkeys(present[i] for whole in some for i in nest.below(whole)))
        if not gone:
            return []
        self.choose(edge, [edge.labels[i] for i in edge.present if i not in gone])
        of = quoted([edge.labels[present[whole]] for whole in some])
        names = quoted([edge.labels[i] for i in gone])
        return [f"{names} of '{edge.head}' {'is' if len(gone) == 1 else 'are'} left out: only some of the parts of {of}"]

    def drop_partial_levels(self) -> list[str]:
        """Keep the totals of a level that tells only some parts of a label of the level above; says so."""
        said = []
        columns = [edge for edge in self.edges if not edge.heads]
        for edge in columns:
            totals = [i for i in edge.present if edge.total(i)]
            inner = np.isin(edge.codes, [i for i in edge.present if edge.labels[i] and not edge.total(i)])
            above = [other for other in columns if other is not edge and _belongs(other, edge, inner)]
            if len(totals) != 1 or not above:
                continue
            rows = self._rows([other for other in self.edges if other is not edge and not self._within(edge, other)])
            some = self._told_in_part(rows, edge.codes == totals[0], inner)
            if some.any():
                names = list(dict.fromkeys(above[0].labels[i] for i in above[0].codes[np.isin(rows, np.flatnonzero(some))]))
                same = [label for label in edge.labels if label in above[0].labels]  # levels repeat what has no parts
                self.choose(edge, [edge.labels[i] for i in edge.present if i == totals[0] or edge.labels[i] in same])
                said.append(f"'{edge.head}' is not used: it has only some of the parts of {quoted(names)}")
        return said

    def _rows(self, edges: Sequence[SideLabels]) -> Codes:
        """Which combination of labels of some edges each cell is of."""
        rows: Codes = np.zeros(len(self.numbers), np.int64)
        for one in edges:
            _, rows = np.unique(rows * len(one.labels) + one.codes, return_inverse=True)
        return rows

    def _within(self, edge: SideLabels, other: SideLabels) -> bool:
        """Whether another edge tells nothing but what one says, totals apart."""
        return not other.heads and follows(other, edge) and follows(edge, other)

    def _told_in_part(self, rows: Codes, totals: Mask, inner: Mask) -> Mask:
        """Rows whose total is more than all that is told of it, (rows,)."""
        n_rows = int(rows.max(initial=-1)) + 1
        whole, parts, n_parts = np.full(n_rows, np.nan), np.zeros(n_rows), np.bincount(rows[inner], minlength=n_rows)
        whole[rows[totals]] = self.numbers[totals]
        np.add.at(parts, rows[inner], self.numbers[inner])
        allowed = self.room * (n_parts + 1) + NEARLY * np.nan_to_num(whole) + MOST_APART
        return (n_parts > 0) & np.isfinite(whole) & np.isfinite(parts) & (whole - parts > allowed)

    def drop_copies(self) -> None:
        """Drop edges that say nothing or what another says: one label throughout, codes beside labels, numbers of rows."""
        self.dropped = [edge for edge in self.edges if len(edge.present) < 2]
        heads = [edge for edge in self.sides if edge.heads]
        for edge in heads:
            for other in heads:
                same = distinct([edge, other]) == len(edge.present) == len(other.present)
                same &= len(edge.present) > 2 or all(BARE.fullmatch(edge.labels[i]) for i in edge.present)
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

    def drop_levels(self) -> list[str]:
        """Drop edges that are the same throughout where another one is a category, and areas above others that are too many.

        Bands and sexes are no names of labels that are neither, so they stay: all children may be under 18. Returns what is to
        be said.
        """
        columns, said = [edge for edge in self.sides if not edge.heads], list[str]()
        for edge in columns:
            for other in columns:
                if not self._both(edge, other) or not follows(edge, other):
                    continue
                inside = np.isin(other.codes, other.taken)
                n_labels = len(np.unique(edge.codes[inside]))
                own = edge.of_people and not other.of_people
                names = 2 * n_labels > len(other.taken) and not own  # nearly as many: names that some areas share
                if n_labels == 1 or names or math.prod(len(one.taken) for one in self.sides) > MOST_COMBINED:
                    self.dropped.append(edge)
                    if n_labels > 1:
                        said.append(f"column '{edge.head}' was left out: each label of '{other.head}' has one there")
        for edge in self.sides:
            if len(self.sides) > 1 and len(edge.taken) < 2 and not any(edge.total(i) for i in edge.present):
                self.dropped.append(edge)
        return said

    def _both(self, edge: SideLabels, other: SideLabels) -> bool:
        """Whether two edges are different ones that still tell cells apart."""
        return edge is not other and not any(one is edge or one is other for one in self.dropped)

    def sums_beside(self, edge: SideLabels) -> list[int]:
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

    def _whole_over(self, edge: SideLabels) -> float | None:
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
    def misses(self) -> "Misses":
        """How far totals are from the sums of their cells."""
        body, pairs, places = self.body, [], []
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
            places += [", ".join(one.labels[one.codes[i]] for one in self.sides) for i in np.flatnonzero(totals)]
        if self.whole is not None and self.sum is not None:
            pairs.append(np.array([[self.whole], [self.sum]]))
            places.append("all together")
        told = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0))
        kept = np.flatnonzero(np.isfinite(told).all(axis=0))
        told = told[:, kept]
        off = np.abs(told[0] - told[1])
        off[off <= BINARY * np.abs(told[0])] = 0.0
        above = int((told[0] > told[1]).sum()) >= MANY_ABOVE and not (told[0] < told[1]).any()
        share = float((off / np.maximum(told[0], 1.0)).max(initial=0.0))
        if not off.any():
            return Misses(off=0.0, share=share, above=above, worst="")
        at = int(off.argmax())
        worst = f"{places[kept[at]]}: {told[0, at]:,.10g}, and {told[1, at]:,.10g} by its cells"
        return Misses(off=float(off[at]), share=share, above=above, worst=worst)

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


def _country_first(cells: Floats, parts: Sequence[int]) -> bool:
    """Whether the first of some areas is the sum of all others, in two rows or more, as that of a country above its regions."""
    if not parts or len(parts) != len(cells) - 1 or np.isnan(cells).any():
        return False
    off = cells[0] - cells[list(parts)].sum(axis=0)
    return not off.any() and int((np.sort(cells, axis=0)[-3] > 0).sum()) > 1


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


def _sexes_called_totals(edge: SideLabels, present: Sequence[int]) -> list[int]:
    """Labels such as `Total males` and `Total females`, where all labels are called totals: of each sex."""
    sexes = {i: sex_of(OF_ALL.sub("", undressed(edge.labels[i]))) for i in present if edge.labels[i]}
    both = {"male", "female"} <= set(sexes.values())
    return [i for i in sexes if sexes[i] and edge.called(i)] if both and all(map(edge.called, sexes)) else []


def distinct(edges: Sequence[SideLabels], inside: Mask | None = None) -> int:
    """How many different combinations of labels cells have."""
    if not edges:
        return 0
    rows = np.zeros(len(edges[0].codes) if inside is None else int(inside.sum()), np.int64)
    for edge in edges:
        _, rows = np.unique(
            rows * len(edge.labels) + (edge.codes if inside is None else edge.codes[inside]), return_inverse=True
        )
    return int(rows.max(initial=-1)) + 1


def follows(one: SideLabels, other: SideLabels) -> bool:
    """Whether each label of the other edge has one label of the first throughout: the other says all that it says."""
    if one.heads or other.heads:
        return False
    return distinct([one, other]) == len(other.present) > 1


def _belongs(other: SideLabels, edge: SideLabels, inner: Mask) -> bool:
    """Whether each label of an edge belongs to one label of another, but for totals, which several of them have."""
    n_labels = len(np.unique(edge.codes[inner]))
    shared = distinct([other, edge], ~inner) > len(edge.present) - n_labels
    return n_labels > 0 and shared and distinct([other, edge], inner) == n_labels


def _is_code(edge: SideLabels, other: SideLabels) -> bool:
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
