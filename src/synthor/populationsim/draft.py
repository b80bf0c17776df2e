"""From the folder of a set-up to a spec and the tables that it names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from synthor.errors import Finding, InputError
from synthor.populationsim.columns import SIZES, Codes, Column, Numbers, column_of
from synthor.populationsim.controls import Control, Untranslated, read_controls
from synthor.populationsim.expressions import single_conditions
from synthor.populationsim.families import families_of, proven_values
from synthor.populationsim.geography import Geography, geography_of
from synthor.populationsim.sample import sampled
from synthor.populationsim.seed import Seed, seed_of
from synthor.populationsim.settings import CROSSWALK, HOUSEHOLDS, LEVELS, PERSONS, SetUp, set_up_in
from synthor.populationsim.sheets import CsvFile, read_csv_file
from synthor.populationsim.targets import TABLES, Targets, as_csv
from synthor.schema.text import number, plural
from synthor.spec.scaffold import Draft, Entry, MemberEntry, variable_name

CROSSWALK_FILE = f"{TABLES}/crosswalk.csv"
MOST_PERSONS = 12
"""Of a household, where nothing says."""
NUMBER = "per_num"
"""A person's number in the household, which is no variable: `synthor export` counts it."""
FINER = 3
"""Bins of single sizes beyond the last one that controls tell apart."""
WHOLE = 1e-6
"""Households by which a sum may miss a whole number."""
KEYS = ("household", "person", "household_id", "person_id", "unit")
"""Names that no variable may have beside households and persons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """A spec that is not written yet, and its files.

    Attributes:
        draft: the spec.
        files: text of each table and sample, by its name beside the spec.
    """

    draft: Draft
    files: Mapping[str, str]


def drafted(folder: Path) -> Drafted:
    """A draft of a spec from a set-up of PopulationSim.

    Controls become targets, geographies with controls zones and larger areas, columns of the seed that controls speak of
    variables, and the seed itself a survey sample. Expressions are parsed, never run. What is not translated is told.

    Args:
        folder: with `configs` and `data`, or with all files in one place.

    Raises:
        InputError: a file or a column is missing, cannot be read or contradicts itself; or no control can be translated.
    """
    set_up = set_up_in(folder)
    controls, not_said, file = read_controls(set_up)
    _refuse_none(controls, not_said, file)
    geography = geography_of(set_up, controls)
    seed = seed_of(set_up, _seed_areas(set_up, geography))
    controls, columns, unsaid = _columns(controls, geography, seed)
    persons = any(control.of_persons for control in controls)
    size = _size(columns) if persons else None
    columns |= _of_persons(columns, size, seed)
    names = _names(columns, geography, persons)
    areas = {name: variable_name(name, list(names.values())) for name in (geography.key, *geography.within)}
    targets = Targets(geography=geography, columns=columns, names=names, areas=areas)
    for family in families_of(controls):
        targets.add(family)
    columns = _used(columns, controls, targets.not_said)
    _refuse_none([control for control in controls if control.row not in {one.row for one in targets.not_said}], unsaid, file)
    sample = sampled(seed, columns, names, follows=size, persons=persons)
    wanted, comment, differing = _records(controls, geography)
    n_records = round(wanted)
    crosswalk = {CROSSWALK_FILE: _crosswalk(geography, areas)} if geography.within else {}
    draft = Draft(
        title=f"Households of {plural(len(geography.zones), 'zone')} ({set_up.folder.resolve().name})",
        context=_context(n_records, geography, persons),
        context_comment="the model reads it: say where and when",
        unit=LEVELS[HOUSEHOLDS],
        records=n_records,
        records_comment=comment,
        population=None if abs(wanted - n_records) < WHOLE else wanted,
        variables=_entries(columns, names, controls, HOUSEHOLDS, size, seed),
        members=(_members(columns, names, controls, size, seed),) if persons else (),
        zones=_zones(geography, areas),
        targets=targets.entries,
        sample=sample.keys,
        sample_comment=sample.comment,
        remarks=[
            f"Drafted from the PopulationSim set-up in '{set_up.folder.name}' ({file.name}). Importances are not used: all "
            "controls are met together, or the run says which cannot be. Read it, then run `synthor check` on this file.",
            *_not_translated([*not_said, *unsaid, *targets.not_said]),
            *_encodings([file, *geography.tables.values()]),
            *geography.remarks,
            *_left_out(set_up, geography),
            *differing,
            *_not_drawn(set_up, columns),
            *seed.remarks,
            *sample.remarks,
            *_following(columns, size, persons),
        ],
    )
    return Drafted(draft=draft, files={**targets.files, **crosswalk, **sample.files})


def _refuse_none(controls: Sequence[Control], not_said: Sequence[Untranslated], file: CsvFile) -> None:
    """Raise where no control speaks of a column of households.

    Raises:
        InputError: says what the first one is instead.
    """
    if any(control.condition is not None and not control.of_persons for control in controls):
        return
    message = "holds no control of some households alone that can be translated, such as `households.NP == 1`"
    cure = f"{not_said[0]}" if not_said else "add one: a spec needs a variable"
    raise InputError([Finding(where=file.name, message=message, cure=cure)])


def _zones(geography: Geography, areas: Mapping[str, str]) -> dict[str, object]:
    """What a spec says of its areas."""
    key: dict[str, object] = {"key": areas[geography.key]}
    return key | {"within": {areas[name]: CROSSWALK_FILE for name in geography.within}} if geography.within else key


def _seed_areas(set_up: SetUp, geography: Geography) -> list[str] | None:
    """The areas of the seed geography that zones lie in; None where nothing says."""
    told, name = set_up.tables.get(CROSSWALK), set_up.seed_geography
    if told is None or not name or not (set_up.data / told.file).is_file():
        return None
    crosswalk = read_csv_file(set_up.data, told.file, told.renamed)
    if name not in crosswalk.heads or geography.key not in crosswalk.heads:
        return None
    zones = set(geography.zones)
    pairs = zip(crosswalk.areas(geography.key), crosswalk.areas(name), strict=True)
    return list(dict.fromkeys(area for zone, area in pairs if zone in zones))


def _columns(
    controls: Sequence[Control], geography: Geography, seed: Seed
) -> tuple[list[Control], dict[tuple[str, str], Column], list[Untranslated]]:
    """Controls that variables can say, these variables by table and column, and the other controls."""
    proven = proven_values(families_of(controls), geography)
    found, unsaid = dict[tuple[str, str], Column](), list[Untranslated]()
    singles = {
        control.row: single_conditions(control.condition) if control.condition is not None else [] for control in controls
    }
    for place in dict.fromkeys((control.table, one.column) for control in controls for one in singles[control.row]):
        sets = [
            one.values
            for control in controls
            if control.table == place[0]
            for one in singles[control.row]
            if one.column == place[1]
        ]
        column = column_of(*place, sets, seed, proven.get(place))
        if column is not None:
            found[place] = column
    kept = []
    for control in controls:
        bad = [one.column for one in singles[control.row] if (control.table, one.column) not in found]
        if bad:
            why = f"controls of {bad[0]} speak of texts and of ranges of numbers, which no variable holds together"
            unsaid.append(Untranslated(target=control.target, row=control.row, why=why))
        else:
            kept.append(control)
    if not any(table == PERSONS for table, _ in found):
        why = "controls speak of no column of persons, and persons without a variable are not made"
        unsaid += [Untranslated(target=one.target, row=one.row, why=why) for one in kept if one.of_persons]
        kept = [one for one in kept if not one.of_persons]
    return kept, found, unsaid


def _used(
    columns: Mapping[tuple[str, str], Column], controls: Sequence[Control], not_said: Sequence[Untranslated]
) -> dict[tuple[str, str], Column]:
    """Columns that a target speaks of."""
    rows = {one.row for one in not_said}
    used = {
        (control.table, one.column)
        for control in controls
        if control.condition is not None and control.row not in rows
        for one in single_conditions(control.condition)
    }
    return {place: held for place, held in columns.items() if place in used}


def _size(columns: Mapping[tuple[str, str], Column]) -> tuple[str, str] | None:
    """The column that holds how many persons a household has."""
    return next(
        (
            (table, name)
            for (table, name), held in columns.items()
            if table == HOUSEHOLDS and name.casefold() in SIZES and isinstance(held, Numbers)
        ),
        None,
    )


def _of_persons(
    columns: Mapping[tuple[str, str], Column], size: tuple[str, str] | None, seed: Seed
) -> dict[tuple[str, str], Column]:
    """The column of households' sizes, up to that of the largest: the seed may hold it only up to 4 or more."""
    held = columns.get(size) if size is not None else None
    if size is None or not isinstance(held, Numbers):
        return {}
    return {size: replace(held, most=max(held.most, float(_most_persons(held, seed))))}


