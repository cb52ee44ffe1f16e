"""A real HTTP server that speaks OpenAI's chat completions, streaming and not, and fails on request.

In a test: ``async with OpenAiServer() as server: ... server.base_url``. As a process:
``python -m tests.fakes.openai_server --port N --first-token-s 0.4 --answer-from-context``.
"""

import argparse
import asyncio
import json
import re
import zlib
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
    "503",
    "no_tools",
    "no_system",
    "no_two_in_a_row",
    "plain",
]
REFUSED = {
    "no_stream": "stream",
    "no_max_tokens": "max_tokens",
    "no_temperature": "temperature",
    "no_tools": "tools",
}
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
    answers: list[str] = field(default_factory=list)
    """Answers of the next requests, one each, before ``answer``."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Tools asked for, name and arguments, where the request offers tools and brings no result yet."""
    faults: dict[str, Fault] = field(default_factory=dict)
    """Faults of single models, by name, in place of ``fault``."""
    retry_after: str = ""
    """Sent along with statuses of failure."""
    fails: int = -1
    """So many requests meet the fault, then all is well; negative: all of them."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    """Bodies received, oldest first."""
    embedded: list[Any] = field(default_factory=list)
    """Inputs of the embedding requests received."""
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
        app.router.add_get("/v1/", self._nothing)
        app.router.add_post("/v1/embeddings", self._embeddings)
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
        fault = self._fault(body)
        refusal = self._refusal(body, fault)
        if refusal is not None:
            return refusal
        if fault == "hang_first":
            await self._released.wait()
        await asyncio.sleep(does.first_token_s)
        calls = does.calls if body.get("tools") and body["messages"][-1]["role"] != "tool" else []
        text = "" if fault == "empty" or calls else self._text(body)
        if fault == "garbage" and not body.get("stream"):
            return web.Response(text="<html>It works!</html>", content_type="text/html")
        if not body.get("stream") or fault == "plain":
            return web.json_response(_completion(body["model"], text, calls))
        return await self._stream(request, body["model"], text, calls, fault)

    async def _embeddings(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.behaviour.embedded.append(body["input"])
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        rows = [{"object": "embedding", "index": n, "embedding": _vector(text)} for n, text in enumerate(texts)]
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        return web.json_response({"object": "list", "data": rows, "model": body["model"], "usage": usage})

    async def _nothing(self, request: web.Request) -> web.Response:
        self.behaviour.connections.add(request.transport)
        return _error(404, "no such thing")

    def _text(self, body: dict[str, Any]) -> str:
        does = self.behaviour
        if does.answers:
            return does.answers.pop(0)
        return _from_context(body) if does.from_context else does.answer

    def _fault(self, body: dict[str, Any]) -> Fault:
        does = self.behaviour
        fault = does.faults.get(body["model"], does.fault)
        if fault and does.fails >= 0:
            does.fails -= 1
            return fault if does.fails >= 0 else ""
        return fault

    def _refusal(self, body: dict[str, Any], fault: Fault) -> web.Response | None:
        roles = [message["role"] for message in body["messages"]]
        if fault.isdigit():
            words = json.dumps(body["messages"][-1]["content"])
            refusal = _error(int(fault), f"Incorrect API key provided: sk-secret; you said {words}")
            refusal.headers.update({"Retry-After": self.behaviour.retry_after} if self.behaviour.retry_after else {})
            return refusal
        if fault == "no_system" and "system" in roles:
            return _error(400, "System role not supported")
        if fault == "no_two_in_a_row" and (roles[1] == "assistant" or any(map(str.__eq__, roles, roles[1:]))):
            return _error(400, "After the optional system message, conversation roles must alternate user/assistant")
        name = REFUSED.get(fault, "")
        if name and body.get(name):
            return _error(400, f"Unsupported value: '{name}' is not supported with this model.", name)
        return None

    async def _stream(
        self, request: web.Request, model: str, text: str, calls: list[tuple[str, str]], fault: Fault
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        pieces = re.findall(r"\s*\S+", text)
        for number, piece in enumerate(pieces):
            if number == len(pieces) // 2 and await self._fails(request, response, fault):
                return response
            await response.write(_event(_chunk(model, {"content": piece}, None)))
            await asyncio.sleep(self.behaviour.token_s)
        for delta in _call_deltas(calls):
            await response.write(_event(_chunk(model, {"tool_calls": [delta]}, None)))
        await response.write(_event(_chunk(model, {}, "tool_calls" if calls else "stop")))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _fails(self, request: web.Request, response: web.StreamResponse, fault: Fault) -> bool:
        """Fail in the middle of a stream; True: nothing more may be written."""
        match fault:
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


def _chunk(model: str, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice]}


def _call_deltas(calls: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """As OpenAI streams them: the name first, then the arguments in pieces."""
    deltas: list[dict[str, Any]] = []
    for index, (name, arguments) in enumerate(calls):
        function = {"name": name, "arguments": ""}
        deltas.append({"index": index, "id": f"call_{index}", "type": "function", "function": function})
        pieces = re.findall(r".{1,5}", arguments, re.DOTALL)
        deltas += [{"index": index, "function": {"arguments": piece}} for piece in pieces]
    return deltas


def _completion(model: str, text: str, calls: list[tuple[str, str]]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for n, (name, arguments) in enumerate(calls)
        ]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    return {"id": "c1", "object": "chat.completion", "created": 0, "model": model, "choices": [choice]}


def _vector(text: str) -> list[float]:
    """64 numbers that are alike for texts that share words."""
    vector = [0.0] * 64
    for word in re.findall(r"\w{3,}", text.lower()):
        vector[zlib.crc32(word[:5].encode()) % 64] += 1.0
    length = sum(value * value for value in vector) ** 0.5 or 1.0
    return [value / length for value in vector]


def _from_context(body: dict[str, Any]) -> str:
    """The reference line nearest to the question, by shared beginnings of words."""
    asked = {word[:5] for word in re.findall(r"\w{3,}", body["messages"][-1]["content"].lower())}
    reference = body["messages"][0]["content"].partition("### [")[2]
    lines = [line.strip() for line in reference.splitlines()[1:] if line.strip() and line[0] not in "#<"]
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
    parser.add_argument("--call", nargs=2, action="append", default=[], metavar=("TOOL", "ARGUMENTS"))
    given = parser.parse_args()
    behaviour = Behaviour(given.answer, given.fault, given.first_token_s, given.token_s, given.answer_from_context)
    behaviour.calls = [(name, arguments) for name, arguments in given.call]
    asyncio.run(_serve(given.port, behaviour))


if __name__ == "__main__":
    _main()
