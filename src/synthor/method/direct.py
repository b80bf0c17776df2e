"""`method: direct`: the model writes records one by one; they are resampled to the number wanted."""

from collections.abc import Sequence
from dataclasses import replace

from synthor.fit.model import as_written, refuse_members
from synthor.llm.request import Answer, Request
from synthor.method.state import Advance, Inquiry, State, begun, taken, with_round
from synthor.prior import answers as hearing
from synthor.prior import questions as asking
from synthor.prior.model import Prior
from synthor.prior.scene import Scene, plain_scene
from synthor.problem import Problem

PARTS = 6
RECORDS = 50
"""Records a request: models cut long answers short."""


class Direct:
    """Records as the model writes them."""

    def begin(self, problem: Problem) -> State:
        refuse_members(problem)
        state = begun(problem)
        return replace(state, questions=_open(state))

    def follow_up(self, state: State) -> tuple[Request, ...]:
        return ()

    def step(self, state: State, answers: Sequence[Answer | None]) -> State:
        after, found = taken(state, answers)
        proposals = list(after.prior.proposals)
        for heard in found:
            proposals += heard.proposals.values()
        after = replace(after, prior=after.prior.model_copy(update={"proposals": proposals}))
        return replace(after, questions=_open(after))

    def settle(self, state: State, advance: Advance) -> State:
        model = as_written(state.problem, state.prior, dropped=(*state.dropped, *state.lost))
        return with_round(state, model, lambda: as_written(state.problem, Prior()))


def _open(state: State) -> tuple[Inquiry, ...]:
    scene = plain_scene(state.problem)
    return tuple(_part(state, scene, part) for part in range(1, PARTS + 1) if state.wants(f"records {part}"))


def _part(state: State, scene: Scene, part: int) -> Inquiry:
    item = f"records {part}"
    error = state.errors.get(item, "")

    def hear(text: str) -> hearing.Heard:
        heard = hearing.hear_records(text, scene, RECORDS)
        heard.errors = dict.fromkeys([item][: len(heard.errors)], "".join(heard.errors.values()))
        return heard

    request = asking.ask_records(scene, n_records=RECORDS, part=part, parts=PARTS, error=error)
    return Inquiry(request=request, items=(item,), hear=hear)
