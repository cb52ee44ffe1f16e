import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.ports import Dtmf, HungUp, LineEvent
from audio.frame import AudioFrame, frame_bytes
from telephony.inbox import Inbox


async def _all(inbox: Inbox) -> list[LineEvent]:
    return [event async for event in inbox]


@given(st.lists(st.binary(max_size=2000), max_size=20), st.sampled_from([8000, 16000]))
def test_any_bytes_become_contiguous_frames(chunks: list[bytes], rate: int) -> None:
    inbox = Inbox(rate, capacity=1000)
    for chunk in chunks:
        inbox.put_audio(chunk)
    inbox.hang_up("caller")
    events = asyncio.run(_all(inbox))
    assert events[-1] == HungUp("caller")
    frames = [event for event in events if isinstance(event, AudioFrame)]
    assert len(frames) == len(events) - 1
    size = frame_bytes(rate)
    data = b"".join(chunks)
    assert b"".join(frame.pcm for frame in frames) == data[: len(data) - len(data) % size]
    position = 0
    for frame in frames:
        assert (frame.position, frame.rate, len(frame.pcm)) == (position, rate, size)
        position = frame.end
    assert inbox.position == position


@given(st.lists(st.sampled_from(["audio", "dtmf"]), max_size=60), st.integers(1, 8))
def test_overflow_drops_oldest_audio_only(script: list[str], capacity: int) -> None:
    inbox = Inbox(8000, capacity=capacity)
    keys = 0
    for step in script:
        if step == "audio":
            inbox.put_audio(bytes(320))
        else:
            inbox.put_dtmf(str(keys % 10))
            keys += 1
    inbox.hang_up("lost")
    events = asyncio.run(_all(inbox))
    frames = [event for event in events if isinstance(event, AudioFrame)]
    given_frames = script.count("audio")
    assert len(frames) == min(given_frames, capacity)
    assert inbox.dropped == given_frames - len(frames)
    # What survives is the newest, at its true place in time.
    assert [frame.position for frame in frames] == [160 * n for n in range(inbox.dropped, given_frames)]
    assert [event.digit for event in events if isinstance(event, Dtmf)] == [str(n % 10) for n in range(keys)]


async def test_a_waiting_reader_is_woken_and_order_is_kept() -> None:
    inbox = Inbox(8000)
    reader = asyncio.create_task(_all(inbox))
    await asyncio.sleep(0)
    inbox.put_audio(bytes(100))
    inbox.put_dtmf("5")
    inbox.put_audio(bytes(220))
    inbox.hang_up("caller")
    inbox.put_audio(bytes(320))
    inbox.put_dtmf("6")
    inbox.hang_up("agent")
    async with asyncio.timeout(5):
        events = await reader
    assert events == [Dtmf("5"), AudioFrame(bytes(320), 8000, 0), HungUp("caller")]
    assert await _all(inbox) == []


async def test_a_cancelled_reader_loses_nothing() -> None:
    inbox = Inbox(8000)
    reader = asyncio.create_task(_all(inbox))
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    inbox.put_dtmf("1")
    inbox.hang_up("caller")
    assert await _all(inbox) == [Dtmf("1"), HungUp("caller")]


async def test_a_second_reader_is_refused() -> None:
    inbox = Inbox(8000)
    reader = asyncio.create_task(_all(inbox))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one reader"):
        await anext(inbox)
    inbox.hang_up("caller")
    assert await reader == [HungUp("caller")]


async def test_frames_are_handed_on_without_waking_the_reader_until_one_is_enough() -> None:
    inbox = Inbox(8000)
    taken: list[int] = []

    def take(frame: AudioFrame) -> bool:
        taken.append(frame.position)
        return len(taken) in {2, 4}

    inbox.put_audio(bytes(320))
    reader = asyncio.create_task(inbox.until(take))
    await asyncio.sleep(0)
    inbox.put_audio(bytes(3 * 320))
    assert taken == [0, 160]
    assert await reader is None
    assert len(inbox) == 2
    assert await inbox.until(take) is None
    assert taken == [0, 160, 320, 480]


