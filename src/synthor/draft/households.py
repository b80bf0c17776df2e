"""Tables of two populations, of which one has the other for members: households and their persons, orders and their lines.

It is proposed, and asked, only where one of the smaller population's variables says how many members there are, or its tables
are called after such units, and where the spec that comes of it passes its own check.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from synthor.draft.about import About, unit_in
from synthor.draft.compose import Composed
from synthor.draft.told import ASK, Told
from synthor.spec.scaffold import OPEN, Draft, Entry, MemberEntry


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitKind:
    """Units that are known to have members.

    Attributes:
        unit: what one is called.
        member: what one of its members is called.
        size: names of variables that say how many members there are.
        least: members, where tables do not say it.
        most: members, where tables do not say it: also the most that units may have on average.
        both: whether tables of members, too, must be called after these where no variable says how many there are.
        roles: what tells members apart, in words.
    """

    unit: str
    member: str
    size: re.Pattern[str]
    least: int
    most: int
    both: bool = True
    roles: str = ""


KINDS = (
    UnitKind(
        unit="household",
        member="person",
        size=re.compile(
            r"(?:number of |no of |n )?(?:(?:household|hh) )?(?:size|persons|people|members|residents)(?: in household)?"
        ),
        least=1,
        most=8,
        both=False,  # whoever is not a household is a person
        roles=" What tells these apart, such as head and partner, goes under `role`, how many there are of each under `roles`.",
    ),
    UnitKind(
        unit="order",
        member="line",
        size=re.compile(
            r"(?:number of |no of |n )?(?:order )?(?:lines|line items|items|positions)(?: (?:per|in an) order)?"
            r"|(?:order|basket) size"
        ),
        least=1,
        most=50,
    ),
    UnitKind(
        unit="person",
        member="trip",
        size=re.compile(r"(?:number of |no of |n )?(?:trips|journeys)(?: (?:per|a) (?:person|day))?"),
        least=0,
        most=12,
    ),
)


def with_members(made: Composed, said: Mapping[str, About]) -> Draft | None:
    """The draft of units with members that the tables of a flat one may rather be of; None where nothing speaks for that.

    Args:
        made: the flat draft, with the table behind each target.
        said: what each file says of its table.
    """
    return next((found for kind in KINDS if (found := _of(kind, made, said)) is not None), None)


def _of(kind: UnitKind, made: Composed, said: Mapping[str, About]) -> Draft | None:
    """The same, of one kind of units."""
    counted = [(one, names, round(one.total)) for one, names in zip(made.told, made.names, strict=True) if one.total]
    totals = sorted({total for *_, total in counted})
    if len(totals) != 2 or made.draft.population is not None:
        return None
    small, large = totals
    of_units = {name for _, names, total in counted if total == small for name in names}
    bodies = {entry.name: entry for entry in made.draft.variables}
    size = next((bodies[name] for name in bodies if name in of_units and _is_size(bodies[name], kind)), None)
    files, theirs = ([one for one, _, total in counted if total == which] for which in (small, large))
    of_units_said, of_members_said = (
        all(_counts(one, what, said) for one in of) for what, of in ((kind.unit, files), (kind.member, theirs))
    )
    called = of_units_said and (of_members_said or not kind.both)
    if not small < large <= kind.most * small or (size is None and not called):
        return None
    of_members = [entry for entry in made.draft.variables if entry.name not in of_units]
    if not of_members:
        return None
    units = [_followed(entry, kind) if entry is size else entry for entry in made.draft.variables if entry.name in of_units]
    least, most = (kind.least, kind.most) if size is None else _ends(size)
    comment = f"the tables say no largest {kind.unit}: this is a guess" if size is None or size.comment else ""
    members = MemberEntry(name=kind.member, number={"min": least, "max": most}, variables=of_members, comment=comment)
    told = f"{small:,} in {_listed(files)} and {large:,} in {_listed(theirs)}"
    return replace(
        made.draft,
        context=_context(made.draft.context, kind, told, sure=of_units_said and of_members_said),
        records=small,
        records_comment=f"{kind.unit}s, as {_listed(files)} say{'s' if len(files) == 1 else ''}; {large:,} {kind.member}s",
        unit=kind.unit,
        variables=units,
        members=[members],
        targets=[_unasked(entry) for entry in made.draft.targets],
        remarks=[*made.draft.remarks, _remark(told, kind)],
    )


def _is_size(entry: Entry, kind: UnitKind) -> bool:
    named = kind.size.fullmatch(entry.name.replace("_", " ").casefold()) is not None
    return named and entry.body.get("type") == "integer" and _ends(entry)[0] >= 0


def _ends(size: Entry) -> tuple[int, int]:
    """The least and the greatest number of members that tables tell: none of vacant dwellings."""
    return int(str(size.body["min"])), int(str(size.body["max"]))


def _counts(one: Told, what: str, said: Mapping[str, About]) -> bool:
    """Whether a table counts such rows, by the name of its file or by what that says."""
    return unit_in(Path(one.file).stem.replace("-", " ")) == what or (one.file in said and said[one.file].unit == what)


def _followed(size: Entry, kind: UnitKind) -> Entry:
    """How many members there are, counted from these."""
    least, most = _ends(size)
    edges = size.body.get("bins") or list(range(least, most + 1))
    return Entry(name=size.name, body={"from": f"count({kind.member})", "bins": edges})


def _unasked(entry: Entry) -> Entry:
    """A target without the question whom it counts."""
    asks = str(entry.body.get("where", "")).startswith(f"{ASK}which records")
    return replace(entry, body={key: value for key, value in entry.body.items() if key != "where"}) if asks else entry


def _context(context: str, kind: UnitKind, told: str, *, sure: bool) -> str:
    """The context, with the question whether these are such units, unless files of both say so."""
    question = f"{OPEN} are these {kind.unit}s with their {kind.member}s ({told})? If so,"
    if context.startswith(OPEN):
        return f"{question} say {context.removeprefix(OPEN).strip()}"
    one = f"One record is one {kind.unit}"
    context = context.replace(one, f"{one} with its {kind.member}s", 1)
    return context if sure else f"{question} keep this: {context}"


def _remark(told: str, kind: UnitKind) -> str:
    return (
        f"Tables are of two populations, {told}: taken for {kind.unit}s and the {kind.member}s in them.{kind.roles} If they "
        f"are something else, take `unit` and `members` out, put variables of {kind.member} under `variables`, and tell by "
        "`where` whom tables count."
    )


def _listed(files: Sequence[Told]) -> str:
    return ", ".join(dict.fromkeys(one.file for one in files))
