"""The areas of a set-up: its zones, the larger areas around them, and where each control's numbers for them stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from synthor.errors import Finding, InputError
from synthor.populationsim.controls import Control
from synthor.populationsim.settings import CROSSWALK, HOUSEHOLDS, OF_CONTROLS, PERSONS, InputTable, SetUp
from synthor.populationsim.sheets import BLANKS, CsvFile, files_in, read_csv_file
from synthor.schema.text import number, number_of, plural, some_of

LISTED = 5
"""Areas that one message names."""

Lies = dict[str, str]
"""The larger area of each zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Geography:
    """The areas of one set-up.

    Attributes:
        key: what the smallest areas are called that have controls.
        zones: these areas.
        within: larger areas that have controls, from small to large, each with that of every zone.
        pairs: the same as the crosswalk tells them, a zone in two areas twice.
        whole: the area that a geography of a single one consists of.
        tables: the file of each geography's controls.
        counts: what each control counts in each area, as printed, by the control's row.
        remarks: what a person must know.
    """

    key: str
    zones: tuple[str, ...]
    within: Mapping[str, Lies]
    pairs: Mapping[str, Sequence[tuple[str, str]]]
    whole: Mapping[str, str]
    tables: Mapping[str, CsvFile]
    counts: Mapping[int, Mapping[str, str]]
    remarks: tuple[str, ...] = ()

    def areas(self, geography: str) -> list[str]:
        """The areas of a geography."""
        if geography == self.key:
            return list(self.zones)
        if geography in self.whole:
            return [self.whole[geography]]
        return list(dict.fromkeys(self.within[geography].values()))

    def sum_of(self, control: Control) -> float:
        """What a control counts in all its areas."""
        return sum(number_of(text) for text in self.counts[control.row].values())


def geography_of(set_up: SetUp, controls: Sequence[Control]) -> Geography:
    """The areas that the controls of a set-up speak of.

    Raises:
        InputError: a file or column is missing, a count is no number, or nothing says where a zone with households lies.
    """
    tables = _tables(set_up, controls)
    order = [name for name in set_up.geographies if name in tables] or sorted(
        tables, key=lambda name: len(set(tables[name].areas(name)))
    )
    return _Nesting(set_up, controls, tables, order).geography()


def _tables(set_up: SetUp, controls: Sequence[Control]) -> dict[str, CsvFile]:
    """The file of each geography's controls."""
    found, findings = dict[str, CsvFile](), list[Finding]()
    for name in dict.fromkeys(control.geography for control in controls):
        fields = [control.field for control in controls if control.geography == name]
        try:
            found[name] = _named(set_up, name) if set_up.tables else _searched(set_up, name, fields)
            for missing in dict.fromkeys([name, *fields]):
                found[name].column(missing)
        except InputError as error:
            findings += error.findings
    if findings:
        raise InputError(findings)
    return found


def _named(set_up: SetUp, geography: str) -> CsvFile:
    """The table that settings name."""
    told = set_up.tables.get(f"{geography}{OF_CONTROLS}")
    if told is None:
        cure = f"add `- tablename: {geography}{OF_CONTROLS}` with its filename"
        raise InputError([Finding(where="input_table_list", message=f"names no controls of {geography}", cure=cure)])
    return read_csv_file(set_up.data, told.file, told.renamed)


def _searched(set_up: SetUp, geography: str, fields: Sequence[str]) -> CsvFile:
    """The table that has the columns, where nothing names one: that which has most of them."""
    seeds = (HOUSEHOLDS, PERSONS, "household", "person", "cross")
    best: tuple[int, bool, CsvFile] | None = None
    for file in files_in(set_up.data, without=[set_up.controls]):
        if any(word in file.casefold() for word in seeds):
            continue
        try:
            table = read_csv_file(set_up.data, file, {})
        except InputError:
            continue
        if geography in table.heads:
            rank = len(set(fields) & set(table.heads)), geography.casefold() in file.casefold()
            if best is None or rank > best[:2]:
                best = (*rank, table)
    if best is None:
        message = f"no CSV file has a column '{geography}'"
        cure = f"put the controls of {geography} there, as control_totals_{geography.lower()}.csv"
        raise InputError([Finding(where=str(set_up.data), message=message, cure=cure)])
    return best[2]


