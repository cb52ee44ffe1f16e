"""The GSM lines: their state, messages, call-backs, and what people ask of them."""

from aiohttp import web

from gateways.bodies import json_body
from gateways.desk import Desk, Modems, Row
from gateways.problems import Problem
from gateways.queries import NetworkCode, Newest, NewMessage
from gateways.replies import Done, GsmState, MessageSent, NetworkText
from gateways.routes import Route

LINE = "/api/modems/{name}"
NONE: Row = {"lines": {}, "signal": {}, "messages": [], "call_backs": []}
CALL_BACK = "/api/call-backs/{id}"


class ModemDoor:
    """Shows them, and passes on what people ask of them."""

    def __init__(self, desk: Desk) -> None:
        """``desk.modems`` may come later."""
        self._desk = desk

    def routes(self) -> list[Route]:
        """The paths."""
        shown = {200: "the GSM lines; no lines where there is none"}
        asked = {200: "done", 404: "no such line", 409: "the network or the modem refused", 503: "the modem is away"}
        cancelled = {200: "given up", 404: "none waits under this id"}
        what = "GSM lines: state, counts and signal, the newest messages and call-backs"
        return [
            Route("GET", "/api/modems", what, self.show, query=Newest, reply=GsmState, replies=shown),
            Route(
                "POST",
                f"{LINE}/messages",
                "Send a text message",
                self.send,
                body=NewMessage,
                reply=MessageSent,
                replies=asked,
            ),
            Route(
                "POST",
                f"{LINE}/code",
                "Ask the network a code (USSD)",
                self.code,
                body=NetworkCode,
                reply=NetworkText,
                replies=asked,
            ),
            Route("DELETE", CALL_BACK, "Give up a call-back that waits", self.cancel, reply=Done, replies=cancelled),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Everything of the GSM lines."""
        query = Newest.model_validate(dict(request.query))
        if self._desk.modems is None:
            return web.json_response(NONE)
        return web.json_response(await self._desk.modems.rows(query.count, query.q))

    async def send(self, request: web.Request) -> web.Response:
        """A message."""
        message = NewMessage.model_validate(await json_body(request))
        return web.json_response(await self._modems.send(request.match_info["name"], message.number, message.text))

    async def code(self, request: web.Request) -> web.Response:
        """Balance and the like."""
        asked = NetworkCode.model_validate(await json_body(request))
        return web.json_response(await self._modems.code(request.match_info["name"], asked.code))

    async def cancel(self, request: web.Request) -> web.Response:
        """Nobody will be called."""
        if not await self._modems.cancel(request.match_info["id"]):
            raise Problem(404, "no such call-back waits; it was made, or given up already")
        return web.json_response({"done": True})

    @property
    def _modems(self) -> Modems:
        if self._desk.modems is None:
            raise Problem(404, "there is no GSM line; [modem] enabled switches one on (docs/modem.md)")
        return self._desk.modems
