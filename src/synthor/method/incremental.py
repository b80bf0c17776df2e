"""`method: incremental`: the loop of the paper. The model sees what is still wrong and writes the next proposals.

Proposals and their numbers are taken as they are; records are only ever added, in equal parts a round. Nothing pulls them onto
the targets, so what remains wrong remains. Of units with members a proposal is a group of alike ones: it says what they have,
how many members, in which roles, and what members have, all or those with a role.
"""

from collections.abc import Sequence
from dataclasses import replace

from synthor.fit.model import as_written, refuse_zones
from synthor.llm.request import Answer, Request
from synthor.method.state import Advance, Inquiry, State, begun, got, taken, told_in_shares, with_round
from synthor.prior import answers as hearing
from synthor.prior import questions as asking
from synthor.prior.heard import Heard
from synthor.prior.model import Prior
from synthor.prior.scene import Scene, plain_scene
from synthor.prior.whole import scene_of_segments
from synthor.problem import Problem

ROUNDS = 6
SEGMENTS = 12
"""Proposals a round: models cut longer plans short."""

WORST = 20
"""Cells shown, the worst."""


class Incremental:
    """Proposals in rounds, taken as they are."""

    def begin(self, problem: Problem) -> State:
        refuse_zones(problem)
        state = begun(problem)
        return replace(state, questions=_next(state))

    def follow_up(self, state: State) -> tuple[Request, ...]:
        return tuple(question.request for question in state.questions) * (ROUNDS - 1)

    def step(self, state: State, answers: Sequence[Answer | None]) -> State:
        after, found = taken(state, answers)
        for heard in found:
            if heard.proposals:
                told = sum(proposal.share for proposal in heard.proposals.values())
                fresh = [
                    proposal.model_copy(update={"share": proposal.share / told / ROUNDS})
                    for proposal in heard.proposals.values()
                ]
                proposals = [*after.prior.proposals, *fresh]
                after = replace(after, prior=after.prior.model_copy(update={"proposals": proposals}))
        return after if after.heard - state.heard else replace(after, questions=_next(after))

    def settle(self, state: State, advance: Advance) -> State:
        model = as_written(state.problem, state.prior, dropped=(*state.dropped, *state.lost))
        after = with_round(state, model, lambda: as_written(state.problem, Prior()))
        return replace(after, questions=_next(after)) if len(after.rounds) <= ROUNDS else after


def _next(state: State) -> tuple[Inquiry, ...]:
    """The plan of the next round, given how the records so far differ from the targets."""
    done = max(len(state.rounds) - 1, 0) if state.prior.proposals else 0
    item = f"plan {done + 1}"
    if not state.wants(item):
        return ()
    nested = len(state.problem.schema.levels) > 1
    scene = scene_of_segments(state.problem) if nested else plain_scene(state.problem)
    request = asking.ask_plan(
        scene,
        _worst(state) if done else [],
        n_segments=SEGMENTS,
        share=asking.percent(1 / ROUNDS),
        done=asking.percent(done / ROUNDS),
        error=state.errors.get(item, ""),
    )
    return (Inquiry(request=request, items=(item,), hear=lambda text: _heard(text, scene, item)),)


def _heard(text: str, scene: Scene, item: str) -> Heard:
    heard = hearing.hear_plan(text, scene, 2 * SEGMENTS)
    heard.errors = dict.fromkeys([item][: len(heard.errors)], "".join(heard.errors.values()))
    heard.mended = [one.model_copy(update={"belief": f"{item}, {one.belief}"}) for one in heard.mended]
    return heard


def _worst(state: State) -> list[dict[str, str]]:
    if state.model is None:
        return []
    cells = []
    for target, shares in zip(state.problem.counts, got(state.model), strict=True):
        rows, wanted, have = told_in_shares(state.problem, target, shares)
        for cell in range(len(wanted)):
            name = rows + ", ".join(f"{variable} = '{label}'" for variable, label in target.labels(cell).items())
            gap = abs(float(wanted[cell] - have[cell]))
            cells.append((-gap, name, asking.percent(float(wanted[cell])), asking.percent(float(have[cell]))))
    return [{"name": name, "wanted": wanted, "have": have} for _, name, wanted, have in sorted(cells)[:WORST]]
