"""Ports for servers that tests and benches start: free now, and never given to anybody else meanwhile.

They lie below the range from which the system serves ``bind(0)`` and outgoing connections, and each worker of
pytest-xdist has a slice of its own, so nothing takes a port between its choice and its use.
"""

import os
import random
import re
import socket

HOST = "127.0.0.1"
FIRST, LAST = 20_000, 32_000
"""Of all slices together; the system's own range begins at 32,768."""
WORKERS = 6
"""Slices."""
SINGLES = 600
"""Ports of a slice that are given out one by one; the others go in blocks."""

_given: set[int] = set()


def free_port() -> int:
    """A loopback port that is free both for UDP and for TCP; never the same twice in one process.

    Raises ``RuntimeError`` when the slice is used up.
    """
    start = _slice().start
    for port in random.sample(range(start, start + SINGLES), SINGLES):
        if port not in _given and _free(port, socket.SOCK_DGRAM) and _free(port, socket.SOCK_STREAM):
            _given.add(port)
            return port
    raise RuntimeError(f"no free port between {start} and {start + SINGLES}; what holds them? (ss -lnp)")


def free_block(count: int) -> int:
    """First of ``count`` UDP ports that are free now, an even number."""
    mine = _slice()
    for _ in range(200):
        first = random.randrange(mine.start + SINGLES, mine.stop - count, 2)
        if all(_free(port, socket.SOCK_DGRAM) for port in range(first, first + count, 7)):
            return first
    raise RuntimeError(f"no block of {count} free UDP ports between {mine.start + SINGLES} and {mine.stop}")


def _slice() -> range:
    """This worker's ports; a process that is no worker has the first slice."""
    found = re.search(r"\d+$", os.environ.get("PYTEST_XDIST_WORKER", ""))
    size = (LAST - FIRST) // WORKERS
    start = FIRST + size * (int(found[0]) % WORKERS if found else 0)
    return range(start, start + size)


def _free(port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
