"""What every question says where units have members: whose each variable is, who the members are, and which pairs there are."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np

from synthor.prior.beliefs import Beliefs
from synthor.prior.compositions import level_of_roles
from synthor.prior.model import Prior
from synthor.prior.scene import Pair, Scene
from synthor.prior.shown import shown
from synthor.problem import Problem
from synthor.schema import Ref
from synthor.spec.levels import LevelForm, levels_of
from synthor.spec.members import HowMany
from synthor.types import Shares

LARGEST = 7
"""Members of units that are asked about as a whole, at most: larger ones are all different."""

COMMON = 0.03
"""Share of the rows of a level with which a role that several may have is asked about by itself; and of units by size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Whose variables are: those of the rows of a level, or of its one member with a role, or of each of several.

    Attributes:
        level: of the rows.
        role: empty where all rows are meant.
        seen_from: the level whose rows see them; of several members with a role, that of these themselves.
        certain: whether each of these does.
    """

    level: int
    role: str
    seen_from: int
    certain: bool = True

    @property
    def several(self) -> bool:
        """Whether it is about each of several members with a role."""
        return bool(self.role) and self.seen_from == self.level


def scene_of_members(problem: Problem, prior: Prior, beliefs: Beliefs) -> Scene:
    """The scene of a problem whose units have members.

    Args:
        problem: what is known.
        prior: names groups of categories.
        beliefs: what is believed so far, of shares that no target gives.
    """
    places, variables, shares, published, number = _places(problem), [], [], [], []
    of_all, alike = dict[tuple[int, int], str](), dict[str, str]()
    told, written = {marginal.of for marginal in prior.marginals}, {rule.never for rule in problem.spec.rules}
    for at, place in enumerate(places):
        for ref, name in _refs(problem, place):
            variable = problem.schema.variable(ref)
            known = _published(problem, ref, place)
            as_shown = replace(shown(variable, prior.groups.get(variable.name)), seen_as=name)
            believed = _believed(ref, beliefs) if known is None and name in told else known
            variables.append(as_shown)
            shares.append(as_shown.gathered(np.full(variable.size, np.nan) if believed is None else believed))
            published.append(known is not None)
            number.append(at)
            if of_all.setdefault((ref.level, ref.column), name) != name:
                alike[name] = of_all[ref.level, ref.column]
    return Scene(
        context=problem.spec.context.strip() or problem.spec.title.strip(),
        variables=tuple(variables),
        shares=tuple(shares),
        published=tuple(published),
        rules=tuple((rule.text, rule.why) for rule in problem.rules if rule.text in written),
        levels=tuple(_told(problem, place) for place in places),
        places=tuple(number),
        follows={problem.schema.levels[one.level].variables[one.position].name: one.text for one in problem.follows},
        alike=alike,
    )


def pairs_of_members(problem: Problem) -> tuple[Pair, ...]:
    """Pairs that say how units and their members are: inside each level, of a unit and its members, and of two members.

    Of two members, the second of whom may be one of several with a role, the same variable of both.

    Pairs that a published cross-table of these rows gives are left out, and those of a variable and what it follows from.
    """
    places = _places(problem)
    own = [place for place in places if not place.role]
    single = [place for place in places if place.role and not place.several]
    found = [pair for place in places for pair in _inside(problem, place)]
    for above, below in combinations(own, 2):
        if above.level in problem.schema.path(below.level):
            found += _between(problem, above, below, below.level)
    for place in single:
        if place.certain:
            above = next(one for one in own if one.level == place.seen_from)
            found += _between(problem, above, place, place.seen_from)
    for place in (place for place in single if place.certain):
        found += _who(problem, place)
    for one, other in combinations(single, 2):
        if one.level == other.level:
            found += _alike(problem, one, other)
    for one, other in product(single, [place for place in places if place.several]):
        if one.level == other.level:
            found += _alike(problem, one, other)
    return tuple(found)


def pairs_inside_levels(problem: Problem) -> tuple[Pair, ...]:
    """Those of them that are of two variables of the unit, or of all its members."""
    return tuple(pair for place in _places(problem) if not place.role for pair in _inside(problem, place))


def sizes_of_compositions(problem: Problem) -> tuple[int, ...]:
    """Numbers of members for which it is worth asking who they are; none where no roles tell them apart.

    From two on, while they are not rare, as far as the unit's variable that counts them tells.
    """
    level = level_of_roles(problem)
    if level is None:
        return ()
    form = levels_of(problem.spec)[level]
    sizes = list(range(max(form.number.min, 2), min(form.number.max or LARGEST, LARGEST) + 1))
    counting = [one for one in problem.follows if one.fold is not None and one.fold.name == "count" and one.below == level]
    for one in counting:
        shares = problem.marginal(one.position) if one.level == 0 else None
        if one.role is None and one.condition is None and shares is not None:
            variable = problem.schema.unit.variables[one.position]
            alone = variable.low == variable.high
            common = {int(low) for low, own, share in zip(variable.low, alone, shares, strict=True) if own and share >= COMMON}
            sizes = [size for size in sizes if size in common]
    return tuple(sizes)


def unpublished_of_members(problem: Problem) -> tuple[str, ...]:
    """Variables of all units or members whose shares no target gives, and which follow from nothing."""
    follows = {(one.level, one.position) for one in problem.follows}
    return tuple(
        name
        for place in _places(problem)
        if not place.role
        for ref, name in _refs(problem, place)
        if _published(problem, ref, place) is None and (ref.level, ref.column) not in follows
    )


def _places(problem: Problem) -> list[_Place]:
    schema = problem.schema
    found = [_Place(level=level, role="", seen_from=level) for level in range(len(schema.levels))]
    forms = levels_of(problem.spec)
    for level, own in enumerate(schema):
        for role, most in own.roles.items():
            if most == 1:
                certain = forms[level].roles[role].min == 1 if role in forms[level].roles else False
                found.append(_Place(level=level, role=role, seen_from=schema.above(level) or 0, certain=certain))
        if any(place.level == level and place.certain and place.role for place in found):
            found += [_Place(level=level, role=role, seen_from=level) for role in _several(problem, level)]
    return found


def _several(problem: Problem, level: int) -> list[str]:
    """Roles that several members of a unit may have, such as are not rare."""
    own = problem.schema.levels[level]
    role = Ref(level, own.position(own.role))
    shares = problem.marginal_of_rows(level, role)
    labels = own.variables[role.column].labels
    common = np.ones(len(labels), bool) if shares is None else shares >= COMMON
    return [label for label, often in zip(labels, common.tolist(), strict=True) if often and own.roles.get(label) != 1]


def _refs(problem: Problem, place: _Place) -> Iterator[tuple[Ref, str]]:
    """Columns of a place, each with its name as beliefs call it; those of which nobody can be asked, like names, are none."""
    schema = problem.schema
    own = schema.levels[place.level]
    for position, variable in enumerate(own.variables):
        if place.role and variable.name == own.role:
            continue
        several = sum(variable.name in level.names for level in schema) > 1
        name = f"{place.role or own.name}.{variable.name}" if place.role or several else variable.name
        ref = None if variable.kind.free else schema.resolve_among(name)
        if ref is not None:
            yield replace(ref, level=place.level, column=position), name


def _published(problem: Problem, ref: Ref, place: _Place) -> Shares | None:
    if place.level == 0 and not place.role:
        return problem.marginal(ref.column)
    return problem.marginal_of_rows(place.seen_from, ref)


def _believed(ref: Ref, beliefs: Beliefs) -> Shares | None:
    if ref.level == 0:
        return beliefs.marginals[ref.column]
    return beliefs.of_members.get(ref)


def _told(problem: Problem, place: _Place) -> str:
    """Whose variables these are, in words."""
    schema, forms = problem.schema, levels_of(problem.spec)
    own, form = schema.levels[place.level], forms[place.level]
    if place.several:
        return f"each {own.name} with {own.role} '{place.role}', as that {own.name} is"
    if place.role:
        there = "" if place.certain else ", where there is one"
        return f"the {place.role} of each {schema.levels[place.seen_from].name}{there}, as that {own.name} is"
    if place.level == 0:
        return f"each {own.name}, which is a unit" + (f": {form.about}" if form.about else "")
    above = schema.levels[schema.above(place.level) or 0].name
    return f"each {own.name}, a member of a {above} ({_numbers(form)})" + (f": {form.about}" if form.about else "")


def _numbers(form: LevelForm) -> str:
    roles = [f"{_how_many(number)} with {form.role} '{role}'" for role, number in form.roles.items()]
    return "; ".join([f"{_how_many(form.number)} in each", *roles])


def _how_many(number: HowMany) -> str:
    if number.max is None:
        return f"{number.min} or more"
    return str(number.min) if number.min == number.max else f"{number.min} to {number.max}"


def _inside(problem: Problem, place: _Place) -> Iterator[Pair]:
    """Pairs of one level; a role, which says most of a member, is given first, and of units the kind of zone."""
    own = problem.schema.levels[place.level]
    first = () if place.level else problem.attributes
    refs = sorted(
        _refs(problem, place), key=lambda one: own.variables[one[0].column].name != own.role and one[0].column not in first
    )
    for (a, given), (b, of) in combinations(refs, 2):
        yield from _pair(problem, place.seen_from, (a, given), (b, of), place.role)


def _between(problem: Problem, above: _Place, below: _Place, level: int) -> Iterator[Pair]:
    for one, other in product(_refs(problem, above), _refs(problem, below)):
        yield from _pair(problem, level, one, other, below.role)


def _who(problem: Problem, single: _Place) -> Iterator[Pair]:
    """Of whom there are which members, by what the single one has who is always there."""
    own = problem.schema.levels[single.level]
    role = Ref(single.level, own.position(own.role))
    everyone = _Place(level=single.level, role="", seen_from=single.level)
    called = dict(_refs(problem, everyone))[role]
    for ref, name in _refs(problem, single):
        yield from _pair(problem, single.level, (ref, name), (role, called))


def _alike(problem: Problem, one: _Place, other: _Place) -> Iterator[Pair]:
    """Of two single members how the same variable of both goes together, among units that have the two."""
    theirs = {ref.column: (ref, name) for ref, name in _refs(problem, other)}
    for ref, name in _refs(problem, one):
        if ref.column in theirs:
            with_whom = one.role if other.several else other.role if one.certain else f"{one.role} and {other.role}"
            yield from _pair(problem, other.seen_from, (ref, name), theirs[ref.column], with_whom)


def _pair(problem: Problem, level: int, one: tuple[Ref, str], other: tuple[Ref, str], role: str = "") -> Iterator[Pair]:
    (a, given), (b, of) = one, other
    schema = problem.schema
    if min(schema.variable(ref).size for ref in (a, b)) < 2:
        return
    crossed = any(
        target.level == level and target.whole and {a, b} <= {axis.ref for axis in target.axes} for target in problem.counts
    )
    if not crossed and not _follow(problem, a, b):
        rows = schema.levels[level]
        there = f" with {rows.role} '{rows.variables[b.among.column].labels[b.among.code]}'" if b.among is not None else ""
        if role and (b.among is None or a.role is not None) and not _everywhere(problem, role):
            there += f"{' and' if there else ''} with a {role}"
        yield Pair(given=given, of=of, among=f"{rows.name}{there}")


def _everywhere(problem: Problem, role: str) -> bool:
    return any(place.role == role and place.certain and not place.several for place in _places(problem))


def _follow(problem: Problem, a: Ref, b: Ref) -> bool:
    """Whether one of two is what the other is, seen from the unit."""
    for one in problem.follows:
        if one.fold is None and one.source is not None:
            ends = {Ref(one.level, one.position), Ref(one.below, one.source, role=one.role)}
            if {a, b} == ends:
                return True
    return False
