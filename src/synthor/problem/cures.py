"""What people get wrong in the tables that they download, told from what was found, and how to mend it."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from synthor.errors import nearest
from synthor.problem.marginals import inexact
from synthor.problem.target import Target
from synthor.schema import Variable
from synthor.schema.text import as_text, number_of
from synthor.spec.tables.labels import is_unknown, span
from synthor.spec.tables.layout import NAMELESS
from synthor.types import Floats

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MARGIN = re.compile(r"\bmoe\b|margin|\berror\b|±|\+/-|_moe|moe_", re.IGNORECASE)
PLAIN = re.compile(r"\(?[^\W\d][\w.()-]*(?: [\w.()-]+)*")
WORDS = ("yes", "no", "true", "false", "on", "off", "null", "none")
"""What YAML may take for a text, but for words that it, or a reader of it, may take for something else."""

SEVERAL = 2
"""Counts of so many times the records are taken to be of a population that they stand for."""

TOLERANCES = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
"""Shares by which counts may be off that are proposed where tables disagree; more is no disagreement of rounding."""

NEAR = 0.01
"""Share by which perturbed counts may be off their total."""

THOUSAND, THREE = 1000, 3
SHOWN = 3
"""Labels that a message names, where they are more."""

SHORT = 60
"""Letters of a text that a message repeats."""


def short(text: str) -> str:
    """A text as a message repeats it.

    >>> short("x" * 100)[-5:]
    'xx...'
    """
    return text if len(text) <= SHORT else f"{text[: SHORT - 3]}..."


def of_label(text: str, labels: Sequence[str], variable: Variable, others: Sequence[Variable] = ()) -> str:
    """What to do about a label that is not known: spreadsheets and exports break labels in ways that can be told.

    Args:
        text: as printed.
        labels: that are known.
        variable: that they belong to.
        others: variables whose label it may be.

    >>> from synthor.spec.variables import Category
    >>> zone = Category(type="category", values=["01001", "01003", "5-9"]).build("zone")
    >>> of_label("1001", zone.labels, zone)
    "did you mean '01001'? leading zeros were lost: keep codes as text"
    >>> of_label("05-Sep", zone.labels, zone)
    "did you mean '5-9'? a spreadsheet made a date of it"
    """
    if not text:
        return "give every row its label; where cells were merged, repeat the label above"
    if MARGIN.search(text) and not any(MARGIN.search(label) for label in labels):
        return f"if it is a column of margins of error, leave it out: `columns: {{{_quoted(text)}: null}}`"
    if found := _mangled(text, labels):
        meant, how = found
        return f"did you mean '{meant}'? {how}".rstrip()
    if re.fullmatch(r"\d(?:\.\d+)?[eE]\+\d+", text):
        return "a spreadsheet shortened it: keep codes as text"
    codes = text.isdecimal() and all(label.isdecimal() for label in labels)
    if codes and (n := sum(label.startswith(text) for label in labels)) > 1:
        rename = f" or say {_renaming(variable.name, text, 'Total')}" if n == len(labels) else ""
        return f"{n} labels begin so: if it is their sum, leave the row out{rename}"
    found_near = nearest(short(text), labels)
    if found_near.startswith("did") and not codes:
        return found_near
    known = found_near if not found_near.startswith("did") else nearest("", labels)
    if is_unknown(text) and len(text) <= SHORT and variable.missing:
        return f"if it stands for those without a value, say so: {_renaming(variable.name, text, variable.labels[-1])}"
    if is_unknown(text) and len(text) <= SHORT:
        return f"{known}; if it stands for those without a value, say so of {variable.name}: `missing: {_quoted(text)}`"
    for other in others:
        if other.kind.named and other.name != variable.name and other.code(text) >= 0:
            return f"it is a label of {other.name}"
    told, what = (span(text) is not None, "a band") if variable.numeric else (codes, "one of them")
    return known if told else f"{known}; if it is {what} or Total, say so: {_renaming(variable.name, text)}"


def _renaming(name: str, text: str, meant: str = "...") -> str:
    """Where to say what a label is, and how, if it is not too long to be repeated."""
    return f"`labels: {{{name}: {{{_in_quotes(text)}: {meant}}}}}`" if len(text) <= SHORT else "in `labels`"


def of_groups(groups: Mapping[str, Sequence[float]], name: str) -> str:
    """That labels are bands as they stand, each single value too.

    >>> of_groups({"0-17": [0.0, 18.0], "18": [18.0, 19.0]}, "age")
    "if single values are meant, say so: `groups: {age: {'0-17': [0, 18], '18': [18, 19]}}`"
    """
    told = ", ".join(f"'{label}': [{as_text(low)}, {as_text(below)}]" for label, (low, below) in groups.items())
    return f"if single values are meant, say so: `groups: {{{name}: {{{told}}}}}`"


def of_left_out(only: Mapping[str, str], *, in_place: bool) -> str:
    """What to do about columns that were left out although rows differ by them.

    Args:
        only: these columns, and what the first of the rows has in each.
        in_place: whether the table is written in the spec.

    >>> of_left_out({"zone": "N", "year": "2021"}, in_place=False)
    "make them variables, or choose one with `layout: {only: {zone: N, year: '2021'}}`"
    """
    what = "make them variables" if len(only) > 1 else "make it a variable"
    if in_place:
        return f"{what}, or keep one row of each cell"
    chosen = ", ".join(f"{_quoted(name)}: {_quoted(text)}" for name, text in only.items())
    return f"{what}, or choose one with `layout: {{only: {{{chosen}}}}}`"


def _quoted(text: str) -> str:
    """A text as YAML takes it for one, between braces."""
    return text if PLAIN.fullmatch(text) is not None and text.casefold() not in WORDS else _in_quotes(text)


def _in_quotes(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def of_record(text: str, variable: Variable) -> str:
    """What to do about a value of a record that belongs to no category.

    >>> from synthor.spec.variables import Category, Integer
    >>> of_record("1001", Category(type="category", values=["01001", "01003"]).build("zone"))
    "did you mean '01001'? leading zeros were lost: keep codes as text"
    >>> of_record("130", Integer(type="integer", min=0, max=99, bins=[0, 18]).build("age"))
    'age goes from 0 to 99'
    """
    alike = [label for label in variable.labels if number_of(label) == number_of(text)]
    if len(alike) > 1 and text in alike:
        return f"as numbers {' and '.join(alike[:SHOWN])} are the same: keep codes as text"
    if found := _mangled(text, variable.labels):
        meant, how = found
        return f"did you mean '{meant}'? {how}".rstrip()
    if variable.numeric:
        return variable.extent
    return (
        f"did you mean '{alike[0]}'? codes were read as numbers: keep them as text"
        if alike
        else nearest(short(text), variable.labels)
    )


def _mangled(text: str, labels: Sequence[str]) -> tuple[str, str] | None:
    """The label that a text was before a program changed it, and what happened."""
    known = {label.strip().casefold(): label for label in labels}
    whole = re.sub(r"\.0+$", "", text)
    if whole != text and whole in known:
        return known[whole], "codes were read as numbers: keep them as text"
    if whole.isdecimal():
        padded = [label for label in labels if label.isdecimal() and label.lstrip("0") == whole.lstrip("0")]
        if len(padded) == 1:
            return padded[0], "leading zeros were lost: keep codes as text"
    for meant in _before_dates(text):
        if meant in known:
            return known[meant], "a spreadsheet made a date of it"
    try:
        meant = text.encode("windows-1252").decode("utf-8").strip().casefold()
    except UnicodeError:
        meant = ""
    if meant in known and meant != text.strip().casefold():
        return known[meant], "it is UTF-8 that was read as Windows-1252: save it anew from its source"
    if (found := re.fullmatch(r"(\d+)( ?(?:-|to) ?)(\d+)", text)) and f"{found[3]}{found[2]}{found[1]}" in known:
        return known[f"{found[3]}{found[2]}{found[1]}"], ""
    ending = [label for label in labels if len(label) > 2 and label[-1:].isdecimal() and text.endswith(label)]
    return (ending[0], "") if len(ending) == 1 else None


def _before_dates(text: str) -> list[str]:
    """What a spreadsheet may have made a date of: 5-9 becomes 05-Sep or 9-May, 10-14 becomes Oct-14."""
    if found := re.fullmatch(r"(\d{1,2})-([A-Za-z]{3})[a-z]*", text):
        day, month = int(found[1]), found[2].lower()
    elif found := re.fullmatch(r"([A-Za-z]{3})[a-z]*-(\d{2})", text):
        day, month = int(found[2]), found[1].lower()
    elif found := re.fullmatch(r"\d{4}-(\d{2})-(\d{2})(?: 00:00:00)?", text):
        pair = (int(found[1]), int(found[2]))
        return [f"{pair[0]}-{pair[1]}", f"{pair[1]}-{pair[0]}"]
    else:
        return []
    if month not in MONTHS:
        return []
    number = MONTHS.index(month) + 1
    return [f"{day}-{number}", f"{number}-{day}"]


def of_column(
    name: str, variables: Sequence[Variable], measures: Sequence[str], *, measured: bool, chosen_of: Sequence[str] = ()
) -> str:
    """What to do about a column that is no variable.

    Args:
        name: of the column.
        variables: that there are.
        measures: what a column of values may be called.
        measured: whether the table has one.
        chosen_of: labels that it has where it is one by which an office's downloads differ, such as dates.
    """
    if len(set(chosen_of)) > 1:
        latest = max(set(chosen_of))
        return f"make it a variable, or choose one: `layout: {{only: {{{_quoted(name)}: {_quoted(latest)}}}}}`"
    if name == NAMELESS:
        return 'say what it is: `columns: {"": ...}` (a variable, or null)'
    told = short(name)
    if len(name) > SHORT:
        return "say in `columns` what it is; null leaves it out"
    if MARGIN.search(name):
        key = _quoted(name)
        return f"if it holds margins of error, say `margin_of_error: {key}`, otherwise `columns: {{{key}: null}}`"
    found = nearest(told, [*(variable.name for variable in variables), *measures])
    if found.startswith("did"):
        return found
    for variable in variables:
        if variable.code(name) >= 0:
            return f"it is a label of {variable.name}: say `layout: {{wide: [{variable.name}]}}`"
    meant = "null leaves it out" if measured else f"{' or '.join(measures)}, a variable, or null"
    return f"say what it is: `columns: {{{_quoted(name)}: ...}}` ({meant})"


def of_value(text: str, measure: str, decimal: str, points: bool) -> str:
    """What to do about a text that is no number.

    Args:
        text: as printed.
        measure: that it should be.
        decimal: mark before decimals that is expected.
        points: whether it is a number where the other mark is meant.
    """
    if not text:
        return "write 0 where there is none, .. where it is not told"
    other = {".": ",", ",": "."}[decimal]
    if points and re.fullmatch(r"[^.,]*\d{1,3}(?:\.\d{3})+(?:,\d+)?[^.,]*", text):
        return f"points between thousands need `layout: {{decimal: '{other}'}}`"
    if points:
        return f"decimals after '{other}' need `layout: {{decimal: '{other}'}}`"
    if _before_dates(text):
        return "a spreadsheet made a date of it: take the number from its source"
    if text[0] in "=#":
        return "it is a formula or its error: save the table with its values"
    plain = "write a plain number, with a point for decimals"
    mark = f"; if it marks a {measure} that is not told, say `suppressed: {{marks: [{_in_quotes(text)}]}}`"
    return plain + (mark if len(text) <= SHORT else "")


def of_counts(total: float, n_units: float, key: str, target: Target, *, decimals: int, hidden: bool, exact: bool) -> str:
    """What to do about counts that add up to another number than the records.

    Args:
        total: what they come to.
        n_units: what they should come to.
        key: of the spec that says so, records or population.
        target: the table.
        decimals: that counts were written with.
        hidden: whether some cells are not told.
        exact: whether the others are to be met as they are.
    """
    covers = target.grid.covers
    for whole in (1, 100):
        if abs(total - whole) < 0.03 * whole and n_units > 3 * whole:
            return "they look like shares: call the column share"
    thousands = abs(total * THOUSAND - n_units) < 0.03 * n_units
    scaled = f"`population: {total:.13g}` scales counts that are no whole numbers to the records"
    fractions = covers and not hidden and abs(total - round(total)) > inexact(total)
    if decimals == THREE and total < n_units:
        points = "points between thousands need `layout: {decimal: ','}`"
        return f"{points}; otherwise {scaled}" if fractions and not thousands else points
    perturbed = exact and abs(total - n_units) <= NEAR * n_units
    near = _of_perturbed(target.wanted, abs(total - n_units)) if perturbed else ""
    if fractions and not thousands:
        return scaled + near
    if not covers:
        return f"a part cannot be more than all: correct the table, `where` or {key}"
    if hidden:
        return f"correct a cell, what the cells that are not told were smaller than, or {key}"
    if thousands:
        return f"they look like thousands: say `population: {total:.13g}`, write whole counts, or the table as shares"
    part = "say with `where` which records it counts, " if total < 0.9 * n_units else ""
    scaled = f"; `population: {total:.13g}` scales it" if key == "records" and total > SEVERAL * n_units else ""
    return f"correct the table, {part}set {key} to {total:,.13g}, or write the table as shares{scaled}{near}"


def _of_perturbed(values: Floats, gap: float) -> str:
    """The least tolerance that makes room for a gap in whole records: a wider one lets cells drift for nothing."""
    for percent in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0):
        if np.floor(np.nan_to_num(values) * percent / 100).sum() >= gap:
            return f"; `tolerance: {{relative: {percent:g}%}}` allows for perturbed counts"
    return ""


def of_total(wanted: float, found: float, head: str, *, exact: bool) -> str:
    """What to do about a total that its cells do not come to.

    Args:
        wanted: the total.
        found: what they come to.
        head: of the column that it stands in, of a wide table; otherwise empty.
        exact: whether all is told, and to be met as it is.
    """
    perturbed = exact and abs(wanted - found) < NEAR * abs(wanted)
    near = "; `tolerance: {relative: 1%}` allows for perturbed counts" if perturbed else ""
    out = f"the column of totals out: `columns: {{{_quoted(head)}: null}}`" if head else "the row of totals out"
    return f"correct the total or a cell, or leave {out}{near}"


def of_shares(values: Floats, names: Sequence[str], whole: float, n_units: float) -> str:
    """What to do about shares that do not add up to their whole.

    Args:
        values: of all cells, one axis a variable.
        names: of the variables.
        whole: that they should add up to.
        n_units: records.
    """
    if abs(values.sum() - n_units) < 0.5 and n_units != whole:
        exact = abs(values.sum() - n_units) <= inexact(n_units)
        return "they look like counts: call the column count" + (
            "" if exact else f", and say `population: {values.sum():.13g}`"
        )
    for axis, name in enumerate(names):
        inside = values.sum(axis=tuple(a for a in range(values.ndim) if a != axis))
        if values.ndim > 1 and np.allclose(inside, whole, rtol=0.02):
            return f"they look like shares inside each {name}: say `by: [{name}]`"
    return "correct them, or write counts; shares of one table cover every record once"
