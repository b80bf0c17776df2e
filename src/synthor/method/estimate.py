"""What asking a model would cost, told before the first call."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from synthor.llm.budget import input_tokens
from synthor.llm.request import Request
from synthor.prior import questions as asking
from synthor.prior.elicit import asks
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


def estimate(spec: Spec, requests: Sequence[Request]) -> Estimate:
    """Cost of some requests, stage by stage.

    Args:
        spec: names the model.
        requests: all that a run sends when no answer has to be asked for again.
    """
    stages: dict[str, list[Request]] = {}
    for request in requests:
        stages.setdefault(request.stage, []).append(request)
    listed = tuple(
        Stage(
            name=name,
            requests=len(alike),
            input_tokens=sum(map(input_tokens, alike)),
            output_tokens=sum(map(expected, alike)),
        )
        for name, alike in stages.items()
    )
    name = spec.model.name if spec.model is not None else "no model"
    told = Estimate(model=name, stages=listed, usd=None, sentence=_SENTENCE)
    return replace(told, usd=_price(name, told.total))


_SENTENCE = "Unusable parts of an answer are asked for once more; later rounds ask only for what is still missing."


def expected(request: Request) -> int:
    """Output tokens that an answer should have."""
    return max(0, round((request.max_output_tokens - asking.LEAST_TOKENS) / asking.HEADROOM))


def _price(name: str, total: Stage) -> float | None:
    if ":" not in name or name.startswith(("batch:", "replay:")):
        return None
    from synthor.llm.provider import price

    try:
        return price(name, total.input_tokens, total.output_tokens)
    except ImportError:  # prices come with the library that asks, which an estimate can do without
        return None


def unasked(spec: Spec) -> str:
    """Why a run on this spec asks no model; empty where it asks one.

    >>> unasked(Spec(records=1, variables={"car": {"type": "boolean"}}))
    'the spec names no model (`model: {name: ...}`)'
    """
    if spec.model is None:
        return "the spec names no model (`model: {name: ...}`)"
    if spec.model.name == "none":
        return "`model: {name: none}` asks nobody"
    return "" if asks(spec) else "the spec gives beliefs by `prior:` or a recording"
