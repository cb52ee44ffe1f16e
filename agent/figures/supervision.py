"""What systemd is told of the daemon (sd_notify(3)); without systemd nothing happens."""

import asyncio
import os
import select
import socket
from array import array

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"
BEATS = 3
"""Signs of life in the time after which systemd takes the daemon for dead."""


BARRIER = "BARRIER=1"
TAKEN_S = 1.0
"""Longest wait until systemd has read what it was told, seconds."""


def notify(*lines: str, files: tuple[int, ...] = ()) -> bool:
    """Send ``lines`` (``NAME=value``) to whoever started us; False where nobody asked to be told or listens.

    ``files``: descriptors that go along.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        try:
            out.setblocking(False)
            place = address.replace("@", "\0", 1) if address[0] == "@" else address
            along = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", files))] if files else []
            out.sendmsg(["\n".join(lines).encode()], along, 0, place)
        except OSError:  # whoever asked is gone, or too busy: a service manager must not stop the service
            return False
    return True


def succeeded_by(pid: int) -> None:
    """Tell systemd that another process is the service from now on, and return when it knows: blocks for ``TAKEN_S``.

    It looks up who has sent a message when it reads it (sd_notify_barrier(3)): the sender must still be there.
    """
    notify(f"MAINPID={pid}")
    reading, writing = os.pipe()
    with open(reading, "rb"):
        notify(BARRIER, files=(writing,))
        os.close(writing)
        select.select([reading], [], [], TAKEN_S)


def supervised() -> bool:
    """Somebody is told of this service who can follow it to another process."""
    return bool(os.environ.get("NOTIFY_SOCKET"))


def period_s() -> float | None:
    """Time between signs of life, seconds; ``None`` where no watchdog watches this process."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return max(int(microseconds), 1) / 1e6 / BEATS


async def show_signs_of_life() -> None:
    """Until cancelled; from the event loop itself, so that one that is stuck is noticed."""
    period = period_s()
    while period is not None:
        notify(ALIVE)
        await asyncio.sleep(period)
