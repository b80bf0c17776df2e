"""Tables of the American Community Survey and the decennial census, as data.census.gov hands them out.

Three layouts, and one of the past. The zip holds `...-Data.csv`: a row of codes (`B01001_002E`), a row of labels
(`Estimate!!Total:!!Male:`), then a row a geography. "Download table as CSV" gives what the screen shows: a row a label,
indented by no-break spaces, and columns such as `Oregon!!Estimate`. The workbook shows the same below two header rows. American
FactFinder (until 2020) had codes such as `HD01_VD02` and labels such as `Estimate; Male: - Under 5 years`. Estimate annotations
stand in place of the estimate, as the Census Bureau asks
(https://www.census.gov/data/developers/data-sets/ACS-supplemental-data/data-notes2.html).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.longform import (
    TOTAL,
    cell_of,
    long_form,
    not_laid_out,
    refuse_cut,
    refused,
    shortened,
    varying,
)
from synthor.spec.tables.offices.signs import CODE, is_acs_sheet, is_factfinder

EXPECTED = "a first row 'GEO_ID, NAME, B01001_001E, ...' or 'Label (Grouping), Oregon!!Estimate, ...'"
FACTFINDER = re.compile(r"(?P<kind>HD0(?:1|(?P<margin>2))_V)?D(?P<number>\d{2,3})")
SEVERAL = "take the detailed table (its code begins with B or C) that holds the one you need"
# What stands for "no figure" where there are no annotation columns.
JAMMED = {
    "-222222222": "**",
    "-333333333": "***",
    "-555555555": "*****",
    "-666666666": "-",
    "-888888888": "(X)",
    "-999999999": "N",
}
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statistic:
    """One figure of the table: what it counts, and the columns that tell it."""

    path: Path
    estimate: int
    estimate_note: int | None
    margin: int | None
    margin_note: int | None


def acs(lines: Lines) -> Lines:
    r"""A table from data.census.gov in long form.

    Columns: `geography` if there are several; `level_1`, `level_2`, ... for the levels of its labels below the first
    `Total:`; `count` (or `value` where the labels do not begin with a total, as for medians); `margin_of_error`, if
    published. A label with others below it stays, as `Total` in the deeper columns; a label that goes less deep than others
    is repeated there. A margin `*****` (controlled) is 0; other marks stay.

    Raises:
        InputError: it is laid out otherwise, is cut, or holds several tables in one, as profiles and subject tables do.

    >>> rows = (("Label (Grouping)", "Oregon!!Estimate", "Oregon!!Margin of Error"), ("Total:", "300", "*****"),
    ...         ("\u00a0\u00a0Male", "100", "±9"), ("\u00a0\u00a0Female", "200", "±9"))
    >>> acs(Lines(source="B01001.csv", rows=rows, numbers=(1, 2, 3, 4))).rows
    (('level_1', 'count', 'margin_of_error'), ('Total', '300', '0'), ('Male', '100', '9'), ('Female', '200', '9'))
    """
    first = lines.rows[0] if lines.rows else ()
    if lines.rows and is_acs_sheet(lines.rows):
        return _shown(_one_header(lines))
    if is_factfinder(first):
        return _zipped(_as_of_today(lines))
    if "GEO_ID" in (cell.lstrip("\ufeff") for cell in first):
        return _zipped(lines)
    if cell_of(first, 0).lstrip("\ufeff").startswith("Label (Grouping)"):
        return _shown(lines)
    raise not_laid_out(lines, "acs", EXPECTED)


def _one_header(lines: Lines) -> Lines:
    """A workbook's two header rows as the one that the CSV has."""
    above, under = lines.rows[:2]
    areas: list[str] = []
    for at in range(len(under)):
        areas.append(cell_of(above, at) or (areas[-1] if areas else ""))
    head = ("Label (Grouping)", *(f"{area}!!{kind}" if kind else "" for area, kind in zip(areas[1:], under[1:], strict=True)))
    return Lines(source=lines.source, rows=(head, *lines.rows[2:]), numbers=lines.numbers[1:])


