"""Listening in on a call."""

import asyncio

import pytest

from agent import overhearing
from agent.overhearing import Overheard
from audio.level import tone
from audio.wav import interleave

CALLER, AGENT = tone(440, 20, 8000, -10), tone(880, 20, 8000, -20)


class Kept:
    """Where the recording goes."""

    def __init__(self) -> None:
        self.frames: list[tuple[bytes, bytes]] = []
        self.rest = b"never closed"

    def push(self, caller: bytes, agent: bytes = b"") -> None:
        self.frames.append((caller, agent))

    def close(self, rest: bytes = b"") -> None:
        self.rest = rest


async def heard(call: Overheard) -> bytes:
    return b"".join([piece async for piece in call.listen()])


async def test_a_listener_hears_both_sides_from_now_on_and_the_recording_everything() -> None:
    kept = Kept()
    call = Overheard(kept, 8000)
    call.push(CALLER, AGENT)
    listener = asyncio.create_task(heard(call))
    await asyncio.sleep(0)
    for _ in range(10):
        call.push(CALLER, AGENT)
    call.close(b"rest")

    sound = await listener
    assert kept.frames == [(CALLER, AGENT)] * 11
    assert kept.rest == b"rest"
    assert sound == interleave(CALLER * 10, AGENT * 10)
    assert await heard(call) == b""


async def test_a_call_without_a_recording_is_heard_too() -> None:
    call = Overheard(None, 8000)
    listener = asyncio.create_task(heard(call))
    await asyncio.sleep(0)
    for _ in range(5):
        call.push(CALLER, AGENT)
    call.close()

    assert len(await listener) == 5 * 2 * len(CALLER)


async def test_a_slow_listener_is_let_go_and_the_next_begins_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overhearing, "BEHIND_MOST", 2)
    call = Overheard(None, 8000)
    slow = call.listen()
    first = asyncio.create_task(anext(slow))
    await asyncio.sleep(0)
    for _ in range(23):
        call.push(CALLER, AGENT)
    await first
    rest = [piece async for piece in slow]
    fresh = asyncio.create_task(heard(call))
    await asyncio.sleep(0)
    for _ in range(4):
        call.push(CALLER, AGENT)
    call.close()

    assert len(rest) < 3
    assert await fresh == b"", "what the slow one had not taken is nobody's"
