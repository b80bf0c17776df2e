"""`method: direct`: the model writes records one by one; they are resampled to the number wanted.

Of units with members it writes whole ones: a household with all its persons.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from synthor.fit.model import as_written, refuse_zones
from synthor.llm.request import Answer, Request
from synthor.method.state import Advance, Inquiry, State, begun, taken, with_round
from synthor.prior import answers as hearing
from synthor.prior import answers_of_members as hearing_of_members
from synthor.prior import questions as asking
from synthor.prior.heard import Heard
from synthor.prior.model import Prior
from synthor.prior.scene import plain_scene
from synthor.prior.whole import scene_of_whole_units, written_level
from synthor.problem import Problem

PARTS = 6
RECORDS, UNITS = 50, 25
"""Records a request, or units with their members: models cut long answers short."""

Part = Callable[[int, str], tuple[Request, Callable[[str], Heard]]]
"""The request of one part, given why its last answer could not be used, and how to read what is answered."""


class Direct:
    """Records as the model writes them."""

    def begin(self, problem: Problem) -> State:
        refuse_zones(problem)
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
    part_of = _part_of_units(state) if len(state.problem.schema.levels) > 1 else _part_of_records(state)
    return tuple(_part(state, part_of, part) for part in range(1, PARTS + 1) if state.wants(f"records {part}"))


def _part(state: State, part_of: Part, part: int) -> Inquiry:
    item = f"records {part}"
    request, read = part_of(part, state.errors.get(item, ""))

    def hear(text: str) -> Heard:
        heard = read(text)
        heard.errors = dict.fromkeys([item][: len(heard.errors)], "".join(heard.errors.values()))
        heard.mended = [one.model_copy(update={"belief": f"{item}, {one.belief}"}) for one in heard.mended]
        return heard

    return Inquiry(request=request, items=(item,), hear=hear)


def _part_of_records(state: State) -> Part:
    scene = plain_scene(state.problem)

    def part_of(part: int, error: str) -> tuple[Request, Callable[[str], Heard]]:
        request = asking.ask_records(scene, n_records=RECORDS, part=part, parts=PARTS, error=error)
        return request, lambda text: hearing.hear_records(text, scene, RECORDS)

    return part_of


def _part_of_units(state: State) -> Part:
    scene, unit = scene_of_whole_units(state.problem), written_level(state.problem)

    def part_of(part: int, error: str) -> tuple[Request, Callable[[str], Heard]]:
        request = asking.ask_units(scene, unit, n_units=UNITS, part=part, parts=PARTS, error=error)
        return request, lambda text: hearing_of_members.hear_units(text, unit, UNITS)

    return part_of
