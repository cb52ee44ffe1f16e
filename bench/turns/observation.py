"""What was seen of one script: every packet heard and when, when each of ours was spoken, and the daemon's record.

Whoever can run scripts gives these, on a wire (``bench.turns.live``) or in a replay; everything that is measured is
measured on them. Positions are samples at 8000 Hz on the caller's clock; 0 is when the call was answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audio.wav import StereoWriter, interleave
from bench.turns.scripts import Script
from telephony.phone_report import Track
from telephony.phone_script import FRAME, RATE

Pcm = NDArray[np.int16]
Places = NDArray[np.int64]


@dataclass
class Observation:
    """One call that followed a script."""

    script: Script
    arrivals: Places
    """Where each packet heard begins, in the order heard, samples."""
    heard: Pcm
    """One row of 160 samples for each of them."""
    sent_at: Places
    """Where each of our frames was spoken, samples."""
    sent: Pcm
    """One row of 160 samples for each of them, lost ones too."""
    played: tuple[int, ...]
    """Number of the frame that begins each step; shorter than the script when the call broke off."""
    turns: list[dict[str, Any]] = field(default_factory=list)
    """Rows of the call log: ``n heard said said_heard cut``."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """Rows of the call log: ``kind detail``."""
    fault: str = ""
    """Why it tells nothing: not answered, broken off."""

    def place(self, step: int, sample: int = 0) -> int:
        """Where a sample of a step's WAV was spoken."""
        frame, inside = divmod(sample, FRAME)
        return int(self.sent_at[min(self.played[step] + frame, self.sent_at.size - 1)]) + inside

    def spoken(self, step: int) -> tuple[int, int]:
        """Where a step's audible part begins and ends."""
        what = self.script.steps[step]
        return self.place(step, what.start), self.place(step, what.end - 1) + 1

    @cached_property
    def laid(self) -> Pcm:
        """What was heard, as it lay on the wire."""
        return lay(self.arrivals, self.heard)

    @cached_property
    def track(self) -> Track:
        """Where it was audible."""
        return Track(self.laid.tobytes())

    def said(self, after: int = 0) -> str:
        """What was understood of the caller, all turns together."""
        return " ".join(str(turn["heard"]) for turn in self.turns if turn["n"] > after and turn["heard"])

    def count(self, kind: str) -> int:
        """How often the record notes an event."""
        return sum(event["kind"] == kind for event in self.events)

    def keep(self, folder: Path) -> None:
        """Write a stereo WAV to listen to: left the caller, right what was heard."""
        folder.mkdir(parents=True, exist_ok=True)
        with StereoWriter(folder / f"{self.script.name}.wav", RATE) as out:
            out.write(interleave(lay(self.sent_at, self.sent).tobytes(), self.laid.tobytes()))


class Runner(Protocol):
    """Plays scripts to a daemon, or to its core in a replay."""

    def run(self, scripts: Sequence[Script]) -> list[Observation]:
        """One observation for each script, in any order."""


def lay(places: Places, rows: Pcm) -> Pcm:
    """Rows of samples, each where it belongs; silence where there is none, what lies before 0 is left out."""
    if not places.size:
        return np.zeros(0, dtype="<i2")
    laid = np.zeros(max(0, int(places.max())) + FRAME, dtype="<i2")
    for at, row in zip(places.tolist(), rows, strict=True):
        begin = max(0, at)
        laid[begin : at + FRAME] = row[begin - at :]
    return laid
