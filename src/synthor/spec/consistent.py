"""What contradicts itself in what a spec says of units and their members, before any table is read.

Names that mean two things, roles and relations of nothing, numbers that cannot be, variables that follow from what is not
there, targets that count rows of nothing. All at once, each with its place and cure.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from synthor.errors import nearest
from synthor.schema.kinds import CATEGORY, Declared
from synthor.spec.levels import FLAT, Followers, LevelForm, Place, Slip, categories_of, needed, written_levels
from synthor.spec.members import MemberSpec, PairSpec
from synthor.spec.targets import STATISTICS, TargetSpec

if TYPE_CHECKING:
    from synthor.spec.model import Spec

MOST_LEVELS = 100
"""Levels of a unit, at most."""

Apart = Mapping[str, str]
"""What tells the two of a pair apart in names with a dot, each with the name of their level."""

_DOTTED = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*", re.ASCII)


def slips_of(spec: "Spec") -> list[Slip]:
    """All that contradicts itself."""
    levels = written_levels(spec)
    if len(levels) > MOST_LEVELS:
        message = f"units with {len(levels):,} levels are more than can be read: {MOST_LEVELS} are the most"
        return [Slip(path=("members",), message=message, cure="leave levels out that no table tells of")]
    followers = Followers(levels)
    slips = [*_units(spec), *followers.slips]
    if spec.members or spec.unit:
        slips += _names(levels, spec)
    for level, written in _members(spec, followers.understood):
        slips += [*_roles(written, level), *_numbers(written, level), *_pairs(written, level, [one.name for one in levels])]
    slips += [*_relations(levels), *_too_many(followers.understood, spec)]
    for i, target in enumerate(spec.targets):
        slips += _target(target, ("targets", i), followers, spec)
    if spec.members:
        slips += _columns(spec.columns, ("columns",), followers, {})
        for name in spec.labels:
            slips += _dotted(name, ("labels", name), followers, {})
    return [*slips, *_zones(spec), *_sample(spec, levels)]


def _members(spec: "Spec", levels: tuple[LevelForm, ...]) -> Iterator[tuple[LevelForm, MemberSpec]]:
    """Levels below the unit's, each beside what is written of it."""
    for level in levels[1:]:
        members = spec.members
        for name in level.path[1:-1:2]:
            members = members[str(name)].members
        yield level, members[level.name]


def _units(spec: "Spec") -> Iterator[Slip]:
    if spec.members and spec.unit is None:
        yield Slip(
            path=("members",),
            message="nothing says what one unit with these members is called",
            cure="name it beside `records`, for example unit: household",
        )
    if spec.about and not spec.members and spec.unit is None:
        message = "about tells what a unit is, and the spec names none"
        yield Slip(
            path=("about",), message=message, cure="write it into context, or name the unit, for example unit: household"
        )


def _names(levels: tuple[LevelForm, ...], spec: "Spec") -> Iterator[Slip]:
    """Names that stand for two things."""
    meant: dict[str, tuple[str, str]] = {}
    for level in levels:
        path: Place = level.path or (("unit",) if spec.unit else ("members",))
        for name, what in ((level.name, "a level"), (f"{level.name}_id", f"the key of '{level.name}'")):
            if name.casefold() in meant:
                other = meant[name.casefold()][0]
                yield Slip(path=path, message=f"'{name}' is {other}, too", cure="give each level a name of its own")
                break
            meant.setdefault(name.casefold(), (what, "rename the variable"))
    owner: dict[str, str] = {}
    for level, written in _members(spec, levels):
        for role in dict.fromkeys((*written.roles, *level.roles)):
            of, path = f"a role of '{level.name}'", (*level.path, "roles", role)
            if role.casefold() in meant:
                message = f"'{role}' is {of} and {meant[role.casefold()][0]}"
                yield Slip(path=path, message=message, cure="call the role or the level something else")
            elif role.casefold() in owner:
                message = f"'{role}' is {of} and {owner[role.casefold()]}"
                yield Slip(path=path, message=message, cure="call one of them something else")
            owner.setdefault(role.casefold(), of)
    meant |= {role: (what, "rename the variable or the role") for role, what in owner.items() if role not in meant}
    for level in levels:
        for name in level.variables:
            if name.casefold() in meant:
                what, cure = meant[name.casefold()]
                yield Slip(path=(*level.path, "variables", name), message=f"'{name}' is {what}, too", cure=cure)


