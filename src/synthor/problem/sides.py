"""One side of a published table: what its labels stand for among a variable's categories, or as bands of its values."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from synthor.schema import Variable
from synthor.schema.text import number_of
from synthor.spec.tables.labels import NEXT, Span, bands, is_total, span, undressed

TOTAL = -2
"""Stands for the code of a label that means all categories together."""

NONE = -1
"""Stands for the code of a label that means nothing."""

FEWEST_SINGLES = 3
"""So many single values in a row are a table by single values; fewer are taken for slips."""

Bands = dict[str, list[float] | list[str]]


def bands_told(
    texts: Iterable[str], variable: Variable, renamed: Mapping[str, str], totals: Collection[str] | None = None
) -> Bands | None:
    """Bands that the labels of a column stand for, where they are bands of a number other than the variable's bins.

    A number alone is a single value; but where such numbers begin all bins that the other labels leave, it is its bin.

    Args:
        texts: the labels.
        variable: behind the column.
        renamed: what the spec says some of them are.
        totals: labels of totals, as the spec says.

    Returns:
        For each label [first value, first value beyond], or [label] of those without a value; without labels that say the same
        as an earlier one, those that are no bands, and what must be slips; None where all of them are bins.

    >>> from synthor.spec.variables import Integer
    >>> age = Integer(type="integer", min=0, max=99, bins=[0, 18, 65]).build("age")
    >>> bands_told(["Under 16", "16 to 64", "65 and over", "Total"], age, {})
    {'Under 16': [0.0, 16.0], '16 to 64': [16.0, 65.0], '65 and over': [65.0, 100.0]}
    >>> bands_told(["Under 16", "16 and over", "none"], age.with_missing("none"), {})
    {'Under 16': [0.0, 16.0], '16 and over': [16.0, 100.0], 'none': ['none']}
    >>> bands_told(["0-17", "18-64", "65+"], age, {}) is None, bands_told(["0", "18", "65+"], age, {}) is None
    (True, True)
    """
    if not variable.numeric:
        return None
    spans: dict[str, Span] = {}
    unknown, nobody = [], list[str]()
    plain = _plain_codes(variable.labels)
    for text in dict.fromkeys(texts):
        meant = renamed.get(undressed(text), text)
        code = _known(meant, variable, plain)
        if code >= variable.n_valued:
            nobody.append(text)
        elif code < 0 and totals and is_total(text, totals):
            continue  # a broad band above narrow ones
        elif code >= 0:
            spans[text] = span(meant) or Span(float(variable.low[code]), float(variable.high[code]))
        elif (read := span(meant)) is not None:
            spans[text] = read
            unknown.append(text)
    without: Bands = {text: [variable.labels[-1]] for text in nobody[:1]}
    if unknown and (begun := _with_begun_bins(variable, spans)):
        if all(_bin_of(variable, band) >= 0 for band in begun.values()):
            return None
        return {text: [low, _before_last(variable, below)] for text, (low, below) in begun.items()} | without
    slips = _slips({text: spans[text] for text in unknown}, list(spans.values()), variable.most)
    if len(slips) == len(unknown):
        return None
    spans = {text: one for text, one in spans.items() if text not in slips}
    found = dict(zip(spans, _as_bands(variable, list(spans.values())), strict=True))
    if all(_bin_of(variable, band) >= 0 for band in found.values()):
        return None
    first = {band: text for text, band in reversed(found.items())}
    return {text: list(band) for text, band in found.items() if first[band] == text} | without


def groups_of(texts: Iterable[str], variable: Variable) -> dict[str, list[float]] | None:
    """What the labels of a side would be as `groups`, each single value taken as it stands.

    None where some labels are neither, where all are single values, which may as well be first values of bins, and where bands
    overlap or lie beyond the range.

    >>> from synthor.spec.variables import Integer
    >>> age = Integer(type="integer", min=0, max=99, bins=[0, 18]).build("age")
    >>> groups_of(["0-17", "18-64", "65", "Total"], age)
    {'0-17': [0.0, 18.0], '18-64': [18.0, 65.0], '65': [65.0, 66.0]}
    """
    spans = {text: span(text) for text in dict.fromkeys(texts) if not is_total(text)}
    told = [one for one in spans.values() if one is not None]
    if len(told) < len(spans) or all(one.single for one in told):
        return None
    found = _as_bands(variable, told)
    apart = sorted(found)
    if any(below > low for (_, below), (low, _) in pairwise(apart)) or apart[-1][1] > variable.most + 1:
        return None
    return {text: list(band) for text, band in zip(spans, found, strict=True)}


def codes_of(
    texts: Iterable[str],
    labels: tuple[str, ...],
    variable: Variable | None,
    renamed: Mapping[str, str],
    totals: Collection[str] | None = None,
    *,
    numbers: Variable | None = None,
) -> dict[str, int]:
    """The label of a side that each text stands for: its position, `TOTAL`, or `NONE`.

    Args:
        texts: as printed.
        labels: of the side.
        variable: behind it, where its labels are the variable's categories; None where they are bands or groups.
        renamed: what the spec says some of the texts are, by their undressed form.
        totals: labels of totals, as the spec says.
        numbers: where the labels are bands of a number, the variable that these are of.

    >>> from synthor.spec.variables import Boolean
    >>> codes_of(["Yes", "No [1]", "All", "perhaps"], ("no", "yes"), Boolean(type="boolean").build("car"), {})
    {'Yes': 1, 'No [1]': 0, 'All': -2, 'perhaps': -1}
    """
    exact = {label.strip().casefold(): code for code, label in enumerate(labels)}
    plain = _plain_codes(labels)
    found: dict[str, int] = {}
    unknown: list[str] = []
    for text in dict.fromkeys(texts):
        meant = renamed.get(undressed(text), text)
        code = exact.get(meant.strip().casefold(), NONE)
        if code < 0 and variable is not None:
            code = variable.code(meant)
        if code < 0:
            code = plain.get(undressed(meant), NONE)
        if code < 0:  # bands keep the labels of the table, whatever else the spec calls them
            code = plain.get(undressed(text), NONE)
        if code < 0 and (is_total(text, totals) or is_total(meant)):
            code = TOTAL
        found[text] = code
        if code == NONE:
            unknown.append(text)
    if unknown and variable is not None and variable.numeric:
        spans = {
            text: one for text in unknown if (one := span(text)) is not None and not (one.single and number_of(text) == one.low)
        }
        for text in [text for text, one in spans.items() if one.single and _begun(variable, text, one) >= 0]:
            found[text] = _begun(variable, text, spans.pop(text))
        for text, band in zip(spans, _as_bands(variable, list(spans.values())), strict=True):
            found[text] = _bin_of(variable, band)
    elif unknown and numbers is not None:
        told = {text: one for text in (*labels, *unknown) if (one := span(renamed.get(undressed(text), text))) is not None}
        meant_as = dict(zip(told, _as_bands(numbers, list(told.values())), strict=True))
        by_band = {meant_as[label]: code for code, label in reversed(list(enumerate(labels))) if label in meant_as}
        found |= {text: by_band.get(meant_as[text], NONE) for text in unknown if text in meant_as}
    elif unknown and variable is not None:
        by_span: dict[Span, list[int]] = {}
        for code, label in enumerate(labels):
            if (one := span(label)) is not None:
                by_span.setdefault(one, []).append(code)
        for text in unknown:
            read = span(renamed.get(undressed(text), text))
            alike = by_span.get(read, []) if read is not None and not read.single else []
            found[text] = alike[0] if len(alike) == 1 else NONE
    return found


def _plain_codes(labels: Sequence[str]) -> dict[str, int]:
    """The code of each undressed label, without those that two labels share."""
    plain = [undressed(label) for label in labels]
    n_like = Counter(plain)
    return {label: code for code, label in enumerate(plain) if n_like[label] == 1}


def renamed_labels(labels: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """What tables call categories, by undressed form."""
    return {name: {undressed(told): meant for told, meant in pairs.items()} for name, pairs in labels.items()}


def _known(text: str, variable: Variable, plain: Mapping[str, int]) -> int:
    code = variable.code(text)
    return code if code >= 0 else plain.get(undressed(text), NONE)


def _slips(unknown: Mapping[str, Span], every: Sequence[Span], last: float) -> list[str]:
    """Single values that are no bins and stand alone: then the table is not by single values, and they are slips.

    A single value belongs where it is one of several in a row, or where a band of the table ends right before it or begins
    right behind it. As the highest of its table it may be meant to be open, unless it is the last value that there is.
    """
    singles = np.unique([one.low for one in every if one.single])
    if len(singles) >= FEWEST_SINGLES and bool((np.diff(singles) == 1).all()):
        return []
    begins = {one.low + NEXT if one.above else one.low for one in every}
    ends = {one.high if one.closed else one.high - NEXT for one in every}
    highest = max(ends, default=last)

    def alone(value: float) -> bool:
        return value + NEXT not in begins and (value - NEXT not in ends or value == highest != last)

    return [text for text, one in unknown.items() if one.single and alone(one.low)]


def _begun(variable: Variable, text: str, one: Span) -> int:
    """The bin that begins with a number written alone, with separators or a unit as it may be; -1 where none does."""
    code = variable.code_of_number(one.low) if any(letter.isdigit() for letter in text) else NONE
    return code if code >= 0 and variable.low[code] == one.low else NONE


def _with_begun_bins(variable: Variable, spans: Mapping[str, Span]) -> dict[str, tuple[float, float]]:
    """All labels as bands, a number written alone as the bin that it begins, where they share all bins among them; else none.

    A table of a part may leave out the bins below its first label.
    """
    edges = [*variable.edges, float(np.round(variable.most + 10.0**-variable.decimals, variable.decimals))]
    found = dict(zip(spans, _as_bands(variable, list(spans.values())), strict=True))
    n_labels = np.zeros(variable.size, np.int64)
    for text, one in spans.items():
        if one.single:
            code = _begun(variable, text, one)
            if code < 0:
                return {}
            found[text] = (edges[code], edges[code + 1])
        low, below = found[text]
        if low not in edges or below not in edges:
            return {}
        n_labels[edges.index(low) : edges.index(below)] += 1
    shared = bool((n_labels[int(n_labels.argmax()) :] == 1).all())
    return found if shared and any(one.single for one in spans.values()) else {}


def _as_bands(variable: Variable, spans: list[Span]) -> list[tuple[float, float]]:
    """Bands as [from, below), an open end being that of the variable's range."""
    step = 10.0**-variable.decimals
    lowest, beyond = variable.least, float(np.round(variable.most + step, variable.decimals))
    found = bands(spans, step=step, whole=variable.kind.whole)
    closed = [(lowest if np.isinf(low) else low, beyond if np.isinf(below) else below) for low, below in found]
    return [(low, _before_last(variable, below)) for low, below in closed]


def _before_last(variable: Variable, below: float) -> float:
    """The end of a band: one that is written to end at the largest value holds it; one that ends before it must not."""
    return below - 10.0**-variable.decimals / 2 if below == variable.most else below


def _bin_of(variable: Variable, band: tuple[float, float]) -> int:
    """The bin that a band is, -1 where it is none; the last bin may end where the band does, or beyond."""
    step = 10.0**-variable.decimals
    low, below = band
    code = int(np.searchsorted(variable.low, low + step / 2)) - 1  # the last bin that begins no later
    if code < 0 or abs(low - variable.low[code]) >= step / 2:
        return NONE
    last = variable.high[code]
    ends = below >= last if code == variable.n_valued - 1 else abs(below - last - step) < step / 2
    return code if ends else NONE
