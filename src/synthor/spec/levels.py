"""The levels of a spec, frozen and in order: what the rest of the house reads of units and their members.

Here defaults are filled in: numbers that roles make narrower, roles that stand for all categories, and the form of variables
that follow from members. `consistent` says what of it contradicts itself before anybody reads it.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from synthor.errors import nearest
from synthor.schema.kinds import Declared
from synthor.schema.text import as_text
from synthor.spec.attributes import declared_attributes
from synthor.spec.followed import NOBODY, FromText, MemberRange, UnclearError, form_of, shape_of
from synthor.spec.members import HowMany, MemberSpec, PairSpec
from synthor.spec.variables import Follows
from synthor.spec.zones import declared_zones

if TYPE_CHECKING:
    from synthor.spec.model import Spec

Place = tuple[str | int, ...]
MOST_STEPS = 100
"""Variables that follow from one another in a row, at most."""

FLAT = "records"
"""The level of a spec that names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """What contradicts itself in a spec.

    Attributes:
        path: of keys, to where it is written.
        message: what is wrong.
        cure: what to do.
    """

    path: Place
    message: str
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """How a variable follows from rows below.

    Attributes:
        text: as it is written.
        function: count, sum, mean, min, max, any or all; empty where it is what one member has, by its role.
        level: whose rows.
        role: that these have; empty where any.
        variable: of these rows; empty where they are counted.
        condition: an SQL predicate that they fulfil, as it is written; empty where all are meant.
        absent: whether there may be nobody to follow from, so that it has a category `none` beside those of its form.
    """

    text: str
    function: str
    level: str
    role: str
    variable: str
    condition: str
    absent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelForm:
    """One level as it is understood.

    Attributes:
        name: of its rows, its key and its file.
        parent: name of the level above; None for units.
        path: of keys, to where it is written; empty for units.
        about: what one is.
        number: of its rows in one row of the level above, roles counted in; 1 for units.
        ordered: whether these have an order.
        role: the variable that tells them apart; empty where none does.
        roles: its categories, each with how many rows have it; without those that mean something else, too.
        pairs: relations of two roles.
        variables: in order, each in its form, those that follow included.
        follows: from what those of them follow that do.
    """

    name: str
    parent: str | None
    path: Place
    about: str
    number: HowMany
    ordered: bool
    role: str
    roles: Mapping[str, HowMany]
    pairs: Mapping[str, PairSpec]
    variables: Mapping[str, Declared]
    follows: Mapping[str, Following] = field(default_factory=dict)

    def most(self, role: str) -> int | None:
        """How many rows of one row above have a role at most, or how many there are; None of any number."""
        ends = [one.max for one in (self.number, *([self.roles[role]] if role else ())) if one.max is not None]
        return min(ends, default=None)

    def fewest(self, role: str) -> int:
        """How many there are at least."""
        return self.roles[role].min if role else self.number.min


def levels_of(spec: "Spec") -> tuple[LevelForm, ...]:
    """The levels of a spec, units first, each after the one above it; of a flat one, its records alone.

    >>> from synthor import parse_spec
    >>> household, person = levels_of(parse_spec('''
    ... unit: household
    ... records: 9
    ... variables: {persons: {from: count(person)}}
    ... members: {person: {number: {min: 1, max: 15}, variables: {age: {type: integer, min: 0, max: 99}}}}
    ... '''))
    >>> household.variables["persons"].max, person.parent, household.follows["persons"].level
    (15, 'household', 'person')
    """
    return Followers(written_levels(spec)).understood


def written_levels(spec: "Spec") -> tuple[LevelForm, ...]:
    """The same with variables as they are written."""
    nodes = list(_nodes(spec.members, spec.unit or FLAT, ()))
    taken = Counter(role for _, _, written, _ in nodes for role in categories_of(written))
    listed = Counter(role for _, _, written, _ in nodes for role in written.roles)
    names = {name.casefold() for name, *_ in nodes} | {(spec.unit or FLAT).casefold()}

    def roles(written: MemberSpec) -> dict[str, HowMany]:
        return {
            label: written.roles.get(label, HowMany())
            for label in dict.fromkeys((*categories_of(written), *written.roles))
            if label in written.roles or (taken[label] == 1 and not listed[label] and label.casefold() not in names)
        }

    unit = LevelForm(
        name=spec.unit or FLAT,
        parent=None,
        path=(),
        about=spec.about,
        number=HowMany(min=1, max=1),
        ordered=False,
        role="",
        roles={},
        pairs={},
        variables=_of_units(spec),
    )
    members = (
        LevelForm(
            name=name,
            parent=parent,
            path=path,
            about=written.about,
            number=_number(written),
            ordered=written.ordered,
            role=written.role,
            roles=roles(written),
            pairs=written.pairs,
            variables=written.variables,
        )
        for name, parent, written, path in nodes
    )
    return (unit, *members)


