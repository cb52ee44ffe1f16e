"""What the callers of ``bench.crowd`` say, encoded before the first call, and when they say it."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from aiortp.codecs import get_codec

from audio.level import comfort_noise
from audio.wav import read_mono
from bench.rtp_wire import PCMA
from telephony.phone_report import Track
from telephony.phone_script import FRAME, RATE

QUIET = 35
"""The agent has finished after so many packets without sound: 700 ms."""
PATIENCE = 500
"""A caller who hears nothing goes on after so many packets: 10 s."""
GAP = 5
"""Packets of silence between two phrases of one turn: 100 ms, no turn ends there."""
LONGEST_TURN = 4
"""Phrases in a turn, at most."""
LOUD = bytes(abs(int(value)) >= 400 for value in np.frombuffer(get_codec(PCMA).decode(bytes(range(256))), "<i2"))
"""For every A-law byte whether it is louder than -38 dBFS: what a caller takes for speech without decoding."""
LOUD_SAMPLES = 8
"""So many of a packet's 160 samples make it loud."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A recording ready to be sent."""

    name: str
    frames: tuple[bytes, ...]
    """A-law, 20 ms each; the silence around the words is cut off."""
    pcm: tuple[bytes, ...]
    """The same as PCM16."""


SILENCE = bytes([0xD5]) * FRAME


def phrase(path: Path) -> Phrase:
    """Read and encode a WAV."""
    pcm = read_mono(path, RATE)
    known = Track(pcm)
    first, last = known.first_audible(0) or 0, known.last_audible(0, known.length) or known.length
    pcm = pcm[first // FRAME * FRAME * 2 : (last // FRAME + 1) * FRAME * 2]
    pieces = tuple(pcm[at : at + 2 * FRAME].ljust(2 * FRAME, b"\0") for at in range(0, len(pcm), 2 * FRAME))
    return Phrase(path.stem, tuple(bytes(get_codec(PCMA).encode(piece)) for piece in pieces), pieces)


def line_noise() -> tuple[bytes, ...]:
    """One second of a quiet line, A-law."""
    pcm = comfort_noise(RATE)
    return tuple(bytes(get_codec(PCMA).encode(pcm[at : at + 2 * FRAME])) for at in range(0, len(pcm), 2 * FRAME))


class Talk:
    """What one caller says when: as long as they listened, once the agent is silent. Counts packets, no clock."""

    def __init__(self, phrases: list[Phrase], noise: tuple[bytes, ...], first: int, seconds: float) -> None:
        self._phrases, self._noise, self._next = phrases, noise, first
        self._until = int(seconds * 50)
        self._playing: deque[bytes] = deque()
        self._waited = self._spoke = self._since_loud = 0
        self.sent: list[bytes] = []
        self.turns: list[tuple[int, int, tuple[Phrase, ...]]] = []
        """First and last frame of each turn among those sent, and what was said."""
        self.done = False

    def hear(self, payload: bytes) -> None:
        """A packet of the agent."""
        if payload.translate(LOUD).count(1) >= LOUD_SAMPLES:
            self._spoke += 1
            self._since_loud = 0

    def next_frame(self) -> bytes:
        """The next 20 ms to send."""
        if not self._playing:
            self._consider()
        frame = self._playing.popleft() if self._playing else self._noise[len(self.sent) % len(self._noise)]
        if not self._playing:
            self._waited += 1
            self._since_loud += 1
        self.sent.append(frame)
        return frame

    def _consider(self) -> None:
        finished = (self._spoke > 0 and self._since_loud >= QUIET) or self._waited >= PATIENCE
        if len(self.sent) >= self._until and (finished or not self._phrases):
            self.done = True
        elif finished and self._phrases:
            self._begin(self._spoke + QUIET)  # the pause is a part of the listening
            self._waited = self._spoke = self._since_loud = 0

    def _begin(self, as_long_as: int) -> None:
        """Say phrases that together take about ``as_long_as`` packets."""
        said: list[Phrase] = []
        frames: list[bytes] = []
        while not said or (len(frames) < as_long_as and len(said) < LONGEST_TURN):
            frames += [SILENCE] * GAP if said else []
            said.append(self._phrases[self._next % len(self._phrases)])
            self._next += 1
            frames += said[-1].frames
        self.turns.append((len(self.sent), len(self.sent) + len(frames), tuple(said)))
        self._playing.extend(frames)
