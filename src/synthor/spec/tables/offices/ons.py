"""Tables of the Office for National Statistics with codes beside labels: census tables, and the older "customise my data".

Census: `Lower tier local authorities Code, Lower tier local authorities, Sex (2 categories) Code, Sex (2 categories),
Observation`.
Older: `v4_1, Data Marking, calendar-years, Time, administrative-geography, Geography, sex, Sex`: the figure, as many
columns that tell of it as the number says, then a code and a label for each dimension.
"""

import re
from collections.abc import Sequence

from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.longform import (
    Column,
    long_form,
    named_apart,
    not_laid_out,
    refuse_cut,
    refused,
    shortened,
    varying,
)
from synthor.spec.tables.offices.nomis_web import category
from synthor.spec.tables.offices.signs import V4, twins

EXPECTED = "columns in pairs such as 'Sex (2 categories) Code, Sex (2 categories)', and Observation"
COUNTER = re.compile(r"\s*\(\d+ categor(?:y|ies)\)\Z", re.IGNORECASE)
AREA = re.compile(r"[EWNSKJLM]\d{8}")
NOBODY = "-8"
"""Code of `Does not apply`: listed in every table, though nobody may be counted there."""


def ons(lines: Lines) -> Lines:
    """A table of the Office for National Statistics in long form: labels without their codes, then `count`.

    Areas are `geography`, other columns are called as published, without `(2 categories)`; what does not vary is left out.
    Areas of one name are told apart by their codes. `Does not apply` is left out where it counts nobody.

    Raises:
        InputError: it is laid out otherwise, or is cut.

    >>> rows = (("Sex (2 categories) Code", "Sex (2 categories)", "Observation"), ("1", "Female", "12"), ("2", "Male", "9"))
    >>> ons(Lines(source="TS008.csv", rows=rows, numbers=(1, 2, 3))).rows
    (('Sex', 'count'), ('Female', '12'), ('Male', '9'))
    """
    head = lines.rows[0] if lines.rows else ()
    if found := V4.fullmatch(head[0] if head else ""):
        begin = 1 + int(found[1])
        pairs = [(at, at + 1) for at in range(begin, len(head) - 1, 2)]
        return _long(lines, pairs, 0)
    if not twins(head) or "observation" not in [cell.lower() for cell in head]:
        raise not_laid_out(lines, "ons", EXPECTED)
    return _long(lines, twins(head), [cell.lower() for cell in head].index("observation"))


def _long(lines: Lines, pairs: Sequence[tuple[int, int]], value: int) -> Lines:
    head = lines.rows[0]
    if not pairs:
        raise refused(lines, 0, "no pair of a code and a label follows the figure")
    refuse_cut(lines, range(1, len(lines.rows)), last=max(value, *(label for _, label in pairs)), width=len(head))
    body = list(zip(lines.rows[1:], lines.numbers[1:], strict=True))
    empty = [label for code, label in pairs if _nobody(body, code, value)]
    codes = {label: code for code, label in pairs}
    body = [(row, number) for row, number in body if not any(row[codes[label]] == NOBODY for label in empty)]
    columns: list[Column] = []
    for code, label in pairs:
        its = [row[code] for row, _ in body]
        labels = [category(row[label]) for row, _ in body]
        areas = any(map(AREA.fullmatch, its))
        columns.append(("geography" if areas else COUNTER.sub("", head[label]), named_apart(labels, its)))
    named = ", ".join(f"'{shortened(head[label], 40)}'" for label in empty)
    notes = [f"nobody falls into 'Does not apply' of {named}, which was left out"] if empty else []
    figures = [row[value] or ":" for row, _ in body]
    return long_form(lines, [*varying(columns), ("count", figures)], [number for _, number in body], notes=notes)


def _nobody(body: Sequence[tuple[tuple[str, ...], int]], code: int, value: int) -> bool:
    """Whether a column has `Does not apply`, and it counts nobody."""
    counts = [row[value] for row, _ in body if row[code] == NOBODY]
    return bool(counts) and all(count == "0" for count in counts)