def _as_of_today(lines: Lines) -> Lines:
    """A file of American FactFinder with the codes and labels that data.census.gov has since 2019."""
    codes = {"GEO.id": "GEO_ID", "GEO.display-label": "NAME"}
    head = []
    for code in lines.rows[0]:
        found = FACTFINDER.fullmatch(code)
        kind = ("M" if found["margin"] else "E") if found and found["kind"] else "N"
        head.append(f"B99999_{int(found['number']):03}{kind}" if found else codes.get(code, code))
    labels = lines.rows[1] if len(lines.rows) > 1 else ()
    parted = [
        label.rpartition("; ") if found else ("", "", label)
        for label, found in zip(labels, map(FACTFINDER.fullmatch, lines.rows[0]), strict=False)
    ]
    total = any(text.rstrip(":") == "Total" for _, _, text in parted)
    told = tuple(
        "!!".join((kind, *(["Total:"] if total and not text.startswith("Total") else []), *text.split(" - ")))
        for kind, _, text in parted
    )
    return Lines(source=lines.source, rows=(tuple(head), *((told,) if labels else ()), *lines.rows[2:]), numbers=lines.numbers)


def _zipped(lines: Lines) -> Lines:
    """A row of codes, a row of labels, then a row a geography."""
    statistics = _statistics(lines)
    codes = lines.rows[0]
    if "NAME" not in codes:
        raise refused(lines, 0, "there is no column NAME, which tells the geography")
    last = max(codes.index("NAME"), *(told.estimate for told in statistics))
    refuse_cut(lines, range(2, len(lines.rows)), last=last, width=len(codes))
    cells = []
    for row, number in zip(lines.rows[2:], lines.numbers[2:], strict=True):
        name = row[codes.index("NAME")]
        for told in statistics:
            estimate = _told(row[told.estimate], cell_of(row, told.estimate_note))
            margin = _margin(_told(cell_of(row, told.margin), cell_of(row, told.margin_note)))
            cells.append((number, name, told.path, estimate, margin))
    return _long(lines, cells, margins=any(told.margin is not None for told in statistics))


def _statistics(lines: Lines) -> list[_Statistic]:
    """What the two header rows say, in the order of the columns."""
    labels = lines.rows[1] if len(lines.rows) > 1 else ()
    if not any("!!" in label for label in labels):
        at = min(1, len(lines.rows) - 1)
        raise refused(lines, at, "the second row should hold labels such as 'Estimate!!Total:'; it does not")
    found: dict[str, dict[str, int]] = {}
    for index, code in enumerate(lines.rows[0]):
        if match := CODE.fullmatch(code):
            if match["table"] in ("S", "DP", "CP", "DPPR") or match["kind"].startswith("P"):
                raise refused(lines, 0, f"{code} is of a profile or subject table: several tables in one", SEVERAL)
            found.setdefault(match[1], {})[match["kind"]] = index
    statistics = []
    for code, kinds in found.items():
        estimate = kinds.get("E", kinds.get("N"))
        if estimate is None:
            raise refused(lines, 0, f"there is no column {code}E, the estimate")
        path = _path(cell_of(labels, estimate).split("!!")[1:])
        if not path:
            raise refused(lines, 1, f"column {code}E has no label such as 'Estimate!!Total:'")
        note = kinds.get("EA", kinds.get("NA"))
        statistics.append(
            _Statistic(path=path, estimate=estimate, estimate_note=note, margin=kinds.get("M"), margin_note=kinds.get("MA"))
        )
    if not statistics:
        raise refused(lines, 0, "there is no column of estimates, such as B01001_001E")
    return statistics


def _shown(lines: Lines) -> Lines:
    """A row a label, columns for each geography."""
    places = _geographies(lines)
    paths = _indented(lines)
    told = [at for at, row in enumerate(lines.rows) if at and any(text.strip() for text in row[1:])]  # others are headings
    refuse_cut(lines, told, last=max(estimate for estimate, _ in places.values()), width=len(lines.rows[0]))
    cells = []
    for at in told:
        row = lines.rows[at]
        for name, (estimate, margin) in places.items():
            figures = (_told(row[estimate], ""), _margin(_told(cell_of(row, margin), "")))
            cells.append((lines.numbers[at], name, paths[at - 1], *figures))
    return _long(lines, cells, margins=any(margin is not None for _, margin in places.values()))


