"""Controls that belong together: those of one geography that split the same rows by the same columns, nobody counted twice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isclose

from synthor.populationsim.controls import Control
from synthor.populationsim.expressions import box_of
from synthor.populationsim.geography import Geography
from synthor.populationsim.values import ValueSet, union
from synthor.schema.text import number_of

Box = Mapping[str, ValueSet]
"""The values of each column that a control counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Controls that become one table.

    Attributes:
        geography: of all of them.
        table: of the seed.
        columns: that they split rows by; none of a control that counts all rows, or that stands alone.
        controls: in the order of the file.
        boxes: what each counts; empty where there are no columns.
    """

    geography: str
    table: str
    columns: tuple[str, ...]
    controls: tuple[Control, ...]
    boxes: tuple[Box, ...] = ()

    def sets(self, column: str) -> list[ValueSet]:
        """The values of one column that each of them counts."""
        return [box[column] for box in self.boxes]

    def alone(self) -> "list[Family]":
        """A family of its own for each control, said by its condition."""
        return [Family(geography=self.geography, table=self.table, columns=(), controls=(one,)) for one in self.controls]


def families_of(controls: Sequence[Control]) -> list[Family]:
    """All controls in families, in the order of the file: each in the first whose others count none of its rows."""
    made: list[tuple[tuple[str, str, tuple[str, ...]], list[tuple[Control, Box]]]] = []
    for control in controls:
        box = None if control.condition is None else box_of(control.condition)
        key = (control.geography, control.table, tuple(sorted(box or {})))
        place = next((held for told, held in made if box and told == key and _is_apart(box, held)), None)
        if place is None:
            place = []
            made.append((key, place))
        place.append((control, box or {}))
    return [
        Family(
            geography=geography,
            table=table,
            columns=columns,
            controls=tuple(control for control, _ in held),
            boxes=tuple(box for _, box in held) if columns else (),
        )
        for (geography, table, columns), held in made
    ]


def _is_apart(box: Box, held: Sequence[tuple[Control, Box]]) -> bool:
    return all(any((box[column] & other[column]).nothing for column in box) for _, other in held)


def proven_values(families: Sequence[Family], geography: Geography) -> dict[tuple[str, str], ValueSet]:
    """Values of columns besides which there are none, by table and column: controls of them come to all rows in every area."""
    found = dict[tuple[str, str], ValueSet]()
    totals = {table: _totals(families, geography, table) for table in {family.table for family in families}}
    for family in families:
        if len(family.columns) != 1:
            continue
        all_rows = totals[family.table].get(family.geography)
        sums = _summed([geography.counts[control.row] for control in family.controls])
        if all_rows and all(isclose(sums[area], all_rows[area], rel_tol=1e-9, abs_tol=1e-6) for area in sums):
            key = (family.table, family.columns[0])
            found[key] = union([*family.sets(family.columns[0]), *([found[key]] if key in found else [])])
    return found


def _totals(families: Sequence[Family], geography: Geography, table: str) -> dict[str, dict[str, float]]:
    """All rows of a table in each area of each geography, as far as controls tell: their own, or those of zones added up."""
    found = dict[str, dict[str, float]]()
    for family in families:
        if family.table == table and family.controls[0].condition is None:
            found.setdefault(family.geography, _summed([geography.counts[family.controls[0].row]]))
    zones = found.get(geography.key)
    for name, lies in _around(geography) if zones is not None else ():
        sums: dict[str, float] = {}
        for zone, area in lies.items():
            sums[area] = sums.get(area, 0.0) + (zones or {}).get(zone, 0.0)
        found.setdefault(name, sums)
    return found


def _around(geography: Geography) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Larger areas of each zone."""
    yield from geography.within.items()
    for name, area in geography.whole.items():
        yield name, dict.fromkeys(geography.zones, area)


def _summed(counts: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """What some controls count together in each area."""
    return {area: sum(number_of(one[area]) for one in counts) for area in counts[0]}