@dataclass(slots=True)
class _Nesting:
    """Zones and larger areas, put together from the tables of controls and the crosswalk."""

    set_up: SetUp
    controls: Sequence[Control]
    tables: Mapping[str, CsvFile]
    order: Sequence[str]
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def geography(self) -> Geography:
        key = self.order[-1]
        printed = {control.row: self._printed(control) for control in self.controls}
        zones = list(dict.fromkeys(self.tables[key].areas(key)))
        self._stop()
        inhabited = {zone for zone in zones if self._counted(key, zone, printed)}
        crosswalk = self._crosswalk()
        pairs = {name: self._pairs(name, key, crosswalk) for name in reversed(self.order[:-1])}
        self._stop()
        lost = {zone for told in pairs.values() if told for zone in set(zones) - {zone for zone, _ in told}}
        if lost & inhabited:
            missing = lost & inhabited
            named = [zone for zone in zones if zone in missing]
            message = f"has no line for {plural(len(named), key, key)} with households: {some_of(named, LISTED)}"
            where = crosswalk.name if crosswalk is not None else self.tables[key].name
            self.findings.append(Finding(where=where, message=message, cure="add a line for each"))
        elif lost:
            self.remarks.append(f"Left out: {plural(len(lost), key, key)} without households that no crosswalk places.")
        zones = [zone for zone in zones if zone not in lost]
        known = set(zones)
        within, whole = self._levels(zones, pairs, inhabited, printed)
        self._stop()
        found = Geography(
            key=key,
            zones=tuple(zones),
            within=within,
            pairs={name: [pair for pair in pairs[name] if pair[0] in known] for name in within},
            whole=whole,
            tables=self.tables,
            counts={},
            remarks=tuple(self.remarks),
        )
        counts = {
            control.row: {area: printed[control.row].get(area, "0") for area in found.areas(control.geography)}
            for control in self.controls
        }
        return replace(found, counts=counts)

    def _levels(
        self,
        zones: Sequence[str],
        pairs: Mapping[str, Sequence[tuple[str, str]]],
        inhabited: set[str],
        printed: Mapping[int, Mapping[str, str]],
    ) -> tuple[dict[str, Lies], dict[str, str]]:
        """Larger areas of each zone, and the geographies that are one area alone."""
        within, whole, known = dict[str, Lies](), dict[str, str](), set(zones)
        for name, told in pairs.items():
            table, own = self.tables[name], list(dict.fromkeys(self.tables[name].areas(name)))
            lies = {zone: area for zone, area in told if zone in known}
            areas = list(dict.fromkeys(lies.values())) or own
            lived_in = {area for zone, area in lies.items() if zone in inhabited}
            lived_in -= set(own)
            unsaid = [area for area in areas if area in lived_in]
            if unsaid:
                message = f"has no row for {some_of(unsaid, LISTED)}, where households live"
                self.findings.append(Finding(where=table.name, message=message, cure=f"add a row for each {name}"))
            told_areas = set(areas)
            if beyond := [area for area in own if area not in told_areas]:
                total = sum(self._counted(name, area, printed) for area in beyond)
                told_of = f"; their controls come to {number(total)}" if total else ""
                where = f"lie in no {self.order[-1]} that has controls"
                self.remarks.append(f"Not used: {some_of(beyond, LISTED)} of {table.name} {where}{told_of}.")
            if len(areas) == 1:
                whole[name] = areas[0]
            else:
                within[name] = lies
        return within, whole

    def _printed(self, control: Control) -> dict[str, str]:
        """What a control counts in each area, as printed: whole numbers without a point."""
        table = self.tables[control.geography]
        found = dict[str, str]()
        for area, text, row in zip(table.areas(control.geography), table.column(control.field), table.numbers, strict=True):
            value = number_of(text.replace(",", ""))
            place = f"{control.geography} {area}"
            if area in found:
                message, cure = f"{place} has two rows", "keep one"
            elif text in BLANKS:
                message, cure = f"{control.field} of {place} is blank", "write 0, or the number"
            elif not abs(value) < 1e15:
                message, cure = f"'{text[:40]}' in {control.field} is no count", "write a number"
            else:
                found[area] = str(int(value)) if value == int(value) else text.replace(",", "")
                continue
            self.findings.append(Finding(where=table.name, row=row, message=message, cure=cure))
        return found

    def _counted(self, geography: str, area: str, printed: Mapping[int, Mapping[str, str]]) -> float:
        """The largest of what controls count in an area."""
        own = [printed[control.row].get(area, "0") for control in self.controls if control.geography == geography]
        return max((number_of(text) for text in own), default=0.0)

    def _crosswalk(self) -> CsvFile | None:
        """The crosswalk, where there is one."""
        told = self.set_up.tables.get(CROSSWALK)
        if told is None and not self.set_up.tables:
            found = [name for name in files_in(self.set_up.data) if "cross" in name.casefold()]
            told = InputTable(file=found[0]) if found else None
        if told is None or len(self.order) < 2:
            return None
        return read_csv_file(self.set_up.data, told.file, told.renamed)

    def _pairs(self, name: str, key: str, crosswalk: CsvFile | None) -> list[tuple[str, str]]:
        """Zones and the areas of a geography that they lie in; nothing where it has a single one."""
        if len(set(self.tables[name].areas(name))) == 1 and (crosswalk is None or name not in crosswalk.heads):
            return []
        for source in (crosswalk, self.tables[key]):
            if source is not None and key in source.heads and (column := self._column(name, source)):
                told = zip(source.areas(key), source.areas(column), strict=True)
                return list(dict.fromkeys(told))
        where = crosswalk.name if crosswalk is not None else str(self.set_up.data)
        message = f"does not say in which {name} each {key} lies"
        cure = f"give it the columns {key} and {name}" if crosswalk is not None else "add geo_cross_walk.csv"
        self.findings.append(Finding(where=where, message=message, cure=cure))
        return []

    def _column(self, name: str, source: CsvFile) -> str | None:
        """The column of a geography's areas: that of its name, or the one beginning so that holds these very areas."""
        if name in source.heads:
            return name
        areas = set(self.tables[name].areas(name))
        like = [head for head in source.heads if head.casefold().startswith(name.casefold())]
        found = [head for head in like if areas <= set(_areas_or_none(source, head))]
        if len(found) == 1:
            self.remarks.append(f"{name} is the column {found[0]} of {source.name}, which holds the same areas.")
            return found[0]
        return None

    def _stop(self) -> None:
        if self.findings:
            raise InputError(list(dict.fromkeys(self.findings)))


def _areas_or_none(source: CsvFile, head: str) -> list[str]:
    try:
        return source.areas(head)
    except InputError:
        return []
