"""One question to a language model and its answer, as plain values."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

KEY_SCHEME = 1
"""Raised when what an answer depends on is written differently, so that old answers are not taken for new ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A question.

    Attributes:
        stage: what it is for, in a word, for people.
        instructions: the part that is the same for all questions (the system prompt).
        question: the part that is not.
        schema: JSON schema of the answer.
        max_output_tokens: at which the answer is cut off.
        subject: what the answer is about: the question without the published figures in it. A question that repeats with
            slightly other figures (another target, another number of records) is the same question, and is not paid for twice.
    """

    stage: str
    instructions: str
    question: str
    schema: dict[str, Any] = field(default_factory=dict)
    max_output_tokens: int = 8_000
    subject: str = ""

    @property
    def key(self) -> str:
        """Names the answer: what makes this another question goes in, and nothing else; the schema follows from the question.

        >>> one = Request(stage="a", instructions="i", question="rented 34.8%", subject="rented")
        >>> one.key == Request(stage="b", instructions="i", question="rented 35.1%", subject="rented").key
        True
        >>> one.key == Request(stage="a", instructions="i", question="owned 65.2%", subject="owned").key
        False
        """
        parts = [KEY_SCHEME, self.instructions, self.subject or self.question, self.max_output_tokens]
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model said.

    Attributes:
        key: of the request.
        stage: of the request.
        model: who answered.
        text: as it came, unread; empty for a request that failed for good.
        input_tokens: as counted by the provider; None where it does not say.
        output_tokens: likewise.
        usd: what it cost; None where the price is unknown.
        finish: why the model stopped: stop, length, content_filter, error; empty where it does not say.
    """

    key: str
    stage: str
    model: str
    text: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    usd: float | None = None
    finish: str = ""
