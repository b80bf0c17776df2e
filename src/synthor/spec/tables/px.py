"""PX files, which the statistical databases of many countries hand out (PC-Axis, PxWeb): keywords, then all figures in order.

Read here rather than by a library: the one that is kept (pyaxis) brings pandas and requests, opens addresses as it opens files,
takes no notice of how many figures there should be, and prints. Format: https://www.scb.se/en/services/statistical-programs-for-px-files/
"""

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from synthor.errors import Finding, InputError
from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.figures import best_measure, factor_of, left_out, multiplied, times
from synthor.spec.tables.offices.longform import TOTAL

AGAIN = "download it again, or take the table as CSV"
KEYWORD = re.compile(r'\s*(?P<name>[A-Z][A-Z0-9-]*)(?:\[(?P<language>\w+)\])?(?:\((?P<of>(?:"[^"]*"|[^")])*)\))?\s*=')
VALUE = re.compile(r'(?P<value>(?:"[^"]*"|[^";])*);')
STRING = re.compile(r'"(?P<text>[^"]*)"\s*(?P<comma>,?)')
CELL = re.compile(r'"(?P<quoted>[^"]*)"|(?P<plain>[^\s,"]+)')
NIL, UNTOLD = "-", re.compile(r"\.{1,6}")
"""A figure of nothing at all, and figures that are not told."""
CODEPAGE = re.compile(rb'CODEPAGE\s*=\s*"(?P<name>[\w-]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variable:
    """A variable: its name, labels, which of them stands for all, whether it is time, and the unit of each, if told."""

    name: str
    labels: tuple[str, ...]
    whole: str
    timed: bool
    units: tuple[str, ...]


def px_lines(content: bytes, shown: str, *, encoding: str | None, most_fields: int) -> tuple[Lines, tuple[str, ...]]:
    """A PX file as plain rows, and what a reader must know of how they were read.

    A column a variable, `date` for time, then `count`, `share` or `value` as the unit says. The label that the file says may
    stand for all is `Total`; `-` is 0, and points are `..`. Figures in thousands are multiplied.

    Raises:
        InputError: it is no PX file, is cut, or holds very many figures.
    """
    text = _decoded(content, shown, encoding)
    keywords, begin = _keywords(text, shown)
    variables = [_variable(keywords, name) for name in (*keywords.get(("STUB", ""), ()), *keywords.get(("HEADING", ""), ()))]
    empty = next((one.name for one in variables if not one.labels), None)
    if not variables or empty is not None:
        what = f"has no VALUES of '{empty}'" if variables else "names no variable in STUB or HEADING"
        raise InputError([Finding(where=shown, message=what, cure=AGAIN)])
    n_cells = prod(len(one.labels) for one in variables)
    if n_cells * (len(variables) + 1) > most_fields:
        message = f"holds {n_cells:,} figures, more than is read of a published table"
        raise InputError([Finding(where=shown, message=message, cure="download fewer categories or areas")])
    figures, numbers = _figures(text[begin:], text.count("\n", 0, begin) + 1)
    if len(figures) != n_cells:
        message = f"has {len(figures):,} figures, its variables have {n_cells:,} cells"
        raise InputError([Finding(where=shown, message=message, cure=f"it is cut: {AGAIN}")])
    columns = _columns(variables)
    unit = (keywords.get(("UNITS", "")) or ("",))[0]
    lines, notes = _long(shown, variables, columns, figures, numbers, unit)
    titles = [text for key in ("TITLE", "DESCRIPTION") for text in keywords.get((key, ""), ())[:1]]
    titles += [f"Contents: {text}" for text in keywords.get(("CONTENTS", ""), ())[:1]]
    return replace(lines, titles=(*titles, *([f"Units: {unit}"] if unit else []))), notes


def _decoded(content: bytes, shown: str, encoding: str | None) -> str:
    """The text, as the spec, its mark or the file itself says, otherwise UTF-8 or Windows-1252."""
    told = CODEPAGE.search(content[:5000])
    names = [encoding] if encoding else ["utf-8-sig"] if content.startswith(codecs.BOM_UTF8) else []
    names += [told["name"].decode("ascii", "replace")] if told and not names else []
    for name in names or ("utf-8", "windows-1252"):
        try:
            return content.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    cure = "name its encoding: `layout: {encoding: ...}`"
    raise InputError(
        [Finding(where=shown, message=f"is not {' or '.join(names or ['UTF-8', 'Windows-1252'])} text", cure=cure)]
    )


def _keywords(text: str, shown: str) -> tuple[dict[tuple[str, str], tuple[str, ...]], int]:
    """What the keywords of the file's main language say, by name and what they speak of, and where the figures begin."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    at = 0
    while key := KEYWORD.match(text, at):
        of = ",".join(_strings(key["of"])) if key["of"] else ""
        if key["name"] == "DATA":
            if any(name == "KEYS" for name, _ in found):
                raise InputError(
                    [Finding(where=shown, message="lists only some of its cells (KEYS)", cure="take the table as CSV")]
                )
            return found, key.end()
        value = VALUE.match(text, key.end())
        if value is None:
            break
        if key["language"] is None:
            found[key["name"], of] = _strings(value["value"])
        at = value.end()
    row = text.count("\n", 0, len(text) - len(text[at:].lstrip())) + 1
    what = "is no PX file: it has no DATA" if not found else "cannot be read: a keyword is cut"
    raise InputError([Finding(where=shown, row=row, message=what, cure=AGAIN)])


def _strings(value: str) -> tuple[str, ...]:
    r"""The texts of a value; one that goes on in the next line without a comma is one text.

    >>> _strings('"men",\n"wo" "men"'), _strings("YES")
    (('men', 'women'), ('YES',))
    """
    texts: list[str] = []
    goes_on = False
    for found in STRING.finditer(value):
        if goes_on:
            texts[-1] += found["text"]
        else:
            texts.append(found["text"])
        goes_on = not found["comma"]
    return tuple(texts) or (value.strip(),)


def _variable(keywords: Mapping[tuple[str, str], tuple[str, ...]], name: str) -> _Variable:
    labels = keywords.get(("VALUES", name), ())
    codes = keywords.get(("CODES", name), labels)
    whole = (keywords.get(("ELIMINATION", name)) or ("",))[0]
    if whole in codes and whole not in labels:
        whole = labels[codes.index(whole)] if len(codes) == len(labels) else ""
    units = tuple((keywords.get(("UNITS", label)) or ("",))[0] for label in labels)
    return _Variable(name=name, labels=labels, whole=whole, timed=("TIMEVAL", name) in keywords, units=units)


def _figures(text: str, first: int) -> tuple[list[str], list[int]]:
    """All figures, and the line of each."""
    figures, numbers = [], []
    for number, line in enumerate(text.partition(";")[0].split("\n"), first):
        for cell in CELL.finditer(line):
            told = cell["quoted"] if cell["plain"] is None else cell["plain"]
            figures.append("0" if told == NIL else ".." if UNTOLD.fullmatch(told) else told)
            numbers.append(number)
    return figures, numbers


def _columns(variables: Sequence[_Variable]) -> list[list[str]]:
    """For each variable the label of each cell; the last one turns fastest."""
    n_cells = prod(len(one.labels) for one in variables)
    columns, inner = [], n_cells
    for one in variables:
        inner //= len(one.labels)
        labels = [TOTAL if label == one.whole else label.strip() for label in one.labels for _ in range(inner)]
        columns.append(labels * (n_cells // len(labels)))
    return columns


def _long(
    shown: str,
    variables: Sequence[_Variable],
    columns: Sequence[Sequence[str]],
    figures: Sequence[str],
    numbers: Sequence[int],
    unit: str,
) -> tuple[Lines, tuple[str, ...]]:
    """Rows of the cells that are kept: of those in several units, counts before shares before others."""
    contents = next((place for place, one in enumerate(variables) if any(one.units)), None)
    units = [unit] * len(figures)
    if contents is not None:
        its = dict(zip(variables[contents].labels, variables[contents].units, strict=True))
        units = [its.get(label) or unit for label in columns[contents]]
    measure, kept = best_measure(units)
    factors = [factor_of(units[at]) for at in kept]
    shown_figures = [times(figures[at], factor) for at, factor in zip(kept, factors, strict=True)]
    names = tuple("date" if one.timed else one.name for one in variables)
    rows = [tuple(column[at] for column in columns) for at in kept]
    lines = Lines(
        source=shown,
        rows=((*names, measure), *((*row, figure) for row, figure in zip(rows, shown_figures, strict=True))),
        numbers=(1, *(numbers[at] for at in kept)),
    )
    return lines, (*left_out(units, kept), *multiplied(max(factors)))
