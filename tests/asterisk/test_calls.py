"""Calls through real Asterisks: audio both ways, keys, and every way in which a call can end."""

import asyncio
import statistics
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.ports import Line, LineGone, Refusal
from audio.level import tone
from audio.wav import read_mono
from telephony.asterisk_line import AsteriskSource
from tests.asterisk.door import Door, Guest, emptied, serving
from tests.asterisk.pbx import Pbx
from tests.asterisk.softphone import FRAME, Softphone, alaw_decode, alaw_encode

SPEECH = read_mono(Path(__file__).parents[1] / "speech/ru/domain/festival_02.wav")[: 2 * 8000 * 2]
"""Two seconds of a question in Russian."""
OPERATOR_HZ = 1004
NUMBER = "4951112233"


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
async def source(pbx: Pbx, door: Door) -> AsyncIterator[AsteriskSource]:
    async with serving(pbx.url, door) as source:
        yield source


def over_the_wire(pcm: bytes) -> bytes:
    """What A-law leaves of it."""
    return alaw_decode(alaw_encode(pcm))


def found(needle: bytes, hay: bytes, piece: int = 3200) -> float:
    """Share of ``needle``'s 200 ms pieces that stand in ``hay``, sample for sample and in order."""
    at, good = 0, 0
    pieces = [needle[i : i + piece] for i in range(0, len(needle) - piece + 1, piece)]
    for one in pieces:
        place = hay.find(one, at)
        if place >= 0:
            at, good = place + len(one), good + 1
    return good / len(pieces)


def likeness(spoken: bytes, heard: NDArray[np.int16]) -> float:
    """Correlation of what was spoken with the best place in what was heard."""
    a, b = np.frombuffer(spoken, dtype=np.int16).astype(float), heard.astype(float)
    if len(b) < len(a):
        return 0.0
    lag = int(np.argmax(np.abs(np.correlate(b, a))))
    return abs(float(np.corrcoef(a, b[lag : lag + len(a)])[0, 1]))


def pitch(samples: NDArray[np.int16]) -> float:
    """Loudest frequency, Hz; 0 for silence."""
    if np.abs(samples).max(initial=0) < 300:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * 8000 / len(samples))


