"""The inside of a worker process: one model, one request after another, over standard input and output.

A message is two lengths (unsigned 32-bit, little-endian), a JSON object and bytes. The process is started by
``worker`` as ``python -m agent.backends.worker_child MODULE:FACTORY ARGUMENTS``; the factory is called with the
arguments and gives an object with ``do``. It ends when its input does: no worker outlives its house.
"""

import importlib
import json
import os
import queue
import signal
import struct
import sys
import threading
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

LENGTHS = struct.Struct("<II")
"""Bytes of the JSON object, bytes of what follows it."""
MOST = 64 * 1024 * 1024
"""A longer message is not one, bytes."""

Message = tuple[dict[str, Any], bytes]


class Work(Protocol):
    """What a factory makes."""

    def do(self, request: dict[str, Any], payload: bytes) -> Iterable[Message]:
        """Give the replies of a request one by one; between two of them it may be given up."""


def packed(header: dict[str, Any], payload: bytes = b"") -> bytes:
    """A message as it is written."""
    text = json.dumps(header, ensure_ascii=False).encode()
    return LENGTHS.pack(len(text), len(payload)) + text + payload


def lengths(head: bytes) -> tuple[int, int]:
    """Bytes of the JSON object and of the rest; raises ``ValueError`` for what can't be a message."""
    first, second = LENGTHS.unpack(head)
    if first + second > MOST:
        raise ValueError(f"a message of {first + second} bytes: this is no message")
    return first, second


def read(stream: BinaryIO) -> Message | None:
    """The next message; None at the end."""
    head = stream.read(LENGTHS.size)
    if len(head) < LENGTHS.size:
        return None
    first, second = lengths(head)
    body = stream.read(first + second)
    return (json.loads(body[:first]), body[first:]) if len(body) == first + second else None


class _Desk:
    """Requests in, replies out."""

    def __init__(self, work: Work, source: BinaryIO, sink: BinaryIO) -> None:
        self._work, self._source, self._sink = work, source, sink
        self._requests: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._given_up: set[int] = set()

    def serve(self) -> None:
        """Work until the input ends."""
        threading.Thread(target=self._take, daemon=True).start()
        while True:
            header, payload = self._requests.get()
            self._answer(header, payload)

    def _take(self) -> None:
        """Read on while the model works, so that a request can be given up and the end of the house is noticed."""
        while (message := read(self._source)) is not None:
            given_up = message[0].get("give_up")
            if given_up is None:
                self._requests.put(message)
            else:
                self._given_up.add(given_up)
        os._exit(0)

    def _answer(self, header: dict[str, Any], payload: bytes) -> None:
        number = header["number"]
        last: dict[str, Any] = {"number": number, "last": True}
        try:
            for reply, sound in self._work.do(header["request"], payload):
                if number in self._given_up:
                    break
                self._send({"number": number, "reply": reply}, sound)
        except Exception as fault:  # a library's, or ours: it ends one request, and whoever asked is told
            last["fault"] = _named(fault)
        self._given_up = {other for other in self._given_up if other > number}
        self._send(last)

    def _send(self, header: dict[str, Any], payload: bytes = b"") -> None:
        self._sink.write(packed(header, payload))
        self._sink.flush()


def _named(fault: Exception) -> str:
    """Its kind and place, for a log: what it says itself may hold a caller's words."""
    place = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__} at {Path(place.filename).name}:{place.lineno}"


def main(factory: str, arguments: str) -> None:
    """Load the model, say so, serve."""
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # what libraries print must not get between the messages; nor into the log, for they print what they are to say
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    for signum in (signal.SIGINT, signal.SIGTERM):  # they go to the whole group; calls in progress still need us
        signal.signal(signum, signal.SIG_IGN)
    module, _, name = factory.partition(":")
    try:
        work: Work = getattr(importlib.import_module(module), name)(**json.loads(arguments))
    except Exception as fault:  # a library that reads a model may raise anything; it is told to whoever started us
        sink.write(packed({"fault": f"{type(fault).__name__}: {fault}"}))
        sink.flush()
        return
    sink.write(packed({"ready": True}))
    sink.flush()
    _Desk(work, sys.stdin.buffer, sink).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
