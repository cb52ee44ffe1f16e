"""Reads many sockets together: one wake of the event loop serves every one that has something.

Forty calls send two thousand messages a second, one by one. Woken for each, the loop spends more on falling asleep
and waking up with cold caches than on the audio. So after each round of reading it rests for ``REST_MS`` and then
serves whatever came meanwhile. A socket that was quiet is served at once, a single call waits for nothing.
"""

import asyncio
import logging
import selectors
import socket
from collections.abc import Callable

log = logging.getLogger(__name__)

REST_MS = 10
"""Rest after a round, milliseconds: what audio may come later for it."""


class SocketRound:
    """Calls back for each registered socket that can be read; all of it on one event loop."""

    def __init__(self) -> None:
        self._ready: dict[socket.socket, Callable[[], None]] = {}
        self._selector: selectors.DefaultSelector | None = None
        self._resting: asyncio.TimerHandle | None = None

    @property
    def sockets(self) -> int:
        """Sockets registered now."""
        return len(self._ready)

    def add(self, sock: socket.socket, ready: Callable[[], None]) -> None:
        """Call ``ready`` whenever ``sock`` can be read, or is gone."""
        if self._selector is None:
            self._selector = selectors.DefaultSelector()
            self._wait(self._selector)
        self._selector.register(sock, selectors.EVENT_READ, sock)
        self._ready[sock] = ready

    def discard(self, sock: socket.socket) -> None:
        """No longer; must be called before the socket is closed, harmless when it is not registered."""
        selector = self._selector
        if selector is None or self._ready.pop(sock, None) is None:
            return
        selector.unregister(sock)
        if not self._ready:
            self._end(selector)

    def _end(self, selector: selectors.DefaultSelector) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        asyncio.get_running_loop().remove_reader(selector.fileno())
        selector.close()
        self._selector = None

    def _wait(self, selector: selectors.DefaultSelector) -> None:
        """A selector can be waited for like a socket."""
        self._resting = None
        asyncio.get_running_loop().add_reader(selector.fileno(), self._wake, selector)

    def _wake(self, selector: selectors.DefaultSelector) -> None:
        asyncio.get_running_loop().remove_reader(selector.fileno())
        self._serve(selector)

    def _serve(self, selector: selectors.DefaultSelector) -> None:
        ready = selector.select(0)
        if not ready:
            self._wait(selector)
            return
        self._resting = asyncio.get_running_loop().call_later(REST_MS / 1000, self._serve, selector)
        for key, _ in ready:
            self._call(key.data)

    def _call(self, sock: socket.socket) -> None:
        ready = self._ready.get(sock)
        if ready is None:
            return  # discarded by one that was served before it
        try:
            ready()
        except Exception:  # the door around a call: one broken socket must not stop the others' audio
            log.exception("a media socket failed and is read no more")
            self.discard(sock)
