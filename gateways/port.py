"""The page's port, taken before anything else is opened: whoever finds it taken touches nothing of the other one's.

The page itself may open on it later; who asks meanwhile waits in the kernel's queue.
"""

import errno
import os
import socket
import time
from contextlib import ExitStack

from agent.errors import StartError

BACKLOG = 128
"""Connections that may wait to be accepted."""

DYING_S = 1.0
"""A port is waited for so long, seconds."""


def listen(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address of ``host``; raises ``StartError`` when the port is taken."""
    with ExitStack() as opened:
        try:
            found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            sockets = [
                opened.enter_context(_listening(family, address)) for family, *_, address in dict.fromkeys(found)
            ]
        except OSError as error:
            raise StartError(fault(host, port, error)) from None
        opened.pop_all()
    return sockets


def fault(host: str, port: int, error: OSError) -> str:
    """What a person is told."""
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    taken = "stop the program that has it or set [web] port (ALLO_WEB__PORT)"
    advice = {errno.EADDRINUSE: taken, errno.EACCES: "set [web] port to one above 1023"}
    return f"web: {host}:{port}: {why}: {advice.get(error.errno or 0, 'check [web] host')}"


def _listening(family: int, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _bind(made, address)
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _bind(made: socket.socket, address: tuple[object, ...]) -> None:
    """Bind; the process before this one may be dying: its last thread closes its files a moment after its end."""
    deadline = time.monotonic() + DYING_S
    while True:
        try:
            return made.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
        time.sleep(0.01)
