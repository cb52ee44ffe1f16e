"""A caller behind the simulated modem, and the figures of the GSM line (the daemon is real, the modem is not).

The SIP line is measured beside it: the same daemon, the same recordings, one call after the other.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from audio.wav import read_mono
from bench.daemon import DaemonProcess
from bench.report import Row, percentile, spread, within
from bench.speech import interruption, questions
from bench.wire import Plan, PlanItem, place
from telephony.phone_report import measure
from telephony.phone_script import Item, Manners, Script
from telephony.simulated.profile import Profile
from telephony.simulated.sim7600 import Dry, Sim7600

LOUD = 300
"""A sample above it is sound: the agent's own pauses are digital silence."""
FRAME = 160
"""Samples of 20 ms at 8 kHz."""
MORE_MS = 60
"""What may come on top of the SIP line's figure for the same recording, in the median, milliseconds."""
LONG_S = 600
"""The call whose frames are counted, seconds."""


class GsmCaller:
    """A person with a mobile phone; one call."""

    def __init__(self, sim: Sim7600, number: str = "+79161234567") -> None:
        self._sim, self._number = sim, number
        self.answered_ms = 0.0
        self._scanned = self._loudest = 0

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
        """Position of the newest sound; 0 when there is none. Looks at what is new only: it is asked for each frame."""
        end = self._now()
        if end < self._scanned:
            self._scanned = self._loudest = 0  # another call
        loud = np.flatnonzero(np.abs(_samples(bytes(self._sim.heard[2 * self._scanned : 2 * end]))) > LOUD)
        self._loudest = self._scanned + int(loud[-1]) if loud.size else self._loudest
        self._scanned = end
        return self._loudest


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

    def free(self) -> None:
        """Wait until the last call is over on both sides."""
        self.daemon.wait_for(lambda: self.daemon.health()["calls"] == 0 and not self.sim.modem.calls, 30, "free")

    def __exit__(self, *problem: object) -> None:
        try:
            self.daemon.__exit__(None, None, None)
        finally:
            self.sim.stop()
            shutil.rmtree(self._folder, ignore_errors=True)


def behind(sim: Sim7600) -> dict[str, object]:
    """Settings of a daemon that serves this modem."""
    return {"MODEM__ENABLED": "true", "MODEM__PORTS": f"{sim.at.path}|{sim.pcm.path}"}


@dataclass(slots=True)
class Pairs:
    """The same question over both lines, milliseconds."""

    names: list[str] = field(default_factory=list)
    gsm: list[float] = field(default_factory=list)
    """Over the modem."""
    sip: list[float] = field(default_factory=list)
    """Over SIP."""

    def add(self, name: str, gsm: float | None, sip: float | None) -> None:
        """One question, where both were heard."""
        if gsm is not None and sip is not None:
            self.names.append(name)
            self.gsm.append(gsm)
            self.sip.append(sip)

    def row(self, name: str, what: str, asked: int) -> Row:
        """Medians held against each other, the differences, and the slowest with its name."""
        more = [gsm - sip for gsm, sip in zip(self.gsm, self.sip, strict=True)]
        measured = f"{spread(self.gsm)}; SIP {spread(self.sip)}"
        if more:
            slowest = max(range(len(more)), key=self.gsm.__getitem__)
            measured += (
                f"; more than SIP: p50 {percentile(more, 0.5):.0f}, worst {max(more):.0f} ms; slowest: "
                f"{self.names[slowest]}, {self.gsm[slowest]:.0f} (SIP {self.sip[slowest]:.0f}) ms"
            )
        enough = len(more) >= asked * 3 // 4
        met = enough and within(more, 0.5, MORE_MS)
        return Row(name, what, "p50 of what is more than SIP <= 60 ms", measured, len(more), met)


def modem() -> list[Row]:
    """Each question over GSM and over SIP, and an interruption of its answer."""
    return pairs(questions())


def pairs(recordings: Sequence[str]) -> list[Row]:
    """RING -> answered, reply and barge-in, as the caller hears them, with SIP beside them."""
    rings: list[float] = []
    replies, stops = Pairs(), Pairs()
    with GsmHouse() as house:
        for path in recordings:
            plan = [PlanItem(path), PlanItem(interruption(), interrupt_after_s=1.0)]
            ring, by_gsm = _over_gsm(house.sim, plan)
            house.free()
            (by_sip,) = place(Plan(house.daemon.uri, [plan]), timeout_s=120)
            house.free()
            rings.append(ring)
            gsm, sip = _figures(by_gsm), _figures(by_sip.turns)
            replies.add(Path(path).stem, gsm[0], sip[0])
            stops.add(Path(path).stem, gsm[1], sip[1])
        lost, starved, dry = house.sim.down_lost, house.sim.underruns, house.sim.dry
        if house.daemon.trouble:
            raise RuntimeError("the daemon's log has errors: " + "; ".join(house.daemon.trouble[:3]))
    calls = len(recordings)
    return [
        Row(
            "modem-answer", "RING -> answered, GSM", "p95 <= 1500 ms", spread(rings), calls, within(rings, 0.95, 1500)
        ),
        replies.row("modem-reply", "end of speech -> answer heard, GSM and SIP in turn", calls),
        stops.row("modem-barge-in", "caller's onset -> bot silent, GSM and SIP in turn", calls),
        Row(
            "modem-frames", f"frames lost and missing, {calls} calls, GSM", "0, 0",
            f"{lost} lost, {starved} missing{_whose(dry)}", calls, lost == starved == 0,
        ),
    ]  # fmt: skip


