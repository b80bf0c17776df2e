"""A model at a provider, asked through pydantic-ai, which is imported only when a model is asked.

Many requests are under way at once; how many adapts to what the provider takes. What passes is tried again after a while, what
does not ends the run with the cure. Everything has an end: a try, a wait, an answer's size, and all of them where a cap ends.
"""

import asyncio
import inspect
import os
import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from synthor.errors import ModelError
from synthor.llm.budget import Permit
from synthor.llm.request import Answer, Request
from synthor.llm.secrets import message_without_secrets, without_secrets

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model

CONCURRENCY = 8
TRIES = 6
TRIES_AT_FIRST = 2
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
LONGEST_WAIT_ASKED = 300.0
"""Seconds that a server may have us wait before a request is sent again; a longer wait is told instead."""

LAST_WAIT = 300.0
"""Seconds that requests under way are given to finish when another failed for good."""

LOOK = 0.2
"""Seconds between two looks at whether the asking was interrupted."""

TIMEOUT = 600.0
"""Seconds that one try may take, from the first byte sent to the last one read, however slowly they come."""

MOST_TOKENS = 10**9
"""A count beyond it, or below 0, is no count: the tokens are estimated then."""

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
        timeout: seconds that one try may take.
    """

    requests_per_minute: float | None = None
    first_wait: float = FIRST_WAIT
    timeout: float = TIMEOUT


class Provider:
    """A model at a provider.

    Args:
        name: `provider:model`, with `@address` behind it for a server of one's own that speaks the OpenAI protocol.
        pace: how fast to ask.

    Raises:
        ModelError: the name is none, the library for it is not installed, or no key is in the environment.
    """

    def __init__(self, name: str, *, pace: Pace | None = None) -> None:
        if re.search(r"@\w+://[^/]*@|[?&][^=]*(key|token|secret|sig|passw|auth)[^=]*=", name, re.IGNORECASE):
            cure = "put it into the environment variable OPENAI_API_KEY"
            raise ModelError("the address holds a password or a key", model=name.partition("@")[0], cure=cure)
        if without_secrets(name) != name:  # the name is written into the results
            shown = without_secrets(name)
            message = f"the name of the model holds a secret of the environment: {shown}"
            raise ModelError(message, model=shown, cure="leave it out")
        self.name = name
        self.pace = pace or Pace()
        self._answered = False
        self._throttle = _Throttle(self.pace.requests_per_minute)
        _check_key(name)
        _model(name, _client(name))  # fails here, before any work, when it cannot be asked

    def ask(self, requests: Sequence[Request], permit: Permit, record: Callable[[Answer], None]) -> None:
        """Ask all, many at once.

        Args:
            requests: in the order in which to send them.
            permit: asked before each try; no ends the sending, and the end of the time what is under way.
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
                loop.run_until_complete(self._ask(requests, permit, record, stop))
            except BaseException as error:  # handed to the caller's thread
                failed.append(error)
            finally:
                ended.set()

        Thread(target=work, daemon=True).start()
        try:
            while not ended.wait(LOOK):
                pass
        finally:
            loop.call_soon_threadsafe(stop.set)
            ended.wait()
            loop.close()
        if failed:
            raise failed[0]

    async def _ask(
        self, requests: Sequence[Request], permit: Permit, record: Callable[[Answer], None], stop: asyncio.Event
    ) -> None:
        waiting, under_way = deque(requests), set[_Try]()
        throttle = self._throttle
        # Connections belong to one event loop, so they are made with it and closed with it.
        async with _client(self.name) as client, _model(self.name, client) as model:
            try:
                while (waiting or under_way) and not stop.is_set() and (left := permit.seconds_left()) > 0:
                    while waiting and len(under_way) < throttle.width and permit.may_send():
                        under_way.add(asyncio.create_task(self._answer(model, waiting.popleft(), permit)))
                    if not under_way:
                        return
                    under_way = await _recorded(under_way, min(LOOK, left), record)
                if permit.seconds_left() <= 0:
                    permit.may_send()  # says what ended this; asked without need it would count a try that nobody sent
            except Exception:  # one failed for good: the others are paid for, so they may finish
                end = time.monotonic() + min(LAST_WAIT, permit.seconds_left())
                while under_way and not stop.is_set() and time.monotonic() < end:
                    under_way = await _recorded(under_way, LOOK, record, forgiving=True)
                raise
            finally:
                for task in under_way:
                    task.cancel()
                for answer in await asyncio.gather(*under_way, return_exceptions=True):
                    if isinstance(answer, Answer):  # came in the moment of the end
                        record(answer)

    async def _answer(self, model: "Model", request: Request, permit: Permit) -> Answer | None:
        """One answer, tried again while there is hope; without text when this request has none; None after a cap."""
        native = bool(model.profile.get("supports_json_schema_output"))
        failure: _Failure | None = None
        for attempt in range(TRIES):
            wait = 0.0 if failure is None else failure.wait(self.pace.first_wait * 2 ** (attempt - 1))
            if attempt and not permit.may_send(wait):
                return None
            await asyncio.sleep(wait)
            await self._throttle.turn()
            try:
                async with asyncio.timeout(min(self.pace.timeout, permit.seconds_left())):
                    answer = await self._once(model, request, native=native)
            # What a server sends is read by foreign code, which may fail in any way: none of them is a bug of ours.
            except Exception as error:
                failure = _Failure(error, self.pace.timeout)
            else:
                self._answered = True
                self._throttle.faster()
                return answer
            permit.failed(failure.reason)
            if failure.refused:
                if not native:  # this request cannot be answered; others may
                    return Answer(key=request.key, stage=request.stage, model=self.name, text="", finish="error")
                native = False  # the schema may be more than the provider takes: the prompt tells the form too
                failure = None
                continue
            if permit.seconds_left() <= 0:
                return None
            # A server that never answered is rather not there than busy.
            tries = TRIES_AT_FIRST if failure.is_unreachable and not self._answered else failure.tries
            is_too_long = LONGEST_WAIT_ASKED < failure.asked_wait <= permit.seconds_left()
            if attempt >= tries - 1 or is_too_long:
                raise failure.told(self.name)
            if failure.is_busy:
                self._throttle.slower()
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
            model_settings={"max_tokens": request.max_output_tokens, "timeout": self.pace.timeout, "max_retries": 0},
            model_request_parameters=parameters,
        )
        return Answer(
            key=request.key,
            stage=request.stage,
            model=self.name,
            text="".join(part.content for part in response.parts if part.part_kind == "text"),
            input_tokens=_count(response.usage.input_tokens),
            output_tokens=_count(response.usage.output_tokens),
            usd=None if "@" in self.name or self.name.startswith("ollama:") else _price(response),
            finish=str(response.finish_reason or ""),
        )