def _of_units(spec: "Spec") -> dict[str, Declared]:
    """Variables of a unit, those last that its zone says: what kind of place that is, and which areas it lies in."""
    attributes = declared_attributes(spec)
    drawn = {name: form for name, form in spec.variables.items() if name not in attributes}
    return {**drawn, **attributes, **declared_zones(spec)}


def _nodes(members: Mapping[str, MemberSpec], above: str, path: Place) -> Iterator[tuple[str, str, MemberSpec, Place]]:
    for name, written in members.items():
        own = (*path, "members", name)
        yield name, above, written, own
        yield from _nodes(written.members, name, own)


def categories_of(written: MemberSpec) -> list[str]:
    """Labels of the variable that tells members apart."""
    variable = written.variables.get(written.role)
    if variable is None or isinstance(variable, Follows) or not variable.kind.named:
        return []
    return list(variable.build(written.role).labels)


def needed(written: MemberSpec) -> tuple[int, int | None]:
    """How many members the roles make, at least and at most; None where some role may be any number."""
    ends = [written.roles[label].max if label in written.roles else None for label in categories_of(written)]
    most = sum(end for end in ends if end is not None) if ends and None not in ends else None
    return sum(role.min for role in written.roles.values()), most


def _number(written: MemberSpec) -> HowMany:
    fewest, most = needed(written)
    low = max(written.number.min, fewest)
    ends = [end for end in (written.number.max, most) if end is not None]
    high = min(ends, default=None)
    return written.number if high is not None and low > high else HowMany(min=low, max=high)


