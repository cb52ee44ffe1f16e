"""A caller behind the simulated modem, and the figures of the GSM line (the daemon is real, the modem is not)."""

import shutil
import tempfile
import threading
import time
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from audio.wav import read_mono
from bench.daemon import DaemonProcess
from bench.report import Row, spread, within
from bench.speech import interruption, questions
from telephony.simulated.profile import Profile
from telephony.simulated.sim7600 import Sim7600

LOUD = 300
"""A sample above it is sound: the agent's own pauses are digital silence."""
FRAME = 160
"""Samples of 20 ms at 8 kHz."""
CALLS = 16
SIP_REPLY_MS, SIP_STOP_MS, MORE_MS = 293, 102, 60
"""Medians of the SIP line (rows ``reply`` and ``barge-in`` of docs/benchmarks.md), and what may come on top."""
LONG_S = 600
"""The call whose frames are counted, seconds."""


class GsmCaller:
    """A person with a mobile phone; one call."""

    def __init__(self, sim: Sim7600, number: str = "+79161234567") -> None:
        self._sim, self._number = sim, number
        self.answered_ms = 0.0

    def ring(self, seconds: float = 10) -> float:
        """Ring until audio runs; returns RING -> answered, milliseconds."""
        began = time.monotonic()
        self._sim.ring(self._number)
        self._sim.until(self._sim.talking, seconds)
        self.answered_ms = (time.monotonic() - began) * 1000
        return self.answered_ms

    def heard_something(self, seconds: float = 15) -> None:
        """Wait until the agent has begun to speak."""
        self._sim.until(lambda: self.last_loud() > 0, seconds)

    def quiet(self, ms: int = 900, seconds: float = 40) -> None:
        """Wait until the agent has spoken and then said nothing for so long."""
        self._sim.until(lambda: 0 < self.last_loud() < self._now() - ms * 8, seconds)

    def ask(self, path: str, seconds: float = 15) -> float | None:
        """Say a recording into the quiet; end of speech -> answer, milliseconds, or ``None`` when none came."""
        begin, pcm = self._say(path)
        end = begin + int(np.flatnonzero(np.abs(_samples(pcm)) > LOUD)[-1])
        try:
            self._sim.until(lambda: self.last_loud() > end, seconds)
        except TimeoutError:
            return None
        first = np.flatnonzero(np.abs(self._samples()[end:]) > LOUD)[0]
        return float(first) / 8

    def interrupt(self, path: str, after_s: float = 1.0, seconds: float = 8) -> float | None:
        """Wait until the agent has spoken so long, cut in; onset -> agent silent, milliseconds."""
        target = self._now() + int(after_s * 8000)
        self._sim.until(lambda: self._now() >= target, after_s + 5)
        begin, pcm = self._say(path)
        onset = begin + int(np.flatnonzero(np.abs(_samples(pcm)) > LOUD)[0])
        self._sim.until(lambda: self._now() > onset + 12_000, seconds)
        loud = np.flatnonzero(np.abs(self._samples()[onset : onset + 12_000]) > LOUD)
        if not loud.size:
            return 0.0
        # silent from the first sound that 400 ms of quiet follow
        gaps = np.flatnonzero(np.diff(loud) > 3200)
        stop = loud[gaps[0]] if gaps.size else loud[-1]
        return None if stop > 12_000 - 3200 else float(stop) / 8

    def _say(self, path: str) -> tuple[int, bytes]:
        """Speak; where in what is heard it begins."""
        pcm = read_mono(Path(path))
        begun: list[int] = []
        said = threading.Event()

        def speak() -> None:
            begun.append(self._now())
            self._sim.speech += pcm
            said.set()

        self._sim.do(speak)
        if not said.wait(5):
            raise TimeoutError("the simulated modem is stuck")
        return begun[0], pcm

    def _now(self) -> int:
        return len(self._sim.heard) // 2

    def _samples(self) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
        return _samples(bytes(self._sim.heard))

    def last_loud(self) -> int:
        """Position of the newest sound, looking 15 s back; 0 when there is none."""
        tail = _samples(bytes(self._sim.heard[-240_000:]))
        loud = np.flatnonzero(np.abs(tail) > LOUD)
        return self._now() - tail.size + int(loud[-1]) if loud.size else 0


