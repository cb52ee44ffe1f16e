"""Scripts through the conversation core without a wire, faster than real time: the same callers, the same judges.

Time is virtual and nothing takes any: no network, no thinking, no decoding. So latencies here are what turn-taking
itself costs, and decisions are the same in every run; what the wire adds only the live run tells.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from agent.call import Call
from agent.events import AgentSaid, CallerSaid, CallEvent, Noted
from agent.furnish import furnish_live
from agent.house import House
from agent.ports import CallerInfo, HungUp, LineEvent
from agent.replaying.virtual_time import play
from agent.settings import Settings, Storage
from audio.frame import AudioFrame
from audio.wav import read_mono
from bench.ear_sounds import Samples, pcm, samples_of
from bench.turns.caller import Caller
from bench.turns.observation import Observation
from bench.turns.scripts import Script
from telephony.phone_script import FRAME, RATE
from telephony.rtp_mouth import RtpMouth

LATE, BUSY, OFTEN_BUSY = 0.02, 0.7, 0.005
"""Of an unsteady clock: mean lateness, the same of a busy moment, in frames of 20 ms; and how many frames are such."""
QUEUE = 4
"""Frames that a caller's telephone holds back at most."""


class Ticks:
    """How often the wire's clock has ticked between one frame of the caller and the next: 1, seldom 0 or 2.

    Two clocks of 20 ms have any phase; each wakes up a little late, and now and then a machine is busy elsewhere.
    """

    def __init__(self, seed: int) -> None:
        self._dice = np.random.default_rng(seed + 1)
        self._phase = float(self._dice.uniform())
        self._frame = self._ticked = 0

    def due(self) -> int:
        """For the next frame of the caller."""
        self._frame += 1
        busy = self._dice.exponential(BUSY) if self._dice.random() < OFTEN_BUSY else 0.0
        late = self._dice.exponential(LATE) - self._dice.exponential(LATE) + busy * self._dice.choice((-1.0, 1.0))
        ticked = max(self._ticked, int(self._frame + self._phase + late))
        due, self._ticked = ticked - self._ticked, ticked
        return due


class ScriptLine:
    """An ``agent.ports.Line`` to a scripted caller; a frame of each side every 20 ms of the loop's time."""

    def __init__(self, script: Script, caller: Caller, *, unsteady: bool = False) -> None:
        """``unsteady``: the wire's clock and the caller's are two, and jitter."""
        self.caller = CallerInfo(script.name, "script", "", "", RATE)
        self._script, self._by_ear = script, caller
        self._ticks = Ticks(script.seed) if unsteady else None
        self._wire: deque[bytes] = deque()
        self._mouth = RtpMouth(RATE)
        self._dice = np.random.default_rng(script.seed)
        self.heard: list[bytes] = []
        self.sent: list[bytes] = []
        self._over: HungUp | None = None

    @property
    def mouth(self) -> RtpMouth:
        """Where the agent's speech goes."""
        return self._mouth

    async def answer(self) -> AsyncIterator[LineEvent]:
        """Pick up."""
        return self._events()

    async def hangup(self) -> None:
        """The agent leaves at the end of this frame."""
        self._over = HungUp("agent")

    async def transfer(self, target: str) -> bool:
        """There is no operator."""
        return False

    async def _events(self) -> AsyncIterator[LineEvent]:
        loop = asyncio.get_running_loop()
        began, last = loop.time(), bytes(FRAME * 2)
        while not self._by_ear.done and self._over is None:
            number = len(self.sent)
            frame = self._by_ear.step(last)
            await asyncio.sleep(began + (number + 1) * FRAME / RATE - loop.time())
            last = self._heard_next()
            self.sent.append(frame)
            yield AudioFrame(self._arrived(frame), RATE, number * FRAME)
        yield self._over or HungUp("caller")

    def _heard_next(self) -> bytes:
        """What the caller hears in the next 20 ms: what the wire's clock has sent by now, as a telephone queues it."""
        for _ in range(self._ticks.due() if self._ticks else 1):
            self.heard.append(self._mouth.take() or bytes(FRAME * 2))
            self._wire.append(self.heard[-1])
        while len(self._wire) > QUEUE:
            self._wire.popleft()
        return self._wire.popleft() if self._wire else bytes(FRAME * 2)

    def _arrived(self, frame: bytes) -> bytes:
        """Through G.711; a lost frame is silence."""
        return pcm(samples_of(frame)) if self._dice.random() >= self._script.loss else bytes(FRAME * 2)

    def observation(self, turns: list[dict[str, Any]], events: list[dict[str, Any]]) -> Observation:
        """What was seen: a frame is spoken while it fills, one heard begins when it has been sent."""
        places = np.arange(len(self.sent), dtype=np.int64) * FRAME
        return Observation(
            self._script,
            np.arange(1, len(self.heard) + 1, dtype=np.int64) * FRAME,
            _rows(self.heard),
            places,
            _rows(self.sent),
            tuple(played.frame for played in self._by_ear.played),
            turns,
            events,
        )


