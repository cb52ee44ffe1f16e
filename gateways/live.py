"""Calls in progress as server-sent events (WHATWG HTML, 9.2), and what may be done to them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web

from gateways.desk import Desk, Live
from gateways.problems import Problem
from gateways.replies import Done
from gateways.routes import Route

RETRY_MS = 1000
"""When a browser tries again, milliseconds."""
PAGES_MOST = 64
"""Pages that may watch at once."""
BEAT_S = 20.0
"""A ping to listeners this often, seconds."""
CALL = "/api/live/{call_id:[A-Za-z0-9._@-]+}"


class LiveDoor:
    """Answers who watches."""

    def __init__(self, desk: Desk) -> None:
        """``desk.live`` may come later."""
        self._desk = desk
        self._watching = 0

    def routes(self) -> list[Route]:
        """The paths."""
        done = {200: "done", 404: "no such call", 409: "the line refused"}
        heard = {101: "a WebSocket", 404: "no such call"}
        return [
            Route("GET", "/api/live", "Calls in progress, as they go on", self.watch, gives="text/event-stream"),
            Route("GET", f"{CALL}/listen", "Listen in: a WebSocket, PCM16 stereo", self.listen, replies=heard),
            Route("POST", f"{CALL}/hangup", "Hang up", self.hang_up, reply=Done, replies=done),
            Route(
                "POST", f"{CALL}/transfer", "Give the caller to the operator", self.transfer, reply=Done, replies=done
            ),
        ]

    async def watch(self, request: web.Request) -> web.StreamResponse:
        """A stream until the reader leaves."""
        live = self._live
        if self._watching >= PAGES_MOST:
            raise Problem(503, f"{PAGES_MOST} pages watch already; close one", {"Retry-After": "10"})
        response = web.StreamResponse(headers={"X-Accel-Buffering": "no"})
        response.content_type = "text/event-stream"
        self._watching += 1
        try:
            await response.prepare(request)
            await response.write(f"retry: {RETRY_MS}\n\n".encode())
            async with aclosing(live.watch()) as news:
                async for text in news:
                    await response.write(f"data: {text}\n\n".encode() if text else b":\n\n")
        except ConnectionResetError:
            return response  # the page was closed
        finally:
            self._watching -= 1
        return response

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """``{"rate": hz}``, then both sides as they go on, until either side of the socket has had enough."""
        found = self._live.listen(request.match_info["call_id"])
        if found is None:
            raise Problem(404, "this call is over")
        rate, sound = found
        socket = web.WebSocketResponse(heartbeat=BEAT_S, compress=False)
        if not socket.can_prepare(request):
            raise Problem(400, "a WebSocket is needed here")
        await socket.prepare(request)
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(_send(socket, rate, sound))
            async for _ in socket:
                continue  # a listener has nothing to say; the loop ends when it leaves
            sending.cancel()
        return socket

    async def hang_up(self, request: web.Request) -> web.Response:
        """End a call."""
        if not await self._live.hang_up(request.match_info["call_id"]):
            raise Problem(404, "this call is over")
        return web.json_response({"done": True})

    async def transfer(self, request: web.Request) -> web.Response:
        """Give the caller to the operator."""
        if not await self._live.transfer(request.match_info["call_id"]):
            raise Problem(409, "the line did not take the transfer: is an operator set ([sip] operator)?")
        return web.json_response({"done": True})

    @property
    def _live(self) -> Live:
        if self._desk.live is None:
            raise Problem(503, "Allo is starting; ask again in a moment", {"Retry-After": "1"})
        return self._desk.live


async def _send(socket: web.WebSocketResponse, rate: int, sound: AsyncGenerator[bytes, None]) -> None:
    try:
        async with aclosing(sound):
            await socket.send_json({"rate": rate})
            async for piece in sound:
                await socket.send_bytes(piece)
        await socket.close()
    except ConnectionResetError:
        return  # the page was closed
