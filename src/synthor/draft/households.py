"""Tables of two populations, of which one has the other for members: households beside the persons who live in them.

It is proposed, and asked, only where one of the smaller population's variables says how many persons there are, or its file is
called after households, and where the spec that comes of it passes its own check.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from synthor.draft.about import unit_in
from synthor.draft.compose import Composed
from synthor.draft.told import ASK, Told
from synthor.spec.scaffold import OPEN, Draft, Entry, MemberEntry

UNIT, MEMBER = "household", "person"
MOST = 8
"""Persons of a household, at most, where tables do not say it: also the most that households may have on average."""
_SIZE = re.compile(
    r"(?:number of |no of |n )?(?:(?:household|hh) )?(?:size|persons|people|members|residents)(?: in household)?"
)
"""Names of variables that say how many live in a household."""


def with_members(made: Composed) -> Draft | None:
    """The draft of units with members that the tables of a flat one may rather be of; None where nothing speaks for that.

    Args:
        made: the flat draft, with the table behind each target.
    """
    counted = [(one, names, round(one.total)) for one, names in zip(made.told, made.names, strict=True) if one.total]
    totals = sorted({total for *_, total in counted})
    if len(totals) != 2 or made.draft.population is not None:
        return None
    small, large = totals
    of_units = {name for _, names, total in counted if total == small for name in names}
    bodies = {entry.name: entry for entry in made.draft.variables}
    size = next((bodies[name] for name in bodies if name in of_units and _is_size(bodies[name])), None)
    files = [one for one, _, total in counted if total == small]
    if not small < large <= MOST * small or (size is None and not all(map(_of_households, files))):
        return None
    of_members = [entry for entry in made.draft.variables if entry.name not in of_units]
    if not of_members:
        return None
    units = [_followed(entry) if entry is size else entry for entry in made.draft.variables if entry.name in of_units]
    least, most = (1, MOST) if size is None else _ends(size)
    comment = "the tables say no largest household: this is a guess" if size is None or size.comment else ""
    members = MemberEntry(name=MEMBER, number={"min": least, "max": most}, variables=of_members, comment=comment)
    told = f"{small:,} in {_listed(files)} and {large:,} in {_listed([one for one, _, total in counted if total == large])}"
    return replace(
        made.draft,
        context=_asked(made.draft.context, f"are these households with their persons ({told})? If so, say"),
        records=small,
        records_comment=f"households, as {_listed(files)} says; {large:,} persons",
        unit=UNIT,
        variables=units,
        members=[members],
        targets=[_unasked(entry) for entry in made.draft.targets],
        remarks=[*made.draft.remarks, _remark(told)],
    )


def _is_size(entry: Entry) -> bool:
    named = _SIZE.fullmatch(entry.name.replace("_", " ").casefold()) is not None
    return named and entry.body.get("type") == "integer" and _ends(entry)[0] >= 0


def _ends(size: Entry) -> tuple[int, int]:
    """The least and the greatest number of persons that tables tell: none of vacant dwellings."""
    return int(str(size.body["min"])), int(str(size.body["max"]))


def _of_households(one: Told) -> bool:
    return unit_in(Path(one.file).stem.replace("-", " ")) == UNIT


def _followed(size: Entry) -> Entry:
    """How many persons there are, counted from these."""
    least, most = _ends(size)
    edges = size.body.get("bins") or list(range(least, most + 1))
    return Entry(name=size.name, body={"from": f"count({MEMBER})", "bins": edges})


def _unasked(entry: Entry) -> Entry:
    """A target without the question whom it counts."""
    asks = str(entry.body.get("where", "")).startswith(f"{ASK}which records")
    return replace(entry, body={key: value for key, value in entry.body.items() if key != "where"}) if asks else entry


def _asked(context: str, question: str) -> str:
    """The context with a question before what is asked there, if anything is."""
    return f"{OPEN} {question} {context.removeprefix(OPEN).strip()}" if context.startswith(OPEN) else context


def _remark(told: str) -> str:
    return (
        f"Tables are of two populations, {told}: taken for households and the persons in them. What tells these apart, such "
        "as head and partner, goes under `role`, and how many there are of each under `roles`. If they are something else, "
        f"take `unit` and `members` out, put variables of {MEMBER} under `variables`, and tell by `where` whom tables count."
    )


def _listed(files: Sequence[Told]) -> str:
    return ", ".join(dict.fromkeys(one.file for one in files))