async def test_an_interrupted_reader_is_given_nothing_until_it_waits_again() -> None:
    inbox = Inbox(8000)
    taken: list[int] = []

    def take(frame: AudioFrame) -> bool:
        taken.append(frame.position)
        return len(taken) == 2

    inbox.interrupt()  # nobody reads
    reader = asyncio.create_task(inbox.until(take))
    await asyncio.sleep(0)
    inbox.interrupt()
    inbox.interrupt()
    inbox.put_audio(bytes(2 * 320))
    assert taken == []
    assert await reader is None
    assert await inbox.until(take) is None
    assert taken == [0, 160]


async def test_keys_and_the_end_come_in_order_with_the_frames() -> None:
    inbox = Inbox(8000)
    taken: list[int] = []

    def take(frame: AudioFrame) -> bool:
        taken.append(frame.position)
        return False

    reader = asyncio.create_task(inbox.until(take))
    await asyncio.sleep(0)
    inbox.put_audio(bytes(320))
    inbox.put_dtmf("7")
    inbox.put_audio(bytes(320))
    inbox.hang_up("caller")
    assert (await reader, taken) == (Dtmf("7"), [0])
    assert (await inbox.until(take), taken) == (HungUp("caller"), [0, 160])
    with pytest.raises(RuntimeError, match="HungUp"):
        await inbox.until(take)


async def test_what_the_taker_raises_is_the_readers_to_meet() -> None:
    inbox = Inbox(8000)

    def take(frame: AudioFrame) -> bool:
        raise ValueError(f"at {frame.position}")

    reader = asyncio.create_task(inbox.until(take))
    await asyncio.sleep(0)
    inbox.put_audio(bytes(640))
    with pytest.raises(ValueError, match="at 0"):
        await reader
    assert len(inbox) == 1


async def test_nothing_is_handed_to_a_reader_that_was_cancelled() -> None:
    inbox = Inbox(8000)
    taken: list[AudioFrame] = []

    def take(frame: AudioFrame) -> bool:
        taken.append(frame)
        return False

    reader = asyncio.create_task(inbox.until(take))
    await asyncio.sleep(0)
    reader.cancel()
    inbox.put_audio(bytes(320))
    await asyncio.gather(reader, return_exceptions=True)
    assert (taken, len(inbox)) == ([], 1)


async def test_what_may_come_together_is_asked_of_a_reader_who_waits() -> None:
    inbox, wanted = Inbox(8000), [5, 3, 1]
    assert inbox.gather == 1
    reader = asyncio.create_task(inbox.until(lambda _: True, lambda: wanted.pop(0)))
    await asyncio.sleep(0)
    assert (inbox.gather, inbox.gather) == (5, 3)
    inbox.put_audio(bytes(320))
    assert await reader is None
    assert (inbox.gather, wanted) == (1, [1])


async def test_a_fault_of_a_reader_that_takes_all_at_once_is_the_readers() -> None:
    class Faulty:
        def expect(self, pcm: Sequence[bytes]) -> None:
            assert [len(piece) for piece in pcm] == [320, 320]

        def take(self, frames: Sequence[AudioFrame]) -> bool:
            raise LookupError(len(frames))

    inbox = Inbox(8000)
    inbox.expect([bytes(320)])  # nobody reads yet
    inbox.put_together([bytes(320)])
    assert (await anext(inbox), len(inbox)) == (AudioFrame(bytes(320), 8000, 0), 0)
    reader = asyncio.create_task(inbox.until(lambda _: False, None, Faulty()))
    await asyncio.sleep(0)
    inbox.expect([bytes(320), bytes(100)])
    inbox.expect([bytes(320), bytes(320)])
    inbox.put_together([bytes(320), bytes(320)])
    with pytest.raises(LookupError):
        await reader
    assert len(inbox) == 2
