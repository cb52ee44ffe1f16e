"""Frames on their way to the record, several at a time."""

from agent.gathered import FRAMES, Gathered

CALLER, AGENT, SILENCE = b"\1\2" * 160, b"\3\4" * 160, bytes(320)


class Kept:
    def __init__(self) -> None:
        self.given: list[tuple[bytes, bytes]] = []
        self.rest: bytes | None = None

    def push(self, caller: bytes, agent: bytes = b"") -> None:
        self.given.append((caller, agent))

    def close(self, rest: bytes = b"") -> None:
        self.rest = rest


def test_frames_are_given_on_together_in_their_order_and_the_last_ones_at_the_end() -> None:
    kept = Kept()
    gathered = Gathered(kept)
    for _ in range(FRAMES):
        gathered.push(CALLER)
    gathered.push(CALLER)
    gathered.push(CALLER, AGENT)
    assert kept.given == [(CALLER * FRAMES, b"")]

    gathered.close(b"rest")

    assert kept.given[1:] == [(CALLER * 2, SILENCE + AGENT)]
    assert kept.rest == b"rest"


def test_nothing_is_nothing() -> None:
    kept = Kept()
    Gathered(kept).close()
    assert kept.given == []
    assert kept.rest == b""
