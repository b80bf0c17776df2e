"""What a later round asks where units have members: segments that supply what the fit lacks."""

from collections.abc import Sequence
from dataclasses import dataclass

from synthor.fit.model import Model
from synthor.method.state import Inquiry, State, got, told_in_shares
from synthor.prior import answers_of_members as hearing_of_members
from synthor.prior import questions as asking
from synthor.prior.scene import Scene
from synthor.prior.segments import form_of_segments, place_of_proposal, wrong_in

MOST_CELLS = 10
"""Cells for which segments are asked at once."""

REMAINS = 1e-3
"""Share of a table's rows that a cell must be off to be worth asking about, if anybody is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingCell:
    """A cell of which there are too few.

    Attributes:
        name: with whose rows it counts.
        item: under which a segment for it is asked.
        gap: share of the table's rows that is missing.
        units: percent of all units that would do, with one such row each.
        wanted: share of the table's rows.
        have: likewise.
        error: why the segment for it that there is does not do.
    """

    name: str
    item: str
    gap: float
    units: float
    wanted: float
    have: float
    error: str = ""


def missing_cells(state: State, model: Model) -> tuple[MissingCell, ...]:
    """The cells that lack most, among those that were not asked for in vain: without any unit, or off after the fit."""
    reasons = {entry.belief: entry.reason for entry in model.pool.dropped}
    places = {one.name: place_of_proposal(one, i) for i, one in enumerate(model.prior.proposals)}
    empty = {name: reasons[place] for name, place in places.items() if place in reasons}
    found, nobody = dict[str, MissingCell](), set(model.lacking)
    for t, (target, shares) in enumerate(zip(state.problem.counts, got(model), strict=True)):
        rows, wanted, have = told_in_shares(state.problem, target, shares)
        least = target.wanted if target.sigma is not None else target.lowest
        short = (least - shares * state.problem.n_units) / max(float(target.wanted.sum()), 1e-12)
        for cell in range(len(wanted) if target.axes else 0):
            gap = float(wanted[cell] - have[cell])
            if (t, cell) not in nobody and (gap <= REMAINS or short[cell] <= REMAINS):
                continue
            name = rows + ", ".join(f"{variable} = '{label}'" for variable, label in target.labels(cell).items())
            again = name in empty and f"cell {name}" in state.heard
            entry = MissingCell(
                name=name,
                item=f"again cell {name}" if again else f"cell {name}",
                gap=gap,
                units=min(max(100 * gap * float(shares.sum()), 1e-6), 100.0),
                wanted=float(wanted[cell]),
                have=float(have[cell]),
                error=empty[name] if again else "",
            )
            if state.wants(entry.item) and (name not in found or found[name].gap < gap):
                found[name] = entry
    return tuple(sorted(found.values(), key=lambda one: (-one.gap, one.name))[:MOST_CELLS])


def segments_wanted(state: State, scene: Scene, missing: Sequence[MissingCell]) -> list[Inquiry]:
    """One segment for each cell that lacks units."""
    cells = [one for one in missing if state.wants(one.item)]
    if not cells:
        return []
    numbered = [
        {
            "number": str(number),
            "name": one.name,
            "wanted": asking.percent(one.wanted),
            "have": asking.percent(one.have),
            "error": state.errors.get(one.item, "") or one.error,
        }
        for number, one in enumerate(cells, start=1)
    ]
    form = form_of_segments(state.problem, [variable.name for variable in scene.variables])
    segments = {one.item: asking.Segment(name=one.name, share=one.units) for one in cells}
    groups = state.prior.groups
    return [
        Inquiry(
            request=asking.ask_segments(scene, form, numbered),
            items=tuple(one.item for one in cells),
            hear=lambda text: hearing_of_members.hear_segments(
                text, scene, form, segments, lambda proposal: wrong_in(proposal, state.problem, groups)
            ),
        )
    ]
