"""Which Asterisk's media socket can be used, and caller audio laid end to end in real time."""

import asyncio
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pytest

from agent.ports import Dtmf, HungUp
from audio.frame import AudioFrame
from telephony.chan_websocket import RealTime, WebSocketMedia, usable
from telephony.clock import MediaClock
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
    ear = RealTime(inbox.put_audio, 8000)
    for _ in range(50):
        ear.tick(1)
    frames = await _all(inbox)
    assert len(frames) == 50
    assert all(not any(frame.pcm) for frame in frames)


async def test_steady_audio_passes_unchanged() -> None:
    inbox = Inbox(8000)
    ear = RealTime(inbox.put_audio, 8000)
    for _ in range(100):
        ear.hear(LOUD)
        ear.tick(1)
    assert [frame.pcm for frame in await _all(inbox)] == [LOUD] * 100


async def test_a_gap_is_filled_and_late_audio_kept_within_bounds() -> None:
    inbox = Inbox(8000, capacity=2000)
    ear = RealTime(inbox.put_audio, 8000)
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
    ear = RealTime(inbox.put_audio, 8000)
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


@contextmanager
def wired(inbox: Inbox, clock: MediaClock | None = None) -> Iterator[tuple[WebSocketMedia, socket.socket]]:
    """The media of a call behind its handshake, and Asterisk's end of the wire."""
    near, far = socket.socketpair()
    for end in (near, far):
        end.setblocking(False)
    media = WebSocketMedia(inbox, clock or MediaClock())
    media._socket._socket = near
    with near, far:
        yield media, far


def heard_by(far: socket.socket) -> list[str]:
    """Commands that the far end was given; audio as ``audio``."""
    data, told = far.recv(100_000), []
    while data:
        head = {126: 8, 127: 14}.get(data[1] & 0x7F, 6)
        size = data[1] & 0x7F if head == 6 else int.from_bytes(data[2 : head - 4], "big")
        key, payload = data[head - 4 : head], data[head : head + size]
        text = bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
        told.append("audio" if data[0] & 0xF == 2 else json.loads(text)["command"])
        data = data[head + size :]
    return told


def pass_time(media: WebSocketMedia, periods: int = 1) -> None:
    """As the clock does."""
    if media.look(periods):
        media.tick(periods)


def said(text: str) -> bytes:
    return bytes((0x81, len(text))) + text.encode()


FRAME = b"\x82\x7e\x01\x40" + LOUD


async def test_frames_gather_in_the_kernel_as_long_as_nothing_hangs_on_them() -> None:
    inbox, taken = Inbox(8000), list[int]()

    def take(frame: AudioFrame) -> bool:
        taken.append(frame.end)
        return False

    reader = asyncio.create_task(inbox.until(take, lambda: 3))
    await asyncio.sleep(0)
    with wired(inbox) as (media, far):
        seen = []
        for _ in range(8):
            far.sendall(FRAME)
            pass_time(media)
            seen.append(len(taken))
        assert seen == [1, 1, 1, 4, 4, 4, 7, 7]
        media.mouth.play(bytes(640))  # whoever speaks wants to know what is heard of it
        far.sendall(FRAME)
        pass_time(media)
        assert taken == [160 * n for n in range(1, 10)]
    reader.cancel()


async def test_frames_that_come_together_are_played_to_one_by_one() -> None:
    """A call that is looked at rarely lives through the same as one that is looked at all the time."""
    inbox = Inbox(8000)
    with wired(inbox) as (media, far):
        played: list[int] = []

        def take(_: AudioFrame) -> bool:
            played.append(media.mouth.played)
            return False

        reader = asyncio.create_task(inbox.until(take, lambda: 4))
        await asyncio.sleep(0)
        media.mouth.play(bytes(20 * 320))
        await asyncio.sleep(0)
        assert heard_by(far) == ["MARK_MEDIA", "audio"]
        far.sendall(said('{"event":"MEDIA_MARK_PROCESSED","correlation_id":"0.0"}') + FRAME)
        for _ in range(4):
            pass_time(media)
        far.sendall(FRAME * 4)
        pass_time(media)
        assert played == [160, 320, 480, 640, 800]
        await asyncio.sleep(0)
        assert heard_by(far) == ["MARK_MEDIA"]
    reader.cancel()


