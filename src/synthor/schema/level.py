"""One kind of row: its variables as declared, and the slices that bins are cut into where a target needs finer ones.

Published tables bring bands, universes and quantiles whose edges are no edges of the declared bins, and means need to know
where in a bin values lie. So the solver works on the common refinement: the bins of such a variable are cut into slices, and
codes have one more column that says which slice. Beliefs, reports and records know nothing of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from synthor.schema.crossed import crossed
from synthor.schema.ref import Ref, Role
from synthor.schema.units import Units
from synthor.schema.variable import Variable
from synthor.types import CellIndex, Codes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Level:
    """One kind of row: its name (also its file's name) and its variables.

    Attributes:
        name: of the level.
        variables: as declared; the first columns of its codes.
        parent: name of the next level up; None for units.
        ordered: whether its rows have an order inside their parent: a day's trips.
        role: the variable that tells the rows of one parent apart; empty where nothing does.
        roles: its categories that are named as such, and of how many rows of one parent each may be, None of any number.
        slices: for a variable at some position, the same variable in finer bins; the columns after these.
        bands: for some of these, the same in bins whose edges are those that tables name; slices may be narrower.
    """

    name: str
    variables: tuple[Variable, ...]
    parent: str | None = None
    ordered: bool = False
    role: str = ""
    roles: Mapping[str, int | None] = field(default_factory=dict)
    slices: Mapping[int, Variable] = field(default_factory=dict)
    bands: Mapping[int, Variable] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The column of its table that holds the keys of its rows, where there are several levels."""
        return f"{self.name}_id"

    def role_of(self, label: str) -> Role:
        """What tells the rows with one role apart."""
        position = self.position(self.role)
        return Role(position, self.variables[position].code(label))

    @property
    def names(self) -> frozenset[str]:
        """Names of its variables."""
        return frozenset(variable.name for variable in self.variables)

    @property
    def numeric(self) -> tuple[int, ...]:
        """Positions of the variables whose values are numbers inside bins."""
        return tuple(position for position, variable in enumerate(self.variables) if variable.numeric)

    def position(self, name: str) -> int:
        return next(i for i, variable in enumerate(self.variables) if variable.name == name)

    @property
    def columns(self) -> tuple[Variable, ...]:
        """The variable behind each column of the codes."""
        return (*self.variables, *self.slices.values())

    def column(self, position: int) -> int:
        """The column that says most finely where a variable's values lie."""
        return len(self.variables) + list(self.slices).index(position) if position in self.slices else position

    def declared(self, column: int) -> int:
        """The position of the variable behind a column."""
        return column if column < len(self.variables) else list(self.slices)[column - len(self.variables)]

    def finest(self, position: int) -> Variable:
        """The variable in its finest bins."""
        return self.slices.get(position, self.variables[position])

    def band(self, position: int) -> Variable:
        """The variable in bins inside of which its numbers may move without leaving a cell of any table."""
        return self.bands.get(position, self.variables[position])

    def parents(self, position: int) -> Codes:
        """The declared bin of each slice of a variable, (slices,)."""
        return self.variables[position].codes_of_bins(self.slices[position])

    def coarsened(self, fine: Sequence[Codes]) -> list[Codes]:
        """All columns from those of the variables' finest bins, (n,) each."""
        declared = [self.parents(at)[own] if at in self.slices else own for at, own in enumerate(fine[: len(self.variables)])]
        return [*declared, *(fine[position] for position in self.slices)]

    def fine(self, bins: Mapping[int, Codes], n: int) -> Units:
        """Units without members, in the finest bins alone: of some variables these, (n,) each; the others mean nothing."""
        none = np.zeros(n, np.int32)
        return Units.of_columns([bins.get(position, none) for position in range(len(self.variables))])

    def crossed(self, positions: Iterable[int], bins: Mapping[int, CellIndex] = MappingProxyType({})) -> Units:
        """All combinations of some variables' finest bins as units without members; their other variables mean nothing.

        Args:
            positions: of the variables.
            bins: of those of which not all bins are meant, these.
        """
        places = sorted(set(positions))
        found = crossed([bins.get(position, np.arange(self.finest(position).size)) for position in places])
        fine = self.fine(dict(zip(places, found.T, strict=True)), len(found))
        return Units.of_columns(self.coarsened(fine.columns()))

    @property
    def refined(self) -> "Level":
        """The same level, each variable in its finest bins and nothing beside."""
        return self._binned([self.finest(position) for position in range(len(self.variables))])

    @property
    def banded(self) -> "Level":
        """The same level, each variable in its bands and nothing beside."""
        return self._binned([self.band(position) for position in range(len(self.variables))])

    def _binned(self, variables: list[Variable]) -> "Level":
        return replace(self, variables=tuple(variables), slices={}, bands={}) if self.slices else self


@dataclass(frozen=True, kw_only=True, eq=False)
class Schema:
    """What a unit is: its levels, the unit's own first, each after the one above it.

    Attributes:
        levels: of its rows.
    """

    levels: tuple[Level, ...]

    @property
    def unit(self) -> Level:
        """The level of units themselves."""
        return self.levels[0]

    def __iter__(self) -> Iterator[Level]:
        return iter(self.levels)

    def index(self, name: str) -> int:
        """The place of a level."""
        return next(i for i, level in enumerate(self.levels) if level.name == name)

    def above(self, level: int) -> int | None:
        """The next level up; None of units."""
        parent = self.levels[level].parent
        return None if parent is None else self.index(parent)

    def path(self, level: int) -> tuple[int, ...]:
        """The levels from the unit down to one."""
        above = self.above(level)
        return (level,) if above is None else (*self.path(above), level)

    def variable(self, ref: Ref) -> Variable:
        """The variable behind a column."""
        return self.levels[ref.level].columns[ref.column]

    def ref(self, position: int, level: int = 0) -> Ref:
        """The column that says most finely where a variable's values lie."""
        return Ref(level, self.levels[level].column(position))

    @property
    def names(self) -> list[str]:
        """What `resolve` knows: names of variables, and those of single members by their role."""
        own = [variable.name for level in self for variable in level.variables]
        roles = [(level, role) for level in self for role, most in level.roles.items() if most == 1]
        return own + [
            f"{role}.{variable.name}" for level, role in roles for variable in level.variables if variable.name != level.role
        ]

    def resolve(self, name: str) -> Ref | None:
        """The declared column that a name means; None where it means none or several.

        A name that only one level has needs no level before it; where several have it, it is written as `level.variable`. A
        role of which there is one at most may stand before the dot, too: `head.age`.
        """
        before, dot, own = name.rpartition(".")
        found = []
        for at, level in enumerate(self.levels):
            if own in level.names and (not dot or level.name == before):
                found.append(Ref(at, level.position(own)))
            elif own in level.names and level.roles.get(before) == 1:
                found.append(Ref(at, level.position(own), role=level.role_of(before)))
        return found[0] if len(found) == 1 else None

    def resolve_among(self, name: str) -> Ref | None:
        """The same, and the column of each of several rows with a role: `child.age`."""
        before, dot, own = name.rpartition(".")
        found = []
        for at, level in enumerate(self.levels if dot else ()):
            roles = level.variables[level.position(level.role)].labels if level.role else ()
            if own in level.names and own != level.role and before in roles and level.roles.get(before) != 1:
                found.append(Ref(at, level.position(own), among=level.role_of(before)))
        return self.resolve(name) or (found[0] if len(found) == 1 else None)

    def shared_level(self, refs: Iterable[Ref]) -> int | None:
        """The deepest level of some columns, if it sees all of them; None where they stand side by side.

        A member by its role is seen from the level above its own.
        """
        levels = {ref.level if ref.plain or ref.among is not None else self.above(ref.level) or 0 for ref in refs}
        deepest = max(levels, key=lambda level: len(self.path(level)))
        return deepest if levels <= set(self.path(deepest)) else None

    def seen_from(self, level: int) -> "Schema":
        """The rows of one level as flat records that hold all they can see: their own variables and those of the levels above.

        Of two variables of one name the nearer one is seen.
        """
        variables: dict[str, Variable] = {}
        slices, bands = dict[int, Variable](), dict[int, Variable]()
        for at in reversed(self.path(level)):
            one = self.levels[at]
            for position, variable in enumerate(one.variables):
                if variable.name not in variables:
                    place = len(variables)
                    variables[variable.name] = variable
                    slices |= {place: one.slices[position]} if position in one.slices else {}
                    bands |= {place: one.bands[position]} if position in one.bands else {}
        own = self.levels[level]
        return Schema(levels=(Level(name=own.name, variables=tuple(variables.values()), slices=slices, bands=bands),))

    def as_seen(self, units: Units, level: int) -> Units:
        """The rows of one level of some units as flat records, as `seen_from` has them."""
        refs: dict[str, Ref] = {}
        for at in reversed(self.path(level)):
            for position, variable in enumerate(self.levels[at].variables):
                refs.setdefault(variable.name, Ref(at, position))
        cut = [self.ref(ref.column, ref.level) for ref in refs.values() if ref.column in self.levels[ref.level].slices]
        return Units.of_columns([units.column(ref, level) for ref in (*refs.values(), *cut)])

    @cached_property
    def refined(self) -> "Schema":
        """The same levels, their variables in the finest bins: what values and rules are judged by."""
        return self._binned(tuple(level.refined for level in self.levels))

    @cached_property
    def banded(self) -> "Schema":
        """The same levels, their variables in the bins that numbers may move inside of."""
        return self._binned(tuple(level.banded for level in self.levels))

    def _binned(self, levels: tuple[Level, ...]) -> "Schema":
        return Schema(levels=levels) if any(level.slices for level in self.levels) else self

    def refine(self, units: Units) -> Units:
        """Units in the finest bins alone, as `refined` has them."""
        for at, level in enumerate(self.levels):
            if level.slices:
                units = units.selected([level.column(position) for position in range(len(level.variables))], at)
        return units

    def coarsen(self, units: Units) -> Units:
        """Units with all columns from those in the finest bins."""
        for at, level in enumerate(self.levels):
            if level.slices:
                units = units.with_columns(level.coarsened(units.columns(at)), at)
        return units

    def into_bands(self, units: Units) -> Units:
        """Units as `banded` has them from those in the finest bins."""
        for at, level in enumerate(self.levels):
            if level.slices:
                columns = units.columns(at)
                for position, finest in level.slices.items():
                    columns[position] = level.band(position).codes_of_bins(finest)[columns[position]]
                units = units.with_columns(columns, at)
        return units