def _names(columns: Mapping[tuple[str, str], Column], geography: Geography, persons: bool) -> dict[tuple[str, str], str]:
    """What each column is called as a variable."""
    found = dict[tuple[str, str], str]()
    areas = [variable_name(name, []) for name in (geography.key, *geography.within)]
    for place in columns:
        found[place] = variable_name(place[1], [*found.values(), *areas, *(KEYS if persons else KEYS[:1])])
    return found


def _entries(
    columns: Mapping[tuple[str, str], Column],
    names: Mapping[tuple[str, str], str],
    controls: Sequence[Control],
    table: str,
    size: tuple[str, str] | None,
    seed: Seed,
) -> list[Entry]:
    """The variables of one table."""
    found = []
    for place, held in columns.items():
        if place[0] != table:
            continue
        if place == size and isinstance(held, Numbers):
            bins = sorted({max(int(edge), 1) for edge in held.edges})
            if seed.has(*place) or seed.key:  # which says how many of the last bin are how large
                bins += [size for size in range(bins[-1] + 1, bins[-1] + FINER + 1) if size <= _most_persons(held, seed)]
            found.append(Entry(name=names[place], body={"from": f"count({LEVELS[PERSONS]})", "bins": bins}))
        else:
            comment = _meanings(held, place, controls) if isinstance(held, Codes) else ""
            found.append(held.entry(names[place], comment))
    return found


