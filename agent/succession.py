"""A restart that callers hardly notice: the next process loads everything while this one goes on answering.

The two talk over a pair of sockets. The moment of the hand-over is the death of the older one: until then it alone
holds ports and call log; the younger one opens neither before its parent is gone. One that does not come up harms
nobody: the older one goes on.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from agent.errors import StartError

LOAD_S = 120.0
"""A process that has not loaded everything by then is given up, seconds."""
ENDED_S = 5.0
"""A process that has nothing more to say ends so soon, seconds."""
LOOK_S = 0.002
"""How often the younger one looks whether its parent is gone, seconds."""
FLAG = "--after"
"""``allo serve --after FD``: FD is the younger one's socket."""
LOADED, LEAVING = b"+", b"-"
"""What the younger one says, and the older one."""


def command(words: Sequence[str], fd: int) -> list[str]:
    """What starts the next process: the command line of this one, with another socket."""
    given = list(words)
    if FLAG in given:
        place = given.index(FLAG)
        del given[place : place + 2]
    return [*given, FLAG, str(fd)]


class Successor:
    """The younger one, as the older one sees it."""

    def __init__(self, process: "subprocess.Popen[bytes]", line: socket.socket) -> None:
        """Use ``start``."""
        self._process, self._line = process, line

    @classmethod
    async def start(cls, words: Sequence[str] = tuple(sys.orig_argv[1:])) -> "Successor":
        """Launch the program anew, as it lies on the disk now; raises ``StartError``."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        # its watchdog is its own
        environment = {name: value for name, value in os.environ.items() if name != "WATCHDOG_PID"}

        def launch() -> "subprocess.Popen[bytes]":
            line = [sys.executable, *command(words, theirs.fileno())]
            return subprocess.Popen(  # noqa: S603 - our own command line
                line, pass_fds=(theirs.fileno(),), env=environment, stdin=subprocess.DEVNULL
            )

        try:
            return cls(await asyncio.to_thread(launch), ours)
        except OSError as error:
            ours.close()
            raise StartError(f"the next process can't be started: {error.strerror}") from None
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def loaded(self, within_s: float = LOAD_S) -> None:
        """Return when it waits for us to leave; raises ``StartError`` when it ended before, or takes too long."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(within_s):
                said = await loop.sock_recv(self._line, 1)
        except (TimeoutError, OSError):
            raise StartError(f"the next process was not ready after {within_s:.0f} s") from None
        if said != LOADED:
            status = await asyncio.to_thread(self._status)
            raise StartError(f"the next process ended with status {status}; its own lines say why")

    def _status(self) -> int | str:
        try:
            return self._process.wait(ENDED_S)
        except subprocess.TimeoutExpired:
            return "unknown"

    def leave(self) -> None:
        """It may go on as soon as this process has ended."""
        self._line.send(LEAVING)

    def give_up(self) -> None:
        """End it, whatever it does."""
        self._line.close()
        self._process.kill()
        self._process.wait()


class Predecessor:
    """The older one, as the younger one sees it."""

    def __init__(self, line: socket.socket) -> None:
        """``line`` is the younger one's of the two sockets."""
        self._line, self._parent = line, os.getppid()

    async def gone(self) -> None:
        """Say that everything is loaded; return when the older one, and all that it held, is gone.

        Raises ``StartError`` when it ended without handing over: then it was stopped, or somebody else follows it.
        """
        loop = asyncio.get_running_loop()
        self._line.setblocking(False)
        said = b""
        with self._line, suppress(OSError):
            await loop.sock_sendall(self._line, LOADED)
            said = await loop.sock_recv(self._line, 1)
            while said and await loop.sock_recv(self._line, 1):
                pass  # its end of the line is closed with all that it has open, ports too
        if said != LEAVING:
            raise StartError("the process before this one ended without handing its calls over")
        # its files go with the last of its threads, which may outlive the first ones: it is gone when nobody's parent
        while os.getppid() == self._parent:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(LOOK_S)
