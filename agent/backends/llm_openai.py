"""Answers by any server that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, DeepSeek, OpenRouter ...

Protocol: platform.openai.com/docs/api-reference/chat. The client library takes half a second to import, so it is
imported in a thread, by ``warm`` or at the first question. What a server refuses (streaming, ``max_tokens``,
``temperature``, tools, a system message, two messages of one side in a row) is left out from then on.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from agent.backends.chat_messages import alternating, declared, messages, without_system
from agent.errors import ModelError
from agent.ports import Question
from agent.settings import Llm
from agent.tool import ToolCall

CONNECT_S = 2.0
"""Longest wait for a connection, seconds."""
READ_S = 30.0
"""Longest silence of a server, seconds; the conversation's own stall deadline is far shorter."""
KEEP_S = 300.0
"""An idle connection is kept this long, seconds: people talk for longer than a client library's usual five."""
NO_KEY = "none"
"""Sent where no key is set: local servers take any."""
NEGOTIABLE = {400, 403, 404, 405, 415, 422, 501}
"""HTTP statuses with which servers refuse a parameter."""
SOON_S = 0.1
"""Wait before a server that broke down is asked again, seconds."""
ADVICE = {
    400: "the request was refused; check [llm] model and max_tokens",
    401: "the key was refused; set OPENAI_API_KEY or [llm] api_key",
    403: "the key may not use this model; check [llm] api_key and model",
    404: "no such model or address; check [llm] model and base_url",
    429: "too many requests, or no credit left at the provider",
}
THOUGHT = re.compile(r"\A\s*<think>.*?</think>\s*", re.DOTALL)
"""Reasoning models behind servers without a reasoning parser begin with it (Qwen, DeepSeek-R1)."""


@dataclass(frozen=True, slots=True)
class _Manner:
    """How this model wants to be asked."""

    stream: bool = True
    tokens: str = "max_tokens"
    temperature: bool = True
    tools: bool = True
    system: bool = True
    alternate: bool = False
    """The two sides must take turns, the caller first (chat templates of Mistral and Gemma)."""

    def without(self, refusal: str) -> "_Manner":
        """The manner after a refusal; the same when the refusal names nothing that can be left out."""
        said = refusal.lower()
        changes: list[tuple[bool, dict[str, Any]]] = [
            ("max_tokens" in said and self.tokens == "max_tokens", {"tokens": "max_completion_tokens"}),
            ("max_completion_tokens" in said and self.tokens == "max_completion_tokens", {"tokens": ""}),
            ("temperature" in said and self.temperature, {"temperature": False}),
            ("tool" in said and self.tools, {"tools": False}),
            ("alternate" in said and not self.alternate, {"alternate": True}),
            ("system" in said and "role" in said and self.system, {"system": False}),
            ("stream" in said and self.stream, {"stream": False}),
        ]
        return next((replace(self, **change) for applies, change in changes if applies), self)


@dataclass(slots=True)
class _Calls:
    """Tool calls, put together from the pieces of a stream: the first piece names one, the rest add arguments."""

    parts: dict[int, list[str]] = field(default_factory=dict)

    def add(self, deltas: Sequence[Any] | None) -> None:
        for place, delta in enumerate(deltas or ()):
            # Gemini's compatible endpoint leaves out the index
            index = delta.index if getattr(delta, "index", None) is not None else place
            part = self.parts.setdefault(index, ["", "", ""])
            part[0] = part[0] or delta.id or ""
            if delta.function is not None:
                part[1] = part[1] or delta.function.name or ""
                part[2] += delta.function.arguments or ""

    @property
    def whole(self) -> list[ToolCall]:
        """In the order in which they were asked for."""
        return [ToolCall(i or f"call_{n}", name, text) for n, (i, name, text) in sorted(self.parts.items()) if name]


