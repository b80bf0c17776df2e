"""The census profile of Statistics Canada: several hundred small tables below each other, told apart by indentation.

Each begins with a characteristic that is not indented (`Total - Age groups of the population - 100% data`); its parts follow,
indented, and their parts further still. Figures are counts and rates, of all, of men and of women.
"""

import re
from collections.abc import Sequence

from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.longform import TOTAL, Column, cell_of, long_form, named_apart, refuse_cut, refused, varying

COUNT = re.compile(r"C\d+_COUNT_(?P<sex>.+)")
OLD_COUNT = re.compile(r"DIM: SEX \(3\): MEMBER ID: \[\d\]: (?P<sex>.+)")
OLD_NAME = re.compile(r"DIM: PROFILE OF .+")
SEXES = {"TOTAL": TOTAL, "TOTAL - SEX": TOTAL, "MEN+": "Men+", "WOMEN+": "Women+", "MALE": "Male", "FEMALE": "Female"}
MARKS = {"F": ":", "x": "x", "..": "..", "...": "...", "": ":"}


def is_profile(upper: Sequence[str]) -> bool:
    """Whether a header row, in capitals, is a profile's: of 2021, or of 2016 and before."""
    return ("CHARACTERISTIC_NAME" in upper and any(COUNT.fullmatch(name) for name in upper)) or (
        any(OLD_NAME.fullmatch(name) for name in upper) and any(OLD_COUNT.fullmatch(name) for name in upper)
    )


def profile(lines: Lines) -> Lines:
    """A census profile in long form: `topic`, `level_1`, ..., `sex`, `count`; rates are left out.

    The characteristic that stands above others is the topic, and `Total` in all levels. Levels that a topic does not have are
    blank, so that they are gone once `only` has chosen a topic.
    """
    head = [cell.upper() for cell in lines.rows[0]]
    name = next(at for at, cell in enumerate(head) if cell == "CHARACTERISTIC_NAME" or OLD_NAME.fullmatch(cell))
    area = head.index("GEO_NAME") if "GEO_NAME" in head else None
    code = next((head.index(its) for its in ("DGUID", "GEO_CODE (POR)", "ALT_GEO_CODE") if its in head), None)
    told = [(at, SEXES.get(found["sex"], found["sex"])) for at, cell in enumerate(head) if (found := _count(cell))]
    refuse_cut(lines, range(1, len(lines.rows)), last=max(name, *(at for at, _ in told)), width=len(head))
    body = list(zip(lines.rows[1:], lines.numbers[1:], strict=True))
    if not body:
        raise refused(lines, 0, "no figures follow the header")
    areas = named_apart([cell_of(row, area) for row, _ in body], [cell_of(row, code) for row, _ in body])
    topics, levels = _levels([row[name] for row, _ in body], areas)
    figures = {(at, index): _figure(body[at][0], index, head) for at in range(len(body)) for index, _ in told}
    by_sex = {topics[at] for (at, index), figure in figures.items() if index != told[0][0] and figure not in MARKS.values()}
    cells = [(at, index, sex) for at in range(len(body)) for index, sex in told if sex == TOTAL or topics[at] in by_sex]
    years = [cell_of(row, head.index("CENSUS_YEAR") if "CENSUS_YEAR" in head else None) for row, _ in body]
    columns: list[Column] = [
        ("geography", [areas[at] for at, _, _ in cells]),
        ("date", [years[at] for at, _, _ in cells]),
        ("topic", [topics[at] for at, _, _ in cells]),
        *((f"level_{depth + 1}", [levels[at][depth] for at, _, _ in cells]) for depth in range(len(levels[0]))),
        ("sex", [sex for _, _, sex in cells]),
    ]
    counts = [figures[at, index] for at, index, _ in cells]
    return long_form(lines, [*varying(columns), ("count", counts)], [body[at][1] for at, _, _ in cells])


def _count(cell: str) -> "re.Match[str] | None":
    return COUNT.fullmatch(cell) or OLD_COUNT.fullmatch(cell)


def _figure(row: Sequence[str], at: int, head: Sequence[str]) -> str:
    """The figure, or the mark of a cell without one: the symbol behind it."""
    text = row[at].strip()
    if text and text in MARKS:
        return MARKS[text]
    symbol = cell_of(row, at + 1).strip() if cell_of(head, at + 1).startswith("SYMBOL") else ""
    return text or MARKS.get(symbol, ":")


def _levels(names: Sequence[str], areas: Sequence[str]) -> tuple[list[str], list[tuple[str, ...]]]:
    """For each row its topic, and its label at each depth: `Total` below what stands above others, blank below all."""
    indents = [len(name) - len(name.lstrip()) for name in names]
    paths: list[tuple[str, ...]] = []
    above: list[tuple[int, str]] = []
    for at, (name, indent) in enumerate(zip(names, indents, strict=True)):
        if at and areas[at] != areas[at - 1]:
            above = []
        while above and above[-1][0] >= indent:
            above.pop()
        above.append((indent, name.strip()))
        paths.append(tuple(text for _, text in above))
    deepest: dict[str, int] = {}
    for path in paths:
        deepest[path[0]] = max(deepest.get(path[0], 0), len(path) - 1)
    parents = {path[:-1] for path in paths}
    depth = max(deepest.values(), default=0)
    levels = []
    for path in paths:
        its = path[1:] + (TOTAL if path in parents or len(path) == 1 else path[-1],) * (deepest[path[0]] - len(path) + 1)
        levels.append(its + ("",) * (depth - len(its)))
    return [path[0] for path in paths], levels
