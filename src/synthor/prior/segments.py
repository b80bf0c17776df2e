"""Segments of units with members, ready for use: what a proposal says of a unit, of its members, and of who these are.

What it does not say is believed as of all units, so a segment holds nothing else. One that cannot be used as it stands is left
out as a whole: half of what characterises it would be another one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from synthor.errors import nearest
from synthor.prior.compositions import Numbers, level_of_roles, told_compositions
from synthor.prior.differences import BelievedDifference, differences_of, differences_told
from synthor.prior.model import Dropped, Prior, Proposal, Range
from synthor.prior.said import weights_of
from synthor.prior.shown import shown
from synthor.problem import Problem
from synthor.problem.following import Followed
from synthor.schema import Ref
from synthor.spec.levels import levels_of
from synthor.types import Shares

SURE = 6000.0
"""Pseudo-records that a difference inside a segment is worth: it characterises its units."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Said:
    """What a segment says of one variable.

    Attributes:
        shares: of the variable's categories, summing to one.
        finest: whether these are its finest bins, as a number or a range tells them; else they are the declared ones.
    """

    shares: Shares
    finest: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BelievedSegment:
    """A group of alike units.

    Attributes:
        name: of the proposal, for people.
        place: of the proposal among all, for people.
        share: of all units, in percent.
        said: by declared column, of the unit, of all members, of the one with a role, or of each of several with it.
        compositions: by members of each role, in the order of the roles, the share of its units; none where nothing is said.
        differences: how far the numbers of two members lie apart.
    """

    name: str
    place: str
    share: float
    said: Mapping[Ref, Said]
    compositions: Mapping[Numbers, float] = field(default_factory=dict)
    differences: tuple[BelievedDifference, ...] = ()


