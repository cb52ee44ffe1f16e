"""What a modem does to its users, and the line afterwards: the record true, the line back by itself."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from audio.level import tone
from telephony.modem_line import ModemSource
from telephony.simulated.profile import Profile
from telephony.simulated.sim7600 import Sim7600
from tests.asterisk.door import Door, Guest
from tests.fakes.sim7600 import Caller, becomes, is_up, plugged_in

BACK_S = 5.0
"""The line is back so long after the modem is."""


async def in_a_call(sim: Sim7600, door: Door) -> Guest:
    """Ring, and hear a little."""
    number = len(door.guests)
    sim.ring()
    guest = await door.guest(number)
    await guest.until(lambda: len(guest.pcm) > 8000, 5)
    return guest


async def answers_again(sim: Sim7600, source: ModemSource, door: Door) -> None:
    """The line is up and takes a call from beginning to end."""
    await is_up(source, BACK_S)
    guest = await in_a_call(sim, door)
    sim.hang_up()
    await asyncio.wait_for(guest.over.wait(), 3)
    assert guest.cause == "caller"


def lose_network(sim: Sim7600) -> None:
    sim.modem.registered = 2
    sim.modem.unasked("+CREG: 2")
    sim.modem.far_end_left()


def take_card_out(sim: Sim7600) -> None:
    sim.modem.sim_in = False
    sim.modem.unasked("+SIMCARD: NOT AVAILABLE")
    sim.modem.far_end_left()


LOSSES: dict[str, Callable[[Sim7600], None]] = {
    "unplugged": lambda sim: sim.gone(),
    "network lost": lose_network,
    "card out": take_card_out,
    "reboot": lambda sim: sim.reboot(),
}


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_call_that_is_lost_ends_at_once_and_the_line_comes_back(loss: str, tmp_path: Path) -> None:
    async with plugged_in(tmp_path, replace(Profile(), boot_ms=300)) as (sim, source, door):
        guest = await in_a_call(sim, door)
        sim.do(lambda: LOSSES[loss](sim))
        await asyncio.wait_for(guest.over.wait(), 2)
        assert guest.cause == "lost"
        await asyncio.sleep(0.2)  # the time that somebody needs to mend it
        if loss == "unplugged":
            await becomes(source, "the modem was unplugged", 2)
            sim.plug()
        elif loss == "network lost":
            assert source.state.startswith("no network; searching")
            sim.do(lambda: setattr(sim.modem, "registered", 1))
            sim.do(lambda: sim.modem.unasked("+CREG: 1"))
        elif loss == "card out":
            assert "SIM card is out" in source.state
            sim.do(lambda: setattr(sim.modem, "sim_in", True))
            sim.do(lambda: sim.modem.unasked("+SIMCARD: AVAILABLE"))
        await answers_again(sim, source, door)


async def test_a_port_that_falls_silent_ends_the_call_and_restarts_the_modem(tmp_path: Path) -> None:
    """Silence goes on in real time until it is sure that the modem is sick."""
    async with plugged_in(tmp_path, replace(Profile(), boot_ms=200)) as (sim, source, door):
        guest = await in_a_call(sim, door)
        sim.muted = True
        began, before = time.monotonic(), len(guest.pcm)
        await asyncio.wait_for(guest.over.wait(), 5)
        assert 2.5 < time.monotonic() - began < 4
        assert (len(guest.pcm) - before) / 16000 == pytest.approx(3, abs=0.5)
        assert guest.cause == "lost"
        await Caller(sim).sees(lambda: "AT+CRESET" in sim.modem.asked, 3)
        sim.muted = False
        await becomes(source, "the modem was unplugged", 3)
        await answers_again(sim, source, door)


async def test_a_modem_that_plays_nothing_is_found_out(tmp_path: Path) -> None:
    """Firmware LE20B06SIM7600G22 takes a few kilobytes and then no more."""
    async with plugged_in(tmp_path, replace(Profile(), takes_uplink=False)) as (sim, _, door):
        guest = await in_a_call(sim, door)
        await asyncio.wait_for(guest.over.wait(), 10)
        assert guest.cause == "lost"
        await Caller(sim).sees(lambda: "AT+CRESET" in sim.modem.asked, 3)


async def test_a_second_audio_cycle_that_stays_silent_costs_one_call_only(tmp_path: Path) -> None:
    """callpilot#121: only a restart helps, and after it the modem is well for one more call."""
    async with plugged_in(tmp_path, replace(Profile(), one_cycle=True, boot_ms=200)) as (sim, source, door):
        for cause in ("agent", "lost"):
            sim.ring()
            guest = await door.guest(len(door.guests))
            await guest.answered.wait()
            if cause == "agent":
                await guest.until(lambda guest=guest: len(guest.pcm) > 3200, 3)  # type: ignore[misc]
                await guest.line.hangup()
            await asyncio.wait_for(guest.over.wait(), 6)
            assert guest.cause == cause
            await Caller(sim).sees(lambda: not sim.modem.calls, 3)
        await becomes(source, "the modem was unplugged", 3)
        await answers_again(sim, source, door)