def loud(samples: NDArray[np.int16]) -> int:
    """Samples in audible 20 ms frames."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return int((np.abs(frames).max(axis=1, initial=0) > 300).sum()) * FRAME


async def hears_operator(phone: Softphone, seconds: float = 5) -> bool:
    """The caller hears a person (a tone in these tests)."""
    async with asyncio.timeout(seconds):
        while True:
            samples = phone.heard()[-1600:]
            if len(samples) == 1600 and abs(pitch(samples) - OPERATOR_HZ) < 12:
                return True
            await phone.hears(len(phone.heard()) + FRAME, seconds)


async def connected(pbx: Pbx, door: Door, phone: Softphone, number: int = 0) -> Guest:
    await phone.until("answered", 3)
    guest = await door.guest(number)
    await guest.answered.wait()
    return guest


# ---------------------------------------------------------------- audio


async def test_the_caller_is_heard_sample_for_sample(pbx: Pbx, door: Door, source: AsteriskSource) -> None:
    async with Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        phone.say(SPEECH)
        await guest.until(lambda: len(guest.pcm) > len(SPEECH) + 16000, 6)
    assert guest.line.caller.number == "79161234567"
    assert guest.line.caller.called == NUMBER
    assert source.media == ("websocket" if pbx.suite == "sid" else "rtp")
    heard = np.frombuffer(guest.pcm, dtype=np.int16)
    # polarity is inaudible, and the RTP codec's A-law turns it round
    assert max(found(over_the_wire(SPEECH), (heard * sign).tobytes()) for sign in (1, -1)) >= 0.9
    await asyncio.wait_for(guest.over.wait(), 2)
    assert guest.cause == "caller"


async def test_the_caller_hears_what_is_played(pbx: Pbx, door: Door, source: AsteriskSource) -> None:
    async with Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        for start in range(0, len(SPEECH), 2222):
            guest.line.mouth.play(SPEECH[start : start + 2222])
        await guest.until(lambda: guest.line.mouth.played == len(SPEECH) // 2, 5)
        await listen_on(guest, 5)
        heard = phone.heard()
    assert likeness(SPEECH, heard) > 0.99


async def test_pause_resume_and_clear_act_on_the_wire(pbx: Pbx, door: Door, source: AsteriskSource) -> None:
    async with Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        mouth = guest.line.mouth
        mouth.play(tone(700, 4000, 8000))
        await guest.until(lambda: mouth.played >= 6400, 3)
        mouth.pause()
        await listen_on(guest, 15)
        paused_at, on_the_wire = mouth.played, loud(phone.heard())
        assert abs(paused_at - on_the_wire) <= 4 * FRAME
        await listen_on(guest, 25)
        assert mouth.played == paused_at
        assert loud(phone.heard()) == on_the_wire, "silence while paused"
        mouth.resume()
        await guest.until(lambda: mouth.played >= paused_at + 4000, 3)
        mouth.clear()
        cleared_at = mouth.played
        await listen_on(guest, 25)
        assert mouth.played == cleared_at
        assert abs(cleared_at - loud(phone.heard())) <= 4 * FRAME
        mouth.play(tone(1500, 400, 8000))
        await guest.until(lambda: mouth.played == cleared_at + 3200, 3)
        await listen_on(guest, 10)
        assert abs(cleared_at + 3200 - loud(phone.heard())) <= 4 * FRAME


async def listen_on(guest: Guest, frames: int) -> None:
    """Let so much caller audio pass."""
    goal = len(guest.pcm) + frames * FRAME * 2
    await guest.until(lambda: len(guest.pcm) >= goal, frames * 0.02 + 3)


async def test_a_caller_who_sends_nothing_still_gives_real_time(pbx: Pbx, door: Door, source: AsteriskSource) -> None:
    async with Softphone(pbx.sip_port, NUMBER) as phone:
        phone.silent = True
        guest = await connected(pbx, door, phone)
        begun, before = asyncio.get_running_loop().time(), len(guest.pcm)
        await listen_on(guest, 50)
        took = asyncio.get_running_loop().time() - begun
        assert abs((len(guest.pcm) - before) / 16000 - took) < 0.3
        guest.line.mouth.play(tone(700, 300, 8000))
        await guest.until(lambda: guest.line.mouth.played == 2400, 3)


async def test_a_caller_who_holds_is_silent_and_comes_back(pbx: Pbx, door: Door, source: AsteriskSource) -> None:
    async with Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        await listen_on(guest, 10)
        before = len(guest.pcm)
        phone.hold(True)
        await listen_on(guest, 60)
        held = np.frombuffer(bytes(guest.pcm[before:]), dtype=np.int16)
        assert loud(held) == 0, "the PBX's music on hold is not taken for the caller"
        phone.hold(False)
        await listen_on(guest, 10)
        phone.say(SPEECH)
        before = len(guest.pcm)
        await listen_on(guest, 120)
        assert likeness(SPEECH, np.frombuffer(bytes(guest.pcm[before:]), dtype=np.int16)) > 0.9


async def test_keys(pbx: Pbx, door: Door, source: AsteriskSource) -> None:
    async with Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        for count, key in enumerate("05#", 1):
            phone.press(key)
            await guest.until(lambda n=count: len(guest.keys) == n, 3)  # type: ignore[misc]
    assert guest.keys == "05#"


async def test_answer_to_first_audible_sample(pbx: Pbx, source: AsteriskSource, door: Door) -> None:
    took = []
    for number in range(8):
        async with Softphone(pbx.sip_port, NUMBER) as phone:
            guest = await door.guest(number)
            await guest.answered.wait()
            guest.line.mouth.play(tone(700, 200, 8000))
            await phone.hears(5 * FRAME, 3)
            took.append(phone.loud_at() - phone.diary.answered)
        await asyncio.wait_for(guest.over.wait(), 3)
    assert statistics.median(took) < 0.12, took
    assert min(took) > -0.02, "no sound before the answer"


# ---------------------------------------------------------------- ends


async def test_the_caller_hangs_up(pbx: Pbx, door: Door, source: AsteriskSource) -> None:
    async with Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        guest.line.mouth.play(tone(700, 5000, 8000))
        await listen_on(guest, 10)
        phone.hang_up()
        await guest.until(lambda: guest.cause == "caller", 0.5)
        await asyncio.wait_for(guest.over.wait(), 2)


async def test_the_agent_hangs_up(pbx: Pbx, door: Door, source: AsteriskSource) -> None:
    async with Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        await guest.line.hangup()
        await phone.until("ended", 2)
        await asyncio.wait_for(guest.over.wait(), 2)
        assert guest.cause == "agent"
        await guest.line.hangup()


@pytest.mark.parametrize("dialled", ["74951112233", "700"])
async def test_the_way_in_of_a_freepbx_tells_which_number_was_dialled(
    pbx: Pbx, door: Door, source: AsteriskSource, dialled: str
) -> None:
    """Its Custom Destination is ``allo-inbound,${FROM_DID},1``; without a route there is no such variable."""
    await asyncio.to_thread(pbx.originate, f"{dialled}@test-freepbx")
    guest = await door.guest()
    assert guest.line.caller.called == dialled
    await guest.answered.wait()
    await guest.line.hangup()
    await asyncio.wait_for(guest.over.wait(), 2)


@pytest.mark.parametrize("target", ["", "answer@test-operator", "nowhere@allo-inbound"])
async def test_transfer_by_the_dialplan(pbx: Pbx, door: Door, source: AsteriskSource, target: str) -> None:
    async with Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        assert await guest.line.transfer(target)
        await asyncio.wait_for(guest.over.wait(), 2)
        assert guest.cause == "transfer"
        if target.startswith("nowhere"):
            # a wrong extension of ours comes back through the dialplan as a fresh call: not silence
            assert await door.guest(1)
        else:
            assert await hears_operator(phone)


async def test_a_bad_transfer_is_refused_and_the_call_goes_on(pbx: Pbx, door: Door, source: AsteriskSource) -> None:
    async with Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        assert not await guest.line.transfer("sip:somebody@example.org")
        await listen_on(guest, 10)
        assert not guest.cause


@pytest.mark.parametrize("reason", ["busy", "stopping"])
async def test_who_is_refused_hears_the_operator(pbx: Pbx, door: Door, source: AsteriskSource, reason: str) -> None:
    door.refusal = Refusal("busy" if reason == "busy" else "stopping", 15)
    async with Softphone(pbx.sip_port, NUMBER) as phone:
        assert await hears_operator(phone)
    assert door.guests == []


async def test_without_the_daemon_the_operator_answers(pbx: Pbx) -> None:
    async with Softphone(pbx.sip_port, NUMBER) as phone:
        assert await hears_operator(phone)


async def test_a_stopping_daemon_hands_its_callers_on(pbx: Pbx, door: Door) -> None:
    async with AsyncExitStack() as daemon:
        await daemon.enter_async_context(serving(pbx.url, door))
        async with Softphone(pbx.sip_port, NUMBER) as phone:
            guest = await connected(pbx, door, phone)
            await listen_on(guest, 5)
            await daemon.aclose()
            assert guest.cause == "cancelled"
            assert await hears_operator(phone)


async def test_a_caller_from_inside_without_a_phone(pbx: Pbx, door: Door, source: AsteriskSource) -> None:
    await asyncio.to_thread(pbx.originate)
    guest = await door.guest()
    await guest.answered.wait()
    await listen_on(guest, 10)
    await guest.line.hangup()
    await asyncio.wait_for(guest.over.wait(), 2)
    assert guest.cause == "agent"


@pytest.mark.parametrize("after_ms", [0, 2, 4, 6, 8, 12, 20, 40, 220, 260])
async def test_leaving_at_any_moment_leaves_nothing(
    pbx: Pbx, source: AsteriskSource, door: Door, after_ms: int
) -> None:
    async with Softphone(pbx.sip_port, NUMBER) as phone:
        await asyncio.sleep(after_ms / 1000)
        phone.hang_up()
        for guest in door.guests:
            await asyncio.wait_for(guest.over.wait(), 3)
    await emptied(source)
    assert all(guest.cause in {"gone", "caller"} for guest in door.guests)


async def test_a_conversation_that_breaks_while_answering_leaves_nothing(pbx: Pbx) -> None:
    async def broken(guest: Guest) -> None:
        try:
            async with asyncio.timeout(0.003):
                await guest.line.answer()
        except (TimeoutError, LineGone):
            pass
        finally:
            await guest.line.hangup()

    door = Door(broken)
    async with serving(pbx.url, door), Softphone(pbx.sip_port, NUMBER) as phone:
        await phone.until("ended", 5)
    assert len(door.guests) == 1


async def test_a_door_that_breaks_leaves_the_caller_to_the_operator(
    pbx: Pbx, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(line: Line) -> None:
        raise RuntimeError("the switchboard is closed")

    door = Door()
    monkeypatch.setattr(door, "ring", broken)
    async with serving(pbx.url, door), Softphone(pbx.sip_port, NUMBER) as phone:
        assert await hears_operator(phone)
    assert "nobody took it" in caplog.text


async def test_nobody_picks_up(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telephony.asterisk_call.UNANSWERED_S", 0.3)

    async def asleep(guest: Guest) -> None:
        guest.answered.set()

    async with serving(pbx.url, Door(asleep)), Softphone(pbx.sip_port, NUMBER) as phone:
        assert await hears_operator(phone)


@pytest.mark.timeout(40)
async def test_calls_one_after_another_and_together_leave_nothing(pbx: Pbx, door: Door, source: AsteriskSource) -> None:
    async def one(number: int) -> None:
        async with Softphone(pbx.sip_port, f"{NUMBER}{number}") as phone:
            await phone.until("answered", 5)
            await phone.hears(0 if number % 2 else 4 * FRAME, 3)

    def greet(guest: Guest) -> None:
        guest.line.mouth.play(tone(700, 200, 8000))

    async def served(guest: Guest) -> None:
        greet(guest)
        await guest.serve()

    door._serve = served
    for batch in range(5):
        await asyncio.gather(*(one(batch * 6 + i) for i in range(6)))
    await emptied(source)
    assert len(door.guests) == 30
    assert {guest.cause for guest in door.guests} <= {"caller", "gone"}


async def test_twenty_callers_in_one_instant_all_hear_us_at_once(pbx: Pbx, door: Door, source: AsteriskSource) -> None:
    async def one() -> float:
        async with Softphone(pbx.sip_port, NUMBER) as phone:
            await phone.until("answered", 5)
            await phone.hears(5 * FRAME, 5)
            return phone.diary.packets[0].at - phone.diary.answered

    async def served(guest: Guest) -> None:
        guest.line.mouth.play(tone(700, 300, 8000))
        await guest.serve()

    door._serve = served
    waited = await asyncio.gather(*(one() for _ in range(20)))
    # a connection that Asterisk's backlog had no place for would cost a whole second
    assert max(waited) < 0.9, waited
    await emptied(source)
