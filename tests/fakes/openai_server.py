"""A real HTTP server that speaks OpenAI's chat completions, streaming and not, and fails on request.

In a test: ``async with OpenAiServer() as server: ... server.base_url``. As a process:
``python -m tests.fakes.openai_server --port N --first-token-s 0.4 --answer-from-context``.
"""

import argparse
import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import web

Fault = Literal[
    "",
    "401",
    "404",
    "429",
    "500",
    "hang_first",
    "hang_middle",
    "garbage",
    "truncated",
    "close_early",
    "end_early",
    "no_stream",
    "no_max_tokens",
    "no_temperature",
    "empty",
    "error_event",
]
REFUSED = {"no_stream": "stream", "no_max_tokens": "max_tokens", "no_temperature": "temperature"}
"""Faults of a server that knows no such parameter, and the parameter."""


@dataclass
class Behaviour:
    """What the server does with each request."""

    answer: str = "Да.| Мы работаем до 18:00.|"
    fault: Fault = ""
    first_token_s: float = 0.0
    """Wait before the first token, seconds."""
    token_s: float = 0.0
    """Wait between tokens, seconds."""
    from_context: bool = False
    """Answer with the line of the system message that shares most words with the question."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    """Bodies received, oldest first."""
    keys: list[str] = field(default_factory=list)
    """Authorization headers received."""
    connections: set[object] = field(default_factory=set)
    """Distinct connections seen."""


class OpenAiServer:
    """Listens on loopback while entered."""

    def __init__(self, behaviour: Behaviour | None = None, port: int = 0) -> None:
        """``port`` 0: any free one."""
        self.behaviour = behaviour or Behaviour()
        self._port = port
        self._released = asyncio.Event()
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._completions)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    @property
    def base_url(self) -> str:
        """What goes into ``llm.base_url``."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._released.set()
        await self._runner.cleanup()

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        does = self.behaviour
        does.requests.append(body)
        does.keys.append(request.headers.get("Authorization", ""))
        does.connections.add(request.transport)
        refusal = self._refusal(body)
        if refusal is not None:
            return refusal
        if does.fault == "hang_first":
            await self._released.wait()
        await asyncio.sleep(does.first_token_s)
        text = "" if does.fault == "empty" else _from_context(body) if does.from_context else does.answer
        if does.fault == "garbage" and not body.get("stream"):
            return web.Response(text="<html>It works!</html>", content_type="text/html")
        if not body.get("stream"):
            return web.json_response(_completion(body["model"], text))
        return await self._stream(request, body["model"], text)

    def _refusal(self, body: dict[str, Any]) -> web.Response | None:
        fault = self.behaviour.fault
        if fault.isdigit():
            words = json.dumps(body["messages"][-1]["content"])
            return _error(int(fault), f"Incorrect API key provided: sk-secret; you said {words}")
        name = REFUSED.get(fault, "")
        if name and body.get(name):
            return _error(400, f"Unsupported value: '{name}' is not supported with this model.", name)
        return None

    async def _stream(self, request: web.Request, model: str, text: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        pieces = re.findall(r"\s*\S+", text)
        for number, piece in enumerate(pieces):
            if number == len(pieces) // 2 and await self._fails(request, response):
                return response
            await response.write(_event(_chunk(model, piece, None)))
            await asyncio.sleep(self.behaviour.token_s)
        await response.write(_event(_chunk(model, "", "stop")))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _fails(self, request: web.Request, response: web.StreamResponse) -> bool:
        """Fail in the middle of a stream; True: nothing more may be written."""
        match self.behaviour.fault:
            case "hang_middle":
                await self._released.wait()
            case "garbage":
                await response.write(b"data: \xff\xfe<<not json>>\n\n")
            case "truncated":
                await response.write(b'data: {"id":"x","choices":[{"index":0,"del\n\n')
            case "error_event":
                await response.write(_event({"error": {"message": "overloaded", "type": "server_error"}}))
            case "close_early":
                if request.transport is not None:
                    request.transport.abort()
            case "end_early":
                pass
            case _:
                return False
        return True


def _error(status: int, message: str, param: str | None = None) -> web.Response:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}
    return web.json_response(body, status=status)


def _event(body: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


def _chunk(model: str, text: str, finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice]}


def _completion(model: str, text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c1", "object": "chat.completion", "created": 0, "model": model, "choices": [choice]}


def _from_context(body: dict[str, Any]) -> str:
    """The reference line nearest to the question, by shared beginnings of words."""
    asked = {word[:5] for word in re.findall(r"\w{3,}", body["messages"][-1]["content"].lower())}
    reference = body["messages"][0]["content"].partition("### [")[2]
    lines = [line.strip() for line in reference.splitlines()[1:] if line.strip() and not line.startswith("#")]
    if not lines:
        return "К сожалению, этого я не знаю.|"
    best = max(lines, key=lambda line: len(asked & {word[:5] for word in re.findall(r"\w{3,}", line.lower())}))
    return f"{best}|"


async def _serve(port: int, behaviour: Behaviour) -> None:
    async with OpenAiServer(behaviour, port) as server:
        print(server.base_url, flush=True)  # noqa: T201 - the parent process reads it
        await asyncio.Event().wait()


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--first-token-s", type=float, default=0.0)
    parser.add_argument("--token-s", type=float, default=0.0)
    parser.add_argument("--answer", default=Behaviour.answer)
    parser.add_argument("--answer-from-context", action="store_true")
    parser.add_argument("--fault", default="")
    given = parser.parse_args()
    behaviour = Behaviour(given.answer, given.fault, given.first_token_s, given.token_s, given.answer_from_context)
    asyncio.run(_serve(given.port, behaviour))


if __name__ == "__main__":
    _main()