def _rows(frames: list[bytes]) -> "np.ndarray[tuple[int, int], np.dtype[np.int16]]":
    return np.frombuffer(b"".join(frames), dtype="<i2").reshape(-1, FRAME)


class Record:
    """Rows of a call as the call log keeps them, from its events."""

    def __init__(self) -> None:
        self._turns: dict[int, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []

    @property
    def turns(self) -> list[dict[str, Any]]:
        """In their order."""
        return [self._turns[n] for n in sorted(self._turns)]

    def observe(self, _call_id: str, event: CallEvent) -> None:
        """Take one event of the call."""
        if isinstance(event, CallerSaid):
            self._row(event.turn)["heard"] = event.text
        elif isinstance(event, AgentSaid):
            self._row(event.turn).update(said=event.said, said_heard=event.heard, cut=int(event.cut))
        elif isinstance(event, Noted):
            self.events.append({"kind": event.kind, "detail": event.detail})

    def _row(self, turn: int) -> dict[str, Any]:
        return self._turns.setdefault(turn, {"n": turn, "heard": "", "said": "", "said_heard": "", "cut": 0})


class CoreRunner:
    """A ``bench.turns.observation.Runner`` without a wire."""

    def __init__(self, language: str, folder: Path, storage: Path, *, unsteady: bool = False) -> None:
        """``folder``: where the scripts' WAVs lie. ``storage``: keeps phrases, so that answers are the same samples.

        ``unsteady``: the line's two clocks jitter, the same in every run (see ``Ticks``).
        """
        self._language, self._folder, self._storage, self._unsteady = language, folder, storage, unsteady
        self.example: Samples | None = None
        """How the agent sounds; calls with an echo need it."""
        self.audio_s = self.took_s = 0.0
        """Length of all calls so far, and the processor's time that they needed, seconds."""

    def run(self, chosen: Sequence[Script]) -> list[Observation]:
        """Play all of them, one after another."""
        began = time.process_time()
        settings = Settings(language=self._language, storage=Storage(dir=self._storage))  # type: ignore[arg-type]
        seen = play(self._all(settings, chosen))
        self.took_s += time.process_time() - began
        self.audio_s += sum(len(one.sent) for one in seen) * FRAME / RATE
        return seen

    async def _all(self, settings: Settings, chosen: Sequence[Script]) -> list[Observation]:
        async with AsyncExitStack() as stack:
            house = (await furnish_live(settings, stack)).house  # which stores what is said: the next run says the same
            return [await self._one(house, script) for script in chosen]

    async def _one(self, house: House, script: Script) -> Observation:
        sounds = {step.wav: read_mono(self._folder / step.wav, RATE) for step in script.steps}
        caller, record = Caller(script, sounds, self.example), Record()
        line = ScriptLine(script, caller, unsteady=self._unsteady and script.kind != "reference")
        await Call(line, replace(house, observe=record.observe)).run()
        return line.observation(record.turns, record.events)
