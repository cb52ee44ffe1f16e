"""Not too many new connections at the same moment.

Asterisk's web server listens with a backlog of five (main/tcptls.c). When many calls come at once and each wants a
few connections, the kernel drops the surplus, and its first repetition comes after a whole second: seen as a caller
who hears nothing for a second, with twenty calls in one instant.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import aiohttp

AT_ONCE = 4
"""Connections that may wait for Asterisk's ``accept``."""
ACCEPTED_S = 0.02
"""A connection without an answer is taken for accepted after so long, seconds: some requests are answered late."""


class ConnectGate:
    """Holds back new connections of the sessions that carry its ``trace``; requests on open ones pass freely."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._places = asyncio.Semaphore(at_once)

    @property
    def trace(self) -> aiohttp.TraceConfig:
        """For ``ClientSession(trace_configs=[gate.trace])``."""
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_start.append(self._enter)
        trace.on_connection_create_end.append(self._connected)
        trace.on_request_end.append(self._leave)
        trace.on_request_exception.append(self._leave)
        return trace

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """For a connection that is made by other means, until it was answered."""
        async with self._places:
            yield

    async def _enter(self, _session: aiohttp.ClientSession, request: SimpleNamespace, _told: object) -> None:
        await self._places.acquire()
        request.inside = True

    async def _connected(self, _session: aiohttp.ClientSession, request: SimpleNamespace, _told: object) -> None:
        """The kernel has taken the connection, Asterisk perhaps not yet."""
        asyncio.get_running_loop().call_later(ACCEPTED_S, self._release, request)

    async def _leave(self, _session: aiohttp.ClientSession, request: SimpleNamespace, _told: object) -> None:
        """The answer has come, or the request has failed, at whatever stage."""
        self._release(request)

    def _release(self, request: SimpleNamespace) -> None:
        if getattr(request, "inside", False):
            request.inside = False
            self._places.release()
