"""The HTTP door for operators: health, the admin page, and the API behind it."""

import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from agent.errors import StartError
from gateways.bodies import json_body
from gateways.chat import ChatDoor
from gateways.desk import Desk
from gateways.guard import COOKIE, SESSION_S, Guard, seal
from gateways.knowledge import KnowledgeDoor
from gateways.live import LiveDoor
from gateways.logs import Logs
from gateways.modems import ModemDoor
from gateways.pages import load_files
from gateways.port import fault
from gateways.problems import Problem, explained
from gateways.queries import Key
from gateways.replies import OpenState, Session, WholeState
from gateways.routes import Route, add, describe
from gateways.speech import SpeechDoor
from gateways.talk import TalkDoor
from gateways.texts import TextDoor

log = logging.getLogger(__name__)

KEPT = "/logs-ui/{version}/{name}"
BODY_MOST = 1_000_000
"""Longest JSON body, bytes."""
STOP_S = 2.0
"""Answers under way may take this long at shutdown, seconds."""


async def serve_admin(
    host: str, port: int, desk: Desk, sockets: Sequence[socket.socket] | None = None
) -> web.AppRunner:
    """Serve on ``host:port`` until the runner is cleaned up; raises ``StartError`` when the port is taken.

    ``sockets`` listen there already, and belong to the runner from now on.
    """
    log.addFilter(_ours)
    runner = web.AppRunner(new_app(desk), access_log=None, logger=log, shutdown_timeout=STOP_S)
    await runner.setup()
    try:
        if sockets is None:
            await web.TCPSite(runner, host, port).start()
        for each in sockets or ():
            await web.SockSite(runner, each).start()
    except OSError as error:
        await runner.cleanup()
        raise StartError(fault(host, port, error)) from None
    return runner


def _ours(record: logging.LogRecord) -> bool:
    """What is no HTTP is its sender's fault and answered with 400: no line in the log for each."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def new_app(desk: Desk) -> web.Application:
    """The application; what is not on the ``desk`` yet answers 503."""
    app = web.Application(middlewares=[explained], client_max_size=BODY_MOST)
    app.on_response_prepare.append(seal)
    guard = Guard(desk.key, local=desk.local)
    own = FrontDoor(desk, guard)
    chats, talks = ChatDoor(desk), TalkDoor(desk)
    pages = (own, Logs(desk), LiveDoor(desk), TextDoor(desk), KnowledgeDoor(desk), ModemDoor(desk))
    doors = (*pages, chats, talks, SpeechDoor(desk))
    routes = [route for door in doors for route in door.routes()]
    own.description = describe(routes, desk.health().version)
    add(app, guard, routes)
    app.on_shutdown.extend((_farewell(desk), chats.close, talks.close))
    return app


class FrontDoor:
    """Health, the page's files, and the key."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        """The page's files are read here."""
        self._desk, self._guard, self._files = desk, guard, load_files()
        self.description: dict[str, object] = {}
        """The OpenAPI document."""

    def routes(self) -> list[Route]:
        """The paths."""
        ready = {200: "calls are answered", 503: "not yet, or no longer"}
        entered = {200: "a cookie for this browser", 401: "a wrong key", 429: "too many wrong keys"}
        file = {200: "the file", 304: "as before", 404: "no such file"}
        page = "The page; health as JSON for whoever does not ask for HTML"
        return [
            Route("GET", "/", page, self.root, open=True, replies=ready, reply=OpenState),
            Route("GET", "/health", "Health", self.health, open=True, replies=ready, reply=OpenState),
            Route("GET", "/metrics", "Figures for a Prometheus", self.metrics, open=True, gives="text/plain"),
            Route("GET", "/api/health", "Health, disk and versions", self.whole_health, reply=WholeState),
            Route("GET", "/logs-ui/", "The page", self.page, open=True, gives="text/html"),
            Route("GET", "/logs-ui", "The page", self.page, open=True, gives="text/html"),
            Route("GET", "/logs-ui/{name}", "The page's files", self.file, open=True, gives="*/*", replies=file),
            Route("GET", KEPT, "The same, to be kept for ever", self.file, open=True, gives="*/*", replies=file),
            Route("GET", "/api/openapi.json", "This description", self.described, open=True),
            Route("GET", "/openapi.json", "This description", self.described, open=True),
            Route("GET", "/api/session", "Whether the key is needed", self.session, open=True, reply=Session),
            Route(
                "POST", "/api/session", "Give the key", self.log_in, open=True, body=Key, reply=Session, replies=entered
            ),
            Route("DELETE", "/api/session", "Forget that the key was given", self.log_out, open=True, reply=Session),
        ]

    async def root(self, request: web.Request) -> web.Response:
        """A browser gets the page, everybody else health."""
        return await (self.page if "text/html" in request.headers.get("Accept", "") else self.health)(request)

    async def health(self, _request: web.Request) -> web.Response:
        """200 when calls are answered, 503 before and after."""
        health = self._desk.health()
        body = {"status": "ok" if health.ready else "starting", **asdict(health)}
        return web.json_response(body, status=200 if health.ready else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        """Text format 0.0.4."""
        self._guard.admit_figures(request)
        if self._desk.metrics is None:
            raise Problem(503, "the figures are not there yet; ask again in a moment")
        body, content_type = self._desk.metrics()
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def whole_health(self, _request: web.Request) -> web.Response:
        """What only those learn who have the key."""
        return web.json_response({**asdict(self._desk.health()), **self._desk.machine()})

    async def page(self, request: web.Request) -> web.Response:
        """The page."""
        return self._files.page.answer(request)

    async def file(self, request: web.Request) -> web.Response:
        """One of the page's files."""
        version, name = request.match_info.get("version"), request.match_info["name"]
        if version not in (None, self._files.version):
            raise Problem(404, "the page has changed since it was opened; reload it")
        found = (self._files.kept if version else self._files.plain).get(name)
        if found is None:
            raise Problem(404, "the page has no such file")
        return found.answer(request)

    async def described(self, _request: web.Request) -> web.Response:
        """OpenAPI 3.1."""
        return web.json_response(self.description)

    async def session(self, request: web.Request) -> web.Response:
        """What a page must know before it asks for anything else."""
        return web.json_response(
            {"key_needed": not self._guard.admitted(request), "keyed": True, "language": self._desk.language}
        )

    async def log_in(self, request: web.Request) -> web.Response:
        """The right key gives a cookie."""
        token = self._guard.log_in(request, Key.model_validate(await json_body(request)).key)
        response = web.json_response({"key_needed": False})
        response.set_cookie(
            COOKIE, token, max_age=SESSION_S, httponly=True, samesite="Strict", secure=request.secure, path="/"
        )
        return response

    async def log_out(self, request: web.Request) -> web.Response:
        """The cookie is worth nothing any more."""
        self._guard.same_origin(request)
        self._guard.log_out(request)
        response = web.json_response({"key_needed": True})
        response.del_cookie(COOKIE, path="/")
        return response


def _farewell(desk: Desk) -> Callable[[web.Application], Awaitable[None]]:
    async def leave(_app: web.Application) -> None:
        for farewell in desk.farewells:
            farewell()

    return leave