FAULTS = [
    ("ATA", "error"),
    ("ATA", "unplug"),
    ("AT+CPCMREG=1", "drop"),
    ("AT+CPCMREG=1", "reboot"),
    ("AT+CPCMREG=1", "mute"),
]
"""The rest of them: ``python -m bench modem-faults``."""


@pytest.mark.parametrize(("step", "fault"), FAULTS)
async def test_a_fault_at_the_answer_ends_or_is_survived(step: str, fault: str, tmp_path: Path) -> None:
    async with plugged_in(tmp_path, replace(Profile(), boot_ms=200, ring_every_ms=500)) as (sim, source, door):
        sim.faults[step] = fault
        sim.ring()
        guest = await door.guest()
        if fault in {"unplug", "drop", "reboot"} or step == "ATA":
            await asyncio.wait_for(guest.over.wait(), 14) if fault != "garbage" else None
        if fault in {"unplug", "reboot"}:
            await becomes(source, "the modem was unplugged", 3)
        if fault == "unplug":
            sim.plug()
        if not guest.over.is_set():
            await guest.until(lambda: len(guest.pcm) > 8000, 8)
            sim.hang_up()
            await asyncio.wait_for(guest.over.wait(), 3)
            assert guest.cause == "caller"
        else:
            assert guest.cause in {"gone", "lost", "caller"}
        sim.do(sim.modem.far_end_left)
        await answers_again(sim, source, door)


async def test_the_end_of_the_daemon_and_of_the_modem_at_once(tmp_path: Path) -> None:
    """Whichever comes first, the source ends when it is told to."""
    for delay_s in (0.0, 0.001, 0.003, 0.006):
        async with plugged_in(tmp_path / str(delay_s)) as (sim, source, _):
            sim.unplug()
            await asyncio.sleep(delay_s)
        assert source.session is None


async def test_a_misaligned_stream_is_set_right(tmp_path: Path) -> None:
    """A byte lost on the way must not turn all that follows into noise."""
    async with plugged_in(tmp_path) as (sim, _, door):
        guest = await in_a_call(sim, door)
        sim.muted = True
        sim.do(lambda: sim.give(b"\x01\x02\x03"))
        await guest.until(lambda: len(guest.pcm) > 16000, 3)
        sim.muted = False
        sim.say(tone(440, 500, 8000, -20))
        before = len(guest.pcm)
        await guest.until(lambda: len(guest.pcm) > before + 12000, 3)
        loudest = max(
            abs(int.from_bytes(guest.pcm[i : i + 2], "little", signed=True)) for i in range(before, len(guest.pcm), 2)
        )
        assert 3000 < loudest < 6000
