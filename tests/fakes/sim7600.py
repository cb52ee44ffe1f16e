"""The simulated modem in tests: a source that serves it, and a caller like the contract's."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.ports import AnswerText
from agent.settings import Modem
from telephony import modem_line
from telephony.clock import MediaClock
from telephony.modem_audio import AHEAD
from telephony.modem_line import ModemSource
from telephony.modem_mail import MailBox
from telephony.simulated.profile import Profile
from telephony.simulated.sim7600 import Dry, Sim7600
from tests.asterisk.door import Door

AGAIN_S = modem_line.AGAIN_S
_hurried = [0]


class Caller:
    """Who rings the modem; what the contract asks of a phone."""

    def __init__(self, sim: Sim7600) -> None:
        self.sim = sim

    @property
    def silent(self) -> bool:
        return self.sim.muted

    @silent.setter
    def silent(self, silent: bool) -> None:
        self.sim.muted = silent

    def press(self, key: str) -> None:
        self.sim.press(key)

    def hang_up(self) -> None:
        self.sim.hang_up()

    def heard(self) -> NDArray[np.int16]:
        return np.frombuffer(bytes(self.sim.heard), dtype=np.int16)

    async def until(self, what: str, seconds: float) -> None:
        true: Callable[[], bool] = (lambda: not self.sim.modem.calls) if what == "ended" else self.sim.talking
        await self.sees(true, seconds)

    async def sees(self, true: Callable[[], bool], seconds: float) -> None:
        """Wait for something of the modem, without holding up the loop."""
        await asyncio.to_thread(self.sim.until, true, seconds)


def settings(sim: Sim7600, **values: object) -> Modem:
    return Modem.model_validate({"enabled": True, "ports": f"{sim.at.path}|{sim.pcm.path}", **values})


def unexplained(sim: Sim7600) -> list[Dry]:
    """Frames that were missing although the other side was not late by as much as it is ahead: a fault of the line.

    The rest are the machine's: whoever gets no processor for 40 ms can't give a frame each 20.
    """
    return [dry for dry in sim.dry if dry.dry_ms < (AHEAD - 0.25) * 20]


def _hurry(more: int) -> None:
    """While any modem of the tests is there it is looked for ten times as often; the whole daemon's tests wait as long
    as people do."""
    _hurried[0] += more
    modem_line.AGAIN_S = AGAIN_S / 10 if _hurried[0] else AGAIN_S


@asynccontextmanager
async def plugged_in(
    folder: Path,
    profile: Profile | None = None,
    door: Door | None = None,
    *,
    answer: AnswerText | None = None,
    **values: object,
) -> AsyncIterator[tuple[Sim7600, ModemSource, Door]]:
    """A simulated modem and the source that serves it, up; at the end nothing may be left over."""
    door, clock = door or Door(), MediaClock()
    _hurry(+1)
    sim = Sim7600(folder / "dev", profile)
    sim.start()
    chosen = settings(sim, **values)
    source = ModemSource(chosen, clock, MailBox(folder / "modem"), chosen.ports[0], answer=answer)
    running = asyncio.create_task(source.run(door, lambda: None))
    try:
        await is_up(source)
        yield sim, source, door
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        async with asyncio.timeout(8):
            results = await asyncio.gather(*door.tasks, return_exceptions=True)
        sim.stop()
        _hurry(-1)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert clock.legs == 0, "a call was left on the clock"


async def is_up(source: ModemSource, seconds: float = 8) -> None:
    """Wait until the source can be rung."""
    await becomes(source, "up", seconds)


async def is_down(source: ModemSource, seconds: float = 3) -> None:
    """Wait until the source has noticed that its modem is gone."""
    await _until(source, lambda: not source.state.startswith(("up", "no network")), "down", seconds)


async def becomes(source: ModemSource, state: str, seconds: float = 8) -> None:
    """Wait until the source's state begins with ``state``."""
    await _until(source, lambda: source.state.startswith(state), state, seconds)


async def _until(source: ModemSource, true: Callable[[], bool], what: str, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - the state is a property, nobody is told
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not {what!r} within {seconds} s but {source.state!r}") from None
