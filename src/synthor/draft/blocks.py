"""Columns of numbers that stand side by side: of one variable, of several, or of other people.

Several variables of the same people have the same sum in every row; a column that is this sum is their total. What fits nowhere
counts something else, such as people beside homes, and must not become a category.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.draft.grid import Grid, quoted
from synthor.draft.meaning import meaning
from synthor.draft.roles import PEOPLE, Roles
from synthor.draft.units import GROUPS, HAPPEN, PERSONAL, thing_of
from synthor.draft.wholes import DOUBTFUL, NEARLY, PERTURBED, ROWS, ROWS_PERTURBED, allowed_off, bands_apart, least_told
from synthor.spec.tables.labels import column_key, is_total, undressed
from synthor.types import Floats

MANY = 8
"""Values of which all must be multiples of a number to say that they were rounded to it."""
SOME = re.compile(r"(?:number of |total )?(?:jobs|workers|families|familien|famiglie|employees|students|pupils)")
"""People who may be some beside others, as they may be all that a table counts."""
RATE = re.compile(r"\brates?\b|\bper 1[0, ]|\bincidence\b|\bcfr\b|\btaux\b|\btasas?\b|\brate je\b|\btassi?\b")
CASES = re.compile(
    r"(?:number of |total |new |confirmed |incident )*(?:cases|infections|diagnoses|hospitali[sz]ations|admissions)"
    r"|fälle|cas|casos|casi|gevallen"
)
"""What happens to some of the people that rates are of."""
HARDLY_BY_CHANCE = 100.0
"""Sums that are hardly the same by chance."""
BASES = (3, 5, 10, 20, 25, 50, 100, 500, 1000, 10_000, 100_000, 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueColumns:
    """Columns of values beside others that a target does not take.

    Attributes:
        total: column of their total, if there is one.
        name: of their variable, if their heads tell one.
        top: text of the header row above them, where that tells them from others.
        remarks: on columns that no target takes.
    """

    total: int | None = None
    name: str = ""
    top: str = ""
    remarks: tuple[str, ...] = ()


def blocks_of(grid: Grid, roles: Roles) -> list[tuple[list[int], ValueColumns]] | str:
    """Columns of values by the variable that their heads are labels of."""
    values = roles.values
    if len(grid.heads) > 1:
        return _blocks_under_heads(grid, roles)
    if (happens := _of_a_rate(grid, values)) is not None:
        others = [grid.name(i) for i in values if i != happens]
        return [
            (
                [happens],
                ValueColumns(
                    remarks=(f"column '{others[0]}' is left out: rates are of it, and '{grid.name(happens)}' is counted",)
                ),
            )
        ]
    values, said = _without_sums_of_numbers(grid, values)
    found = _blocks_of(grid, values)
    if isinstance(found, str) or not said:
        return found
    (first, part), *rest = found
    return [(first, replace(part, remarks=(*part.remarks, *said))), *rest]


def _of_a_rate(grid: Grid, values: Sequence[int]) -> int | None:
    """The column of deaths or cases beside one of the people whom they happen to, where rates are printed; None otherwise."""
    if len(values) != 2 or not any(RATE.search(_plain(grid, i)) for i in range(grid.width) if i not in values):
        return None
    happens = [i for i in values if thing_of(grid.name(i)) in HAPPEN or CASES.fullmatch(_plain(grid, i))]
    people = [i for i in values if thing_of(grid.name(i)) == "people"]
    return happens[0] if len(happens) == len(people) == 1 else None


def _of_different(grid: Grid, values: Sequence[int]) -> str:
    """What is wrong with columns that count different things, and what to do about it."""
    names, things = ", ".join(grid.name(i) for i in values), {thing_of(grid.name(i)) for i in values}
    both = "people" in things and not things.isdisjoint(("households", "homes"))
    members = ", or say in a spec with `members` (docs/members.md) which target takes which" if both else ""
    return f"columns count different things ({names}): leave one, with `columns`{members}"


def _without_sums_of_numbers(grid: Grid, values: Sequence[int]) -> tuple[list[int], tuple[str, ...]]:
    """Columns without totals of what homes or people have: of cars, where the others count homes by how many they have."""
    counted = {i: int(found[1]) for i in values if (found := re.search(r"([0-9]+)\+?\Z", grid.name(i)))}
    if len(counted) < 2:
        return list(values), ()
    sums = _matrix(grid, list(counted)) @ np.array(list(counted.values()), np.float64)
    gone = [
        i
        for i in values
        if i not in counted
        and called_total(grid.name(i))
        and (sums > 0).any()
        and (np.abs(_matrix(grid, [i])[:, 0] - sums) <= NEARLY * sums).all()
    ]
    told = tuple(f"column '{grid.name(i)}' is left out: it counts what the others have, not them" for i in gone)
    return [i for i in values if i not in gone], told


def _blocks_of(grid: Grid, values: list[int]) -> list[tuple[list[int], ValueColumns]] | str:
    """The same for columns under one header row."""
    if bands_apart([grid.name(i) for i in values]):
        return [(values, ValueColumns())]
    cells = _matrix(grid, values)
    room = room_of(cells)
    groups = _groups(grid, values, cells, room) or ([] if room else _groups(grid, values, cells, room, PERTURBED))
    if not groups:
        equal = _equal_parts(cells, 0.0)
        if equal:
            return [([values[i] for i in run], _part_of(grid, [values[i] for i in run])) for run in equal]
        things = {i: thing_of(grid.name(i)) for i in values}
        apart = _of_other_things(grid, things)
        if apart:
            kept = [i for i in values if i not in apart]
            found = _blocks_of(grid, kept) if len(kept) > 1 else [(kept, ValueColumns())]
            if isinstance(found, str):
                return found
            told = tuple(f"column '{grid.name(i)}' is left out: it counts other things than the others" for i in apart)
            return [(found[0][0], replace(found[0][1], remarks=(*found[0][1].remarks, *told))), *found[1:]]
        one_happens = len(things) == 2 and sum(thing in HAPPEN for thing in things.values()) == 1
        if (one_happens or len(set(things.values()) - {""}) > 1) and not GROUPS & set(things.values()):
            return _of_different(grid, [i for i in values if things[i] or one_happens])
        people = [i for i in values if _is_group(grid, i, things[i]) and not is_total(grid.name(i))]
        others = [i for i in values if i not in people]
        if len(people) > 1 and (len({things[i] for i in people}) > 1 or all(PEOPLE.fullmatch(_plain(grid, i)) for i in people)):
            return _of_different(grid, people)
        if people and others:
            name = grid.name(people[0])
            whole = cells[:, [values.index(i) for i in people]].max(axis=1, keepdims=True)
            unknown = [i for i in others if not things[i]]
            more = [i for i in unknown if (cells[:, [values.index(i)]] > whole).any()] or unknown * bool(
                SOME.fullmatch(_plain(grid, people[0]))
            )
            if more:
                return _of_different(grid, [people[0], more[0]])
            told = tuple(f"column '{grid.name(i)}' is left out: with others it does not add up to '{name}'" for i in others)
            return [(people, ValueColumns(remarks=told))]
        if told_apart := _by_prefix(grid, values, cells) or _by_first_word(grid, values, cells):
            return told_apart
        if wrong := next((i for i in values if called_total(grid.name(i)) and not is_total(grid.name(i))), None):
            return f"column '{grid.name(wrong)}' is called a total, and is no sum of the others: leave it out, with `columns`"
        return [(values, ValueColumns())]
    whole, runs = max(groups, key=lambda group: (len(group[1]), sum(map(len, group[1])), -group[0]))
    used = {whole, *(i for run in runs for i in run)}
    outside = [grid.name(values[i]) for i in range(len(values)) if i not in used]
    remarks: tuple[str, ...] = ()
    if outside:
        are = f"column '{outside[0]}' is" if len(outside) == 1 else f"{len(outside)} columns ({quoted(outside)}) are"
        remarks = (f"{are} neither {grid.name(values[whole])} nor a part of it, and left out",)
    separate: list[tuple[list[int], ValueColumns]] = []
    for run in runs:
        columns = [values[i] for i in run]
        part = _part_of(grid, columns) if len(runs) > 1 else ValueColumns()
        if any(earlier.name == part.name for _, earlier in separate):
            part = ValueColumns(name=f"{grid.name(columns[0])} to {grid.name(columns[-1])}")
        separate.append((columns, ValueColumns(total=values[whole], name=part.name, remarks=remarks)))
        remarks = ()
    return separate


def called_total(name: str) -> bool:
    """Whether a column is called a total, be it in one word with what it is a total of.

    >>> called_total("TotalCars"), called_total("cars_total"), called_total("Totnes")
    (True, True, False)
    """
    return (
        is_total(name) or re.match(r"(?:Total|Tot|TOTAL|All)(?=[A-Z_])|.*(?:Total|_total|_tot|_TOTAL|_TOT)\Z", name) is not None
    )


def _is_group(grid: Grid, i: int, thing: str) -> bool:
    """Whether a column is one of people, homes or the like."""
    return PEOPLE.fullmatch(_plain(grid, i)) is not None or thing in GROUPS


def _of_other_things(grid: Grid, things: Mapping[int, str]) -> list[int]:
    """Columns of homes, cars, births and the like beside men and women, none of whom they are."""
    personal = [i for i in things if PERSONAL.fullmatch(undressed(grid.name(i)))]
    happen = [i for i, thing in things.items() if thing in HAPPEN]
    if len(happen) == 1 and len(things) > 2 and not any(thing for i, thing in things.items() if i != happen[0]):
        return happen
    return [i for i, thing in things.items() if thing not in ("", "people") and len(personal) > 1]


def _by_prefix(grid: Grid, values: Sequence[int], cells: Floats) -> list[tuple[list[int], ValueColumns]] | str:
    """Columns whose names begin alike in two groups or more: one variable each if their sums are the same, else a refusal."""
    groups: dict[str, list[int]] = {}
    for at, i in enumerate(values):
        found = re.fullmatch(r"(.*?[^\W\d_])[ _]?[0-9]\w*", grid.name(i))
        groups.setdefault(found[1] if found else "", []).append(at)
    if len(groups) < 2 or "" in groups or any(len(group) < 2 for group in groups.values()):
        return []
    sums = [cells[:, group].sum(axis=1) for group in groups.values()]
    if any(not np.allclose(sums[0], one, rtol=1e-9, atol=0.5) for one in sums[1:]):
        return f"columns are of several variables ({', '.join(groups)}) whose sums differ: leave one of them, with `columns`"
    return [([values[at] for at in group], ValueColumns(name=name)) for name, group in groups.items()]


def _by_first_word(grid: Grid, values: Sequence[int], cells: Floats) -> list[tuple[list[int], ValueColumns]]:
    """Columns whose names begin with the same word, `SEX_M, SEX_F, AGE_0_14, AGE_15`, where all such words have one sum."""
    groups: dict[str, list[int]] = {}
    for at, i in enumerate(values):
        word, _, rest = grid.name(i).partition("_")
        groups.setdefault(word if rest else "", []).append(at)
    if len(groups) < 2 or "" in groups or any(len(group) < 2 for group in groups.values()):
        return []
    behind = [{grid.name(values[at]).partition("_")[2] for at in group} for group in groups.values()]
    crossed = any(one & other for k, one in enumerate(behind) for other in behind[k + 1 :])
    sums = [cells[:, group].sum(axis=1) for group in groups.values()]
    same = all(np.allclose(sums[0], one, rtol=1e-9, atol=0.5) for one in sums[1:]) and (sums[0] >= HARDLY_BY_CHANCE).any()
    return (
        [([values[at] for at in group], ValueColumns(name=name)) for name, group in groups.items()]
        if same and not crossed
        else []
    )


def _blocks_under_heads(grid: Grid, roles: Roles) -> list[tuple[list[int], ValueColumns]] | str:
    """Columns of values under two or more header rows: crossed, or one variable under each head of the row above."""
    values = roles.values
    tops = [grid.filled[-2][i] for i in values]
    under: dict[str, list[int]] = {}
    for i, top in zip(values, tops, strict=True):
        under.setdefault(top, []).append(i)
    sets = [{undressed(grid.heads[-1][i]) for i in columns if not is_total(grid.heads[-1][i])} for columns in under.values()]
    apart = len(under) > 1 and all(not a & b for k, a in enumerate(sets) for b in sets[k + 1 :])
    lone = [columns for columns in under.values() if len(columns) == 1]
    if not apart or len(lone) == len(under) or len(grid.heads) > 2:
        return [(values, ValueColumns())]
    sums = [
        np.nansum(_matrix(grid, [i for i in columns if not is_total(grid.heads[-1][i])]), axis=1) for columns in under.values()
    ]
    several = [(top, columns) for top, columns in under.items() if len(columns) > 1]
    if len(several) > 1 and all(np.allclose(sums[0], one, rtol=1e-9, atol=0.5) for one in sums):
        return [(columns, ValueColumns(top=top, name=top)) for top, columns in several]
    return [(values, ValueColumns())]


def _part_of(grid: Grid, columns: Sequence[int]) -> ValueColumns:
    """The name that heads of one variable share: `size_1` and `size_2` are sizes."""
    heads = [grid.name(i) for i in columns]
    shared = heads[0]
    for head in heads[1:]:
        while not head.startswith(shared):
            shared = shared[:-1]
    name = re.sub(r"[\W\d_]+\Z", "", shared)
    ends = all(not head[len(name) : len(name) + 1].isalpha() for head in heads)
    return ValueColumns(name=name if len(name) > 1 and ends else meaning(heads) or f"{heads[0]} to {heads[-1]}")


def _plain(grid: Grid, i: int) -> str:
    return column_key(grid.name(i)).replace("_", " ")


def _matrix(grid: Grid, columns: Sequence[int]) -> Floats:
    """Values of some columns, (rows, columns); NaN where they are not told."""
    found = [[_value(grid, grid.rows[r][i]) for i in columns] for r in range(len(grid.rows))]
    return np.array(found, dtype=np.float64).reshape(len(grid.rows), len(columns))


def _value(grid: Grid, text: str) -> float:
    cell = grid.number(text)
    return math.nan if cell is None else cell.value


def room_of(cells: Floats) -> float:
    """How far a printed number may be off, where all of them are multiples of a number that they were rounded to."""
    base = base_of(cells)
    return base / 2 if base > 1 else 0.0


def base_of(cells: Floats, many: int = MANY) -> int:
    """What all values are multiples of; 1 where that says nothing.

    >>> base_of(np.array([10.0, 10, 10, 10, 25, 25, 25, 50])), base_of(np.array([10.0, 20]))
    (5, 1)
    """
    told = cells[np.isfinite(cells) & (cells != 0)]
    values = np.unique(told)
    if len(told) < many or len(values) < 3 or (values != np.round(values)).any() or np.abs(values).max() >= 2**53:
        return 1
    base = int(np.gcd.reduce(np.abs(values).astype(np.int64)))
    return base if base in BASES else 1


def _groups(
    grid: Grid, values: Sequence[int], cells: Floats, room: float, share: float = 0.0
) -> list[tuple[int, list[list[int]]]]:
    """Columns that are totals of others side by side, and these others, by position among the columns of values."""
    found: list[tuple[int, list[list[int]]]] = []
    for whole in range(cells.shape[1]):
        wanted = cells[:, whole]
        told = ~np.isnan(wanted)
        doubtful = _plain(grid, values[whole]) in DOUBTFUL
        named = (called_total(grid.name(values[whole])) and not doubtful) or PEOPLE.fullmatch(
            _plain(grid, values[whole])
        ) is not None
        least = 1 if named else ROWS_PERTURBED if share else ROWS
        if (told & (wanted > least_told(2, room, share))).sum() < least:
            continue
        runs, at = [], 0
        while at < cells.shape[1]:
            run = _run_of(cells, at, whole, room, share)
            if run:
                runs.append(run)
            at = run[-1] + 1 if run else at + 1
        if runs:
            found.append((whole, runs))
    inner = {i for _, runs in found for run in runs for i in run}
    return [group for group in found if group[0] not in inner]


def _run_of(cells: Floats, at: int, whole: int, room: float, share: float) -> list[int]:
    """The longest run of two columns or more, from one on, that adds up to a whole in every row."""
    wanted = cells[:, whole]
    told = ~np.isnan(wanted)
    so_far = np.zeros(len(cells))
    run: list[int] = []
    best: list[int] = []
    for i in range(at, cells.shape[1]):
        if i == whole:
            break
        so_far = so_far + np.nan_to_num(cells[:, i])
        run.append(i)
        allowed = allowed_off(wanted, len(run), room, share)
        off = so_far - wanted
        if (off > allowed)[told].any():
            break
        if len(run) > 1 and (np.abs(off) <= allowed)[told].all():
            best = list(run)
    return best


def _equal_parts(cells: Floats, room: float) -> list[list[int]]:
    """Runs of columns with one sum in every row, the most that there are; none where columns do not part so."""
    if len(cells) < ROWS or cells.shape[1] < 4 or np.isnan(cells).any():
        return []
    sums = cells.cumsum(axis=1)
    every = sums[:, -1]
    for n_parts in range(cells.shape[1] // 2, 1, -1):
        ends = []
        for k in range(1, n_parts + 1):
            allowed = room * cells.shape[1] + 1e-9 * every
            fits = np.flatnonzero((np.abs(sums - (every * k / n_parts)[:, None]) <= allowed[:, None]).all(axis=0))
            if not len(fits):
                break
            ends.append(int(fits[0]) + 1)
        else:
            ends[-1] = cells.shape[1]
            starts = [0, *ends[:-1]]
            runs = [list(range(start, end)) for start, end in zip(starts, ends, strict=True)]
            if all(len(run) > 1 for run in runs) and (every > 0).sum() >= ROWS:
                return runs
    return []
