"""Answers by any server that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, DeepSeek, OpenRouter ...

Protocol: platform.openai.com/docs/api-reference/chat. The client library takes half a second to import, so it is
imported in a thread, by ``warm`` or at the first question. What a server refuses (streaming, ``max_tokens``,
``temperature``) is left out from then on.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from agent.errors import ModelError
from agent.ports import Passage, Question
from agent.settings import Llm

CONNECT_S = 2.0
"""Longest wait for a connection, seconds."""
READ_S = 30.0
"""Longest silence of a server, seconds; the conversation's own stall deadline is far shorter."""
EXCHANGES = 6
"""Earlier turns shown to the model."""
NO_KEY = "none"
"""Sent where no key is set: local servers take any."""
NEGOTIABLE = {400, 403, 404, 405, 415, 422, 501}
"""HTTP statuses with which servers refuse a parameter."""
ADVICE = {
    400: "the request was refused; check [llm] model and max_tokens",
    401: "the key was refused; set OPENAI_API_KEY or [llm] api_key",
    403: "the key may not use this model; check [llm] api_key and model",
    404: "no such model or address; check [llm] model and base_url",
    429: "too many requests, or no credit left at the provider",
}


@dataclass(frozen=True, slots=True)
class _Manner:
    """How this server wants to be asked."""

    stream: bool = True
    tokens: str = "max_tokens"
    temperature: bool = True

    def without(self, refusal: str) -> "_Manner":
        """The manner after a refusal; the same when the refusal names nothing that can be left out."""
        refusal = refusal.lower()
        if "max_tokens" in refusal and self.tokens == "max_tokens":
            return replace(self, tokens="max_completion_tokens")
        if "temperature" in refusal and self.temperature:
            return replace(self, temperature=False)
        if "stream" in refusal and self.stream:
            return replace(self, stream=False)
        return self


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

    async def reply(self, question: Question) -> AsyncIterator[str]:
        """Stream the answer; raises ``ModelError`` without the caller's words or the key in it."""
        client = await self._open()
        import openai  # noqa: PLC0415 - loaded by _open

        spoken = False
        try:
            async with aclosing(self._pieces(client, messages(question))) as pieces:
                async for piece in pieces:
                    spoken = spoken or bool(piece.strip())
                    yield piece
        except openai.APIStatusError as error:
            raise ModelError(f"{self.name}: HTTP {error.status_code}: {_advice(error.status_code)}") from None
        except openai.APITimeoutError:
            raise ModelError(f"{self.name}: no answer in time; is the server overloaded?") from None
        except openai.APIConnectionError:
            raise ModelError(f"{self.name}: can't be reached or hung up; check [llm] base_url") from None
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

        return openai.AsyncOpenAI(
            base_url=self._settings.base_url or None,
            api_key=self._settings.api_key.get_secret_value() or NO_KEY,
            timeout=openai.Timeout(READ_S, connect=CONNECT_S),
            max_retries=0,
        )

    async def _pieces(self, client: Any, chat: list[dict[str, str]]) -> AsyncGenerator[str, None]:
        answer = await self._ask(client, chat)
        if not self._manner.stream:
            yield answer.choices[0].message.content or ""
            return
        finished = False
        async with answer:
            async for chunk in answer:
                for choice in chunk.choices:
                    finished = finished or choice.finish_reason is not None
                    if choice.delta.content:
                        yield choice.delta.content
        if not finished:
            raise ValueError("the stream ended early")

    async def _ask(self, client: Any, chat: list[dict[str, str]]) -> Any:
        """Post the question; ask again in another manner when the server refuses this one."""
        import openai  # noqa: PLC0415 - loaded by _open

        while True:
            manner = self._manner
            try:
                return await client.chat.completions.create(**self._request(manner, chat))
            except openai.APIStatusError as error:
                if error.status_code not in NEGOTIABLE or manner.without(str(error)) == manner:
                    raise
                self._manner = manner.without(str(error))

    def _request(self, manner: _Manner, chat: list[dict[str, str]]) -> dict[str, Any]:
        request: dict[str, Any] = {"model": self._settings.model, "messages": chat, "stream": manner.stream}
        request[manner.tokens] = self._settings.max_tokens
        if manner.temperature:
            request["temperature"] = self._settings.temperature
        return request


def messages(question: Question) -> list[dict[str, str]]:
    """The chat: instructions and passages, what was said and heard before, the question.

    What the caller cut off stands before his next words, not after the agent's: a model writes like its own earlier
    answers, and would say such a note aloud. Passages stand in the order of their names, not of their scores, so that
    the same passages make the same beginning and a server's prompt cache can use it.
    """
    chat = [{"role": "system", "content": f"{question.system}\n\n{_reference(question.passages)}".strip()}]
    note = ""
    for exchange in question.history[-EXCHANGES:]:
        if exchange.caller:
            chat.append({"role": "user", "content": note + exchange.caller})
            note = ""
        if exchange.agent:
            chat.append({"role": "assistant", "content": exchange.agent})
        if exchange.unheard and question.unheard_note:
            note = question.unheard_note.replace("{}", exchange.unheard) + "\n"
    return [*chat, {"role": "user", "content": note + question.text}]


def _reference(passages: Sequence[Passage]) -> str:
    ordered = sorted(passages, key=lambda p: (p.base, p.heading, p.text))
    return "\n\n".join(f"### [{p.base}] {p.heading}\n{p.text}" for p in ordered)


def _advice(status: int) -> str:
    return ADVICE.get(status, "the server failed" if status >= 500 else "the request was refused")