def _roles(written: MemberSpec, level: LevelForm) -> Iterator[Slip]:
    """What tells members apart is one of their variables, and roles are its categories."""
    path, known = level.path, list(written.variables)
    if not written.role:
        for key in ("roles", "pairs"):
            if getattr(written, key):
                cure = "name it: role: relationship"
                yield Slip(path=(*path, key), message="no variable says who has which role", cure=cure)
        return
    if written.role not in written.variables:
        cure = f"declare it among its variables, or take one of them; {nearest(written.role, known)}"
        yield Slip(path=(*path, "role"), message=f"'{level.name}' has no variable '{written.role}'", cure=cure)
        return
    labels = categories_of(written)
    if not labels:
        message = f"'{written.role}' tells no members apart: it is no drawn {CATEGORY.name}"
        yield Slip(path=(*path, "role"), message=message, cure=f"take a variable of type {CATEGORY.name}")
        return
    if (unknown := _label_of_missing(level.variables[written.role])) is not None:
        message = f"'{written.role}' tells no members apart where it is '{unknown}'"
        cure = f"let `{unknown}` be one of its values, in place of missing"
        yield Slip(path=(*path, "role"), message=message, cure=cure)
    for role in written.roles:
        if role not in labels:
            message = f"'{role}' is no category of {written.role}"
            yield Slip(path=(*path, "roles", role), message=message, cure=nearest(role, labels))


def _numbers(written: MemberSpec, level: LevelForm) -> Iterator[Slip]:
    """What roles need fits how many members there are."""
    fewest, most = needed(written)
    number = written.number
    if number.max is not None and fewest > number.max:
        message = f"roles need {fewest} of '{level.name}' at least, and number allows {number.max}"
        yield Slip(path=(*level.path, "number"), message=message, cure=f"raise max to {fewest}, or lower what roles need")
    if most is not None and most < number.min:
        message = f"roles allow {most} of '{level.name}' at most, and number asks for {number.min}"
        yield Slip(path=(*level.path, "number"), message=message, cure=f"lower min to {most}, or raise what roles allow")


def _pairs(written: MemberSpec, level: LevelForm, names: list[str]) -> Iterator[Slip]:
    """Relations are of roles that there are, ordered by a variable with categories; `names` are those of the levels."""
    labels = categories_of(written)
    for name, pair in written.pairs.items():
        path = (*level.path, "pairs", name)
        if not name.strip():
            yield Slip(path=path, message="the relation has no name", cure="name it, for example couple: [head, partner]")
        for role in pair.roles:
            if labels and role not in labels:
                yield Slip(path=path, message=f"'{role}' is no role of '{level.name}'", cure=nearest(role, labels))
            elif labels and role not in level.roles:
                cure = f"say under roles how many there are, such as `{role}: {{max: 9}}`, or rename it"
                yield Slip(path=path, message=f"'{role}' stands for something else, too", cure=cure)
        if pair.by and pair.by not in written.variables:
            message = f"'{level.name}' has no variable '{pair.by}' to order by"
            yield Slip(path=path, message=message, cure=nearest(pair.by, list(written.variables)))
        elif pair.by and pair.by == written.role:
            message = f"'{pair.by}' gives the two their roles, which tell them apart without it"
            yield Slip(
                path=path, message=message, cure=f"leave `ordered` out, or order by another {CATEGORY.name}, such as sex"
            )
        elif pair.by in level.variables:
            for message, cure in _unfit_to_order(pair.by, level.variables[pair.by], names):
                yield Slip(path=path, message=message, cure=cure)


def _unfit_to_order(by: str, variable: Declared, names: list[str]) -> Iterator[tuple[str, str]]:
    """Why the categories of a variable cannot name the two of a pair, each with its cure."""
    labels = _labels(variable)
    if not labels:
        yield f"'{by}' has no categories to name the two by", f"order by a variable of type {CATEGORY.name}, such as sex"
    elif (unknown := _label_of_missing(variable)) is not None:
        message = f"'{by}' tells the two apart, and of some it is '{unknown}'"
        yield message, f"let `{unknown}` be one of its values, in place of missing"
    elif len(labels) == 1:
        yield f"all have the same {by}, '{labels[0]}', which tells no two apart", "order by a variable with two categories"
    for label in labels:
        if label in names:
            yield f"'{label}' is a category of {by} and a level, so `{label}.` may be either", "call one of them something else"


def _label_of_missing(variable: Declared) -> str | None:
    """What those without a value are called; None where all have one."""
    built = variable.build("")
    return built.labels[-1] if built.missing else None


def _labels(variable: Declared) -> tuple[str, ...]:
    """The categories of a variable whose labels are names."""
    return variable.build("").labels if variable.kind.named else ()


def _too_many(levels: tuple[LevelForm, ...], spec: "Spec") -> Iterator[Slip]:
    """Rows of which not each can have a value of its own, if there are as few as can be."""
    fewest: dict[str | None, int] = {None: spec.records}
    for level in levels:
        fewest[level.name] = fewest[level.parent] * level.number.min
        for name, declared in level.variables.items():
            short = declared.build(name).kind.short_of(fewest[level.name]) if declared.kind.free else None
            if short is not None:
                yield Slip(path=(*level.path, "variables", name), message=short[0], cure=short[1])


def _relations(levels: tuple[LevelForm, ...]) -> Iterator[Slip]:
    owner: dict[str, str] = {}
    for level in levels:
        for name in level.pairs:
            if name in owner:
                message = f"'{name}' is a relation of '{owner[name]}', too"
                yield Slip(path=(*level.path, "pairs", name), message=message, cure="give each relation a name of its own")
            owner.setdefault(name, level.name)