def segments_of(prior: Prior, problem: Problem, dropped: list[Dropped]) -> Iterator[BelievedSegment]:
    """Segments that fit a problem whose units have members.

    Args:
        prior: its proposals, and groups of categories in which they may be told.
        problem: what is known.
        dropped: takes those that do not fit, with the reason.
    """
    for i, proposal in enumerate(prior.proposals):
        place = place_of_proposal(proposal, i)
        if proposal.members is not None:
            reason = "a whole unit is read by `method: direct` alone; say what such units have, as `values`"
            dropped.append(Dropped(belief=place, reason=reason))
            continue
        said = said_of(proposal, problem, place, dropped, prior.groups)
        if said is None:
            continue
        compositions = _compositions(proposal, problem, place, dropped)
        differences = _differences(proposal, problem, place, dropped)
        if compositions is None or differences is None:
            continue
        yield BelievedSegment(
            name=proposal.name,
            place=place,
            share=proposal.share,
            said=said,
            compositions=compositions,
            differences=differences,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentForm:
    """What segments of a problem may say.

    Attributes:
        variables: by their names.
        unsaid: variables that follow from members, or say who these are.
        roles: of the members, in order; none where nothing tells them apart.
        differences: as they are written.
        most: members of a unit, at most; None where nothing says.
    """

    variables: tuple[str, ...]
    unsaid: tuple[str, ...]
    roles: tuple[str, ...]
    differences: tuple[str, ...]
    most: int | None


def form_of_segments(problem: Problem, names: Sequence[str]) -> SegmentForm:
    """What segments may say.

    Args:
        problem: what is known.
        names: of the variables that are shown.
    """
    refs = {name: problem.schema.resolve_among(name) for name in names}
    said = [name for name, ref in refs.items() if ref is not None and not _never_said(ref, name, problem)]
    level = level_of_roles(problem)
    own = None if level is None else problem.schema.levels[level]
    return SegmentForm(
        variables=tuple(said),
        unsaid=tuple(name for name in names if name not in said),
        roles=() if own is None else own.variables[own.position(own.role)].labels,
        differences=differences_told(problem),
        most=None if level is None else levels_of(problem.spec)[level].number.max,
    )


def wrong_in(proposal: Proposal, problem: Problem, groups: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """Why a proposal about units with members cannot be used, in words; empty where it can.

    Args:
        proposal: as written.
        problem: what is known.
        groups: of categories, by variable, in which labels may be told.
    """
    dropped: list[Dropped] = []
    found = list(segments_of(Prior(proposals=[proposal], groups=dict(groups)), problem, dropped))
    return "" if found else "; ".join(entry.reason for entry in dropped)


def place_of_proposal(proposal: Proposal, i: int) -> str:
    """What a proposal is called when it is told of."""
    return f"proposals[{i}]" + (f" ({proposal.name[:60]})" if proposal.name else "")


def said_of(
    proposal: Proposal, problem: Problem, place: str, dropped: list[Dropped], groups: Mapping[str, Mapping[str, Sequence[str]]]
) -> dict[Ref, Said] | None:
    """What a proposal's values say, by the column; None where one cannot be used.

    Args:
        proposal: as written.
        problem: whose variables it speaks of.
        place: of the proposal, for people.
        dropped: what could not be used is added here.
        groups: of categories, by variable, in which labels may be told.
    """
    found: dict[Ref, Said] = {}
    for name, value in proposal.values.items():
        ref = problem.schema.resolve_among(name)
        wrong = f"no variable is called '{name}'; {nearest(name, problem.schema.names)}" if ref is None else ""
        wrong = wrong or (_never_said(ref, name, problem) if ref is not None else "")
        if ref is None or wrong:
            dropped.append(Dropped(belief=place, reason=wrong))
            return None
        level = problem.schema.levels[ref.level]
        in_bins = level.variables[ref.column].numeric and isinstance(value, int | float | Range) and not isinstance(value, bool)
        variable = level.finest(ref.column) if in_bins else level.variables[ref.column]
        known = (
            problem.marginal(ref.column) if ref.level == 0 else problem.marginal_of_rows(ref.level, Ref(ref.level, ref.column))
        )
        weights = weights_of(value, shown(variable, None if in_bins else groups.get(variable.name)), known, place, dropped)
        if weights is None:
            return None
        if weights.sum() <= 0:
            dropped.append(Dropped(belief=place, reason=f"no value of {name} that it gives is possible"))
            return None
        found[ref] = Said(shares=np.asarray(weights / weights.sum()), finest=in_bins)
    return found


def _never_said(ref: Ref, name: str, problem: Problem) -> str:
    """Why a segment cannot say what a variable is, and what it can; empty where it can."""
    own = problem.schema.levels[ref.level]
    if own.variables[ref.column].kind.free:
        return f"{name} is another in each record, so nothing is believed of it"
    if own.role and own.position(own.role) == ref.column:
        return f"'{name}' is who a {own.name} is: say so by `compositions`"
    for one in problem.follows:
        if (one.level, one.position) == (ref.level, ref.column) and not _is_drawn(one, problem):
            return f"'{name}' follows from {one.text}: say what the members have or who they are"
    return ""


def _is_drawn(one: Followed, problem: Problem) -> bool:
    """Whether a variable that follows is drawn before its members: their number, or what one has who is always there."""
    if one.level or one.below != level_of_roles(problem):
        return False
    return not one.absent if one.fold is None else one.fold.name == "count" and one.role is None and one.condition is None


def _compositions(proposal: Proposal, problem: Problem, place: str, dropped: list[Dropped]) -> dict[Numbers, float] | None:
    """Shares of the segment's units by who their members are; None where it says nothing that can be."""
    if proposal.compositions is None:
        return {}
    told = list(told_compositions(proposal.compositions, problem, f"{place}.compositions", dropped))
    total = sum(percent for _, percent in told)
    if total <= 0:
        dropped.append(Dropped(belief=place, reason="none of its compositions can be"))
        return None
    found: dict[Numbers, float] = {}
    for numbers, percent in told:
        found[numbers] = found.get(numbers, 0.0) + percent / total
    return {numbers: share for numbers, share in found.items() if share > 0}


def _differences(
    proposal: Proposal, problem: Problem, place: str, dropped: list[Dropped]
) -> tuple[BelievedDifference, ...] | None:
    """What it says of how far apart members are; None where one of these cannot be used."""
    told, wrong = proposal.differences or (), list[Dropped]()
    found = differences_of(told, [SURE] * len(told), problem, wrong)
    dropped += [Dropped(belief=place, reason=f"{one.belief.partition(' ')[2][1:-1]} {one.reason}") for one in wrong]
    return None if wrong else found
