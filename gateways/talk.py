"""``WS /api/talk``: speaking with the agent from the page. A call like any other, in the log and in the live view.

The browser sends its microphone as binary messages (PCM16 mono, little endian, at the ``rate`` of the query), how far
it has played as ``{"played": samples, "stretch": n}`` and pressed keys as ``{"key": "5"}``. It is sent
``{"call": id, "rate": hz}``, then speech as binary messages, ``{"do": "pause" | "resume" | "clear", "stretch": n}``
and at last ``{"ended": cause}``. ``stretch`` counts the ``clear``s; ``samples`` are counted anew from each.
"""

import asyncio
import json
from typing import Any
from uuid import uuid4

from aiohttp import WSMsgType, web
from pydantic import Field

from agent.ports import Dtmf
from gateways.desk import Desk
from gateways.page_line import Message, PageLine
from gateways.problems import Problem
from gateways.queries import Query
from gateways.routes import Route

BEAT_S = 5.0
"""A ping this often finds out who has gone, seconds."""
QUIET_S = 10.0
"""Without any sound of the microphone for so long, not even silence, the call is over, seconds."""
LARGEST = 200_000
"""Longest message that is taken, bytes."""
KEYS = "0123456789*#ABCD"


class TalkQuery(Query):
    """How the browser will speak."""

    rate: int = Field(8000, ge=8000, le=96_000, description="Sample rate of the microphone, Hz")
    callerId: str = Field("", max_length=40, pattern=r"^[\w .+-]*$", description="Shown in the log as the number")  # noqa: N815


class TalkDoor:
    """Lets browsers ring."""

    def __init__(self, desk: Desk) -> None:
        """``desk.door`` may come later."""
        self._desk = desk
        self._open: set[web.WebSocketResponse] = set()

    def routes(self) -> list[Route]:
        """The path."""
        replies = {101: "a WebSocket", 503: "not yet"}
        return [
            Route("GET", "/api/talk", "Speak with the agent: a WebSocket", self.talk, query=TalkQuery, replies=replies)
        ]

    async def talk(self, request: web.Request) -> web.StreamResponse:
        """One call, until either side leaves."""
        asked = TalkQuery.model_validate(dict(request.query))
        door = self._desk.door
        if door is None:
            raise Problem(503, "Allo is starting; ask again in a moment", {"Retry-After": "1"})
        socket = web.WebSocketResponse(heartbeat=BEAT_S, max_msg_size=LARGEST, compress=False)
        if not socket.can_prepare(request):
            raise Problem(400, "a WebSocket is needed here")
        await socket.prepare(request)
        refusal = door.admit()
        if refusal is not None:
            await socket.send_json({"ended": refusal.reason})
            await socket.close()
            return socket
        wire = _Wire(socket)
        line = PageLine(uuid4().hex, asked.callerId, asked.rate, wire.send)
        self._open.add(socket)
        door.ring(line)
        try:
            async with asyncio.TaskGroup() as tasks:
                helpers = [tasks.create_task(wire.run()), tasks.create_task(_watch(line))]
                await _listen(socket, line)
                for helper in helpers:
                    helper.cancel()
        finally:
            line.leave("caller")
            self._open.discard(socket)
        return socket

    async def close(self, _app: web.Application) -> None:
        """Let everybody go: Allo stops."""
        for socket in list(self._open):
            await socket.close(code=1001)


class _Wire:
    """Messages to the browser, in order; the last one closes the socket."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._waiting: asyncio.Queue[Message] = asyncio.Queue()
        self.send = self._waiting.put_nowait

    async def run(self) -> None:
        while True:
            message = await self._waiting.get()
            try:
                if isinstance(message, bytes):
                    await self._socket.send_bytes(message)
                else:
                    await self._socket.send_str(message)
            except ConnectionResetError:
                return  # the reader learns of it too
            if isinstance(message, str) and message.startswith('{"ended"'):
                await self._socket.close()
                return


async def _listen(socket: web.WebSocketResponse, line: PageLine) -> None:
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            line.take(message.data)
        elif message.type is WSMsgType.TEXT:
            _obey(line, _read(message.data))


def _obey(line: PageLine, news: dict[str, Any]) -> None:
    played, stretch, key = news.get("played"), news.get("stretch"), news.get("key")
    if isinstance(played, int) and isinstance(stretch, int):
        line.mouth.heard(stretch, played)
    elif isinstance(key, str) and len(key) == 1 and key in KEYS:
        line.press(Dtmf(key))


def _read(text: str) -> dict[str, Any]:
    """The object in a message; what is none says nothing."""
    try:
        news = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return news if isinstance(news, dict) else {}


async def _watch(line: PageLine) -> None:
    """A page that is open and deaf must not keep a call for ever."""
    before = -1
    while line.position != before:
        before = line.position
        await asyncio.sleep(QUIET_S)
    line.leave("lost")
