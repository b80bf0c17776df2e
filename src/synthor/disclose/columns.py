"""Variables from the columns of a private file: which kind each is, its labels or bins, and which columns are left out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from synthor.disclose.bins import round_bins
from synthor.schema import Variable
from synthor.schema.kinds.boolean import FALSE, TRUE
from synthor.schema.text import as_text
from synthor.spec.scaffold import variable_name
from synthor.spec.variables import Declared
from synthor.types import Codes, Counts, Floats

MISSING, OTHER = "missing", "other"
MAX_LABELS = 60
LONGEST_LABEL = 120
MAX_DECIMALS = 6
FREE_TEXT = "too many or too long texts: an identifier or free text"
_DECLARED: TypeAdapter[Declared] = TypeAdapter(Declared)
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([ T].*)?|\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2})( .*)?|\d{1,2}:\d{2}(:\d{2})?")
_ID_NAME = re.compile(r"(^|[_ -])(id|uuid|guid|serial|serialno|ssn|nhs|phone|email)$|[a-z]I[Dd]$", re.IGNORECASE)
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeclaredColumn:
    """One column that becomes a variable.

    Attributes:
        source: name of the column.
        declared: the variable as a spec declares it.
        variable: the same, ready to use.
        codes: (n,) category of every record.
        remark: what a reader should know of it; may be empty.
    """

    source: str
    declared: Mapping[str, object]
    variable: Variable
    codes: Codes
    remark: str = ""

    @property
    def name(self) -> str:
        return self.variable.name


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """One column that does not become a variable, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Labels:
    """Labels of one column, in order, and the code of every record."""

    labels: tuple[str, ...]
    codes: Codes
    remark: str = ""


def read_columns(
    frame: pl.DataFrame, *, fewest: int, weight: str | None = None, alphabetical: bool = False
) -> tuple[tuple[DeclaredColumn, ...], tuple[LeftOut, ...]]:
    """Variables from the columns of a frame of records.

    Labels and bins that fewer than `fewest` records hold are joined with others, so that none of them names a few people.

    Args:
        frame: one row a record.
        fewest: records behind every label and bin.
        weight: column that is no variable.
        alphabetical: order labels by themselves, never by how frequent they are.

    >>> columns, left = read_columns(pl.DataFrame({"car": [True, False] * 20, "name": [f"n{i}" for i in range(40)]}), fewest=5)
    >>> [(c.name, c.variable.labels) for c in columns], left[0].reason
    ([('car', ('no', 'yes'))], 'too many or too long texts: an identifier or free text')
    """
    columns: list[DeclaredColumn] = []
    left: list[LeftOut] = []
    for source in frame.columns:
        if source == weight:
            continue
        name = variable_name(source, [column.name for column in columns])
        found = _read_column(frame[source], name, fewest, alphabetical=alphabetical)
        if isinstance(found, str):
            left.append(LeftOut(source=source, reason=found))
        else:
            columns.append(found)
    return tuple(columns), tuple(left)


def _read_column(column: pl.Series, name: str, fewest: int, *, alphabetical: bool) -> DeclaredColumn | str:
    """The variable of one column, or why there is none."""
    dtype = column.dtype
    if dtype.is_temporal():
        return "dates and times are no variables yet; make a year, month or hour of it"
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        return f"values of type {dtype} are no variables"
    values = column.fill_nan(None) if dtype.is_float() else column
    n_missing = values.null_count()
    if n_missing == len(values):
        return "every value is missing"
    if dtype.is_numeric() and dtype != pl.Boolean:
        if values.n_unique() == 2 and not n_missing and set(values.unique().to_list()) == {0, 1}:
            return _nominal(name, column, values.cast(pl.Boolean), fewest, alphabetical=alphabetical)
        return _numeric(name, column, values.cast(pl.Float64), fewest)
    return _nominal(name, column, values, fewest, alphabetical=alphabetical)