def _meanings(held: Codes, place: tuple[str, str], controls: Sequence[Control]) -> str:
    """Which control each code is, where controls are one code each."""
    told = dict[str, str]()
    for control in controls:
        ones = single_conditions(control.condition) if control.condition is not None and control.table == place[0] else []
        if len(ones) == 1 and ones[0].column == place[1]:
            labels = held.labels_in(ones[0].values)
            if len(labels) == 1:
                told.setdefault(labels[0], control.target)
    return ", ".join(f"{label}: {target}" for label, target in told.items())


def _members(
    columns: Mapping[tuple[str, str], Column],
    names: Mapping[tuple[str, str], str],
    controls: Sequence[Control],
    size: tuple[str, str] | None,
    seed: Seed,
) -> MemberEntry:
    """Persons of households."""
    held = columns.get(size) if size is not None else None
    told = _most_persons(held if isinstance(held, Numbers) else None, seed)
    return MemberEntry(
        name=LEVELS[PERSONS],
        number={"min": 1, "max": told or max(MOST_PERSONS, int(held.edges[-1]) if isinstance(held, Numbers) else 0)},
        comment="" if told else "nothing says how many persons the largest household has: this is a guess",
        variables=_entries(columns, names, controls, PERSONS, size, seed),
    )


def _most_persons(held: Numbers | None, seed: Seed) -> int:
    """Persons of the largest household; 0 where nothing says."""
    told = seed.largest_household() or 0
    if not told and held is not None and not held.guessed and held.most > held.edges[-1]:  # else top-coded
        told = int(held.most)
    return max(told, int(held.edges[-1])) if told and held is not None else told


