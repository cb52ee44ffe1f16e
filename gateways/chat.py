"""``WS /ws``: a conversation in writing. Text in; each sentence of the answer out as a message of its own."""

import json

from aiohttp import WSMsgType, web

from agent.ports import Sentence
from gateways.desk import Ask, Desk
from gateways.problems import Problem
from gateways.routes import Route

LONGEST = 2000
"""Letters of a question."""
OPEN_MOST = 64
"""Conversations at once."""
BEAT_S = 20.0
"""A ping this often finds out who has gone, seconds."""


class ChatDoor:
    """Answers who writes."""

    def __init__(self, desk: Desk) -> None:
        """``desk.new_chat`` may come later."""
        self._desk = desk
        self._open: set[web.WebSocketResponse] = set()

    def routes(self) -> list[Route]:
        """The path."""
        replies = {101: "a WebSocket", 503: "too many, or not yet"}
        summary = "A conversation in writing; with ?format=json each sentence comes with its source"
        return [Route("GET", "/ws", summary, self.talk, replies=replies)]

    async def talk(self, request: web.Request) -> web.StreamResponse:
        """One conversation, until the person leaves."""
        if self._desk.new_chat is None:
            raise Problem(503, "Allo is starting; ask again in a moment", {"Retry-After": "1"})
        if len(self._open) >= OPEN_MOST:
            raise Problem(503, f"{OPEN_MOST} conversations are open already", {"Retry-After": "10"})
        socket = web.WebSocketResponse(heartbeat=BEAT_S, max_msg_size=LONGEST * 4)
        if not socket.can_prepare(request):
            raise Problem(400, "a WebSocket is needed here")
        self._open.add(socket)
        try:
            await socket.prepare(request)
            await _converse(socket, self._desk.new_chat(), marked=request.query.get("format") == "json")
        except ConnectionResetError:
            return socket  # the person left in the middle of an answer
        finally:
            self._open.discard(socket)
        return socket

    async def close(self, _app: web.Application) -> None:
        """Let everybody go: Allo stops."""
        for socket in list(self._open):
            await socket.close(code=1001)


async def _converse(socket: web.WebSocketResponse, ask: Ask, marked: bool) -> None:
    async for message in socket:
        if message.type != WSMsgType.TEXT:
            continue
        text = message.data.strip()[:LONGEST]
        if not text:
            continue
        async for sentence in ask(text):
            await socket.send_str(_marked(sentence) if marked else sentence.text)
        if marked:
            await socket.send_str(json.dumps({"done": True}))


def _marked(sentence: Sentence) -> str:
    action = sentence.action.kind if sentence.action else ""
    return json.dumps({"text": sentence.text, "source": sentence.source, "action": action}, ensure_ascii=False)
