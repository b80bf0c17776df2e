"""`method: calibrated`: the model supplies beliefs, the solver the arithmetic.

The first round asks for dependency tables, rules, and a plan of segments; where units have members, for compositions in its
place. A later round asks only for what the fit shows to be missing: cells without support, targets whose discrepancy
remains, and tables that contradict the others most.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from synthor.fit.model import Model, fit, fit_what_can_be
from synthor.llm.request import Answer, Request
from synthor.method.of_members import missing_cells, segments_wanted
from synthor.method.state import Advance, Inquiry, State, got, taken, with_round
from synthor.prior import answers as hearing
from synthor.prior import answers_of_members as hearing_of_members
from synthor.prior import questions as asking
from synthor.prior.among_members import AmongMembers
from synthor.prior.beliefs import BelievedTable, resolve
from synthor.prior.compositions import level_of_roles
from synthor.prior.differences import differences_told
from synthor.prior.heard import Heard
from synthor.prior.model import Prior
from synthor.prior.scene import Pair, Scene, all_pairs, scene
from synthor.prior.scene_of_members import (
    pairs_inside_levels,
    pairs_of_members,
    scene_of_members,
    sizes_of_compositions,
    unpublished_of_members,
)
from synthor.prior.shown import MANY, neighbours, shown
from synthor.problem import Problem
from synthor.randomness import generator
from synthor.schema import Variable
from synthor.values import possible

STRAIN = 0.02
"""Nats beyond which a dependency table is shown to the model again: below, a second look was worth nothing (bench/results)."""

MOST_REVISED = 12
"""Tables shown again, once, beside what the fit made of them: those that had to give way most."""

MOST_CELLS = 10
WORST_CELLS = 6
DRAWS = 500
"""Records drawn of a segment to see whether the rules leave any."""

NOBODY = 1e-5
"""Share of members below which none are shown."""

REMAINS = 1e-3
"""Share of the records that a cell must be off for its discrepancy to be worth asking about."""


_Off = tuple[float, str, float, float]
"""A cell that is still off: by how much, its name, the share wanted, the share that is there."""


class Calibrated:
    """Beliefs in rounds, each pulled onto the targets."""

    def begin(self, problem: Problem) -> State:
        groups = {
            variable.name: neighbours(variable, problem.marginal(v) if level == 0 else None)
            for level, own in enumerate(problem.schema)
            for v, variable in enumerate(own.variables)
            if variable.size > MANY and variable.kind.ordered
        }
        names = [variable.name for own in problem.schema for variable in own.variables]
        state = State(problem=problem, prior=Prior(variables=names, groups=groups))
        return replace(state, questions=self._open(state))

    def follow_up(self, state: State) -> tuple[Request, ...]:
        then, open_now, later = state, state.questions, list[Inquiry]()
        while open_now:  # as if all were answered: for want of a choice the pairs that come first stand for those named
            groups = {variable.name: neighbours(variable, None) for variable in _in_groups(open_now, _scene(then))}
            heard = then.heard.union(*(one.items for one in open_now))
            then = replace(then, heard=heard, prior=then.prior.model_copy(update={"groups": then.prior.groups | groups}))
            open_now = self._open(then)
            later += open_now
        requests = tuple(question.request for question in later)
        if _nested(state):
            return requests
        n = -(-asking.SEGMENTS // asking.SEGMENTS_A_REQUEST)
        like = [asking.Segment(name=f"segment {i}", share=4.0) for i in range(asking.SEGMENTS // n)]
        return (*requests, *[asking.ask_details(_scene(then), like, {})] * n)

    def step(self, state: State, answers: Sequence[Answer | None]) -> State:
        after, found = taken(state, answers)
        for heard in found:
            after = _believed(after, heard)
        return replace(after, questions=self._open(after))

    def settle(self, state: State, advance: Advance) -> State:
        dropped = (*state.dropped, *state.lost)
        model = fit_what_can_be(state.problem, state.prior, dropped=dropped, advance=advance)
        after = with_round(state, model, lambda: fit(state.problem, Prior()))
        after = replace(after, repairs=_repairs_of(after, model))
        return replace(after, questions=self._open(after))

    def _open(self, state: State) -> tuple[Inquiry, ...]:
        """What is still to be asked in this round, most important first."""
        if state.repairs is not None:
            return state.repairs(state)
        scene = _scene(state)
        first = _groups(state, scene) or _marginals(state, scene)  # of groups, where there are groups
        if first:
            return tuple(first)
        return tuple(_first_round(state, scene))


def _first_round(state: State, scene: Scene) -> Iterator[Inquiry]:
    """What a first round asks once groups and marginals are known, most important first."""
    yield from _tables(state, scene)
    yield from _rules(state, scene)
    yield from _plan(state, scene)
    yield from _compositions(state, scene)
    yield from _differences(state, scene)
    yield from _three_way(state, scene)


def _nested(state: State) -> bool:
    """Whether units have members: then no plan of segments is asked for, and segments only where the fit lacks units."""
    return len(state.problem.schema.levels) > 1


def _pairs(state: State) -> tuple[Pair, ...]:
    return pairs_of_members(state.problem) if _nested(state) else all_pairs(state.problem)


def _scene(state: State) -> Scene:
    if _nested(state):
        known = Prior(marginals=state.prior.marginals, groups=state.prior.groups)
        return scene_of_members(state.problem, known, resolve(known, state.problem))
    variables = [shown(variable, state.prior.groups.get(variable.name)) for variable in state.problem.schema.unit.variables]
    marginals = resolve(Prior(marginals=state.prior.marginals, groups=state.prior.groups), state.problem).marginals
    return scene(state.problem, variables, marginals)


def _groups(state: State, scene: Scene) -> list[Inquiry]:
    """Categories too many to be shown are put into groups first."""
    once = {variable.variable.name: variable for variable in reversed(scene.variables)}  # for the head's, too
    large = [variable.name for variable in reversed(once.values()) if variable.size > MANY]
    names = [name for name in large if state.wants(f"groups {name}")]
    return [
        Inquiry(
            request=asking.ask_groups(scene, name, state.errors.get(f"groups {name}", "")),
            items=(f"groups {name}",),
            hear=lambda text, name=name: hearing.hear_groups(text, scene, name),  # type: ignore[misc]
        )
        for name in names
    ]


def _in_groups(questions: Sequence[Inquiry], scene: Scene) -> Iterator[Variable]:
    """The variables whose groups are asked for."""
    items = {item for one in questions if one.request.stage == "groups" for item in one.items}
    return (variable.variable for variable in scene.variables if f"groups {variable.name}" in items)


def _marginals(state: State, scene: Scene) -> list[Inquiry]:
    if _nested(state):
        unpublished = unpublished_of_members(state.problem)
    else:
        unpublished = tuple(v.name for v, published in zip(scene.variables, scene.published, strict=True) if not published)
    names = [name for name in unpublished if state.wants(f"marginal {name}")]
    if not names:
        return []
    items = tuple(f"marginal {name}" for name in names)
    error = next((state.errors[item] for item in items if item in state.errors), "")
    return [
        Inquiry(
            request=asking.ask_marginals(scene, names, error),
            items=items,
            hear=lambda text: hearing.hear_marginals(text, scene, names),
        )
    ]


def _tables(state: State, scene: Scene) -> list[Inquiry]:
    every = [pair for pair in _pairs(state) if max(scene.by_name[n].size for n in (pair.given, pair.of)) <= MANY]
    always = _asked_anyway(state)
    pairs = state.pairs
    if pairs is None and len(every) > asking.ALL_PAIRS:
        others = [pair for pair in every if pair not in always]
        most = asking.RELATIONS if always else asking.ALL_PAIRS
        if state.wants("pairs"):
            return [
                Inquiry(
                    request=asking.ask_pairs(scene, state.errors.get("pairs", ""), most=most, anyway=bool(always)),
                    items=("pairs",),
                    hear=lambda text: hearing_of_members.hear_pairs(text, scene, others, most),
                )
            ]
        pairs = tuple(others[:most])  # the model names none: take what the spec declares first
    pairs = None if pairs is None else (*(pair for pair in every if pair in always), *pairs)
    wanted = [pair for pair in (every if pairs is None else pairs) if state.wants(str(pair))]
    return [_table_question(state, scene, batch) for batch in asking.batches_of_pairs(scene, wanted)] if wanted else []


def _asked_anyway(state: State) -> tuple[Pair, ...]:
    """Pairs that need no choice: those inside levels where units have members, unless these alone are too many."""
    inside = pairs_inside_levels(state.problem) if _nested(state) else ()
    return inside if len(inside) <= asking.ALL_PAIRS else ()


def _table_question(state: State, scene: Scene, batch: Sequence[Pair]) -> Inquiry:
    return Inquiry(
        request=asking.ask_tables(scene, batch, state.errors),
        items=tuple(str(pair) for pair in batch),
        hear=lambda text: hearing.hear_tables(text, scene, batch),
    )


def _rules(state: State, scene: Scene) -> list[Inquiry]:
    if not state.wants("rules"):
        return []
    among = AmongMembers.of(state.problem) if _nested(state) else None
    request = asking.ask_rules(scene, state.errors.get("rules", ""), among)
    return [Inquiry(request=request, items=("rules",), hear=lambda text: hearing.hear_rules(text, state.problem))]


def _compositions(state: State, scene: Scene) -> list[Inquiry]:
    """Who the members of a unit are, as a whole."""
    sizes = sizes_of_compositions(state.problem) if _nested(state) else ()
    if not sizes or not state.wants("compositions"):
        return []
    own = state.problem.schema.levels[level_of_roles(state.problem) or 0]
    roles = own.variables[own.position(own.role)].labels
    return [
        Inquiry(
            request=asking.ask_compositions(scene, roles, sizes, who=own.name, error=state.errors.get("compositions", "")),
            items=("compositions",),
            hear=lambda text: hearing_of_members.hear_compositions(text, roles, sizes),
        )
    ]


def _differences(state: State, scene: Scene) -> list[Inquiry]:
    """How far apart the numbers of two members lie, of those that roles tell apart."""
    wanted = differences_told(state.problem)[: asking.DIFFERENCES] if _nested(state) else ()
    if not wanted or not state.wants("differences"):
        return []
    return [
        Inquiry(
            request=asking.ask_differences(scene, wanted, state.errors.get("differences", "")),
            items=("differences",),
            hear=lambda text: hearing_of_members.hear_differences(text, wanted),
            optional=True,
        )
    ]


def _three_way(state: State, scene: Scene) -> list[Inquiry]:
    """Where a third variable matters for how two go together."""
    if not _nested(state) or not state.wants("three-way"):
        return []
    request = asking.ask_three_way(scene, state.errors.get("three-way", ""))
    return [
        Inquiry(
            request=request,
            items=("three-way",),
            hear=lambda text: hearing_of_members.hear_three_way(text, scene),
            optional=True,
        )
    ]


def _plan(state: State, scene: Scene) -> list[Inquiry]:
    """The outline; then the details of its segments."""
    if _nested(state):
        return []
    if state.segments is None:
        if not state.wants("outline"):
            return []
        request = asking.ask_outline(scene, state.errors.get("outline", ""))
        return [Inquiry(request=request, items=("outline",), hear=hearing.hear_outline)]
    wanted = [segment for segment in state.segments if state.wants(f"segment {segment.name}")]
    n_batches = -(-len(wanted) // asking.SEGMENTS_A_REQUEST)
    batches = [wanted[i::n_batches] for i in range(n_batches)]
    return [
        Inquiry(
            request=asking.ask_details(scene, batch, state.errors),
            items=tuple(f"segment {segment.name}" for segment in batch),
            hear=lambda text, batch=batch: hearing.hear_details(text, scene, batch),  # type: ignore[misc]
        )
        for batch in batches
    ]


def _believed(state: State, heard: Heard) -> State:
    """The state with what one answer gave; what was said again takes the place of what was said before."""
    prior = state.prior
    fresh = {(table.given, table.of): table for table in heard.tables.values()}
    kept = [table for table in prior.dependencies if (table.given, table.of) not in fresh]
    names = {proposal.name for proposal in heard.proposals.values()}
    segments = [proposal for proposal in prior.proposals if proposal.name not in names]
    groups = dict(prior.groups)
    if heard.groups and heard.group_variable:
        groups[heard.group_variable] = heard.groups
    changed = prior.model_copy(
        update={
            "dependencies": [*kept, *fresh.values()],
            "rules": [*prior.rules, *heard.rules],
            "marginals": [*prior.marginals, *heard.marginals.values()],
            "proposals": [*segments, *heard.proposals.values()],
            "groups": groups,
            "compositions": [*(prior.compositions or ()), *heard.compositions] or None,
            "differences": [*(prior.differences or ()), *heard.differences] or None,
            "three_way": [*(prior.three_way or ()), *heard.three_way] or None,
        }
    )
    return replace(
        state,
        prior=changed,
        pairs=tuple(heard.pairs) if heard.pairs else state.pairs,
        segments=tuple(heard.segments) if heard.segments else state.segments,
    )


def _repairs_of(ended: State, model: Model) -> Callable[[State], tuple[Inquiry, ...]]:
    """What a later round asks, given the fit before it; nothing when nothing is wrong.

    Cells are those of this fit: what else is off waits for the next one.
    """
    if _nested(ended):
        missing = missing_cells(ended, model)

        def of_members(state: State) -> tuple[Inquiry, ...]:
            scene = _scene(state)
            asked = (*segments_wanted(state, scene, missing), *_revisions(state, scene, model))
            return tuple(replace(one, optional=True) for one in asked)

        return of_members
    wanted = _off(ended, model)

    def of_records(state: State) -> tuple[Inquiry, ...]:
        scene = _scene(state)
        return (*_targeted(state, scene, wanted), *_emptied(state, scene, model), *_revisions(state, scene, model))

    return of_records


def _revisions(state: State, scene: Scene, model: Model) -> list[Inquiry]:
    """The tables that had to give way most."""
    beliefs = {table.name: table for table in model.beliefs.tables}
    begun = [item.removeprefix("revise ") for item in state.tries if item.startswith("revise ")]
    strained = sorted((pull for pull in model.tables if pull.strain > STRAIN), key=lambda pull: -pull.strain)
    names = begun or [pull.name for pull in strained[:MOST_REVISED]]
    names = [name for name in names if state.wants(f"revise {name}")]
    if not names:
        return []
    by_name = {str(pair): pair for pair in _pairs(state)}
    said = {(table.given, table.of): table for table in state.prior.dependencies}
    pairs = [by_name[name] for name in names if name in by_name]
    written = {pair: said[pair.given, pair.of] for pair in pairs if (pair.given, pair.of) in said}
    if not written:  # what was counted from a sample, or said otherwise than as a table
        return []
    cells = {str(pair): _worst_cells(scene, pair, model, beliefs) for pair in written}
    return [
        Inquiry(
            request=asking.ask_revision(scene, written, cells, state.errors),
            items=tuple(f"revise {pair}" for pair in written),
            hear=lambda text: hearing.hear_revision(text, scene, written),
        )
    ]


def _worst_cells(scene: Scene, pair: Pair, model: Model, beliefs: dict[str, BelievedTable]) -> list[dict[str, str]]:
    """Cells of a believed table where the fit differs most from it."""
    table = beliefs[str(pair)]
    have, believed = table.cells(model.pool.units).totals(model.weights).reshape(table.grouped.shape), table.grouped
    gap = np.abs(have - believed)
    if model.pool.units.nested:  # how many rows of each are given is not always believed, so shares of these are compared
        first = have.sum(axis=1, keepdims=True)
        have, believed = have / np.maximum(first, 1e-300), table.rows
        gap = np.abs(have - believed) * first
        have = np.where(have < NOBODY, 0.0, have)
    order = np.argsort(-gap, axis=None, kind="stable")[:WORST_CELLS]
    given, of = scene.by_name[pair.given], scene.by_name[pair.of]
    found = []
    for cell in order:
        a, b = (int(code) for code in np.unravel_index(cell, gap.shape))
        said, nearest = asking.percent(float(believed[a, b])), asking.percent(float(have[a, b]))
        found.append({"given": given.labels[a], "of": of.labels[b], "said": said, "have": nearest})
    return found


def _off(state: State, model: Model) -> list[_Off]:
    """The cells that lack most records, among those that were not asked for in vain."""
    off = []
    for target, shares in zip(state.problem.counts, got(model), strict=True):
        total = target.wanted.sum()
        if not target.flat or total <= 0:
            continue
        gap = target.wanted / total - shares
        for cell in np.flatnonzero(gap > REMAINS):
            name = ", ".join(f"{variable} = '{label}'" for variable, label in target.labels(int(cell)).items())
            off.append((float(gap[cell]), name, float(target.wanted[cell] / total), float(shares[cell])))
    off.sort(key=lambda entry: (-entry[0], entry[1]))
    return [entry for entry in off if state.wants(f"cell {entry[1]}")][:MOST_CELLS]


def _targeted(state: State, scene: Scene, wanted: Sequence[_Off]) -> list[Inquiry]:
    """Segments for cells without support, and for cells that are still off."""
    cells = [entry for entry in wanted if state.wants(f"cell {entry[1]}")]
    if not cells:
        return []
    numbered = [
        {
            "number": str(number),
            "name": name,
            "wanted": asking.percent(share),
            "have": asking.percent(have),
            "error": state.errors.get(f"cell {name}", ""),
        }
        for number, (_, name, share, have) in enumerate(cells, start=1)
    ]
    segments = [asking.Segment(name=name, share=100 * gap) for gap, name, _, _ in cells]
    return [
        Inquiry(
            request=asking.ask_targeted(scene, numbered),
            items=tuple(f"cell {name}" for _, name, _, _ in cells),
            hear=lambda text: hearing.hear_details(text, scene, segments, prefix="cell "),
        )
    ]


def _emptied(state: State, scene: Scene, model: Model) -> list[Inquiry]:
    """Segments of which the rules allow no record."""
    problem = state.problem.with_rules(model.beliefs.rules)
    plan = {f"segment {proposal.name}": proposal for proposal in state.prior.proposals}
    empty = []
    for segment in state.segments or ():
        item = f"segment {segment.name}"
        if item in plan and state.wants(f"again {item}"):
            alone = resolve(Prior(proposals=[plan[item]], groups=state.prior.groups), state.problem, floor=0.0).base
            drawn = alone.draw(DRAWS, generator(state.problem.spec.random_seed, "emptied", item))
            if not possible(problem, drawn).any():
                empty.append(segment)
    if not empty:
        return []
    errors = {f"segment {segment.name}": "what is impossible leaves none of its records" for segment in empty}
    return [
        Inquiry(
            request=asking.ask_details(scene, empty, errors),
            items=tuple(f"again segment {segment.name}" for segment in empty),
            hear=lambda text: hearing.hear_details(text, scene, empty, prefix="again segment "),
        )
    ]
