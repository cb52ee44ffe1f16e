"""What a modem does to its users, and the line afterwards: the record true, the line back by itself."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from telephony.modem_line import WEDGED, ModemSource
from telephony.modem_model import model_of
from telephony.modem_ports import named
from telephony.simulated.profile import Profile
from telephony.simulated.sim7600 import Sim7600
from tests.asterisk.door import Door, Guest
from tests.fakes.sim7600 import Caller, is_down, is_up, plugged_in, unexplained

BACK_S = 5.0
"""The line is back so long after the modem is."""


async def in_a_call(sim: Sim7600, door: Door) -> Guest:
    """Ring, and hear a little."""
    number = len(door.guests)
    sim.ring()
    guest = await door.guest(number)
    await guest.until(lambda: len(guest.pcm) > 8000, 5)
    return guest


async def answers_again(sim: Sim7600, source: ModemSource, door: Door, seconds: float = BACK_S) -> None:
    """The line is up and takes a call from beginning to end."""
    await is_up(source, seconds)
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


async def at_once(cases: Mapping[str, Coroutine[None, None, None]]) -> None:
    """Run them side by side, since they wait most of the time; what fails is named."""

    async def named_case(name: str, case: Coroutine[None, None, None]) -> None:
        try:
            await case
        except BaseException as error:
            error.add_note(f"case: {name}")
            raise

    results = await asyncio.gather(*(named_case(*each) for each in cases.items()), return_exceptions=True)
    failed = [result for result in results if isinstance(result, Exception)]
    if failed:
        raise ExceptionGroup(f"{len(failed)} of {len(results)} cases failed", failed)


async def test_a_call_that_is_lost_ends_at_once_and_the_line_comes_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await at_once({loss: lost_and_back(loss, tmp_path / loss.replace(" ", "_"), caplog) for loss in LOSSES})


async def lost_and_back(loss: str, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with plugged_in(folder, replace(Profile(), boot_ms=300)) as (sim, source, door):
        guest = await in_a_call(sim, door)
        sim.do(lambda: LOSSES[loss](sim))
        await asyncio.wait_for(guest.over.wait(), 2)
        assert guest.cause == "lost"
        await asyncio.sleep(0.2)  # the time that somebody needs to mend it
        if loss == "unplugged":
            await is_down(source)
            assert "the modem was unplugged" in caplog.text
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


async def test_a_second_audio_cycle_that_stays_silent_costs_one_call_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """callpilot#121: only a restart helps, and after it the modem is well for one more call."""
    monkeypatch.setattr("telephony.modem_audio.DEAD", 50)
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
        await is_down(source)
        await answers_again(sim, source, door)


FAULTS = [
    ("ATA", "error"),
    ("ATA", "unplug"),
    ("AT+CPCMREG=1", "drop"),
    ("AT+CPCMREG=1", "reboot"),
    ("AT+CPCMREG=1", "mute"),
]
"""The rest of them: ``python -m bench modem-faults``."""


async def test_a_fault_at_the_answer_ends_or_is_survived(tmp_path: Path) -> None:
    await at_once({f"{step} {fault}": survived(step, fault, tmp_path / f"{step}-{fault}") for step, fault in FAULTS})


async def survived(step: str, fault: str, folder: Path) -> None:
    async with plugged_in(folder, replace(Profile(), boot_ms=200, ring_every_ms=500)) as (sim, source, door):
        sim.faults[step] = fault
        sim.ring()
        guest = await door.guest()
        if fault in {"unplug", "drop", "reboot"} or step == "ATA":
            await asyncio.wait_for(guest.over.wait(), 14)
        if fault in {"unplug", "reboot"}:
            await is_down(source)
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


async def test_a_modem_that_does_not_come_to_itself_is_reset_and_then_loses_its_power(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = f"touch {tmp_path}/cut"
    async with plugged_in(tmp_path, replace(Profile(), boot_ms=200), power_hook=hook) as (sim, source, door):
        ports = named(f"{sim.at.path}|{sim.pcm.path}", model_of("SIM7600"))
        source._failures = 2 * WEDGED
        await source._help(ports)
        assert (tmp_path / "cut").exists()
        monkeypatch.setattr("telephony.modem_wire.ANSWER_S", 1.0)
        sim.faults["ATE0"] = "mute"  # and a session that begins with a modem that says nothing
        sim.do(sim.reboot)
        await is_down(source)
        await answers_again(sim, source, door, 8)


async def test_wide_band(tmp_path: Path) -> None:
    async with plugged_in(tmp_path, rate=16000) as (sim, _, door):
        sim.ring()
        guest = await door.guest()
        await guest.until(lambda: len(guest.pcm) > 32_000, 5)
        assert guest.line.caller.rate == 16000
        assert (unexplained(sim), sim.down_lost) == ([], 0)


async def test_one_caller_right_after_another_is_answered_at_the_first_ring(tmp_path: Path) -> None:
    async with plugged_in(tmp_path) as (sim, _, door):
        for _ in range(3):
            guest = await in_a_call(sim, door)
            sim.hang_up()
            await asyncio.wait_for(guest.over.wait(), 3)
        assert sim.modem.rings == 3
