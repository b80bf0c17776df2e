"""Columns and labels of tables that match nothing, and what they can only have meant."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Literal

from synthor.errors import MOST_COMPARED
from synthor.problem import Statements
from synthor.problem.printed import MEASURES
from synthor.problem.read import VALUE
from synthor.problem.reader import Reading
from synthor.problem.sides import NONE, codes_of
from synthor.schema import Variable
from synthor.spec.tables.labels import is_total, span, undressed

NEAR = 0.6
"""Likeness (difflib's ratio) from which a name may have been meant."""

APART = 0.1
"""By how much the nearest name must be more alike than the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a table calls something, and what that can only be; or why that is left to a person.

    Attributes:
        kind: a label of a variable, or a column.
        variable: of the label; empty for a column.
        told: as the table has it.
        meant: as the spec has it, the nearest.
        n_choices: among how many that was the nearest.
        ratio: how alike the two are, 0 to 1.
        where: the table.
        left: why it is left to a person; empty where it is sure.
    """

    kind: Literal["label", "column"]
    variable: str
    told: str
    meant: str
    n_choices: int
    ratio: float
    where: str
    left: str = ""

    def __str__(self) -> str:
        of = f"{self.variable}: " if self.variable else "column: "
        if self.left:
            return f"{of}'{self.told}' in {self.where} is left to you: {self.left}"
        return f"{of}{self.told} -> {self.meant} (nearest of {self.n_choices}, {self.ratio:.2f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesses:
    """What was guessed, and what was not."""

    sure: tuple[Guess, ...]
    left: tuple[Guess, ...]

    @property
    def columns(self) -> dict[str, str]:
        """For the spec's `columns`."""
        return {guess.told: guess.meant for guess in self.sure if guess.kind == "column"}

    @property
    def labels(self) -> dict[str, dict[str, str]]:
        """For the spec's `labels`."""
        found: dict[str, dict[str, str]] = {}
        for guess in self.sure:
            if guess.kind == "label":
                found.setdefault(guess.variable, {})[guess.told] = guess.meant
        return found


def guessed(found: Sequence[Statements]) -> Guesses:
    """Guess what columns and labels that match nothing have meant, in the tables of all rows.

    One is sure where the nearest name is much alike, the next one is not, no other label of that column (or column of that
    table) has or claims the same meaning, and no other table needs another one. Bands of numbers are never guessed.

    >>> from synthor import parse_spec
    >>> from synthor.problem import every_statement
    >>> sex = "{sex: {type: category, values: [male, female]}}"
    >>> spec = parse_spec(f"{{records: 9, variables: {sex}, targets: [{{counts: {{sex: {{Males: 4, Femmes: 5}}}}}}]}}")
    >>> for guess in guessed(every_statement(spec)).sure:
    ...     print(guess)
    sex: Males -> male (nearest of 2, 0.89)
    sex: Femmes -> female (nearest of 2, 0.67)
    """
    made = [guess for rows in found for reading in rows.readings for guess in _of_table(reading, _variables(rows))]
    meanings: dict[tuple[str, str, str], set[str]] = {}
    for guess in made:
        if not guess.left:
            meanings.setdefault((guess.kind, guess.variable, undressed(guess.told)), set()).add(guess.meant)
    sure: dict[tuple[str, str, str], Guess] = {}
    left = []
    for guess in made:
        key = (guess.kind, guess.variable, undressed(guess.told))
        if guess.left:
            left.append(guess)
        elif len(meanings[key]) > 1:
            left.append(replace(guess, left=f"other tables mean {' or '.join(sorted(meanings[key] - {guess.meant}))} by it"))
        else:
            sure.setdefault(key, guess)
    return Guesses(sure=tuple(sure.values()), left=tuple(left))


def _variables(rows: Statements) -> dict[str, Variable]:
    return {variable.name: variable for variable in rows.level.variables}


def _of_table(reading: Reading, variables: dict[str, Variable]) -> Iterator[Guess]:
    written, table = reading.written, reading.table
    measures = (written.statistic, VALUE) if written.statistic else MEASURES
    known = {*variables, *measures, written.margin_of_error}
    unknown = [name for name in table.columns if name not in known]
    if len(unknown) > 1 and not any(name in measures for name in table.columns):
        heads = _heads(reading, unknown, variables)
        if heads:
            yield from heads
            return
    columns = dict(zip(table.columns, table.columns, strict=True))
    choices = [*variables, *map(str, measures)]
    for guess in _guesses("column", "", unknown, choices, [n for n in table.columns if n in known], table.source):
        if not guess.left and written.table is None:
            yield replace(guess, left=f"the spec itself says it; write {guess.meant}")
            continue
        if not guess.left:
            columns[guess.told] = guess.meant
        yield guess
    for side, name in enumerate(table.columns):
        variable = variables.get(columns[name])
        if variable is not None:
            yield from _labels(reading, variable, [row[side] for row in table.rows])


def _labels(reading: Reading, variable: Variable, texts: Sequence[str]) -> Iterator[Guess]:
    """Guesses of the labels of one column."""
    bands = reading.bands.get(variable.name)
    labels = variable.labels if bands is None else tuple(bands)
    totals = reading.written.layout.total if reading.written.layout is not None else None
    own = variable if bands is None else None
    codes = codes_of(texts, labels, own, reading.renamed.get(variable.name, {}), totals)
    unknown = [text for text, code in codes.items() if code == NONE and text]
    used = [labels[code] for code in codes.values() if code >= 0]
    for guess in _guesses("label", variable.name, unknown, labels, used, reading.table.source):
        numbers = variable.numeric and span(guess.told) is not None
        yield replace(guess, left="bands of numbers are not guessed") if numbers else guess


def _heads(reading: Reading, unknown: Sequence[str], variables: dict[str, Variable]) -> list[Guess]:
    """Guesses of column heads that are labels of one variable; none where they fit none, or several."""
    fitting = []
    for variable in variables.values():
        if variable.name in reading.table.columns or variable.numeric:
            continue
        for heads in (unknown, unknown[1:]):  # the first may be the head of the row labels
            others = [head for head in heads if not is_total(head)]
            codes = codes_of(others, variable.labels, variable, reading.renamed.get(variable.name, {}))
            misses = [head for head, code in codes.items() if code == NONE]
            used = [variable.labels[code] for code in codes.values() if code >= 0]
            guesses = list(_guesses("label", variable.name, misses, variable.labels, used, reading.table.source))
            if guesses and len(others) > 1 and not any(guess.left for guess in guesses):
                fitting.append(guesses)
                break
    return fitting[0] if len(fitting) == 1 else []


def _guesses(
    kind: Literal["label", "column"],
    variable: str,
    unknown: Sequence[str],
    choices: Sequence[str],
    used: Iterable[str],
    where: str,
) -> Iterator[Guess]:
    nearest = [_nearest(told, choices) for told in unknown]
    claimed = [meant for meant, _, _ in nearest]
    taken = set(used)
    for told, (meant, ratio, behind) in zip(unknown, nearest, strict=True):
        left = ""
        if ratio < NEAR:
            left = "nothing is near"
        elif ratio - behind < APART:
            left = f"'{meant}' is hardly nearer than the next"
        elif meant in taken:
            left = f"'{meant}' is nearest, but it is there already"
        elif claimed.count(meant) > 1:
            left = f"'{meant}' is nearest to several"
        yield Guess(
            kind=kind, variable=variable, told=told, meant=meant, n_choices=len(choices), ratio=ratio, where=where, left=left
        )


def _nearest(told: str, choices: Sequence[str]) -> tuple[str, float, float]:
    """The choice most like a text, how alike it is, and how alike the next one is."""
    plain = undressed(told)
    compared = [choice for choice in choices if len(choice) <= MOST_COMPARED] if len(plain) <= MOST_COMPARED else []
    ratios = sorted(((SequenceMatcher(None, plain, undressed(choice)).ratio(), choice) for choice in compared), reverse=True)
    if not ratios:
        return "", 0.0, 0.0
    return ratios[0][1], ratios[0][0], ratios[1][0] if len(ratios) > 1 else 0.0
