"""A recorded caller on a line made of nothing, for replays; time is virtual, see ``agent.replaying.virtual_time``."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from agent.far_end import FarEnd
from agent.ports import CallerInfo, Dtmf, HungUp, LineEvent
from agent.replaying.recorded import Recorded
from audio.frame import FRAME_MS, SAMPLE_BYTES, AudioFrame, frame_bytes
from audio.wav import read_channels


@dataclass(frozen=True, slots=True)
class Tape:
    """Both sides of a call; a recording of one side has silence for the agent."""

    caller: bytes
    """PCM16 mono."""
    agent: bytes
    """PCM16 mono, as long as the caller's."""
    rate: int
    """Samples per second."""

    @classmethod
    def read(cls, path: Path | BinaryIO, name: str = "") -> "Tape":
        """A WAV at a leg's rate as it is, any other at 8 kHz; raises ``OSError`` or ``ValueError`` naming the file."""
        channels, rate = read_channels(path, (8000, 16000), name)
        caller = channels[0]
        return cls(caller, channels[1] if len(channels) > 1 else bytes(len(caller)), rate)

    @property
    def seconds(self) -> float:
        """Length of the call."""
        return len(self.caller) / SAMPLE_BYTES / self.rate

    def first(self, samples: int | None) -> "Tape":
        """Its beginning; None: all of it."""
        if samples is None:
            return self
        return Tape(self.caller[: samples * SAMPLE_BYTES], self.agent[: samples * SAMPLE_BYTES], self.rate)

    def frames(self) -> Iterator[tuple[AudioFrame, bytes]]:
        """The caller's 20 ms frames, each with the agent's."""
        size = frame_bytes(self.rate)
        for start in range(0, len(self.caller) - size + 1, size):
            frame = AudioFrame(self.caller[start : start + size], self.rate, start // SAMPLE_BYTES)
            yield frame, self.agent[start : start + size]


class ReplayMouth:
    """Plays as it did in the recorded call, or, without a trace or once the call went another way, in real time."""

    def __init__(self, recorded: Recorded | None) -> None:
        self._recorded = recorded
        self._given = 0
        self._paused = False
        self.played = 0

    def play(self, pcm: bytes) -> None:
        """Queue audio."""
        self._given += len(pcm) // SAMPLE_BYTES

    def pause(self) -> None:
        """Hold."""
        self._paused = True

    def resume(self) -> None:
        """Go on."""
        self._paused = False

    def clear(self) -> None:
        """Drop what is queued."""
        self._paused = False
        if self._recorded is not None and self._recorded.followed:
            self.played = self._recorded.cleared(self.played)
        self._given = self.played

    def tick(self, position: int, samples: int) -> None:
        """One frame of the caller passed."""
        if self._recorded is not None and self._recorded.followed:
            self.played = self._recorded.played(position)
        elif not self._paused:
            self.played = min(self._given, self.played + samples)


class ReplayFarEnd(FarEnd):
    """What the recording says that the caller was played, whatever is said now: it made the echo that came back."""

    def __init__(self, line: "ReplayLine") -> None:
        super().__init__()
        self._line = line

    @property
    def idle(self) -> bool:
        """Never: what was played then is asked for, whatever is said now."""
        return False

    def push(self, played: bytes, size: int) -> bytes:
        """The recorded frame."""
        return self._line.far


class ReplayLine:
    """Lets a tape ring in."""

    def __init__(self, tape: Tape, recorded: Recorded | None, call_id: str) -> None:
        """``recorded``: the trace of the same call."""
        self._tape, self._recorded = tape, recorded
        self._mouth = ReplayMouth(recorded)
        self.caller = CallerInfo(call_id, "replay", "", "", tape.rate)
        self.far = b""
        """What the caller was played in the newest frame."""
        self._over: HungUp | None = None

    @property
    def mouth(self) -> ReplayMouth:
        """Where the speech goes."""
        return self._mouth

    async def answer(self) -> AsyncIterator[LineEvent]:
        """The tape's events."""
        return self._events()

    async def hangup(self) -> None:
        """The call ends at the end of this frame."""
        self._over = HungUp("agent")

    async def transfer(self, target: str) -> bool:
        """Refused, unless the recorded transfer was taken."""
        taken = self._recorded is not None and await self._recorded.transfer()
        if taken:
            self._over = HungUp("transfer")
        return taken

    async def _events(self) -> AsyncIterator[LineEvent]:
        loop = asyncio.get_running_loop()
        for frame, far in self._tape.frames():
            self.far = far
            await asyncio.sleep(frame.end / frame.rate - loop.time())
            self._mouth.tick(frame.end, frame.samples)
            yield frame
            for digit in self._recorded.keys(frame.end) if self._recorded else ():
                yield Dtmf(digit)
            if self._over and not (self._recorded and self._recorded.followed):
                break
        await asyncio.sleep(FRAME_MS / 1000)  # what the last frame set off comes to its end
        yield self._over or HungUp("caller")
