"""From a folder of tables to a draft that passes its own check, questions apart."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from synthor.draft.about import About, about
from synthor.draft.compose import Composed, composed, parted, settled, without
from synthor.draft.cube import Around
from synthor.draft.grid import Grid, gridded, quoted
from synthor.draft.households import with_members
from synthor.draft.names import joined, meant, named
from synthor.draft.parts import Part, parts_of
from synthor.draft.roles import roles_of
from synthor.draft.times import is_time, times
from synthor.draft.told import Told, told_by
from synthor.errors import Finding, InputError
from synthor.problem import check
from synthor.spec.load import parse_spec
from synthor.spec.scaffold import SCHEMA_FILE, Draft, scaffold
from synthor.spec.tables import Lines, read_lines, unusable
from synthor.spec.tables.files import ENDINGS as READ
from synthor.spec.tables.files import sheets_in, tables_in
from synthor.spec.tables.labels import column_key, is_total, undressed
from synthor.spec.tables.offices import CONVERTERS, recognised
from synthor.spec.targets import Layout

ENDINGS = tuple(sorted((*READ, ".gz", ".zip")))

Read = tuple[Lines, Grid]
"""The rows of a table as its file has them, and its grid."""

MOST_SHEETS = 12
"""Sheets of a workbook that are all read."""


def infer(folder: Path, *, beside: Path, title: str = "", context: str = "") -> Draft:
    """A draft of a spec from the tables of a folder.

    Columns of labels become variables; labels that are all bands of numbers make a variable with bins. Each table becomes a
    target, or several where variables stand side by side. Whatever could not be told is a remark at the top of the spec, a
    comment beside the line it concerns, or a value to be filled in, which `check` refuses until it is answered. A table that
    would fail the check is left out with what the check says of it.

    Args:
        folder: of CSV, Parquet or workbook files.
        beside: folder of the spec, to which file names are relative.
        title: of the spec; taken from what the files say unless given.
        context: what one record is, likewise.

    Raises:
        InputError: there is no such folder, or no table that can be read in it.
    """
    if not folder.is_dir():
        raise InputError([Finding(where=str(folder), message="no such folder", cure="name a folder of tables")])
    files = _files(folder)
    problems = _no_tables(folder)
    if not files:
        cure = f"put tables there: {', '.join(ENDINGS)}"
        raise InputError([Finding(where=str(folder), message="holds no tables", cure=cure), *problems])
    grids: list[Grid] = []
    said: dict[str, About] = {}
    for file in _tables(files, folder, problems):
        try:
            made = _grids(file, folder)
        except InputError as error:
            problems += error.findings[:1]
            continue
        for one in made:
            if isinstance(one, Finding):
                problems.append(one)
            else:
                lines, grid = one
                grids.append(grid)
                said.setdefault(file, about(lines, grid))
    around = _around(grids)
    found: list[Told] = []
    for grid in grids:
        told = told_by(grid, around)
        if isinstance(told, str):
            problems.append(Finding(where=grid.file, message=told, cure="see docs/tables.md"))
        else:
            found += told
    if not found:
        raise InputError(problems)
    titles = {file: one.titles for file, one in said.items()}
    found = meant(named(joined(settled(parted(found)))), titles)
    return _checked(found, said, _path(folder, beside), beside, title, context, problems)


def _files(folder: Path) -> list[str]:
    """Files that may hold tables, by their names in the folder; of folders in it, those that a download was unpacked to."""
    found = [path.name for path in _tabular(folder)]
    for inner in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))):
        names = [f"{inner.name}/{path.name}" for path in _tabular(inner)]
        if any(_is_download(name, folder) for name in names):
            found += names
    return found


def _tabular(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and not path.name.startswith("."))


def _is_download(file: str, folder: Path) -> bool:
    try:
        return recognised(read_lines(file, folder)[0]) is not None
    except InputError:
        return False


def _no_tables(folder: Path) -> list[Finding]:
    """What files of a folder are whose endings say that they hold no table that can be read; texts are let be."""
    told = {
        path.name: unusable.ENDINGS[path.suffix.lower()]
        for path in folder.iterdir()
        if path.suffix.lower() in unusable.ENDINGS and path.name != SCHEMA_FILE
    }
    return [
        Finding(where=name, message=f"is {what}", cure=cure)
        for name, (what, cure) in sorted(told.items())
        if not name.startswith(".") and not name.lower().endswith(".md")
    ]


def _tables(files: Sequence[str], folder: Path, problems: list[Finding]) -> list[str]:
    """Names of the tables in files: a packed one may hold several; what is none is added to `problems`."""
    found: list[str] = []
    for file in files:
        try:
            tables, others = tables_in(file, folder)
        except InputError as error:
            problems += error.findings[:1]
            continue
        found += tables
        problems += others
    return found


def _grids(file: str, folder: Path) -> list[Read | Finding]:
    """The grids of the tables of a file with the rows that each was read from, or what is wrong with one and what to do."""
    sheets, usual, hides = sheets_in(file, folder)
    remarks = ["some rows or columns of its sheets are hidden; they are read like the others"] if hides else []
    if when := times(sheets) if len(sheets) > 1 else None:
        latest = sheets[max(range(len(sheets)), key=lambda i: when[i])]
        remarks.append(f"of the sheets {quoted(sheets)} only {latest} is read; for another change `sheet` and `records`")
        sheets = [latest]
    elif len(sheets) > MOST_SHEETS:
        remarks.append(f"of its {len(sheets)} sheets only '{sheets[0]}' is read; add targets for others with `sheet`")
        sheets = sheets[:1]
    if not sheets:
        return _of_sheet(file, folder, Layout())
    made = {sheet: _of_sheet(file, folder, Layout(sheet=sheet)) for sheet in sheets}
    several = sum(any(not isinstance(one, Finding) for one in grids) for grids in made.values()) > 1
    found: list[Read | Finding] = []
    for sheet, grids in made.items():
        for one in grids:
            if not isinstance(one, Finding):
                lines, grid = one
                title = grid.title or (sheet if len(sheets) > 1 else "")
                named_sheet = sheet if several or sheet != usual else ""
                found.append((lines, replace(grid, sheet=named_sheet, title=title, remarks=tuple(remarks))))
            else:
                found.append(replace(one, message=f"sheet '{sheet}' {one.message}") if len(sheets) > 1 else one)
    return found


def _of_sheet(file: str, folder: Path, layout: Layout) -> list[Read | Finding]:
    """The grids of one sheet, or of a file without sheets."""
    lines, _ = read_lines(file, folder, layout)
    if (format := recognised(lines)) is not None:
        lines, _ = read_lines(file, folder, layout.model_copy(update={"format": format}))
        return [_grid(Part(lines=CONVERTERS[format](lines)), lines, format)]
    return [_grid(part, part.lines) for part in parts_of(lines)]


def _grid(part: Part, lines: Lines, format: str | None = None) -> Read | Finding:
    """The grid of one table with the rows it was read from, or what is wrong with it and what to do."""
    where = f"{part.lines.source}{f', {part.cells[0]}' if part.cells else ''}"
    made = gridded(part.lines, format, title=part.title)
    if isinstance(made, str) or isinstance(roles_of(made), str):
        told = unusable.only_identifiers(part.lines)
        if told is not None:
            return Finding(where=where, message=f"is {told[0]}", cure=told[1])
    if isinstance(made, str):
        return Finding(where=where, message=made, cure="see docs/tables.md")
    return lines, replace(made, cells=part.cells)


def _around(grids: Sequence[Grid]) -> Around:
    """What columns and times all tables have, before any of them is understood."""
    labels: dict[str, list[frozenset[str]]] = {}
    years: list[set[str]] = []
    for grid in grids:
        roles = roles_of(grid)
        if isinstance(roles, str):
            continue
        for i in roles.sides:
            own = [text for text in dict.fromkeys(grid.columns[i]) if text and not is_total(text)]
            labels.setdefault(column_key(grid.name(i)), []).append(frozenset(map(undressed, own)))
            if is_time(grid.name(i), own):
                years.append(set(own))
        for head in grid.filled:
            own = [head[i] for i in roles.values]
            if len(own) > 1 and is_time("", own):
                years.append(set(own))
    common = sorted(set.intersection(*years)) if years else []
    order = times(common) if common else None
    year = common[max(range(len(common)), key=lambda i: order[i])] if order else None
    return Around(labels=labels, year=year)


def _path(folder: Path, beside: Path) -> str:
    """Where tables lie, as a spec writes it."""
    relative = Path(os.path.relpath(folder, beside)).as_posix()
    return "" if relative == "." else f"{relative}/"


def _checked(
    found: Sequence[Told],
    said: Mapping[str, About],
    path: str,
    beside: Path,
    title: str,
    context: str,
    problems: Sequence[Finding],
) -> Draft:
    """The draft, without tables that would fail its own check."""
    remarks = [f"Not understood: {problem}." for problem in problems]
    left: list[Told] = list(found)
    records: int | None = None
    while True:
        made = composed(left, said, path, title, context, remarks, records)
        errors = _errors(made.draft, beside)
        wrong = _failing(made, errors, path)
        if not wrong and not made.told:
            raise InputError(
                [Finding(where="tables", message=remark, cure="see docs/tables.md") for remark in made.draft.remarks[1:]]
            )
        if not wrong:
            nested = with_members(made, said) if records is None else None
            return nested if nested is not None and not _errors(nested, beside) else made.draft
        if records is None and (within := _records_within(errors, wrong)) is not None:
            records = within
            continue
        remarks += [f"Not used: {one.file}: {reason}." for one, reason in wrong]
        left = without(left, [one for one, _ in wrong])
        if not left:
            raise InputError(
                [*problems, *(Finding(where=one.file, message=reason, cure="see docs/tables.md") for one, reason in wrong)]
            )


def _errors(draft: Draft, beside: Path) -> list[Finding]:
    """What a check finds wrong with a draft, questions apart."""
    try:
        findings = check(parse_spec(scaffold(draft)).placed_in(beside))
    except InputError as error:
        findings = list(error.findings)
    return [finding for finding in findings if finding.severity == "error" and "filled in" not in finding.message]


def _records_within(errors: Sequence[Finding], wrong: Sequence[tuple[Told, str]]) -> int | None:
    """How many records the roundings of all cells allow, where a published total is a little beyond; None otherwise."""
    rounded = all("rounded_to" in one.keys for one, _ in wrong)
    found = [finding.found for finding in errors if "records is" in finding.message and isinstance(finding.found, float)]
    return round(found[0]) if rounded and found and len(found) == len(errors) else None


def _failing(made: Composed, errors: Sequence[Finding], path: str) -> list[tuple[Told, str]]:
    """Targets that a check finds wrong, and what it says; the last one it speaks of where a finding is at none's place."""
    wrong: dict[int, tuple[Told, str]] = {}
    for finding in errors:
        for i, one in enumerate(made.told):
            if finding.where.startswith((f"targets[{i}]", path + one.file)):
                wrong.setdefault(i, (one, f"{finding}"))
    if errors and not wrong and made.told:
        spoken = [one for one in made.told if f"({path}{one.file})" in errors[0].message]
        wrong[0] = ((spoken or made.told)[-1], str(errors[0]))
    return list(wrong.values())
