"""Values of records that belong to no category, and weights that are none, in words."""

import math
from collections.abc import Iterator

import numpy as np
import polars as pl

from synthor.errors import Finding
from synthor.problem.cures import of_record, short
from synthor.problem.printed import LISTED
from synthor.schema import Variable
from synthor.schema.text import as_text
from synthor.types import Codes, Floats

FIRST = 2
"""Row of the first record in a file that begins with a header."""


def unplaced(variable: Variable, column: pl.Series, codes: Codes, *, where: str) -> Iterator[Finding]:
    """What is wrong with values of one variable: each that is none is told once, with its first row and how many have it.

    Args:
        variable: that they are of.
        column: of the records.
        codes: (n,) what `variable.encode` made of it.
        where: what to call the records.

    >>> from synthor.spec.variables import Boolean
    >>> car, column = Boolean(type="boolean").build("car"), pl.Series(["yes", "yess", None])
    >>> for finding in unplaced(car, column, car.encode(column), where="survey.csv"):
    ...     print(finding)
    survey.csv, row 4: car is blank (1 row); fill it in, or leave such records out
    survey.csv, row 3: 'yess' is no value of car (1 row); did you mean 'yes'?
    """
    places = np.flatnonzero(codes < 0)
    told = pl.DataFrame({"value": column.gather(places), "row": places + FIRST})
    found = told.group_by("value", maintain_order=True).agg(pl.col("row").first(), n=pl.len()).rows()
    texts = [(_shown(value), row, n) for value, row, n in found]
    blank = [(row, n) for text, row, n in texts if not text]
    if blank:
        cure = "fill it in, or leave such records out"
        if variable.kind.named:
            cure += "; or give it a label of its own there and in `values`, such as unknown"
        message = f"{variable.name} is blank ({_rows(sum(n for _, n in blank))})"
        yield Finding(where=where, row=min(row for row, _ in blank), message=message, cure=cure)
    others = [one for one in texts if one[0]]
    for text, row, n in others[:LISTED]:
        message = f"'{short(text)}' is no value of {variable.name} ({_rows(n)})"
        yield Finding(where=where, row=row, message=message, cure=of_record(text, variable), label=text)
    if len(others) > LISTED:
        message = f"has {len(others) - LISTED:,} more values that are none of {variable.name}"
        yield Finding(where=where, message=message, cure="mend the first ones, then check again")


def weights_of(column: pl.Series, *, where: str) -> tuple[Floats, list[Finding]]:
    """The weights of records, (n,), and what is wrong with them: each record counts as much as some number of 0 or more says.

    Args:
        column: of weights.
        where: what to call the records.

    >>> for finding in weights_of(pl.Series("w", [1.5, None, -2, 0]), where="survey.csv")[1]:
    ...     print(finding)
    survey.csv, row 3: weight 'w' is blank (1 row); write 0 for a record that is not to count, or leave it out
    survey.csv, row 4: weight '-2' in 'w' is negative (1 row); weights are 0 or more
    """
    numeric = column.dtype.is_numeric()
    told = column if numeric else column.cast(pl.String).str.strip_chars().replace("", None)
    weights: Floats = told.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    blank = np.isnan(weights) if numeric else told.is_null().to_numpy()
    kinds = (
        (blank, "blank", "write 0 for a record that is not to count, or leave it out"),
        (~blank & np.isnan(weights), "no number", "write a plain number, with a point for decimals"),
        (np.isinf(weights), "infinite", "weights are plain numbers of 0 or more"),
        (np.isfinite(weights) & (weights < 0), "negative", "weights are 0 or more"),
    )
    findings = []
    for wrong, what, cure in kinds:
        if wrong.any():
            at = int(wrong.argmax())
            which = f"weight '{column.name}'" if what == "blank" else f"weight '{_shown(column[at])}' in '{column.name}'"
            message = f"{which} is {what} ({_rows(int(wrong.sum()))})"
            findings.append(Finding(where=where, row=at + FIRST, message=message, cure=cure))
    if not findings and len(weights) and not weights.any():
        message = f"all weights in '{column.name}' are 0"
        findings.append(Finding(where=where, message=message, cure="name another column of weights, or none"))
    return weights, findings


def _shown(value: object) -> str:
    """A value as it stands in the file, empty where there is none."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if isinstance(value, float) and math.isnan(value) else as_text(value)


def _rows(n: int) -> str:
    return f"{n:,} row{'s' if n > 1 else ''}"
