"""Who has the turn: pure decisions from speech flags and transcripts, counted in audio.

No clock, no I/O: the same frames and transcripts at the same positions give the same decisions.

::

    caller   ..####..##########............        # speech flag of a 20 ms frame
                 |             |  |
           SpeechStarted    Lull  EndOfTurn        in a lull the recogniser is asked what was said; how finished
                                                   it sounds decides how much quiet ends the turn

    agent    ==========|.........                  = audible
    caller   .....#########
                  |    |
        SpeechStarted  Interruption                 first the agent pauses, then it is decided
    caller   .....###.....
                  |     |
        SpeechStarted  FalseStart                   too short to be sure: the agent may resume
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from audio.frame import AudioFrame


@dataclass(frozen=True, slots=True)
class Endpointing:
    """When a turn is over."""

    end_silence_ms: int = 400
    """Quiet after speech that ends the turn when it is not clear whether it is over."""
    complete_ms: int = 240
    """The same after a whole question or answer."""
    open_ms: int = 900
    """The same where something must follow: a preposition, a filler, a number in the middle."""
    lull_ms: int = 100
    """Quiet after which it is asked what was said so far."""
    min_speech_ms: int = 100
    """Less speech than this is a noise."""
    false_start_ms: int = 240
    """Quiet after which a sound too short to be speech is forgotten."""


@dataclass(frozen=True, slots=True)
class BargeIn:
    """When the caller interrupts the agent."""

    enabled: bool = True
    """False: what the caller says while the agent speaks is ignored."""
    pause_ms: int = 120
    """Speech this long pauses the agent."""
    confirm_ms: int = 320
    """Speech this long, or a recognised word, takes the turn."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak; an audible agent should pause."""

    position: int
    """Where the speech began."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """The caller took the turn from the agent."""

    position: int
    """Where the speech began."""


@dataclass(frozen=True, slots=True)
class FalseStart:
    """A sound over the agent's speech, too short to be sure; ask the recogniser whether it was a word."""

    position: int
    """Where the sound began."""


@dataclass(frozen=True, slots=True)
class Noise:
    """A sound that came to nothing; what the recogniser made of it may be forgotten."""

    position: int
    """Where the sound began."""


@dataclass(frozen=True, slots=True)
class EndOfTurn:
    """The caller finished speaking."""

    start: int
    """Position where the speech began."""
    end: int
    """Position after its last speech frame."""
    position: int
    """Position at which the end was decided."""
    voiced: int
    """Samples that were speech."""


@dataclass(frozen=True, slots=True)
class Lull:
    """The caller fell silent a moment ago: answer with ``TurnTaker.judged`` how finished it sounds."""

    position: int
    """Position after the last speech frame; names this lull."""


@dataclass(frozen=True, slots=True)
class LongSilence:
    """Neither side has said anything for `reprompt_s`."""

    position: int
    """Where it was decided."""


Decision = SpeechStarted | Interruption | FalseStart | Noise | Lull | EndOfTurn | LongSilence

Verdict = Literal["complete", "unsure", "open"]
"""How finished the words of a turn sound."""


class _State(Enum):
    QUIET = auto()
    SOUND = auto()
    SPEAKING = auto()


