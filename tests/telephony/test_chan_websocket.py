"""Which Asterisk's media socket can be used, and caller audio laid end to end in real time."""

import pytest

from agent.ports import HungUp
from audio.frame import AudioFrame
from telephony.chan_websocket import RealTime, usable
from telephony.inbox import Inbox

LOUD = b"\x00\x20" * 160


@pytest.mark.parametrize(
    ("version", "yes"),
    [
        ((16, 28, 0), False),
        ((18, 26), False),
        ((20, 18, 1), False),
        ((20, 19), True),
        ((21, 12), False),
        ((22, 8, 2), False),
        ((22, 9, 0), True),
        ((22, 10, 1), True),
        ((23, 2), False),
        ((23, 3), True),
        ((24, 0), True),
        ((), False),
    ],
)
def test_the_driver_is_used_from_the_version_on_that_can_be_trusted(version: tuple[int, ...], yes: bool) -> None:
    assert usable(version) is yes


async def _all(inbox: Inbox) -> list[AudioFrame]:
    inbox.hang_up("caller")
    events = [event async for event in inbox]
    assert events[-1] == HungUp("caller")
    return [event for event in events if isinstance(event, AudioFrame)]


async def test_a_silent_wire_still_gives_audio_in_real_time() -> None:
    inbox = Inbox(8000)
    ear = RealTime(inbox, 8000)
    for _ in range(50):
        ear.tick(1)
    frames = await _all(inbox)
    assert len(frames) == 50
    assert all(not any(frame.pcm) for frame in frames)


async def test_steady_audio_passes_unchanged() -> None:
    inbox = Inbox(8000)
    ear = RealTime(inbox, 8000)
    for _ in range(100):
        ear.hear(LOUD)
        ear.tick(1)
    assert [frame.pcm for frame in await _all(inbox)] == [LOUD] * 100


async def test_a_gap_is_filled_and_late_audio_kept_within_bounds() -> None:
    inbox = Inbox(8000, capacity=2000)
    ear = RealTime(inbox, 8000)
    ear.hear(LOUD)
    for _ in range(25):
        ear.tick(1)
    for _ in range(40):
        ear.hear(LOUD)
    frames = await _all(inbox)
    assert 30 <= len(frames) <= 37
    assert sum(any(frame.pcm) for frame in frames) >= 11


async def test_a_stall_of_our_own_loses_nothing() -> None:
    inbox = Inbox(8000, capacity=2000)
    ear = RealTime(inbox, 8000)
    for _ in range(10):
        ear.hear(LOUD)
        ear.tick(1)
    ear.tick(21)
    for _ in range(4):
        ear.tick(1)
    for _ in range(25):
        ear.hear(LOUD)
    frames = await _all(inbox)
    assert sum(any(frame.pcm) for frame in frames) == 35
