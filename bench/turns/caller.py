"""A caller who follows a script by ear. Sans-IO: every 20 ms it is given what it hears and says what it sends.

It waits until the agent has finished, talks into an answer at the moment that the script names, hums with its
line, and, on a speakerphone, sends back what it hears. Driven by frames alone, it behaves the same on a wire and in a
replay.
"""

from dataclasses import dataclass

import numpy as np

from audio.level import dbfs
from bench.ear_sounds import EchoPath, Samples, samples_of
from bench.turns.scripts import Echo, Script, Step
from telephony.phone_script import FRAME, RATE

LOUD_DBFS = -45.0
"""A frame above this is the agent speaking."""
FINISHED_MS = 900
"""The agent is silent for this long: it has finished; milliseconds."""
RESTED_MS = 2600
"""Before leaving, the same must last this long: a paused agent may go on; milliseconds."""
REPLY_MS = 1000
"""How much of the reply is listened to, milliseconds."""
PATIENCE_MS = 6000
"""Nothing said for this long: go on, milliseconds."""
SOON_MS = 5000
"""After an interruption a caller who leaves soon stays for this long: time enough to hear what comes of it."""
LONGEST_MS = 30_000
"""Longest wait for one step, milliseconds."""


@dataclass(frozen=True, slots=True)
class Played:
    """A step as it was sent."""

    step: Step
    frame: int
    """Number of the first frame of its WAV."""


class Reflection:
    """The agent's voice on its way from our loudspeaker to our microphone, frame by frame."""

    def __init__(self, echo: Echo, example: Samples) -> None:
        """``example``: how the agent sounds; the level of the echo is relative to it."""
        path = EchoPath(echo.level, echo.delay_ms, echo.seed)
        self._drive = path.drive
        response = path.response()
        bare = np.convolve(self._driven(example), response)
        gain = 10 ** (echo.level / 20) * np.sqrt(np.sum(example**2) / max(float(np.sum(bare**2)), 1e-12))
        self._response = response * gain
        self._coming = np.zeros(self._response.size + FRAME - 1)

    def push(self, heard: Samples) -> Samples:
        """20 ms heard -> 20 ms of echo."""
        self._coming += np.convolve(self._driven(heard), self._response)
        out = self._coming[:FRAME].copy()
        self._coming = np.append(self._coming[FRAME:], np.zeros(FRAME))
        return out

    def _driven(self, samples: Samples) -> Samples:
        return np.asarray(np.tanh(samples * self._drive) / self._drive)


class Caller:
    """One script being played; ``done`` when the caller should hang up."""

    def __init__(self, script: Script, sounds: dict[str, bytes], example: Samples | None = None) -> None:
        """``sounds``: PCM16 of each step's WAV; ``example``: the agent's voice, for a caller with an echo."""
        self._script, self._sounds = script, sounds
        self._left = list(script.steps)
        self._playing = np.zeros(0)
        self._reflection = Reflection(script.echo, example) if script.echo and example is not None else None
        dice = np.random.default_rng(script.seed)
        self._noise = dice.standard_normal(RATE * 3 // FRAME * FRAME) * 10 ** (script.background / 20)
        self.frame = 0
        """Frames sent so far."""
        self.played: list[Played] = []
        self.done = False
        self._ended = 0
        self._listen_anew()

    def step(self, heard: bytes) -> bytes:
        """Take 20 ms of what is heard (less: silence), give 20 ms to send; PCM16 at 8000 Hz."""
        heard = heard[: FRAME * 2].ljust(FRAME * 2, b"\0")
        self._hear(heard)
        if not self._playing.size:
            self._consider()
        out = self._background() + self._voice()
        if self._reflection is not None:
            out = out + self._reflection.push(samples_of(heard))
        self.frame += 1
        return np.rint(np.clip(out, -1, 32767 / 32768) * 32768).astype("<i2").tobytes()

    def _listen_anew(self) -> None:
        self._since = self._loud_until = self._ended
        self._began: int | None = None

    def _hear(self, heard: bytes) -> None:
        if dbfs(heard) > LOUD_DBFS:
            self._loud_until = self.frame + 1
            if self._began is None:
                self._began = self.frame

    def _consider(self) -> None:
        if self._left:
            if self._due(self._left[0]):
                self._begin(self._left.pop(0))
        else:
            self.done = self._heard_enough()
        self.done = self.done or self._ago(self._since) >= LONGEST_MS

    def _heard_enough(self) -> bool:
        if self._script.leave == "reply":
            return self._silent_for(PATIENCE_MS) or (self._began is not None and self._ago(self._began) >= REPLY_MS)
        if self._script.leave == "soon" and self._ago(self._ended) >= SOON_MS:
            return True
        return self._silent_for(RESTED_MS if self._began is not None else PATIENCE_MS)

    def _due(self, step: Step) -> bool:
        if self._ago(self._since) >= LONGEST_MS:
            return True
        if step.cue == "into":
            return self._began is not None and self._ago(self._began) >= step.delay_ms
        first = self._began is None and self.played and step.cue == "hush"
        wait = step.delay_ms if step.cue == "hush" else FINISHED_MS
        return self._silent_for(wait if first or self._began is not None else PATIENCE_MS)

    def _ago(self, frame: int) -> float:
        return (self.frame - frame) * FRAME * 1000 / RATE

    def _silent_for(self, wait_ms: float) -> bool:
        return self._ago(self._loud_until) >= wait_ms

    def _begin(self, step: Step) -> None:
        self._playing = samples_of(self._sounds[step.wav])
        self.played.append(Played(step, self.frame))

    def _voice(self) -> Samples:
        out = self._playing[:FRAME]
        self._playing = self._playing[FRAME:]
        if out.size and not self._playing.size:
            self._ended = self.frame + 1
            if self._unanswered():
                self._listen_anew()
        return np.append(out, np.zeros(FRAME - out.size))

    def _unanswered(self) -> bool:
        """After a question the wait begins anew; after a sound over the answer it goes on."""
        return self.played[-1].step.cue != "into"

    def _background(self) -> Samples:
        at = self.frame * FRAME % self._noise.size
        return self._noise[at : at + FRAME]