class TurnTaker:
    """Feeds on one frame at a time and says what changed."""

    def __init__(
        self,
        rate: int,
        endpointing: Endpointing | None = None,
        barge_in: BargeIn | None = None,
        reprompt_s: float = 8.0,
    ) -> None:
        """``rate`` is that of the frames, Hz."""
        ends, cuts = endpointing or Endpointing(), barge_in or BargeIn()
        per_ms = rate // 1000
        self._patience: dict[Verdict, int] = {
            "complete": ends.complete_ms * per_ms,
            "unsure": ends.end_silence_ms * per_ms,
            "open": ends.open_ms * per_ms,
        }
        self._end_silence = self._patience["unsure"]
        self._lull = ends.lull_ms * per_ms
        self._asked = -1
        self._min_speech = ends.min_speech_ms * per_ms
        self._forget = ends.false_start_ms * per_ms
        self._may_interrupt = cuts.enabled
        self._pause = cuts.pause_ms * per_ms
        self._confirm = cuts.confirm_ms * per_ms
        self._reprompt = int(reprompt_s * rate)
        self._state = _State.QUIET
        self._announced = False
        self._words = False
        self._onset = self._speech_end = self._voiced = 0
        self._idle_since = 0

    @property
    def listening(self) -> bool:
        """True from the first frame of a sound to the end of the turn: the recogniser should hear these frames."""
        return self._state is not _State.QUIET

    def push(self, frame: AudioFrame, speech: bool, audible: bool, busy: bool) -> Decision | None:
        """Take one frame.

        ``speech``: the detector's flag. ``audible``: the agent is being heard (or is paused) now.
        ``busy``: the agent has a reply under way, so silence is not the caller's to break.
        """
        if audible and not self._may_interrupt:
            return self._sit_out(frame)
        if speech:
            self._idle_since = frame.end
            return self._on_speech(frame, audible)
        if busy or audible:
            self._idle_since = frame.end
        return self._on_quiet(frame)

    def heard_words(self, position: int) -> None:
        """The recogniser understood a word; stale news from before the present sound is ignored."""
        if self._state is not _State.QUIET and position > self._onset:
            self._words = True

    def judged(self, lull: int, verdict: Verdict) -> None:
        """How finished the words before ``lull`` (its position) sound; stale once the caller went on."""
        if lull == self._speech_end and self._state is _State.SPEAKING:
            self._end_silence = self._patience[verdict]

    def _sit_out(self, frame: AudioFrame) -> Decision | None:
        self._idle_since = frame.end
        heard = self._state is not _State.QUIET
        self._reset()
        return Noise(self._onset) if heard else None

    def _on_speech(self, frame: AudioFrame, audible: bool) -> Decision | None:
        if self._state is _State.QUIET:
            self._state, self._onset, self._voiced = _State.SOUND, frame.position, 0
        self._voiced += frame.samples
        self._speech_end = frame.end
        self._end_silence = self._patience["unsure"]
        return self._rise(audible) if self._state is _State.SOUND else None

    def _rise(self, audible: bool) -> Decision | None:
        """A sound becomes speech; over an audible agent it first pauses, then takes the turn."""
        if self._announced and (not audible or self._voiced >= self._confirm or self._words):
            self._state = _State.SPEAKING
            return Interruption(self._onset)
        if self._announced or self._voiced < (self._pause if audible else self._min_speech):
            return None
        if audible:
            self._announced = True
        else:
            self._state = _State.SPEAKING
        return SpeechStarted(self._onset)

    def _on_quiet(self, frame: AudioFrame) -> Decision | None:
        if self._state is _State.QUIET:
            return self._long_silence(frame)
        quiet = frame.end - self._speech_end
        if self._state is _State.SOUND:
            return self._fall(quiet)
        if quiet >= self._lull and self._asked != self._speech_end:
            self._asked = self._speech_end
            return Lull(self._speech_end)
        if quiet < self._end_silence:
            return None
        ended = EndOfTurn(self._onset, self._speech_end, frame.end, self._voiced)
        self._reset()
        return ended

    def _fall(self, quiet: int) -> Decision | None:
        if self._announced and self._words:
            self._state = _State.SPEAKING
            return Interruption(self._onset)
        if quiet < self._forget:
            return None
        announced, onset = self._announced, self._onset
        self._reset()
        return FalseStart(onset) if announced else Noise(onset)

    def _long_silence(self, frame: AudioFrame) -> Decision | None:
        if frame.end - self._idle_since < self._reprompt:
            return None
        self._idle_since = frame.end
        return LongSilence(frame.end)

    def _reset(self) -> None:
        self._state = _State.QUIET
        self._announced = self._words = False