def _records(controls: Sequence[Control], geography: Geography) -> tuple[float, str, list[str]]:
    """How many households there are, which may be no whole number; where that is from, and what says otherwise.

    Raises:
        InputError: no control counts households.
    """
    homes = [control for control in controls if not control.of_persons]
    totals = [control for control in homes if control.condition is None]
    order = [geography.key, *geography.within, *geography.whole]
    if totals:
        told = min(totals, key=lambda control: order.index(control.geography))
        wanted = geography.sum_of(told)
        said = f"{told.target}, added up over {plural(len(geography.areas(told.geography)), told.geography, told.geography)}"
    else:
        families = [family for family in families_of(homes) if family.columns]
        if not families:
            message = "has no control that counts all households, which says how many there are"
            cure = "add one, such as num_hh, with the expression `households.WGTP > 0`"
            raise InputError([Finding(where="the control file", message=message, cure=cure)])
        best = max(families, key=lambda family: sum(map(geography.sum_of, family.controls)))
        told, wanted = best.controls[0], sum(map(geography.sum_of, best.controls))
        said = f"no control counts all households; {', '.join(one.target for one in best.controls)} come to so many"
    differing = [
        f"{other.target} of {other.geography} counts {number(geography.sum_of(other))} households, and {told.target} of "
        f"{told.geography} {number(wanted)}."
        for other in totals
        if abs(geography.sum_of(other) - wanted) > 0.5
    ]
    if wanted < 0.5:
        message, cure = "comes to 0 households", "give the areas' households"
        raise InputError([Finding(where=told.target, message=message, cure=cure)])
    return wanted, said, differing


def _crosswalk(geography: Geography, areas: Mapping[str, str]) -> str:
    """Zones and the areas around them; a zone that lies in two areas has two lines, which `check` tells."""
    around: dict[str, dict[str, list[str]]] = {zone: {} for zone in geography.zones}
    for name, pairs in geography.pairs.items():
        for zone, area in pairs:
            around[zone].setdefault(name, []).append(area)
    lines = [[areas[geography.key], *(areas[name] for name in geography.within)]]
    for zone, told in around.items():
        n_lines = max(map(len, told.values()))
        lines += [[zone, *(told[name][min(at, len(told[name]) - 1)] for name in geography.within)] for at in range(n_lines)]
    return as_csv(lines)


def _not_translated(controls: Sequence[Untranslated]) -> list[str]:
    if not controls:
        return []
    lines = sorted(controls, key=lambda one: one.row)
    return [f"Not translated: {len(lines)} of the controls, which no target says.", *map(str, lines)]


def _encodings(files: Sequence[CsvFile]) -> list[str]:
    return [f"{file.name} is not UTF-8 text: it was read as Windows-1252." for file in files if file.notes]


def _left_out(set_up: SetUp, geography: Geography) -> list[str]:
    """Geographies without controls."""
    own = {geography.key, *geography.within, *geography.whole}
    left = [name for name in set_up.geographies if name not in own]
    if not left:
        return []
    *most, last = left
    if not most:
        return [f"{last} has no controls, and is no level of `zones`."]
    return [f"{', '.join(most)} and {last} have no controls, and are no levels of `zones`."]


def _not_drawn(set_up: SetUp, columns: Mapping[tuple[str, str], Column]) -> list[str]:
    """Columns that settings write out, and that no control speaks of."""
    found = [
        f"{table}.{name}"
        for table, names in set_up.wanted.items()
        for name in names
        if (table, name) not in columns and name not in (NUMBER, set_up.key, set_up.weight)
    ]
    if not found:
        return []
    return [f"Written out by the settings, and no variables here, since no control speaks of them: {', '.join(found)}."]


def _following(columns: Mapping[tuple[str, str], Column], size: tuple[str, str] | None, persons: bool) -> list[str]:
    """What a person should look at where households have persons."""
    if not persons:
        return []
    others = [name for table, name in columns if table == HOUSEHOLDS and (table, name) != size]
    if not others:
        return []
    return [
        f"{', '.join(others)}: said of households. Where one follows from the persons (workers, the age of the head), say "
        "`from:` instead; see docs/members.md."
    ]


def _context(n_records: int, geography: Geography, persons: bool) -> str:
    who = "One record is one household with its persons." if persons else "One record is one household."
    levels = ", ".join(plural(len(geography.areas(name)), name, name) for name in (geography.key, *geography.within))
    return f"{who} The region has {plural(n_records, 'household')} ({levels})."
