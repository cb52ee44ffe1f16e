"""What a worker process of the tests works at: it counts, sleeps, fails, dies and hangs as it is asked."""

import os
import time
from collections.abc import Iterator
from typing import Any


class Abacus:
    """Answers with what it was asked."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._done: list[str] = []

    def do(self, request: dict[str, Any], payload: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
        self._done.append(request["what"])
        match request["what"]:
            case "echo":
                yield {"length": len(payload), "start": self._start}, payload[::-1]
            case "count":
                for number in range(request["to"]):
                    self._done.append(f"count {number}")
                    yield {"number": number}, b""
                    time.sleep(request["pause_s"])
            case "print":
                print("a library says something")  # noqa: T201 - it must not get between the messages
                yield {}, b""
            case "fail":
                raise ValueError("the words of a caller")
            case "die":
                os._exit(3)
            case "hang":
                time.sleep(60)
            case "done":
                yield {"done": self._done}, b""


def abacus(start: int) -> Abacus:
    """The factory."""
    return Abacus(start)


def broken() -> Abacus:
    """A model that can't be loaded."""
    raise FileNotFoundError("model.bin: not there")
