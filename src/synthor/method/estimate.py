"""What asking a model would cost, told before the first call."""

from dataclasses import asdict, dataclass
from typing import Any

from synthor.llm.budget import input_tokens
from synthor.llm.request import Request
from synthor.method.state import Question, State
from synthor.prior import questions as asking
from synthor.problem import Problem
from synthor.spec.model import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Requests of one kind."""

    name: str
    requests: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The first round, stage by stage.

    Attributes:
        model: as the spec names it.
        stages: in the order of asking.
        usd: price of all; None where it is unknown.
        sentence: what the figures leave out.
    """

    model: str
    stages: tuple[Stage, ...]
    usd: float | None
    sentence: str

    @property
    def total(self) -> Stage:
        """All stages together."""
        return Stage(
            name="in all",
            requests=sum(stage.requests for stage in self.stages),
            input_tokens=sum(stage.input_tokens for stage in self.stages),
            output_tokens=sum(stage.output_tokens for stage in self.stages),
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON; an unknown price is null."""
        total = asdict(self.total)
        return {"model": self.model, "usd": self.usd, "stages": [asdict(stage) for stage in self.stages], "total": total}


def estimate(spec: Spec, begun: tuple[Problem, State]) -> Estimate:
    """Cost of the first round; later rounds ask only for what the fit shows to be missing.

    Args:
        spec: names the model.
        begun: the problem, and the method's state before anything was asked.
    """
    _, state = begun
    stages: dict[str, list[tuple[int, int]]] = {}
    for request, times in _requests(state.questions):
        stages.setdefault(request.stage, []).extend([(input_tokens(request), expected(request))] * times)
    listed = tuple(
        Stage(name=name, requests=len(sizes), input_tokens=sum(a for a, _ in sizes), output_tokens=sum(b for _, b in sizes))
        for name, sizes in stages.items()
    )
    name = spec.model.name if spec.model is not None else "no model"
    told = Estimate(model=name, stages=listed, usd=None, sentence=_SENTENCE)
    return Estimate(model=name, stages=listed, usd=_price(name, told.total), sentence=_SENTENCE)


_SENTENCE = "Unusable parts of an answer are asked for once more; later rounds ask only for what is still missing."


def _requests(questions: tuple[Question, ...]) -> list[tuple[Request, int]]:
    """Requests that are known, and those that follow from their answers: details from an outline."""
    found = []
    for question in questions:
        found.append((question.request, 1))
        if question.request.stage == "outline":
            found.append((_details_like(question.request), -(-asking.SEGMENTS // asking.SEGMENTS_A_REQUEST)))
    return found


def _details_like(outline: Request) -> Request:
    tokens = outline.max_output_tokens
    return Request(stage="details", instructions=outline.instructions, question=outline.question, max_output_tokens=2 * tokens)


def expected(request: Request) -> int:
    """Output tokens that an answer should have."""
    return max(0, round((request.max_output_tokens - asking.LEAST_TOKENS) / asking.HEADROOM))


def _price(name: str, total: Stage) -> float | None:
    if ":" not in name or name.startswith(("batch:", "replay:")):
        return None
    try:
        from synthor.llm.provider import price
    except ImportError:
        return None
    return price(name, total.input_tokens, total.output_tokens)
