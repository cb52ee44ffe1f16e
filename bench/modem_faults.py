"""A thousand simulated calls with a fault at a random step: every record closed, nothing left over."""

import asyncio
import random
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from agent.ports import Dtmf, HungUp, Line, LineGone, Refusal
from agent.settings import Modem
from bench.report import Row
from telephony.clock import MediaClock
from telephony.modem_line import ModemSource
from telephony.modem_mail import MailBox
from telephony.simulated.answers import Ring
from telephony.simulated.profile import Profile
from telephony.simulated.sim7600 import Sim7600

CALLS, MODEMS = 1000, 20
STEPS = ("RING", "ATA", "AT+CPCMREG=1", "AT+CPCMREG=0", "AT+CLCC", "AT+CHUP", "AT+CSQ", "AT+CREG", "FRAME", "")
FAULTS = ("error", "mute", "slow", "garbage", "drop", "unplug", "reboot")
CALL_S = 60.0
"""A call that is not over by then hangs, seconds."""


class Records:
    """A door that notes how each call ended, and serves each like a short conversation."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.begun = self.closed = 0
        self.causes: dict[str, int] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    def admit(self) -> Refusal | None:
        """Always welcome."""
        return None

    def ring(self, line: Line) -> None:
        """Serve it."""
        self.begun += 1
        task = asyncio.ensure_future(self._serve(line))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, line: Line) -> None:
        cause = "gone"
        try:
            cause = await self._talk(line)
        except LineGone:
            pass
        finally:
            await line.hangup()
            self.closed += 1
            self.causes[cause] = self.causes.get(cause, 0) + 1

    async def _talk(self, line: Line) -> str:
        patience = self._chance.choice((10, 30, 10_000))
        frames = 0
        async for event in await line.answer():
            if isinstance(event, HungUp):
                return event.cause
            if not isinstance(event, Dtmf):
                frames += 1
                line.mouth.play(event.pcm)
                if frames == patience:
                    await line.hangup()
        return "no end"


async def _calls(sim: Sim7600, source: ModemSource, chance: random.Random, count: int) -> int:
    """Ring so often, each time with one fault; returns how many calls hung."""
    hung = 0
    for _ in range(count):
        try:
            async with asyncio.timeout(CALL_S):
                while not (source.state.startswith("up") and sim.at.plugged and not sim.modem.calls):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                sim.faults = {chance.choice(STEPS): chance.choice(FAULTS)}
                sim.ring()
                await asyncio.sleep(chance.uniform(0.3, 1.5))
                sim.hang_up()
                while sim.modem.calls or (source.session is not None and source.session.line is not None):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                sim.plug()
        except TimeoutError:
            hung += 1
            sim.faults = {}
            sim.plug()
    return hung


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all calls, by our record and by the network's."""

    door: Records
    rings: list[Ring]
    """Calls that rang, as the network saw them."""
    unreachable: int
    """Calls that never rang: no modem in that moment."""
    hung: int
    """Calls that were not over in time."""
    left_over: int
    """Tasks, legs on the clock and threads that should have ended."""

    @property
    def before_the_door(self) -> dict[str, int]:
        """Calls that rang and never reached the door, by their end as the network saw it.

        None of them was answered: the caller, or the modem, was gone before the house could be asked.
        """
        unanswered = Counter(ring.ended for ring in self.rings if not ring.answered)
        return dict(sorted(unanswered.items()))

    @property
    def truthful(self) -> bool:
        """Each call that rang has an end; each that was answered was at the door, and each record is closed."""
        answered = sum(ring.answered for ring in self.rings)
        return (
            all(ring.ended for ring in self.rings)
            and answered <= self.door.begun <= len(self.rings)
            and self.door.begun == self.door.closed
            and "no end" not in self.door.causes
        )


async def live_through(calls: int, modems: int, seed: int = 7600) -> Outcome:
    """All calls."""
    with tempfile.TemporaryDirectory(prefix="allo-faults-", ignore_cleanup_errors=True) as folder:
        return await _live_through(calls, modems, seed, Path(folder))


async def _live_through(calls: int, modems: int, seed: int, folder: Path) -> Outcome:
    chance = random.Random(seed)
    door, clock = Records(chance), MediaClock()
    threads, tasks = threading.active_count(), len(asyncio.all_tasks())
    profile = Profile(chopped=True, chatty=True, lossy=0.002, boot_ms=200, ring_every_ms=500)
    sims = [Sim7600(folder / str(n), replace(profile, pcm_ready_ms=(n % 3) * 150), seed + n) for n in range(modems)]
    sources, running = [], []
    for number, sim in enumerate(sims):
        sim.start()
        settings = Modem.model_validate({"enabled": True, "ports": f"{sim.at.path}|{sim.pcm.path}"})
        source = ModemSource(settings, clock, MailBox(folder / f"m{number}"), settings.ports[0])
        sources.append(source)
        running.append(asyncio.create_task(source.run(door, lambda: None)))
    each = [_calls(sim, source, chance, calls // modems) for sim, source in zip(sims, sources, strict=True)]
    hung = sum(await asyncio.gather(*each))
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    async with asyncio.timeout(10):
        while door.tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    for sim in sims:
        sim.stop()
    await asyncio.get_running_loop().shutdown_default_executor()
    left = len(asyncio.all_tasks()) - tasks + clock.legs
    return Outcome(
        door,
        [ring for sim in sims for ring in sim.modem.history],
        sum(sim.modem.unreachable for sim in sims),
        hung,
        left + threading.active_count() - threads,
    )


def modem_faults() -> list[Row]:
    """Begun and closed, hung, left over."""
    got = asyncio.run(live_through(CALLS, MODEMS))
    door, rang = got.door, len(got.rings)
    causes = ", ".join(f"{count} {cause}" for cause, count in sorted(door.causes.items()))
    unanswered = ", ".join(f"{count} {end}" for end, count in got.before_the_door.items())
    measured = (
        f"{rang} rang, {got.unreachable} found no modem; {door.begun} reached the door, {door.closed} closed "
        f"({causes}); "
        f"{rang - door.begun} had ended before (not answered in all, by the network's own record: {unanswered}); "
        f"{got.hung} hung, {got.left_over} left over"
    )
    met = got.truthful and not got.hung and not got.left_over
    return [
        Row("modem-faults", "calls with a fault at a random step, GSM", "all closed, no leak", measured, CALLS, met)
    ]