class Followers:
    """Finds the form of variables that follow from members, each after those that it follows from.

    Attributes:
        names: what may stand before a dot: levels and roles, with the place of the level and the role.
        slips: what cannot be understood.
        understood: the levels with all variables in their form, but for those that cannot be.
    """

    def __init__(self, levels: tuple[LevelForm, ...]) -> None:
        self.levels = levels
        self.names: dict[str, tuple[int, str]] = {}
        for at, level in enumerate(levels):
            self.names.setdefault(level.name, (at, ""))
        self._places = {name: at for name, (at, _) in self.names.items()}
        for at, level in enumerate(levels):
            for role in level.roles:
                self.names.setdefault(role, (at, role))
        self.slips: list[Slip] = []
        self._forms: dict[tuple[int, str], Declared | None] = {}
        self._follows: dict[tuple[int, str], Following] = {}
        keys = [(at, name) for at, level in enumerate(levels) for name in level.variables]
        forms = {key: self._form(key, ()) for key in keys}
        self.understood = tuple(
            replace(
                level,
                variables={name: form for name in level.variables if (form := forms[at, name]) is not None},
                follows={name: self._follows[at, name] for name in level.variables if (at, name) in self._follows},
            )
            for at, level in enumerate(levels)
        )

    def _form(self, key: tuple[int, str], trail: tuple[tuple[int, str], ...]) -> Declared | None:
        at, name = key
        written = self.levels[at].variables[name]
        if not isinstance(written, Follows):
            return written
        if key in trail:
            told = " -> ".join(f"{self.levels[a].name}.{n}" for a, n in (*trail[trail.index(key) :], key))
            self._slip(key, f"follows from itself: {told}", "let it follow from what is drawn")
            return None
        if len(trail) == MOST_STEPS:
            self._slip(key, f"more than {MOST_STEPS} variables follow from one another", "let them follow from what is drawn")
            return None
        if key not in self._forms:
            try:
                form = self._followed(key, written, (*trail, key))
            except UnclearError as error:
                self._slip(key, str(error), error.cure)
                form = None
            self._forms.setdefault(key, form)
        return self._forms[key]

    def _followed(self, key: tuple[int, str], written: Follows, trail: tuple[tuple[int, str], ...]) -> Declared | None:
        at, name = key
        try:
            shape = shape_of(written.from_)
        except UnclearError as error:
            raise self._placed(at, written.from_, error) from None
        below, role = self._below(at, shape)
        level = self.levels[below]
        if shape.variable and shape.variable not in level.variables:
            raise UnclearError(
                f"'{level.name}' has no variable '{shape.variable}'", nearest(shape.variable, list(level.variables))
            )
        source = self._form((below, shape.variable), trail) if shape.variable else None
        inside = [self._form(one, trail) for one in self._seen(below, shape) if one != (below, shape.variable)]
        if None in inside or (shape.variable and source is None):
            return None  # what is wrong there is said
        if source is not None and source.kind.free:
            message = f"'{shape.variable}' is another in each {level.name}, so nothing follows from it"
            raise UnclearError(message, "take another variable, or leave this one out")
        over = self.span(at, below, role, shape)
        form = form_of(written, shape, source, over)
        known = self._follows.get((below, shape.variable))
        absent = shape.function in ("", "mean", "min", "max") and (over.low == 0 or (known is not None and known.absent))
        if absent and NOBODY in [label.casefold() for label in form.build(name).labels]:
            message = f"'{NOBODY}' stands for those that have no {shape.name}, and is a label of {shape.variable}, too"
            raise UnclearError(message, "call that label something else")
        if absent and source is not None and form.build(name).missing:
            variable = source.build(name)
            unknown = variable.labels[-1]
            message = f"there may be no '{shape.name}', and of some {shape.variable} is '{unknown}': neither holds a value"
            cure = f"let `{unknown}` be one of the values of {shape.variable}, in place of missing"
            if variable.numeric:
                cure = f"write max({written.from_.strip()}, {shape.variable} >= {as_text(variable.least)})"
            raise UnclearError(message, cure)
        self._follows[key] = Following(
            text=written.from_,
            function=shape.function,
            level=level.name,
            role=role,
            variable=shape.variable,
            condition=shape.condition,
            absent=absent,
        )
        return form

    def _placed(self, at: int, text: str, error: UnclearError) -> UnclearError:
        """What is wrong with a `from`; where a variable of members stands alone in a function, with its level before it."""
        call = re.fullmatch(r"\s*(\w+)\s*\(\s*(\w+)\s*\)\s*", text)
        lower = [level for place, level in enumerate(self.levels) if at in self._above(place)]
        level = next((level for level in lower if call is not None and call[2] in level.variables), None)
        if call is None or level is None or call[2] in self.names:
            return error
        return UnclearError(f"`{text.strip()[:80]}` does not say whose {call[2]}", f"write {call[1]}({level.name}.{call[2]})")

    def _below(self, at: int, shape: FromText) -> tuple[int, str]:
        """The level and role whose rows are meant."""
        own = self.levels[at].name
        lower = [level.name for place, level in enumerate(self.levels) if at in self._above(place)]
        if not lower:
            raise UnclearError(f"'{own}' has no members to follow from", "declare them under `members:`, or leave `from` out")
        if shape.name not in self.names:
            raise UnclearError(f"no level and no role is called '{shape.name}'", nearest(shape.name, list(self.names)))
        below, role = self.names[shape.name]
        if at not in self._above(below):
            raise UnclearError(f"'{shape.name}' does not stand below '{own}'", f"name a level below: {', '.join(lower)}")
        if not shape.function and not role:
            raise UnclearError(f"there may be several '{shape.name}'", f"write mean({shape.name}.{shape.variable}) or the like")
        if not shape.function and (self.levels[below].parent != own or self.levels[below].most(role) != 1):
            message = f"there may be several '{role}' in one '{own}'"
            limit = f", or say `roles: {{{role}: {{max: 1}}}}`" if self.levels[below].parent == own else ""
            raise UnclearError(message, f"write min({role}.{shape.variable}) or the like{limit}")
        return below, role

    def _above(self, at: int) -> list[int]:
        """The levels above one, the nearest first."""
        parent = self.levels[at].parent
        return [] if parent is None else [self._places[parent], *self._above(self._places[parent])]

    def _seen(self, below: int, shape: FromText) -> Iterator[tuple[int, str]]:
        """Variables that a condition on rows of a level names."""
        for before, own in shape.words:
            places = [below, *self._above(below)]
            if before:
                places = [self.names[before][0]] if before in self.names else []
            found = next((place for place in places if own in self.levels[place].variables), None)
            if found is not None:
                yield found, own

    def span(self, at: int, below: int, role: str, shape: FromText) -> MemberRange:
        """How many rows of a level one row above it has."""
        low, high = self.levels[below].fewest(role), self.levels[below].most(role)
        for place in itertools.takewhile(lambda place: place != at, self._above(below)):
            number = self.levels[place].number
            low, high = low * number.min, None if high is None or number.max is None else high * number.max
        return MemberRange(low=0 if shape.condition else low, high=high)

    def _slip(self, key: tuple[int, str], message: str, cure: str) -> None:
        path = (*self.levels[key[0]].path, "variables", key[1])
        self.slips.append(Slip(path=path, message=message, cure=cure))