_Try = asyncio.Task[Answer | None]


async def _recorded(
    under_way: set[_Try], seconds: float, record: Callable[[Answer], None], *, forgiving: bool = False
) -> set[_Try]:
    """Wait for the first answers and record every one that came; then raise the first failure, if any.

    Returns:
        What is still under way.
    """
    done, rest = await asyncio.wait(under_way, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    failures = []
    for task in done:
        under_way.discard(task)
        if (error := task.exception()) is not None:
            failures.append(error)
        elif (answer := task.result()) is not None:
            record(answer)
    if failures and not forgiving:
        raise failures[0]
    return rest


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
        message = f"asking {name}: {variable} holds a blank or another character that no key has"
        raise ModelError(message, model=name, cure="set it anew")


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
        price = float(response.cost().total_price)
    except (LookupError, ValueError, AssertionError):
        return None
    return price if price >= 0 else None


def _count(value: Any) -> int | None:
    """A count of tokens as told by a server, None where that is none."""
    return value if isinstance(value, int) and 0 < value <= MOST_TOKENS else None


def _client(name: str) -> "httpx2.AsyncClient":
    """A client that holds the size of answers within bounds."""
    try:
        from synthor.llm.wire import client
    except ImportError:
        raise _not_installed(name, name.partition(":")[0]) from None
    return client()


def _model(name: str, client: "httpx2.AsyncClient") -> "Model":
    named, _, address = name.partition("@")
    provider, _, model = named.partition(":")
    try:
        from pydantic_ai.models import infer_model
        from pydantic_ai.providers import infer_provider, infer_provider_class
    except ImportError:
        raise _not_installed(name, provider) from None

    def connected(kind: str) -> Any:
        """The provider on our client; on its own where it takes none of this sort: then only time has an end."""
        with suppress(ValueError, TypeError):
            made: Any = infer_provider_class(kind)
            takes = inspect.signature(made).parameters.get("http_client")
            if takes is not None and re.search("httpx2|OpenAI|AsyncHTTP", str(takes.annotation)):
                return made(http_client=client)
        return infer_provider(kind)

    try:
        if address or provider == "ollama":
            from pydantic_ai.models.openai import OpenAIChatModel
            from pydantic_ai.providers.ollama import OllamaProvider
            from pydantic_ai.providers.openai import OpenAIProvider

            if provider == "ollama":
                url = address or os.environ.get("OLLAMA_BASE_URL") or OLLAMA
                return OpenAIChatModel(model, provider=OllamaProvider(base_url=url, http_client=client))
            key = os.environ.get("OPENAI_API_KEY") or "none"  # many servers of one's own ask for no key
            told = OpenAIProvider(base_url=address, api_key=key, http_client=client)
            return OpenAIChatModel(model, provider=told, profile=_SCHEMA)
        return infer_model(named, connected)
    except ImportError:
        raise _not_installed(name, provider) from None
    except Exception as error:  # each provider's library has errors of its own
        if provider in KEYS and not os.environ.get(KEYS[provider]):
            cure = f"set the environment variable {KEYS[provider]}"
            raise ModelError(f"asking {name} needs a key", model=name, cure=cure) from None
        raise ModelError(f"{name} cannot be asked: {message_without_secrets(str(error))}", model=name) from None


def _not_installed(name: str, provider: str) -> ModelError:
    cure = f"pip install 'pydantic-ai-slim[{EXTRAS.get(provider, provider)}]'"
    return ModelError(f"asking {name} needs a library that is not installed", model=name, cure=cure)


_SCHEMA: Any = {"supports_json_schema_output": True, "supports_json_object_output": True}


class _Failure:
    """Why a try failed, and what follows from it.

    Args:
        error: of whatever library.
        timeout: seconds that the try was given.
    """

    def __init__(self, error: Exception, timeout: float) -> None:
        from pydantic_ai import exceptions as e

        from synthor.llm.wire import TooLargeError

        self.error = error
        self.status = getattr(error, "status_code", None)
        asked = getattr(error, "retry_after", None)
        self.asked_wait = asked if isinstance(asked, int | float) and asked >= 0 else 0.0
        self.is_slow = isinstance(error, TimeoutError | e.ModelTimeoutError | e.ModelRequestTimeout)
        self.is_too_large = any(isinstance(cause, TooLargeError) for cause in _causes(error))
        self.is_unreachable = isinstance(error, e.ModelConnectionError) and not self.is_slow and not self.is_too_large
        self.refused = _refused(error)
        self.is_busy = isinstance(error, e.ModelAPIError)
        self._timeout = timeout
        self._passing = _passing(error)

    @property
    def tries(self) -> int:
        """How often a request is sent that fails like this."""
        if self.is_slow or self.is_too_large:
            return TRIES_AT_FIRST
        if not self.is_busy:
            return TRIES_AT_FIRST + 1  # a gateway's page, say
        return TRIES if self._passing else 1

    def wait(self, usual: float) -> float:
        """Seconds before the next try: what the server asked for, or about the usual time."""
        if self.asked_wait:
            return self.asked_wait
        return min(usual if not self.is_busy else usual * random.uniform(0.5, 1.0), LONGEST_WAIT)

    @property
    def reason(self) -> str:
        """In a few words."""
        if self.is_slow:
            return f"no whole answer within {self._timeout:g} seconds"
        if self.is_too_large:
            return "an answer of more than any model writes"
        if not self.status:
            return "no connection" if self.is_unreachable else "an unreadable answer"
        asks = f", which asks for a wait of {_duration(self.asked_wait)}" if self.asked_wait > LONGEST_WAIT else ""
        return f"HTTP {self.status}{asks}"

    def told(self, name: str) -> ModelError:
        """The error that ends the run."""
        from pydantic_ai import exceptions as e

        provider = name.partition(":")[0]
        kept = "what was answered is kept"
        match self.error:
            case _ if self.is_too_large:
                what, cure = f"it sent {self.reason}", f"check that the address is one of a model's server; {kept}"
            case _ if self.is_slow:
                what, cure = f"it sent {self.reason}", f"check network and address and run again; {kept}"
            case e.ModelAuthenticationError():
                cure = f"set {KEYS[provider]} to a valid key" if provider in KEYS else "set a valid key in the environment"
                what = "the key was refused"
            case e.ModelNotFoundError():
                what, cure = "there is no such model", "mend the name in `model:` of the spec"
            case e.ModelQuotaExceededError():
                what, cure = "the account has no credit left", f"top it up and run again; {kept}"
            case e.ModelConnectionError():
                what, cure = "it cannot be reached", f"check network and address and run again; {kept}"
            case _ if self.asked_wait > LONGEST_WAIT_ASKED:
                what = f"it takes no more requests for {_duration(self.asked_wait)}"
                cure = f"run again then; {kept}"
            case e.ModelRateLimitError():
                what, cure = "it takes no more requests now", f"run again later, or set `requests_per_minute`; {kept}"
            case _:
                what, cure = f"it failed: {message_without_secrets(str(self.error)[:2000])[:300]}", f"run again later; {kept}"
        shown = f" (HTTP {self.status})" if self.status else ""
        return ModelError(f"{name}: {what}{shown}; {cure}", model=name, status=self.status)


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    seen = set[int]()
    while found is not None and id(found) not in seen:
        yield found
        seen.add(id(found))
        found = found.__cause__ or found.__context__


def _duration(seconds: float) -> str:
    """A long time in words.

    >>> _duration(7200)
    '2 hours'
    """
    for unit, size in (("days", 86_400), ("hours", 3600)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds / 60:,.0f} minutes"


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


def _refused(error: Exception) -> bool:
    """Whether this request alone is at fault: too long, a schema that the provider does not take, its filter."""
    from pydantic_ai import exceptions as e

    if not isinstance(error, e.ModelAPIError) or isinstance(error, e.ModelAuthenticationError | e.ModelNotFoundError):
        return False
    return isinstance(error, e.ModelRequestRejectedError) or getattr(error, "status_code", 0) in (400, 413, 422)
