"""A model at a provider, asked through pydantic-ai, which is imported only when a model is asked.

Many requests are under way at once; how many adapts to what the provider takes. What passes is tried again after a while, what
does not ends the run with the cure.
"""

import asyncio
import os
import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from synthor.errors import ModelError
from synthor.llm.request import Answer, Request

if TYPE_CHECKING:
    from pydantic_ai.models import Model

CONCURRENCY = 8
TRIES = 6
TRIES_AT_FIRST = 2
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
LAST_WAIT = 300.0
"""Seconds that requests under way are given to finish when another failed for good."""

TIMEOUT = 600.0
"""Seconds that one request may take."""

EXTRAS = {"openai": "openai", "openai-chat": "openai", "openai-responses": "openai", "ollama": "openai"}
KEYS = {
    "openai": "OPENAI_API_KEY",
    "openai-chat": "OPENAI_API_KEY",
    "openai-responses": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "google": "GOOGLE_API_KEY",
}
OLLAMA = "http://localhost:11434/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast to ask.

    Attributes:
        requests_per_minute: rate limit; None for none.
        first_wait: seconds before a failed request is sent again; doubles each time.
    """

    requests_per_minute: float | None = None
    first_wait: float = FIRST_WAIT


class Provider:
    """A model at a provider.

    Args:
        name: `provider:model`, with `@address` behind it for a server of one's own that speaks the OpenAI protocol.
        pace: how fast to ask.

    Raises:
        ModelError: the name is none, the library for it is not installed, or no key is in the environment.
    """

    def __init__(self, name: str, *, pace: Pace | None = None) -> None:
        if re.search(r"@\w+://[^/]*@", name):
            message = "the address holds a password: put it into the environment variable OPENAI_API_KEY"
            raise ModelError(message, model=name.partition("@")[0])
        self.name = name
        self.pace = pace or Pace()
        self._answered = False
        self._throttle = _Throttle(self.pace.requests_per_minute)
        _check_key(name)
        _model(name)  # fails here, before any work, when it cannot be asked

    def ask(self, requests: Sequence[Request], may_send: Callable[[], bool], record: Callable[[Answer], None]) -> None:
        """Ask all, many at once.

        Args:
            requests: in the order in which to send them.
            may_send: asked before each is sent; no ends the sending.
            record: told of each answer in the moment that it comes.

        Raises:
            ModelError: the key, the model or the address is wrong, or the model cannot be reached.
        """
        # The event loop runs in a thread of its own, so that this works inside notebooks, which have one already.
        failed: list[BaseException] = []
        stop = asyncio.Event()
        loop = asyncio.new_event_loop()
        ended = Event()  # and not Thread.join: an interrupted join takes the thread for finished

        def work() -> None:
            try:
                loop.run_until_complete(self._ask(requests, may_send, record, stop))
            except BaseException as error:  # handed to the caller's thread
                failed.append(error)
            finally:
                ended.set()

        Thread(target=work, daemon=True).start()
        try:
            while not ended.wait(0.2):
                pass
        finally:
            loop.call_soon_threadsafe(stop.set)
            ended.wait()
            loop.close()
        if failed:
            raise failed[0]

    async def _ask(
        self,
        requests: Sequence[Request],
        may_send: Callable[[], bool],
        record: Callable[[Answer], None],
        stop: asyncio.Event,
    ) -> None:
        waiting, under_way = deque(requests), set[asyncio.Task[Answer]]()
        throttle = self._throttle
        # Connections belong to one event loop, so they are made with it and closed with it.
        async with _model(self.name) as model:
            try:
                while (waiting or under_way) and not stop.is_set():
                    while waiting and len(under_way) < throttle.width and may_send():
                        under_way.add(asyncio.create_task(self._answer(model, waiting.popleft(), throttle)))
                    if not under_way:
                        return
                    done, under_way = await asyncio.wait(under_way, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
                    _record_all(done, record)
            finally:
                if under_way and not stop.is_set():  # one failed for good: the others are paid for, so they may finish
                    done, under_way = await asyncio.wait(under_way, timeout=LAST_WAIT)
                    _record_all(done, record, forgiving=True)
                for task in under_way:
                    task.cancel()
                await asyncio.gather(*under_way, return_exceptions=True)

    async def _answer(self, model: "Model", request: Request, throttle: "_Throttle") -> Answer:
        """One answer, tried again while there is hope; one without text when there is none for this request."""
        from pydantic_ai.exceptions import ModelAPIError, UnexpectedModelBehavior

        native = bool(model.profile.get("supports_json_schema_output"))
        for attempt in range(TRIES):
            await throttle.turn()
            try:
                answer = await self._once(model, request, native=native)
            except (
                UnexpectedModelBehavior,
                IndexError,
                ValueError,
            ) as error:  # a gateway's page, say
                if attempt == TRIES_AT_FIRST:
                    raise _told(error, self.name) from None
                await asyncio.sleep(self.pace.first_wait * 2**attempt)
            except ModelAPIError as error:
                if _refused(error):
                    if not native:  # this request cannot be answered; others may
                        return Answer(key=request.key, stage=request.stage, model=self.name, text="", finish="error")
                    native = False  # the schema may be more than the provider takes: the prompt tells the form too
                    continue
                # A server that never answered is rather not there than busy.
                tries = TRIES if self._answered else TRIES_AT_FIRST
                if not _passing(error) or attempt >= (tries if _unreachable(error) else TRIES) - 1:
                    raise _told(error, self.name) from None
                throttle.slower()
                asked_for = getattr(error, "retry_after", None)
                wait = self.pace.first_wait * 2**attempt * random.uniform(0.5, 1.0)
                await asyncio.sleep(min(asked_for if asked_for is not None else wait, LONGEST_WAIT))
            else:
                self._answered = True
                throttle.faster()
                return answer
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, model: "Model", request: Request, *, native: bool) -> Answer:
        from pydantic_ai.direct import model_request
        from pydantic_ai.messages import ModelRequest
        from pydantic_ai.models import ModelRequestParameters
        from pydantic_ai.output import OutputObjectDefinition

        parameters = ModelRequestParameters(
            output_mode="native" if native else "text",
            output_object=OutputObjectDefinition(json_schema=request.schema, name=request.stage) if native else None,
        )
        response = await model_request(
            model,
            [ModelRequest.user_text_prompt(request.question, instructions=request.instructions)],
            model_settings={"max_tokens": request.max_output_tokens, "timeout": TIMEOUT, "max_retries": 0},
            model_request_parameters=parameters,
        )
        return Answer(
            key=request.key,
            stage=request.stage,
            model=self.name,
            text="".join(part.content for part in response.parts if part.part_kind == "text"),
            input_tokens=response.usage.input_tokens or None,
            output_tokens=response.usage.output_tokens or None,
            usd=None if "@" in self.name or self.name.startswith("ollama:") else _price(response),
            finish=str(response.finish_reason or ""),
        )


def _record_all(done: Iterable[asyncio.Task[Answer]], record: Callable[[Answer], None], *, forgiving: bool = False) -> None:
    """Record every answer that came; then raise the first failure, if any."""
    failures = []
    for task in done:
        error = task.exception()
        if error is None:
            record(task.result())
        else:
            failures.append(error)
    if failures and not forgiving:
        raise failures[0]


class _Throttle:
    """How many requests may be under way (halved at each sign of overload, one more after each success), and when."""

    def __init__(self, per_minute: float | None) -> None:
        self.width = CONCURRENCY
        self._gap = 60.0 / per_minute if per_minute else 0.0
        self._next = 0.0

    async def turn(self) -> None:
        now = time.monotonic()
        begin = max(now, self._next)
        self._next = begin + self._gap
        await asyncio.sleep(begin - now)

    def slower(self) -> None:
        self.width = max(1, self.width // 2)

    def faster(self) -> None:
        self.width = min(CONCURRENCY, self.width + 1)


def _check_key(name: str) -> None:
    """A key that was pasted with something else is told before it is sent."""
    variable = KEYS.get(name.partition(":")[0], "")
    key = os.environ.get(variable, "")
    if key and not re.fullmatch(r"[\x21-\x7e]+", key):
        message = f"{variable} holds a blank or another character that no key has: set it anew"
        raise ModelError(f"asking {name}: {message}", model=name)


def price_known(name: str) -> bool:
    """Whether the price of a model is known.

    >>> price_known("openai:no-such-model")
    False
    """
    from genai_prices import Usage, calc_price

    provider, _, model = name.partition("@")[0].partition(":")
    try:
        calc_price(Usage(input_tokens=1, output_tokens=1), model_ref=model, provider_id=provider.split("-")[0])
    except LookupError:
        return False
    return "@" not in name


def price(name: str, input_tokens: int, output_tokens: int) -> float | None:
    """What a request would cost in USD, None where the price is unknown."""
    if not price_known(name):
        return None
    from genai_prices import Usage, calc_price

    provider, _, model = name.partition(":")
    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    return float(calc_price(usage, model_ref=model, provider_id=provider.split("-")[0]).total_price)


def _price(response: Any) -> float | None:
    try:
        return float(response.cost().total_price)
    except (LookupError, ValueError, AssertionError):
        return None


def _model(name: str) -> "Model":
    named, _, address = name.partition("@")
    provider, _, model = named.partition(":")
    try:
        from pydantic_ai.exceptions import UserError
        from pydantic_ai.models import infer_model
        from pydantic_ai.providers import infer_provider
    except ImportError:
        raise ModelError(_not_installed(name, provider), model=name) from None
    try:
        if address or provider == "ollama":
            from pydantic_ai.models.openai import OpenAIChatModel
            from pydantic_ai.providers.ollama import OllamaProvider
            from pydantic_ai.providers.openai import OpenAIProvider

            if provider == "ollama":
                url = address or os.environ.get("OLLAMA_BASE_URL") or OLLAMA
                return OpenAIChatModel(model, provider=OllamaProvider(base_url=url))
            key = os.environ.get("OPENAI_API_KEY") or "none"  # many servers of one's own ask for no key
            return OpenAIChatModel(model, provider=OpenAIProvider(base_url=address, api_key=key), profile=_SCHEMA)
        return infer_model(named, infer_provider)
    except ImportError:
        raise ModelError(_not_installed(name, provider), model=name) from None
    except UserError as error:
        if provider in KEYS and not os.environ.get(KEYS[provider]):
            message = f"asking {name} needs a key: set the environment variable {KEYS[provider]}"
        else:
            message = f"{name} cannot be asked: {_without_keys(str(error))}"
        raise ModelError(message, model=name) from None


def _not_installed(name: str, provider: str) -> str:
    extra = EXTRAS.get(provider, provider)
    return f"asking {name} needs a library that is not installed: pip install 'pydantic-ai-slim[{extra}]'"


_SCHEMA: Any = {"supports_json_schema_output": True, "supports_json_object_output": True}


def _passing(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    from pydantic_ai import exceptions as e

    if isinstance(error, e.ModelQuotaExceededError | e.ModelRequestRejectedError):
        return False
    passing = (
        e.ModelRateLimitError,
        e.ModelUnavailableError,
        e.ModelServerError,
        e.ModelConnectionError,
        e.ModelRequestTimeout,
    )
    return isinstance(error, passing) or getattr(error, "status_code", 0) in (408, 409, 425, 429, 500, 502, 503, 504, 529)


def _unreachable(error: Exception) -> bool:
    from pydantic_ai import exceptions as e

    return isinstance(error, e.ModelConnectionError) and not isinstance(error, e.ModelTimeoutError)


def _refused(error: Exception) -> bool:
    """Whether this request alone is at fault: too long, a schema that the provider does not take, its filter."""
    from pydantic_ai import exceptions as e

    if isinstance(error, e.ModelAuthenticationError | e.ModelNotFoundError):
        return False
    return isinstance(error, e.ModelRequestRejectedError) or getattr(error, "status_code", 0) in (400, 413, 422)


def _told(error: Exception, name: str) -> ModelError:
    from pydantic_ai import exceptions as e

    status = getattr(error, "status_code", None)
    provider = name.partition(":")[0]
    match error:
        case e.ModelAuthenticationError():
            cure = f"set {KEYS[provider]} to a valid key" if provider in KEYS else "set a valid key in the environment"
            what = "the key was refused"
        case e.ModelNotFoundError():
            what, cure = "there is no such model", "mend the name in `model:` of the spec"
        case e.ModelQuotaExceededError():
            what, cure = "the account has no credit left", "top it up and run again; what was answered is kept"
        case e.ModelConnectionError() | e.ModelRequestTimeout():
            what, cure = "it cannot be reached", "check network and address and run again; what was answered is kept"
        case e.ModelRateLimitError():
            what, cure = (
                "it takes no more requests now",
                "run again later, or set `requests_per_minute`; what was answered is kept",
            )
        case _:
            what = f"it failed: {_without_keys(str(error))[:300]}"
            cure = "run again later; what was answered is kept"
    shown = f" (HTTP {status})" if status else ""
    return ModelError(f"{name}: {what}{shown}; {cure}", model=name, status=status)


def _without_keys(text: str) -> str:
    """A text in which no secret of the environment can be read."""
    for variable, value in os.environ.items():
        if re.search(r"KEY|TOKEN|SECRET|PASSWORD", variable) and len(value) >= 6:
            text = text.replace(value, "***")
    return re.sub(r"\b(sk|key|AIza)[-_A-Za-z0-9*]{8,}", "***", text)