def _target(target: TargetSpec, path: Place, followers: Followers, spec: "Spec") -> Iterator[Slip]:
    """It counts rows or pairs that there are, and dots in its names stand between what there is."""
    levels = followers.levels
    names = [level.name for level in levels]
    if target.rows is not None and target.rows not in names:
        known = nearest(target.rows, names) if spec.members or spec.unit else "leave it out: the spec has no members"
        yield Slip(path=(*path, "rows"), message=f"no level is called '{target.rows}'", cure=known)
    elif target.count is not None and target.where is None and target.rows == levels[0].name:
        message = f"`records` says how many there are of '{target.rows}'"
        yield Slip(path=(*path, "count"), message=message, cure="leave the target out, or say `where`")
    apart: Apart = {}
    if target.pairs is not None:
        relations = {name: (level, pair) for level in followers.understood for name, pair in level.pairs.items()}
        if target.pairs in relations:
            apart = _told_apart(*relations[target.pairs])
        else:
            cure = nearest(target.pairs, list(relations)) or "declare it: `pairs: {couple: [head, partner]}` of a member"
            yield Slip(path=(*path, "pairs"), message=f"no relation is called '{target.pairs}'", cure=cure)
    if not spec.members:
        return
    for key in ("by", "flows"):
        for i, name in enumerate(getattr(target, key) or ()):
            yield from _dotted(name, (*path, key, i), followers, apart)
    for key in (*STATISTICS, "quantiles"):
        yield from _dotted(getattr(target, key) or "", (*path, key), followers, apart)
    for key in ("counts", "shares", "groups"):
        for name in getattr(target, key) or ():
            yield from _dotted(name, (*path, key, name), followers, apart)
    if isinstance(target.table, list):
        for name in dict.fromkeys(name for row in target.table for name in row):
            yield from _dotted(name, (*path, "table"), followers, apart)
    if target.layout is not None:
        yield from _columns(target.layout.columns or {}, (*path, "layout", "columns"), followers, apart)


def _told_apart(level: LevelForm, pair: PairSpec) -> Apart:
    """What may stand before a dot where pairs are counted: the two roles, or the categories that order them."""
    ordered = pair.by in level.variables
    return dict.fromkeys(_labels(level.variables[pair.by]) if ordered else pair.roles, level.name)


def _columns(columns: Mapping[str, str | None], path: Place, followers: Followers, apart: Apart) -> Iterator[Slip]:
    for column, name in columns.items():
        yield from _dotted(name or "", (*path, column), followers, apart)


def _dotted(name: str, path: Place, followers: Followers, apart: Apart) -> Iterator[Slip]:
    """A name with a dot is that of a variable of a level, or of the member with a role."""
    if not _DOTTED.fullmatch(name):
        return
    before, _, own = name.partition(".")
    known = list(dict.fromkeys((*apart, *followers.names)))
    if before not in known:
        yield Slip(path=path, message=f"no level and no role is called '{before}'", cure=nearest(before, known))
        return
    level = followers.levels[followers.names[apart.get(before, before)][0]]
    if before not in apart and level.name in apart.values():
        message = f"'{before}' is none of the two that these pairs tell apart"
        yield Slip(path=path, message=message, cure=nearest(before, list(apart)))
    elif own not in level.variables:
        message = f"'{level.name}' has no variable '{own}'"
        yield Slip(path=path, message=message, cure=nearest(own, list(level.variables)))


def _zones(spec: "Spec") -> Iterator[Slip]:
    """Areas have names of their own."""
    if spec.zones is None:
        return
    taken = {name.casefold(): f"a variable, '{name}'" for name in spec.variables}
    for name in spec.zones.levels:
        path = ("zones", "key") if name == spec.zones.key and name.casefold() in taken else ("zones", "within", name)
        if name.casefold() in taken:
            yield Slip(path=path, message=f"'{name}' is {taken[name.casefold()]}, too", cure="call one of them something else")
        taken.setdefault(name.casefold(), f"what other areas are called, '{name}'")


def _sample(spec: "Spec", levels: tuple[LevelForm, ...]) -> Iterator[Slip]:
    """Real records lie in a file a level."""
    if spec.sample is None:
        return
    names, unit = [level.name for level in levels], levels[0].name
    if spec.sample.file and spec.members:
        cure = f"write `files: {{{unit}: {spec.sample.file}, ...}}`"
        yield Slip(path=("sample", "file"), message="units with members have a file for each level", cure=cure)
    if spec.sample.files and not spec.members and unit == FLAT:
        cure = f"write file: {next(iter(spec.sample.files.values()))}"
        yield Slip(path=("sample", "files"), message="the spec has no members, so there is one file", cure=cure)
        return
    for name in spec.sample.files:
        if name not in names:
            yield Slip(path=("sample", "files", name), message=f"no level is called '{name}'", cure=nearest(name, names))
    if spec.sample.files and unit not in spec.sample.files:
        cure = f"add `{unit}: FILE`"
        yield Slip(path=("sample", "files"), message=f"has no file of '{unit}', whose members the others are", cure=cure)
