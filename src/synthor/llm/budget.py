"""What asking may cost, and what it did cost."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from synthor.llm.request import Answer, Request

CHARACTERS_PER_TOKEN = 3.2
"""Of prompts with many labels and figures; for estimates only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What was paid.

    Attributes:
        requests: that were answered, or failed after they may have been charged.
        input_tokens: sum over requests; estimated from the characters where a provider does not count.
        output_tokens: likewise.
        usd: sum of prices; None when the price of any answer is unknown: unknown is never 0.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = 0.0

    def with_answer(self, answer: Answer) -> "Bill":
        """The bill after one more answer.

        >>> bill = Bill().with_answer(Answer(key="k", stage="s", model="m", text="x", output_tokens=7))
        >>> bill.requests, bill.output_tokens, bill.usd
        (1, 7, None)
        """
        written = tokens_in(answer.text) if answer.output_tokens is None else answer.output_tokens
        return Bill(
            requests=self.requests + 1,
            input_tokens=self.input_tokens + (answer.input_tokens or 0),
            output_tokens=self.output_tokens + written,
            usd=None if self.usd is None or answer.usd is None else self.usd + answer.usd,
        )

    @classmethod
    def of(cls, answers: Iterable[Answer]) -> "Bill":
        bill = cls()
        for answer in answers:
            bill = bill.with_answer(answer)
        return bill


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Hard caps; None is no cap.

    A cap stops the next request: it is never exceeded by more than the requests that are on their way.
    """

    requests: int | None = None
    output_tokens: int | None = None
    usd: float | None = None
    minutes: float | None = None

    def spent(self, bill: Bill, *, on_their_way: int = 0, seconds: float = 0.0) -> str:
        """Which cap is reached, in words; empty while none is.

        Args:
            bill: so far.
            on_their_way: requests that were sent and not yet answered.
            seconds: since asking began.

        >>> Budget(requests=3).spent(Bill(requests=2), on_their_way=1)
        'the cap of 3 requests'
        """
        if self.requests is not None and bill.requests + on_their_way >= self.requests:
            return f"the cap of {self.requests:,} requests"
        if self.output_tokens is not None and bill.output_tokens >= self.output_tokens:
            return f"the cap of {self.output_tokens:,} output tokens"
        if self.usd is not None and (bill.usd if bill.usd is not None else math.inf) >= self.usd:
            return f"the cap of {self.usd:g} USD"
        if self.minutes is not None and seconds >= 60 * self.minutes:
            return f"the cap of {self.minutes:g} minutes"
        return ""


class Permit:
    """Leave to send, one try at a time, while no cap is reached; a cap that was reached ends all asking.

    Tries count, not answers: one that failed was sent, and may have been charged.

    Args:
        budget: the caps.
        bill: what was paid so far.
    """

    def __init__(self, budget: Budget, bill: Callable[[], Bill]) -> None:
        self.budget, self.stopped = budget, ""
        self._bill = bill
        self._begin = time.monotonic()
        self._sent = self._back = 0
        self._last_failure = ""

    def may_send(self, after: float = 0.0) -> bool:
        """Whether one more try may be sent.

        Args:
            after: seconds from now at which it would be sent; a wait beyond the end of the time ends it now.
        """
        if not self.stopped:
            seconds = time.monotonic() - self._begin + after
            self.stopped = self.budget.spent(self._bill(), on_their_way=self.in_vain, seconds=seconds)
        self._sent += not self.stopped
        return not self.stopped

    def seconds_left(self) -> float:
        """Until the cap on time, infinite without one: what is under way then is given up."""
        if self.budget.minutes is None:
            return math.inf
        return max(60 * self.budget.minutes - (time.monotonic() - self._begin), 0.0)

    def answered(self) -> None:
        """A try brought an answer, which the bill holds by now."""
        self._back += 1

    def failed(self, why: str) -> None:
        """A try failed."""
        self._last_failure = why

    @property
    def in_vain(self) -> int:
        """Tries that brought no answer, or none yet."""
        return self._sent - self._back

    @property
    def sentence(self) -> str:
        """What became of the tries that brought no answer, once the asking is over."""
        plural = "" if self.in_vain == 1 else "s"
        why = f"the last failure: {self._last_failure}" if self._last_failure else "they were under way when the time was over"
        return f"asking ended at {self.stopped}; {self.in_vain:,} request{plural} brought no answer ({why})"


def tokens_in(text: str) -> int:
    """Roughly how many tokens a text has, for estimates.

    >>> tokens_in("")
    0
    """
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def input_tokens(request: Request) -> int:
    """Roughly how many tokens a request has: prompt and schema."""
    return tokens_in(request.instructions) + tokens_in(request.question) + tokens_in(str(request.schema))