def _numeric(name: str, column: pl.Series, values: pl.Series, fewest: int) -> DeclaredColumn | str:
    n_missing = values.null_count()
    known = values.drop_nulls()
    numbers = known.to_numpy()
    distinct = known.n_unique()
    whole = bool((numbers == np.rint(numbers)).all())
    if not np.isfinite(numbers).all():
        return "it holds infinite numbers"
    if whole and _is_identifier(column.name, numbers, distinct):
        return "its whole numbers count or name the records: an identifier"
    if distinct == 1:
        return "all records hold the same value" if not n_missing else "it holds one value or none"
    if np.abs(numbers).max() >= 10**9 * (1000 if whole else 1):
        return "its numbers are too large to be told in bins"
    remarks = [_hint_of_code(numbers, fewest)]
    told = n_missing >= max(fewest, 1)
    if n_missing and not told:
        remarks.append(f"fewer than {fewest} missing values count as the median")
        numbers = values.fill_null(float(np.sort(numbers)[len(numbers) // 2])).to_numpy()
    bins = round_bins(numbers, whole=whole, fewest=fewest)
    decimals = 0 if whole else _decimals(numbers, bins.edges)
    edges = [_plain(edge) for edge in np.unique(np.round(bins.edges, decimals)).tolist()]
    if len(edges) == 1:
        return f"fewer than {fewest} records hold anything but one value or band"
    declared: dict[str, object] = {"type": "integer" if whole else "number", "min": edges[0]}
    declared |= {"max": _plain(max(round(bins.high, decimals), edges[-1])), "bins": edges}
    if not whole and decimals != 2:
        declared["decimals"] = decimals
    if told:
        declared["missing"] = MISSING
        numbers = values.fill_null(np.nan).to_numpy()
    variable = _DECLARED.validate_python(declared).build(name)
    bins_of = np.maximum(np.searchsorted(variable.edges, numbers, side="right") - 1, 0)
    codes = np.where(np.isnan(numbers), variable.size - 1, bins_of).astype(np.int32)
    return DeclaredColumn(
        source=column.name, declared=declared, variable=variable, codes=codes, remark="; ".join(filter(None, remarks))
    )


def _is_identifier(name: str, numbers: Floats, distinct: int) -> bool:
    n = len(numbers)
    if n < 20:
        return False
    counts_rows = distinct == n and numbers.max() - numbers.min() < 2 * n
    n_digits = np.char.str_len(np.char.mod("%d", np.abs(numbers)))
    long_codes = distinct > n / 2 and n_digits.min() == n_digits.max() >= _DIGITS
    return bool(counts_rows or long_codes or (_ID_NAME.search(name) and distinct > n / 10))


def _decimals(numbers: Floats, edges: Floats) -> int:
    """Decimals that values are drawn with: those of the data, but no more than tell 10,000 steps of the range apart."""
    span = float(np.ptp(numbers))
    enough = max(2, 4 - int(np.floor(np.log10(span))))
    for decimals in range(MAX_DECIMALS + 1):
        exact = np.allclose(np.round(edges, decimals), edges, rtol=0, atol=1e-12)
        if exact and (decimals >= enough or np.allclose(np.round(numbers, decimals), numbers, rtol=0, atol=1e-12)):
            return decimals
    return MAX_DECIMALS


def _plain(value: float) -> int | float:
    return int(value) if value == int(value) else float(value)


def _hint_of_code(numbers: Floats, fewest: int) -> str:
    """Files often mark missing numbers by a negative one."""
    below = np.unique(numbers[numbers < 0])
    if len(below) == 1 and (numbers == below[0]).sum() >= max(fewest, 2):
        return f"{_plain(float(below[0]))} is its only negative value: if that means missing, leave these records out first"
    return ""


def _nominal(name: str, column: pl.Series, values: pl.Series, fewest: int, *, alphabetical: bool) -> DeclaredColumn | str:
    n = len(values)
    distinct = values.unique(maintain_order=True)
    if len(distinct) > MAX_LABELS and len(distinct) > n / 2:
        return FREE_TEXT
    texts = [as_text(value) for value in distinct]
    index = values.replace_strict(distinct, pl.Series(range(len(texts)), dtype=pl.Int32)).to_numpy()
    labels = [text for text in texts if text]
    if not labels:
        return "every value is missing"
    if all(_DATE.fullmatch(label) for label in labels):
        return "it holds dates or times, which are no variables yet; make a year, month or hour of it"
    too_many = len(labels) > MAX_LABELS or (n >= 20 and len(labels) > n / 2)
    if too_many or max(map(len, labels)) > LONGEST_LABEL or not all(label.isprintable() for label in labels):
        return FREE_TEXT
    joined = _joined(texts, index, fewest, alphabetical=alphabetical)
    if len(joined.labels) < 2:
        few = f"fewer than {fewest} records hold anything but '{joined.labels[0]}'"
        return few if len(labels) > 1 else "all records hold the same value"
    valued = [label for label in joined.labels if label.casefold() != MISSING]
    declared: dict[str, object] = {"type": "category", "values": valued}
    codes = joined.codes
    folded = [label.casefold() for label in valued]
    if len(folded) == 2 and set(folded) & TRUE and set(folded) & FALSE:
        declared = {"type": "boolean"}
        codes = codes if folded[1] in TRUE else np.where(codes < len(valued), 1 - codes, codes).astype(np.int32)
    if len(valued) < len(joined.labels):
        declared["missing"] = MISSING
    variable = _DECLARED.validate_python(declared).build(name)
    return DeclaredColumn(source=column.name, declared=declared, variable=variable, codes=codes, remark=joined.remark)


def _joined(texts: Sequence[str], index: Codes, fewest: int, *, alphabetical: bool) -> _Labels:
    """Labels in order; rare ones, and with them as many of the next rarest as it takes, become `other`.

    Fewer missing values than `fewest` count as the most frequent label: nothing may be told of so few records.
    """
    shown: dict[str, str] = {}
    for text in texts:
        shown.setdefault(text.casefold() or MISSING, text or MISSING)
    keys = list(shown)
    key_of = np.array([keys.index(text.casefold() or MISSING) for text in texts])
    counts = np.bincount(key_of[index], minlength=len(keys))
    place = np.arange(len(keys))
    remarks = []
    if MISSING in keys and 0 < counts[keys.index(MISSING)] < fewest <= counts.max():
        at, most = keys.index(MISSING), int(np.argmax(counts))
        place[at], counts[most], counts[at] = most, counts[most] + counts[at], 0
        remarks.append(f"fewer than {fewest} missing values count as '{shown[keys[most]]}', the most frequent label")
    rare = _rare(keys, counts, fewest)
    if rare:
        remarks.append(f"'{OTHER}' joins {len(rare)} label{'s' if len(rare) > 1 else ''} of few records")
    kept = [key for at, key in enumerate(keys) if counts[at] and at not in rare]
    natural = alphabetical or all(re.match(r"\W*\d", key) for key in kept if key not in (MISSING, OTHER))
    kept.sort(key=_natural if natural else lambda key: (-counts[keys.index(key)], key))
    kept += [OTHER] if rare else []
    kept.sort(key=lambda key: (key == OTHER) + 2 * (key == MISSING))  # stable: these two stand last
    code = {key: i for i, key in enumerate(kept)}
    codes = np.array([code[OTHER if place[at] in rare else keys[place[at]]] for at in range(len(keys))], np.int32)
    labels = tuple(OTHER if rare and key == OTHER else shown[key] for key in kept)
    return _Labels(labels=labels, codes=codes[key_of[index]], remark="; ".join(remarks))


def _rare(keys: Sequence[str], counts: Counts, fewest: int) -> set[int]:
    """Labels that too few records hold, with the next rarest until enough hold any of them; a label `other` among them."""
    rare = {at for at in range(len(keys)) if 0 < counts[at] < fewest}
    if rare and OTHER in keys:
        rare.add(keys.index(OTHER))
    for at in np.argsort(counts, kind="stable").tolist():
        if not rare or sum(int(counts[i]) for i in rare) >= fewest:
            break
        if counts[at]:
            rare.add(at)
    return rare


def _natural(text: str) -> tuple[tuple[int, float, str], ...]:
    """Numbers inside texts in the order of their size: `2 rooms` before `10 rooms`."""
    parts = re.findall(r"\d+(?:\.\d+)?|\D+", text, flags=re.ASCII)
    return tuple((0, float(part), "") if part[0].isdigit() else (1, 0.0, part) for part in parts)
