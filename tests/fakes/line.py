"""A scripted caller on a line made of nothing: utterances on a timeline, a mouth that plays in audio time.

What is said is written into the samples themselves: every sample of utterance *n* has the value *n*, so a fake
recogniser can read the words back and a test can read from the wire which sentence was heard when.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from agent.ports import CallerInfo, Dtmf, HungUp, LineEvent, LineGone
from audio.frame import SAMPLE_BYTES, AudioFrame

RATE = 8000
STEP = 160
"""Samples of a 20 ms frame."""


def stamp(value: int, samples: int) -> bytes:
    """``samples`` samples of one value."""
    return np.full(samples, value, dtype="<i2").tobytes()


def read_stamp(pcm: bytes) -> int:
    """The value that ``stamp`` wrote; 0 for silence or nothing."""
    return int.from_bytes(pcm[:SAMPLE_BYTES], "little", signed=True) if pcm else 0


@dataclass(frozen=True)
class Says:
    """The caller speaks ``text`` from ``at`` for ``lasts`` seconds."""

    at: float
    text: str
    lasts: float = 1.0


@dataclass(frozen=True)
class Presses:
    """The caller presses a key."""

    at: float
    digit: str


@dataclass(frozen=True)
class Stalls:
    """Nothing arrives from ``at`` for ``lasts`` seconds, then all of it at once."""

    at: float
    lasts: float


@dataclass(frozen=True)
class Leaves:
    """The caller hangs up."""

    at: float


Step = Says | Presses | Stalls | Leaves


class FakeMouth:
    """Plays one frame for each frame of the caller, as a line paced by its clock does."""

    slips = 0
    """Frames that a far side which paces by itself turns out to have played when it is told to pause."""

    def __init__(self) -> None:
        self._queue: deque[int] = deque()
        self._paused = False
        self.played = 0
        self.wire: list[int] = []
        """For each 20 ms since the answer: the stamp that was audible, 0 for silence."""

    def play(self, pcm: bytes) -> None:
        self._queue.extend(np.frombuffer(pcm, dtype="<i2").tolist())

    def pause(self) -> None:
        for _ in range(0 if self._paused else self.slips):
            self._take()
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def clear(self) -> None:
        self._queue.clear()
        self._paused = False

    @property
    def waiting(self) -> int:
        """Samples not played yet."""
        return len(self._queue)

    def tick(self) -> None:
        if self._paused or not self._queue:
            self.wire.append(0)
            return
        self.wire.append(self._queue[0])
        self._take()

    def _take(self) -> None:
        for _ in range(min(STEP, len(self._queue))):
            self._queue.popleft()
            self.played += 1


@dataclass
class FakeLine:
    """Performs a script; every frame takes 20 ms of the loop's time."""

    script: Sequence[Step]
    operator: bool = False
    """True: a transfer succeeds."""
    gone: bool = False
    """True: the caller left before the answer."""
    caller: CallerInfo = field(default_factory=lambda: CallerInfo("c1", "fake", "100", "200", RATE))
    mouth: FakeMouth = field(default_factory=FakeMouth)
    transfers: list[str] = field(default_factory=list)
    _over: HungUp | None = None

    @property
    def texts(self) -> dict[int, str]:
        """Stamp -> what the caller says."""
        return {n: step.text for n, step in enumerate(self.script, 1) if isinstance(step, Says)}

    async def answer(self) -> AsyncIterator[LineEvent]:
        if self.gone:
            raise LineGone
        return self._events()

    async def hangup(self) -> None:
        self._over = self._over or HungUp("agent")

    async def transfer(self, target: str) -> bool:
        self.transfers.append(target)
        if self.operator:
            self._over = HungUp("transfer")
        return self.operator

    async def _events(self) -> AsyncIterator[LineEvent]:
        position = 0
        keys = deque(step for step in self.script if isinstance(step, Presses))
        leave = min((step.at for step in self.script if isinstance(step, Leaves)), default=None)
        while self._over is None:
            now = position / RATE
            if leave is not None and now >= leave:
                self._over = HungUp("caller")
                break
            while keys and now >= keys[0].at:
                yield Dtmf(keys.popleft().digit)
            self.mouth.tick()
            yield AudioFrame(stamp(self._spoken(now), STEP), RATE, position)
            position += STEP
            await self._wait(now)
        yield self._over

    async def _wait(self, now: float) -> None:
        """20 ms, but in a stall all of it first and then nothing."""
        for step in self.script:
            if isinstance(step, Stalls) and step.at <= now < step.at + step.lasts:
                await asyncio.sleep(step.lasts if now < step.at + 0.02 else 0)
                return
        await asyncio.sleep(0.02)

    def _spoken(self, now: float) -> int:
        for n, step in enumerate(self.script, 1):
            if isinstance(step, Says) and step.at <= now < step.at + step.lasts:
                return n
        return 0
