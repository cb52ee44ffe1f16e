"""The link to one Asterisk: its event socket, which reconnects by itself, and its REST requests.

Nothing that Asterisk says or fails to say ends the link: it is told once (repeats are counted, not logged),
and the link goes on or is made anew.
"""

import asyncio
import base64
import logging
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TypeVar

import aiohttp

from telephony import ari
from telephony.ari_requests import Request, application
from telephony.connect_gate import ConnectGate
from telephony.rarely import Rarely

log = logging.getLogger(__name__)

HEARTBEAT_S = 2.5
"""A ping this often; aiohttp gives the pong half of it: a dead socket is noticed within 4 s."""
REQUEST_S = 5.0
"""Longest wait for the answer to a request, seconds."""
CONNECT_S = 3.0
"""Longest wait for a connection, seconds."""
FIRST_RETRY_S = 0.5
LAST_RETRY_S = 1.2
"""Back-off between attempts doubles from the first to the last, each jittered by a quarter either way, seconds.

An attempt costs next to nothing on either side, and while we wait callers hear the operator: so soon after it is back
an Asterisk has us again."""
STEADY_S = 10.0
"""A connection that held this long resets the back-off, seconds."""
BUSY_NAME_S = 5.0
"""While another client uses our application's name: how often to look whether it has gone, seconds."""


Answer = TypeVar("Answer")


class AriError(Exception):
    """Asterisk refused a request; ``status`` is HTTP's, 0 when there was no answer."""

    def __init__(self, request: Request, status: int, said: str = "") -> None:
        super().__init__(f"{request.method} {request.name}: {status or 'no answer'} {said}".strip())
        self.status = status

    @property
    def gone(self) -> bool:
        """The channel or bridge is not there (any more), or has left the application."""
        return self.status in {404, 409, 412, 422}


class AriLink:
    """One client of one Asterisk; use it as ``async with``, then ``run`` it."""

    def __init__(self, url: str, username: str, password: str, app: str) -> None:
        self.url = url.rstrip("/")
        self.app = app
        self.state = f"connecting to {self.url}"
        """``up``, or what is wrong and what to do."""
        self.tried = asyncio.Event()
        """Set once the first attempt to connect has ended, well or not."""
        key = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
        self.headers = {"Authorization": f"Basic {key}"}
        """What each request carries; a secret."""
        self.gate = ConnectGate()
        """What new connections to this Asterisk pass."""
        self._session: aiohttp.ClientSession | None = None
        self._rarely = Rarely(log)
        self._replaced = False

    async def __aenter__(self) -> "AriLink":
        timeout = aiohttp.ClientTimeout(total=REQUEST_S, sock_connect=CONNECT_S)
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=10)
        self._session = aiohttp.ClientSession(
            headers=self.headers, timeout=timeout, connector=connector, trace_configs=[self.gate.trace]
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The HTTP session."""
        if self._session is None:
            raise RuntimeError("use the link as `async with`")
        return self._session

    async def ask(self, request: Request) -> str:
        """Send a request; its answer's text. Raises ``AriError``."""
        url = f"{self.url}/ari{request.path}"
        try:
            async with self.session.request(request.method, url, params=request.query or None) as reply:
                text = await reply.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise AriError(request, 0, type(error).__name__) from None
        if reply.status >= 400:
            raise AriError(request, reply.status)
        return text

    async def run(
        self, connected: Callable[[], Coroutine[None, None, None]], heard: Callable[[ari.Event], None]
    ) -> None:
        """Hold the event socket until cancelled: ``connected`` runs each time that it is up, beside the events."""
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            await self._hold(connected, heard)
            lasted = asyncio.get_running_loop().time() - began
            failures = 0 if lasted > STEADY_S else failures + 1
            if self._replaced:
                await self._wait_for_name()
            else:
                await asyncio.sleep(retry_after(failures))

    async def _hold(
        self, connected: Callable[[], Coroutine[None, None, None]], heard: Callable[[ari.Event], None]
    ) -> None:
        """One connection, from its handshake to its end."""
        self._replaced = False
        try:
            async with self._socket() as socket, asyncio.TaskGroup() as tasks:
                self.state = "up"
                self.tried.set()
                log.info("Asterisk at %s: connected, application %s", self.url, self.app)
                welcome = tasks.create_task(connected())
                await self._listen(socket, heard)
                welcome.cancel()
            self._down("the event socket was closed; reconnecting")
        except aiohttp.WSServerHandshakeError as error:
            self._down(_refusal(error.status))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._down(f"can't be reached ({type(error).__name__}); is Asterisk running, and http.conf enabled?")
        except Exception:  # the door of a reconnecting link
            log.exception("Asterisk at %s: the link failed and is made anew", self.url)
            self._down("the link failed; reconnecting")

    @asynccontextmanager
    async def _socket(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        events = f"{self.url}/ari/events"
        timeout = aiohttp.ClientWSTimeout(ws_close=0.5)
        async with asyncio.timeout(CONNECT_S):
            socket = await self.session.ws_connect(
                events, params={"app": self.app}, heartbeat=HEARTBEAT_S, timeout=timeout, max_msg_size=1 << 20
            )
        async with socket:
            yield socket

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse, heard: Callable[[ari.Event], None]) -> None:
        async for message in socket:
            if message.type != aiohttp.WSMsgType.TEXT:
                continue
            self._hear(message.data, heard)
            if self._replaced:
                return

    def _hear(self, text: str, heard: Callable[[ari.Event], None]) -> None:
        try:
            event = ari.parse_event(text)
        except ValueError as fault:
            self._rarely.warning("event", "Asterisk sent an event that can't be read and is passed over: %s", fault)
            return
        if isinstance(event, ari.UnknownEvent):
            log.debug("Asterisk event without use: %s", event.type)
        elif isinstance(event, ari.ApplicationReplaced) and event.application == self.app:
            self._replaced = True
        else:
            heard(event)

    def _down(self, why: str) -> None:
        if self._replaced:
            why = f"another client has taken the application name {self.app!r}: give each daemon its own [asterisk] app"
        self.state = why
        self.tried.set()
        self._rarely.warning(why, "Asterisk at %s: %s", self.url, why)

    async def _wait_for_name(self) -> None:
        """Two clients that take the name from each other for ever would lose calls: wait until it is free."""
        while True:
            await asyncio.sleep(BUSY_NAME_S)
            try:
                await self.ask(application(self.app))
            except AriError:
                return


async def to_the_end(work: Coroutine[None, None, Answer]) -> Answer:
    """Await ``work``, which has a deadline of its own, also when cancelled meanwhile; the cancellation then goes on.

    For requests that make something: it could not be destroyed before it is known to be there.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


def retry_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    pause = min(LAST_RETRY_S, FIRST_RETRY_S * 2.0 ** max(0, failures - 1))
    return pause * random.uniform(0.75, 1.25)  # noqa: S311 - spreads clients, keeps no secret


def _refusal(status: int) -> str:
    if status in {401, 403}:
        return f"refused us ({status}): [asterisk] username and password must be those of ari.conf"
    if status == 404:
        return (
            "has no ARI (404): load res_ari_events and set enabled=yes in ari.conf; is [asterisk] url the right server?"
        )
    return f"answered {status} to the event socket; trying again"