class OpenAiModel:
    """A ``LanguageModel`` over one kept connection pool; made once for all calls."""

    def __init__(self, settings: Llm) -> None:
        """Connects at the first question; an empty ``base_url`` is OpenAI itself."""
        self._settings = settings
        self._manner = _Manner()
        self._opening = asyncio.Lock()
        self._client: Any = None

    @property
    def name(self) -> str:
        """``host/model``, for health and the call log."""
        return f"{self._host}/{self._settings.model}"

    @property
    def _host(self) -> str:
        return urlsplit(self._settings.base_url).netloc.rpartition("@")[2] or "openai"

    async def warm(self) -> None:
        """Import the client library now, so that the first question does not wait for it."""
        await self._open()

    async def connect(self) -> None:
        """Have a connection ready (TCP, TLS) for the question that is coming; never raises, asks for nothing."""
        client = await self._open()
        import openai  # noqa: PLC0415 - loaded by _open

        with suppress(openai.OpenAIError, OSError, ValueError):
            await client.get("/", cast_to=object, options={"timeout": CONNECT_S, "max_retries": 0})

    async def reply(self, question: Question) -> AsyncIterator[str | ToolCall]:
        """Stream the answer; raises ``ModelError`` without the caller's words or the key in it."""
        client = await self._open()
        import openai  # noqa: PLC0415 - loaded by _open

        spoken = False
        try:
            async with aclosing(_audible(self._pieces(client, question))) as pieces:
                async for piece in pieces:
                    spoken = spoken or isinstance(piece, ToolCall) or bool(piece.strip())
                    yield piece
        except openai.APIStatusError as error:
            status = error.status_code
            raise ModelError(f"{self.name}: HTTP {status}: {_advice(status)}", _retry_after(error)) from None
        except openai.APITimeoutError:
            raise ModelError(f"{self.name}: no answer in time; is the server overloaded?") from None
        except openai.APIConnectionError:
            raise ModelError(f"{self.name}: can't be reached or hung up; check [llm] base_url", SOON_S) from None
        except (openai.OpenAIError, ValueError, TypeError, AttributeError, LookupError):
            raise ModelError(f"{self.name}: the answer is not a chat completion; check [llm] base_url") from None
        if not spoken:
            raise ModelError(f"{self.name}: the answer was empty")

    async def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            await self._client.close()

    async def _open(self) -> Any:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._new_client)
        return self._client

    def _new_client(self) -> Any:
        import openai  # noqa: PLC0415 - half a second of import, paid in a thread

        limits = _lasting(openai.DEFAULT_CONNECTION_LIMITS)
        timeout = openai.Timeout(READ_S, connect=CONNECT_S)
        return openai.AsyncOpenAI(
            base_url=self._settings.base_url or None,
            api_key=self._settings.api_key.get_secret_value() or NO_KEY,
            timeout=timeout,
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(limits=limits, timeout=timeout),
        )

    async def _pieces(self, client: Any, question: Question) -> AsyncGenerator[str | ToolCall, None]:
        answer = await self._ask(client, question)
        calls = _Calls()
        if not hasattr(answer, "choices"):
            empty = True
            async for text in _streamed(answer, calls):
                empty = False
                if text:
                    yield text
            if not empty:
                for call in calls.whole:
                    yield call
                return
            # a stream of nothing: some gateways answer whole whatever they are asked
            self._manner = replace(self._manner, stream=False)
            answer = await self._ask(client, question)
        calls.add(answer.choices[0].message.tool_calls)
        yield answer.choices[0].message.content or ""
        for call in calls.whole:
            yield call

    async def _ask(self, client: Any, question: Question) -> Any:
        """Post the question; ask again in another manner when the server refuses this one."""
        import openai  # noqa: PLC0415 - loaded by _open

        while True:
            manner = self._manner
            try:
                return await client.chat.completions.create(**self._request(manner, question))
            except openai.APIStatusError as error:
                if error.status_code not in NEGOTIABLE or manner.without(_words(error)) == manner:
                    raise
                self._manner = manner.without(_words(error))

    def _request(self, manner: _Manner, question: Question) -> dict[str, Any]:
        chat = messages(question)
        if not manner.system:
            chat = without_system(chat)
        if manner.alternate:
            chat = alternating(chat)
        request: dict[str, Any] = {"model": self._settings.model, "messages": chat, "stream": manner.stream}
        if manner.tokens:
            request[manner.tokens] = self._settings.max_tokens
        if manner.temperature:
            request["temperature"] = self._settings.temperature
        if manner.tools and question.tools:
            request["tools"] = [declared(tool) for tool in question.tools]
        return request


def _lasting(limits: Any) -> Any:
    """The library's limits with connections that outlive a caller's thinking."""
    return type(limits)(
        max_connections=limits.max_connections,
        max_keepalive_connections=limits.max_keepalive_connections,
        keepalive_expiry=KEEP_S,
    )


async def _streamed(answer: Any, calls: _Calls) -> AsyncGenerator[str, None]:
    """A text, maybe empty, for each chunk; nothing at all for a stream without chunks."""
    finished = begun = False
    async with answer:
        async for chunk in answer:
            begun = True
            for choice in chunk.choices:
                finished = finished or choice.finish_reason is not None
                calls.add(choice.delta.tool_calls)
                yield choice.delta.content or ""
    if begun and not finished:
        raise ValueError("the stream ended early")


async def _audible(pieces: AsyncGenerator[str | ToolCall, None]) -> AsyncGenerator[str | ToolCall, None]:
    """Without the thoughts that some models write down first."""
    begun: str | None = ""
    async with aclosing(pieces):
        async for piece in pieces:
            if begun is None or isinstance(piece, ToolCall):
                yield piece
                continue
            begun += piece
            start = begun.lstrip()
            if start.startswith("<think>") and "</think>" not in start:
                continue
            if start and not start.startswith("<think>") and "<think>".startswith(start):
                continue
            yield THOUGHT.sub("", begun)
            begun = None
    if begun and not begun.lstrip().startswith("<think>"):
        yield begun


def _words(error: Any) -> str:
    """What the server said about the request, without the request's own words that some repeat."""
    body: Any = error.body
    told = body if isinstance(body, Mapping) else {}
    return f"{told.get('param') or ''} {told.get('message') or error}"


def _retry_after(error: Any) -> float | None:
    """Seconds after which a 429 or 5xx may be tried again (RFC 9110, 10.2.3); dates are too far off to matter."""
    if error.status_code != 429 and error.status_code < 500:
        return None
    headers = error.response.headers
    with suppress(ValueError):
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        if "retry-after" in headers:
            return max(0.0, float(headers["retry-after"]))
        return SOON_S if error.status_code >= 500 else None
    return None


def _advice(status: int) -> str:
    return ADVICE.get(status, "the server failed" if status >= 500 else "the request was refused")