def _samples(pcm: bytes) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    return np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype=np.int16)


class GsmHouse:
    """A simulated modem and a daemon that serves it; a context manager."""

    def __init__(self, profile: Profile | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="allo-modem-"))
        self.sim = Sim7600(self._folder, profile)
        self.daemon = DaemonProcess(behind(self.sim))

    def __enter__(self) -> "GsmHouse":
        self.sim.start()
        self.daemon.__enter__()
        self.daemon.wait_for(lambda: self.daemon.health()["lines"]["modem"].startswith("up"), 10, "up")
        return self

    def __exit__(self, *problem: object) -> None:
        try:
            self.daemon.__exit__(None, None, None)
        finally:
            self.sim.stop()
            shutil.rmtree(self._folder, ignore_errors=True)


def behind(sim: Sim7600) -> dict[str, object]:
    """Settings of a daemon that serves this modem."""
    return {"MODEM__ENABLED": "true", "MODEM__PORTS": f"{sim.at.path}|{sim.pcm.path}"}


def modem() -> list[Row]:
    """RING -> answered, reply and barge-in, as the caller hears them."""
    rings: list[float] = []
    replies: list[float] = []
    stops: list[float] = []
    with GsmHouse(replace(Profile(), ring_every_ms=3000)) as house:
        for question in islice(cycle(questions()), CALLS):
            caller = GsmCaller(house.sim)
            rings.append(caller.ring())
            caller.quiet()
            if (reply := caller.ask(question)) is not None:
                replies.append(reply)
            if (stop := caller.interrupt(interruption())) is not None:
                stops.append(stop)
            house.sim.hang_up()
            house.daemon.wait_for(lambda: house.daemon.health()["calls"] == 0, 5, "free of calls")
        lost, starved = house.sim.down_lost, house.sim.underruns
        if house.daemon.trouble:
            raise RuntimeError("the daemon's log has errors: " + "; ".join(house.daemon.trouble[:3]))
    return [
        Row(
            "modem-answer", "RING -> answered, GSM", "p95 <= 1500 ms", spread(rings), len(rings),
            within(rings, 0.95, 1500),
        ),
        Row(
            "modem-reply", "end of speech -> answer heard, GSM", "p50 <= SIP's + 60 ms", spread(replies), len(replies),
            len(replies) == CALLS and within(replies, 0.5, SIP_REPLY_MS + MORE_MS),
        ),
        Row(
            "modem-barge-in", "caller's onset -> bot silent, GSM", "p50 <= SIP's + 60 ms", spread(stops), len(stops),
            len(stops) >= CALLS * 3 // 4 and within(stops, 0.5, SIP_STOP_MS + MORE_MS),
        ),
        Row(
            "modem-frames", f"frames lost and missing, {CALLS} calls, GSM", "0, 0", f"{lost} lost, {starved} missing",
            CALLS, lost == starved == 0,
        ),
    ]  # fmt: skip


def modem_long() -> list[Row]:
    """One call of ten minutes: every frame each way is counted."""
    with GsmHouse() as house:
        caller = GsmCaller(house.sim)
        caller.ring()
        until = time.monotonic() + LONG_S
        for question in cycle(questions()):
            if time.monotonic() > until:
                break
            caller.quiet()
            caller.ask(question)
        frames, lost, starved, slips = (
            house.sim.down_frames,
            house.sim.down_lost,
            house.sim.underruns,
            house.sim.slips,
        )
        house.sim.hang_up()
        house.daemon.wait_for(lambda: "ended (caller)" in house.daemon.log, 5, "over")
        line = next(line for line in house.daemon.log.splitlines() if "ended (caller)" in line)
    measured = (
        f"{lost} of {frames} lost, {starved} missing ({slips} late ticks of the simulator); {line.split('): ')[-1]}"
    )
    met = lost == starved == 0 and " 0 missing, 0 late, 0 not taken" in line
    return [Row("modem-long", "frames in a call of 10 minutes, GSM", "0 lost, 0 missing", measured, 1, met)]
