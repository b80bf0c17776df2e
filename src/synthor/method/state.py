"""What a method knows between two steps, and what every method can do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from synthor.fit.model import Model
from synthor.llm.budget import Bill
from synthor.llm.request import Answer, Request
from synthor.prior.heard import Heard
from synthor.prior.model import Dropped, Prior
from synthor.prior.questions import Segment
from synthor.prior.scene import Pair
from synthor.problem import Problem, Target
from synthor.rounds import Round
from synthor.types import Floats

TRIES = 2
"""Times that an item is asked for: once, and once more with the reason why the first answer could not be used."""

MOST_TOLD = 200
"""Things wrong with one answer that are listed one by one."""

REFUSED = {"error": "the request was refused", "content_filter": "the model's filter held the answer back"}
"""What an answer without text means."""

CUT = "the answer was cut off at the most tokens that were asked for; what was finished of it was taken"

Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inquiry:
    """A request, the items that it asks for, and how to read its answer.

    Attributes:
        optional: a recording that holds no answer to it is older than the question, and used without one.
    """

    request: Request
    items: tuple[str, ...]
    hear: Callable[[str], Heard]
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """Where a run stands. Never changes; each step makes the next.

    Attributes:
        problem: what is known.
        prior: what is believed so far.
        questions: what to ask now; none when a round is complete.
        heard: items that were answered and used.
        tries: how often each item was asked for.
        errors: why an item could not be used the last time.
        pairs: those whose dependence is asked for, once they are chosen.
        segments: of the plan, once they are outlined.
        repairs: questions of a later round, made when the one before it ended.
        answers: of this round.
        dropped: beliefs that could not be used, and what was mended.
        model: the fit after the last complete round.
        rounds: that are complete, round 0 being what the targets alone say.
    """

    problem: Problem
    prior: Prior = field(default_factory=Prior)
    questions: tuple[Inquiry, ...] = ()
    heard: frozenset[str] = frozenset()
    tries: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    pairs: tuple[Pair, ...] | None = None
    segments: tuple[Segment, ...] | None = None
    repairs: Callable[["State"], tuple[Inquiry, ...]] | None = None
    answers: tuple[Answer, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    model: Model | None = None
    rounds: tuple[Round, ...] = ()

    def wants(self, item: str) -> bool:
        """Whether an item is still to be asked for."""
        return item not in self.heard and self.tries.get(item, 0) < TRIES

    def passed(self, known: Callable[[Request], bool]) -> "State":
        """The state without the optional questions that whoever is asked cannot answer; they are not asked again."""
        skipped = [one for one in self.questions if one.optional and not known(one.request)]
        if not skipped:
            return self
        kept = tuple(one for one in self.questions if one not in skipped)
        return replace(self, questions=kept, heard=self.heard.union(*(one.items for one in skipped)))

    @property
    def lost(self) -> tuple[Dropped, ...]:
        """Items that were asked for twice in vain."""
        return tuple(
            Dropped(belief=item, reason=self.errors[item])
            for item, tries in self.tries.items()
            if tries >= TRIES and item not in self.heard and item in self.errors
        )


class Method(Protocol):
    """A way from answers to a distribution."""

    def begin(self, problem: Problem) -> State:
        """Before anything is asked; its questions are those of the first round."""
        ...

    def follow_up(self, state: State) -> tuple[Request, ...]:
        """Requests like those that will follow the state's questions, for estimates."""
        ...

    def step(self, state: State, answers: Sequence[Answer | None]) -> State:
        """Take in the answers to the state's questions; the questions of the new state are what is still open in this round."""
        ...

    def settle(self, state: State, advance: Advance) -> State:
        """End a round: fit, see how things stand, and ask what the next round should ask."""
        ...


def begun(problem: Problem) -> State:
    """The state before anything is asked."""
    names = [variable.name for variable in problem.schema.unit.variables]
    return State(problem=problem, prior=Prior(variables=names))