def _geographies(lines: Lines) -> dict[str, tuple[int, int | None]]:
    """Name of each geography, and its columns of estimates and margins."""
    found: dict[str, dict[str, int]] = {}
    for index, head in enumerate(lines.rows[0][1:], 1):
        if not head.strip():
            continue
        name, *rest = (part.strip() for part in head.split("!!"))
        if not rest and name.endswith(":"):
            raise refused(lines, 0, f"'{shortened(name)}' heads a column: the table is transposed", "transpose it back")
        kind = rest[0] if rest else "Estimate"
        if len(rest) > 1 or kind not in ("Estimate", "Margin of Error"):
            message = f"'{shortened(head)}' heads a column: a profile or subject table holds several tables in one"
            raise refused(lines, 0, message, SEVERAL)
        if kind in found.setdefault(name, {}):
            raise refused(lines, 0, f"two columns are called '{shortened(head)}'", "keep the one that is meant")
        found[name][kind] = index
    for name, kinds in found.items():
        if "Estimate" not in kinds:
            raise refused(lines, 0, f"there is no column '{shortened(name)}!!Estimate'")
    if not found:
        raise refused(lines, 0, "no column follows 'Label (Grouping)'")
    return {name: (kinds["Estimate"], kinds.get("Margin of Error")) for name, kinds in found.items()}


def _indented(lines: Lines) -> list[Path]:
    """For each row below the header, its label below those that it is indented under."""
    labels = [cell_of(row, 0) for row in lines.rows[1:]]
    indents = [len(label) - len(label.lstrip()) for label in labels]
    if not any(indents) and any(label.endswith(":") for label in labels[1:]):
        message = "labels are not indented, so nothing tells which belongs below which"
        raise refused(lines, 1, message, "download it again and do not save it from a spreadsheet, or take the zip")
    if not any(indents) and labels and labels[0].endswith(":"):
        indents[1:] = [1] * (len(labels) - 1)  # one total, and all else below it
    paths: list[Path] = []
    above: list[tuple[int, str]] = []
    for at, (label, indent) in enumerate(zip(labels, indents, strict=True), 1):
        while above and above[-1][0] >= indent:
            above.pop()
        above.append((indent, label))
        path = _path([text for _, text in above])
        if not _path([label]):
            raise refused(lines, at, "has figures but no label")
        paths.append(path)
    return paths


def _path(parts: Sequence[str]) -> Path:
    """Labels from the top, without the colons that say that others follow below."""
    plain = (part.strip().rstrip(":").strip() for part in parts)
    return tuple(part for part in plain if part)


def _long(lines: Lines, cells: Sequence[tuple[int, str, Path, str, str]], *, margins: bool) -> Lines:
    """Cells of row number, geography, labels, estimate and margin, with a column a level."""
    paths = list(dict.fromkeys(path for _, _, path, _, _ in cells))
    root, filled = _levels(paths)
    depth = len(filled[0]) if filled else 0
    labels = dict(zip(paths, filled, strict=True))
    columns = varying([("geography", [name for _, name, _, _, _ in cells])])
    columns += [(f"level_{level + 1}", [labels[path][level] for _, _, path, _, _ in cells]) for level in range(depth)]
    columns.append(("count" if root.lower().startswith("total") else "value", [estimate for _, _, _, estimate, _ in cells]))
    if margins:
        columns.append(("margin_of_error", [margin for _, _, _, _, margin in cells]))
    return long_form(lines, columns, [number for number, _, _, _, _ in cells])


def _levels(paths: Sequence[Path]) -> tuple[str, list[Path]]:
    """The label that stands above all others, if one does, and for each path the levels below it, all equally deep.

    >>> _levels([("Total",), ("Total", "Car"), ("Total", "Car", "Alone"), ("Total", "Taxi")])
    ('Total', [('Total', 'Total'), ('Car', 'Total'), ('Car', 'Alone'), ('Taxi', 'Taxi')])
    """
    tops = {path[0] for path in paths}
    root = tops.pop() if len(tops) == 1 else ""
    below = [path[1:] if root else path for path in paths]
    depth = max(map(len, below), default=0)
    parents = {path[:length] for path in below for length in range(len(path))}
    filled = [path + (TOTAL if path in parents or not path else path[-1],) * (depth - len(path)) for path in below]
    return root, filled


def _told(text: str, note: str) -> str:
    """The annotation where there is one, otherwise the figure; a number that stands for a mark is put as the mark."""
    if note not in ("", "null"):
        return note
    return JAMMED.get(text.replace(",", "").removesuffix(".0"), text)


def _margin(text: str) -> str:
    """A margin without its sign; a controlled estimate has none."""
    return "0" if text == "*****" else text.removeprefix("±").strip()