class Scripted:
    """The load caller's script, spoken into the modem frame by frame; measured as its calls are."""

    def __init__(self, plan: Sequence[PlanItem]) -> None:
        """``plan``: what a call of ``bench.wire`` would say."""
        items = [
            Item(Path(item.wav).name, read_mono(Path(item.wav)), interrupt_after_s=item.interrupt_after_s)
            for item in plan
        ]
        self._script, self._sent = Script(items, Manners(patience_s=10.0)), bytearray()

    @property
    def done(self) -> bool:
        """Everything was said and answered."""
        return self._script.done

    def __call__(self, heard: bytes) -> bytes:
        """The next frame; on the modem's thread."""
        frame = self._script.step(heard) if self._sent else self._script.first()
        self._sent += frame
        return frame

    def turns(self, heard: bytes) -> list[dict[str, Any]]:
        """The figures of each item.

        What a frame holds was said in the 20 ms before it goes into the modem, as in ``bench.wire``.
        """
        cues = [cue.moved(-FRAME) for cue in self._script.cues]
        return [asdict(turn) for turn in measure(bytes(self._sent[2 * FRAME :]), heard, cues)[1]]


def _over_gsm(sim: Sim7600, plan: Sequence[PlanItem]) -> tuple[float, list[dict[str, Any]]]:
    """One call: RING -> answered, milliseconds, and its turns."""
    scripted = Scripted(plan)
    sim.speaks = scripted
    try:
        ring = GsmCaller(sim).ring()
        sim.until(lambda: scripted.done or not sim.modem.calls, 90)
    finally:
        sim.speaks = None
    heard = bytes(sim.heard)
    sim.hang_up()
    return ring, scripted.turns(heard)


def _figures(turns: Sequence[dict[str, Any]]) -> tuple[float | None, float | None]:
    """Reply and barge-in of one call, milliseconds."""
    kinds = {turn["kind"]: turn for turn in turns}
    return kinds.get("say", {}).get("reply_ms"), kinds.get("interrupt", {}).get("stop_ms")


def _whose(dry: Sequence[Dry]) -> str:
    """For each frame that was missing: how late we were, and how late the modem's own thread was just then."""
    each = [
        f"frame {one.frame} after {one.dry_ms:.0f} ms (the modem's own thread {one.late_ms:.0f} late)" for one in dry
    ]
    return f": {', '.join(each[:5])}" if each else ""


def modem_long() -> list[Row]:
    """One call of ten minutes: every frame each way is counted."""
    return long(LONG_S)


def long(seconds: float) -> list[Row]:
    """One call of so many seconds."""
    with GsmHouse() as house:
        sim, caller = house.sim, GsmCaller(house.sim)
        caller.ring()
        until, lag = time.monotonic() + seconds, 0.0
        for question in cycle(questions()):
            if time.monotonic() > until:
                break
            caller.quiet()
            caller.ask(question)
            lag = max(lag, house.daemon.health()["loop_lag_ms"])
        frames, lost, starved, slips, dry = sim.down_frames, sim.down_lost, sim.underruns, sim.slips, list(sim.dry)
        sim.hang_up()
        house.daemon.wait_for(lambda: "ended (caller)" in house.daemon.log, 5, "over")
        line = next(line for line in house.daemon.log.splitlines() if "ended (caller)" in line)
    measured = (
        f"{lost} of {frames} lost, {starved} missing{_whose(dry)}; {line.split('): ')[-1]}; "
        f"the daemon's loop was at most {lag:.0f} ms late, {slips} frames of the modem's own thread over 20"
    )
    met = lost == starved == 0 and " 0 missing, 0 late, 0 not taken" in line
    minutes = f"{seconds / 60:.0f} minutes" if seconds >= 60 else f"{seconds:.0f} s"
    return [Row("modem-long", f"frames in a call of {minutes}, GSM", "0 lost, 0 missing", measured, 1, met)]
