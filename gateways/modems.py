"""The GSM lines: their state, the messages that came and went, the call-backs that were asked for."""

from aiohttp import web

from gateways.desk import Desk
from gateways.problems import Problem
from gateways.queries import Newest
from gateways.routes import Route


class ModemDoor:
    """Shows them."""

    def __init__(self, desk: Desk) -> None:
        """``desk.modems`` may come later."""
        self._desk = desk

    def routes(self) -> list[Route]:
        """The path."""
        replies = {200: "the GSM lines", 404: "there is none"}
        what = "GSM lines: state and counts, the newest messages and call-backs"
        return [Route("GET", "/api/modems", what, self.show, query=Newest, replies=replies)]

    async def show(self, request: web.Request) -> web.Response:
        """Everything of the GSM lines."""
        if self._desk.modems is None:
            raise Problem(404, "there is no GSM line; [modem] enabled switches one on (docs/modem.md)")
        return web.json_response(await self._desk.modems(Newest.model_validate(dict(request.query)).count))