def taken(state: State, answers: Sequence[Answer | None]) -> tuple[State, list[Heard]]:
    """The state after its questions were answered, and what each answer gave.

    An unanswered question (the budget ended) counts as not asked.
    """
    heard_all = []
    tries, errors, heard, given = dict(state.tries), dict(state.errors), set(state.heard), list(state.answers)
    dropped = list(state.dropped)
    for question, answer in zip(state.questions, answers, strict=True):
        if answer is None:
            continue
        given.append(answer)
        found = question.hear(answer.text)
        if answer.finish in REFUSED:
            found.errors = dict.fromkeys(found.errors, REFUSED[answer.finish])
        for item in question.items:
            tries[item] = tries.get(item, 0) + 1
            if item in found.errors:
                errors[item] = found.errors[item]
            else:
                heard.add(item)
        if answer.finish == "length" and not found.errors.keys() >= {*question.items}:
            dropped.append(Dropped(belief=question.request.stage, reason=CUT))
        dropped += found.mended[:MOST_TOLD]
        if len(found.mended) > MOST_TOLD:
            rest = found.mended[MOST_TOLD:]
            more = f"{len(rest):,} more thing{' was' if len(rest) == 1 else 's were'} wrong with this answer"
            action = "mended" if all(entry.action == "mended" for entry in rest) else "dropped"
            dropped.append(Dropped(belief=question.request.stage, reason=more, action=action))
        heard_all.append(found)
    after = replace(
        state,
        questions=(),
        tries=tries,
        errors=errors,
        heard=frozenset(heard),
        answers=tuple(given),
        dropped=tuple(dropped),
    )
    return after, heard_all


def with_round(state: State, model: Model, baseline: Callable[[], Model]) -> State:
    """The state after a round ended in a fit.

    Args:
        state: before it.
        model: that the round ended in.
        baseline: what the targets alone say; called for round 0, when this is the first round.
    """
    if not state.rounds:
        state = replace(state, rounds=(_round_of(replace(state, answers=()), baseline()),))
    rounds = (*state.rounds, _round_of(state, model))
    return replace(state, model=model.recorded(rounds=rounds), rounds=rounds, answers=(), questions=(), repairs=None)


def _round_of(state: State, model: Model) -> Round:
    bill = Bill.of(state.answers)
    asked: dict[str, int] = {}
    for answer in state.answers:
        asked[answer.stage] = asked.get(answer.stage, 0) + 1
    gaps = discrepancies(model)
    tables = sorted(model.tables, key=lambda pull: -pull.strain)
    of_members = {"compositions": len(model.beliefs.compositions), "three-way tables": len(model.beliefs.three_way)}
    return Round(
        number=len(state.rounds),
        asked=asked,
        input_tokens=bill.input_tokens,
        output_tokens=bill.output_tokens,
        beliefs={
            "dependency tables": len(model.beliefs.dependencies),
            "rules": len(model.beliefs.rules),
            "proposals": model.beliefs.n_proposals,
        }
        | {what: n for what, n in of_members.items() if n},
        dropped=sum(entry.action == "dropped" for entry in model.dropped),
        status=model.status.value,
        discrepancy=float(np.mean(gaps)) if len(gaps) else 0.0,
        worst_discrepancy=float(np.max(gaps)) if len(gaps) else 0.0,
        unsupported=len(model.unsupported),
        effective_sample_size=model.effective_sample_size,
        strain=tables[0].strain if tables else 0.0,
        most_strained=tables[0].name if tables else "",
    )


def got(model: Model) -> list[Floats]:
    """Share of the units in every cell of every target, as fitted."""
    units, weights = model.pool.units, model.weights
    return [target.cells(units).totals(weights) for target in model.problem.counts]


def told_in_shares(problem: Problem, target: Target, shares: Floats) -> tuple[str, Floats, Floats]:
    """Which rows a table counts, where there are several kinds, and what is wanted and there: shares of these rows."""
    wanted = target.wanted / max(target.wanted.sum(), 1e-12)
    if len(problem.schema.levels) == 1:
        return "", wanted, shares
    rows = problem.schema.levels[target.level].name
    if not target.axes:  # how many there are
        return f"number of {rows} rows, of the number of units", target.wanted / problem.n_units, shares
    return f"{rows}: ", wanted, shares / max(shares.sum(), 1e-12)


def discrepancies(model: Model) -> Floats:
    """TVD of each target: half the sum of |got - wanted|, as a share of its records."""
    gaps = []
    for target, shares in zip(model.problem.counts, got(model), strict=True):
        total = target.wanted.sum()
        gaps.append(float(np.abs(shares / max(shares.sum(), 1e-12) - target.wanted / total).sum() / 2) if total > 0 else 0.0)
    return np.array(gaps)