async def test_what_gathered_comes_before_a_key_and_before_the_end() -> None:
    inbox, taken = Inbox(8000), list[int]()

    def take(frame: AudioFrame) -> bool:
        taken.append(frame.end)
        return False

    with wired(inbox) as (media, far):
        key, end = partial(inbox.put_dtmf, "5"), partial(inbox.hang_up, "agent")
        for put, event in ((key, Dtmf("5")), (end, HungUp("agent"))):
            reader = asyncio.create_task(inbox.until(take, lambda: 10))
            await asyncio.sleep(0)
            for _ in range(2):
                far.sendall(FRAME * 2)
                pass_time(media)
            put()
            assert await reader == event
        await media.close()
    assert taken == [160 * n for n in range(1, 9)]


async def test_those_who_gather_alike_are_served_together() -> None:
    clock, served, readers = MediaClock(), list[list[int]](), list[asyncio.Task[object]]()
    inboxes = [Inbox(8000), Inbox(8000)]
    for inbox in inboxes:
        seen = list[int]()
        served.append(seen)

        def take(_: AudioFrame, seen: list[int] = seen) -> bool:
            seen.append(clock.tick)
            return False

        readers.append(asyncio.create_task(inbox.until(take, lambda: 4)))
    await asyncio.sleep(0)
    with wired(inboxes[0], clock) as (one, one_far), wired(inboxes[1], clock) as (two, two_far):
        for tick in range(1, 15):
            clock.tick = tick
            for media, far, start in ((one, one_far, 1), (two, two_far, 3)):
                if tick >= start:
                    far.sendall(FRAME)
                    pass_time(media)
    assert [sorted(set(seen)) for seen in served] == [[1, 4, 8, 12], [3, 4, 8, 12]]
    for inbox, reader in zip(inboxes, readers, strict=True):
        inbox.hang_up("caller")
        assert await reader == HungUp("caller")


class Reader:
    """Notes what it is told and given; takes silence all at once."""

    def __init__(self, notes: list[tuple[str, str, int]], name: str, wants: int) -> None:
        self.notes, self.name, self.wants = notes, name, wants

    def expect(self, pcm: Sequence[bytes]) -> None:
        self.notes.append((self.name, "expects", len(pcm)))

    def take(self, frames: Sequence[AudioFrame]) -> bool:
        silent = not any(any(frame.pcm) for frame in frames)
        if silent:
            self.notes.append((self.name, "rests until", frames[-1].end))
        return silent

    def step(self, frame: AudioFrame) -> bool:
        self.notes.append((self.name, "takes", frame.end))
        return False

    async def read(self, inbox: Inbox) -> None:
        await inbox.until(self.step, lambda: self.wants, self)


async def test_all_calls_are_told_what_comes_before_the_first_of_them_takes_it() -> None:
    clock, notes = MediaClock(), list[tuple[str, str, int]]()
    inboxes = [Inbox(8000), Inbox(8000)]
    readers = [
        asyncio.create_task(Reader(notes, name, 2).read(inbox)) for name, inbox in zip("ab", inboxes, strict=True)
    ]
    await asyncio.sleep(0)
    with wired(inboxes[0], clock) as (one, far), wired(inboxes[1], clock) as (two, further):
        for media in (one, two):
            clock.add(media)
        clock._tick(1)
        notes.clear()
        far.sendall(2 * FRAME)
        further.sendall(FRAME.replace(LOUD, bytes(320)) * 2)
        clock._tick(1)
        clock._tick(1)
        for media in (one, two):
            clock.discard(media)
    assert notes == [
        ("a", "expects", 2),
        ("b", "expects", 2),
        ("a", "takes", 160),
        ("a", "takes", 320),
        ("b", "rests until", 320),
    ]
    assert [inbox.position for inbox in inboxes] == [320, 320]
    for reader in readers:
        reader.cancel()


async def test_while_the_agent_speaks_each_frame_is_taken_with_its_own_tick_of_the_mouth() -> None:
    notes, inbox = list[tuple[str, str, int]](), Inbox(8000)
    reader = asyncio.create_task(Reader(notes, "a", 1).read(inbox))
    await asyncio.sleep(0)
    with wired(inbox) as (media, far):
        media.mouth.play(bytes(3200))
        far.sendall(said('{"event":"MEDIA_MARK_PROCESSED","correlation_id":"0.0"}'))
        pass_time(media)
        before = media.mouth.played
        far.sendall(FRAME.replace(LOUD, bytes(320)) * 3)
        pass_time(media, 3)
    assert [what for _, what, _ in notes] == ["expects", "takes", "takes", "takes"]
    assert media.mouth.played > before
    reader.cancel()
