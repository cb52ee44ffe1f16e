"""What Python can't go below: ``python -m bench.floor [SOCKETS TICKS]`` reads the messages of 40 sockets and no more.

A process sends 324 bytes on each of the sockets every 20 ms, at its own moment, as Asterisk does. The parent reads all
of them in one pass, with one ``recv`` each, once in so many ticks of 20 ms, and prints what share of a core that takes.
"""

import os
import socket
import sys
import time

PERIOD = 0.02
"""Between two messages on a socket, seconds."""
SECONDS = 10.0
"""Length of the measurement, seconds."""
MESSAGE = b"\x82\x7e\x01\x40" + bytes(320)


def _talk(ends: list[socket.socket]) -> None:
    """Send for ever, each socket at its own place within the period."""
    due = time.monotonic()
    while True:
        for end in ends:
            due += PERIOD / len(ends)
            time.sleep(max(0.0, due - time.monotonic()))
            end.send(MESSAGE)


def _pair(door: socket.socket) -> tuple[socket.socket, socket.socket]:
    far = socket.create_connection(door.getsockname())
    near, _ = door.accept()
    near.setblocking(False)
    far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return near, far


def measure(sockets: int, ticks: int) -> float:
    """Share of a core for each socket."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        pairs = [_pair(door) for _ in range(sockets)]
    child = os.fork()
    if not child:
        _talk([far for _, far in pairs])
    time.sleep(1)
    begin, due = time.thread_time(), time.monotonic()
    for _ in range(int(SECONDS / PERIOD / ticks)):
        due += PERIOD * ticks
        time.sleep(max(0.0, due - time.monotonic()))
        for near, _ in pairs:
            try:
                near.recv(8192)
            except BlockingIOError:
                continue
    took = time.thread_time() - begin
    os.kill(child, 9)
    os.waitpid(child, 0)
    return took / SECONDS / sockets


if __name__ == "__main__":
    sockets, ticks = [int(value) for value in sys.argv[1:3]] or [40, 1]
    print(f"{measure(sockets, ticks):.4%} of a core for each of {sockets} sockets, read every {ticks * 20} ms")
