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

from enum import Enum, auto

from agent.decisions import (
    Decision,
    EndOfTurn,
    FalseStart,
    Interruption,
    LongSilence,
    Lull,
    Murmur,
    Noise,
    SpeechStarted,
    Sustained,
)
from agent.hints import Hints, Sounding
from agent.murmurs import Murmuring
from agent.pauses import Pauses, Verdict
from agent.turn_policies import BargeIn, Endpointing
from audio.frame import AudioFrame

__all__ = [
    "BargeIn",
    "Decision",
    "EndOfTurn",
    "Endpointing",
    "FalseStart",
    "Interruption",
    "LongSilence",
    "Lull",
    "Murmur",
    "Noise",
    "SpeechStarted",
    "Sustained",
    "TurnTaker",
]


HINT_QUIET_MS = 160
"""Quiet after a sound without a voice until the agent goes on: «ст» closes the mouth for a moment too."""
JUDGING_MS = 40
"""Nothing else is waited for so long in a pause that was asked about: the answer may end it."""
AGAIN_MS = 100
"""Until a recogniser that was behind is asked again: it goes on by 120 ms at a time, and each question costs."""
BACKCHANNEL_CONFIRM = 2
"""«Да-да-да» may last this many times ``confirm_ms`` before it takes the turn, or once for each «да» that was heard."""
ASKED = 3
"""The recogniser is asked for words each time another such part of ``confirm_ms`` was speech, from the second on."""


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
        self._pauses = Pauses(rate) if ends.adapt else None
        self._end_silence = self._patience["unsure"]
        self._lull = ends.lull_ms * per_ms
        self._judging = JUDGING_MS * per_ms
        self._asked, self._ask_after, self._again = -1, 0, AGAIN_MS * per_ms
        self._min_speech = ends.min_speech_ms * per_ms
        self._forget = ends.false_start_ms * per_ms
        self._may_interrupt = cuts.enabled
        self._pause = cuts.pause_ms * per_ms
        self._wary = max(cuts.wary_ms, cuts.pause_ms) * per_ms
        self._confirm = cuts.confirm_ms * per_ms
        self._murmuring = Murmuring(rate, cuts.confirm_ms)
        self._ask_every = self._confirm // ASKED
        self._ask_at = 2 * self._ask_every
        self._guard = cuts.guard_ms * per_ms
        self._hints = Hints(rate) if cuts.hint else None
        self._sounding = Sounding(rate)
        self._hint_quiet = HINT_QUIET_MS * per_ms
        self._reprompt = int(reprompt_s * rate)
        self._state = _State.QUIET
        self._announced = self._words = self._backchannel = self._forgotten = False
        self._onset = self._speech_end = self._voiced = 0
        self._audible_since: int | None = None
        self._idle_since = 0

    @property
    def listening(self) -> bool:
        """True from the first frame of a sound to the end of the turn: the recogniser should hear these frames."""
        return self._state is not _State.QUIET

    def undecided(self, position: int) -> int:
        """After the frame that ends at ``position``: samples until something may be decided that must not be late.

        Holds while the agent is not heard: then the beginning of speech may be noticed later. What the recogniser
        says of a pause can bring its end nearer, so there it is never long.
        """
        if self._state is _State.QUIET:
            return self._min_speech + self._lull
        if self._state is _State.SOUND and not self._announced:
            return max(self._min_speech - self._voiced, 0) + self._lull
        quiet = position - self._speech_end
        if self._asked != self._speech_end:
            return min(max(self._lull - quiet, self._ask_after - position), self._end_silence - quiet)
        return min(self._end_silence - quiet, self._judging)

    def push(
        self,
        frame: AudioFrame,
        speech: bool,
        audible: bool,
        busy: bool,
        *,
        firm: bool = False,
        wary: bool = False,
        sound: bool = False,
    ) -> Decision | None:
        """Take one frame.

        ``speech``: the detector's flag. ``audible``: the agent is being heard (or is paused) now.
        ``busy``: the agent has a reply under way, so silence is not the caller's to break.
        ``firm``: what the agent says now may not be interrupted. ``wary``: this may be the agent's own echo.
        ``sound``: not speech, but it may become some.
        """
        self._watch_agent(frame, audible)
        self._sounding.push(frame, sound and not speech)
        if audible and (firm or not self._may_interrupt):
            return self._sit_out(frame)
        if speech:
            self._idle_since = max(frame.end, self._idle_since)
            return self._on_speech(frame, audible, wary)
        if busy or audible:
            self._idle_since = max(frame.end, self._idle_since)
        if self._hints and self._hints.push(frame, sound and audible) and not self._in_guard(frame):
            return self._on_hint(frame)
        if self._state is _State.QUIET and frame.end <= self._idle_since:
            return None
        return self._on_quiet(frame)

    def rest(self, frame: AudioFrame) -> Decision | None:
        """``push`` of a frame without speech while nobody is ``listening`` and the agent neither speaks nor thinks.

        Only after a ``push`` of the same kind.
        """
        return self._long_silence(frame) if frame.end - self._idle_since >= self._reprompt else None

    def resting(self, end: int) -> bool:
        """True when ``rest`` of frames without speech up to ``end``, a position, comes to nothing."""
        return self._state is _State.QUIET and end - self._idle_since < self._reprompt

    def heard_words(self, position: int, backchannel: bool = False) -> None:
        """The recogniser understood a word; stale news from before the present sound is ignored.

        ``backchannel``: so far nothing but «угу», which does not take the turn.
        """
        if self._state is _State.QUIET or position <= self._onset:
            return
        self._words, self._backchannel = not backchannel, backchannel

    def murmured(self, position: int, words: int, *, half: bool = False) -> None:
        """Up to ``position`` the present sound is ``words`` times «угу» and the like; 0: it is not.

        ``half``: and what may be the beginning of another.
        """
        if self._state is _State.SOUND and position > self._onset:
            self._murmuring.heard(position, words, half)

    def judged(self, lull: int, verdict: Verdict) -> bool:
        """How finished the words before ``lull`` (its position) sound; False: too late, the caller went on."""
        current = lull == self._speech_end and self._state is _State.SPEAKING
        if current:
            self._end_silence = self._wait_for(verdict)
        return current

    def dismissed(self, lull: int) -> None:
        """The sound before ``lull``, over the agent's speech, was no word or only «угу»: it is over now."""
        if lull == self._speech_end and self._state is _State.SOUND:
            self._forgotten = True

    def doubt(self) -> None:
        """The words changed after a lull was judged: ask again."""
        self._asked = -1

    def behind(self, position: int) -> None:
        """What was asked at a lull could not be told yet at ``position``: ask again a little later."""
        self._asked, self._ask_after = -1, position + self._again

    def wait(self, position: int, until: int) -> None:
        """The caller asked for time at ``position``: no reprompt before ``until``, in place of an earlier wish."""
        self._idle_since = max(min(self._idle_since, position), until - self._reprompt)

    def _watch_agent(self, frame: AudioFrame, audible: bool) -> None:
        since = self._audible_since
        self._audible_since = None if not audible else frame.position if since is None else since

    def _wait_for(self, verdict: Verdict) -> int:
        patience = self._patience[verdict]
        return self._pauses.stretched(patience, verdict) if self._pauses else patience

    def _sit_out(self, frame: AudioFrame) -> Decision | None:
        self._idle_since = max(frame.end, self._idle_since)
        heard = self._state is not _State.QUIET
        self._reset()
        return Noise(self._onset) if heard else None

    def _on_speech(self, frame: AudioFrame, audible: bool, wary: bool) -> Decision | None:
        if self._state is _State.QUIET:
            self._begin(frame)
        elif frame.position > self._speech_end:
            self._go_on(frame.position - self._speech_end)
        if self._hints and self._hinted:
            self._hints.right()
        self._voiced += frame.samples
        self._speech_end = frame.end
        return self._rise(frame, audible, wary) if self._state is _State.SOUND else None

    @property
    def _hinted(self) -> bool:  # the agent hesitates, but there is no voice so far
        return self._announced and not self._voiced

    def _on_hint(self, frame: AudioFrame) -> Decision | None:
        held = self._state is not _State.QUIET
        if held and not (self._hinted and self._hints and self._hints.young(frame, self._onset)):
            return self._on_quiet(frame)
        self._speech_end = frame.end
        if held or not self._hints:
            return None
        self._begin(frame)
        self._onset, self._announced = self._hints.since, True
        return SpeechStarted(self._onset)

    def _begin(self, frame: AudioFrame) -> None:
        self._state, self._onset, self._voiced = _State.SOUND, frame.position, 0
        self._murmuring.begin(frame.position)
        self._end_silence = self._wait_for("unsure")

    def _go_on(self, gap: int) -> None:
        """Speech again after a gap: what was judged before it no longer holds."""
        if self._pauses and self._state is _State.SPEAKING:
            self._pauses.went_on(gap)
        self._end_silence = self._wait_for("unsure")
        self._forgotten, self._ask_after = False, 0
        self._murmuring.paused(gap)

    def _rise(self, frame: AudioFrame, audible: bool, wary: bool) -> Decision | None:
        """A sound becomes speech; over an audible agent it first pauses, then takes the turn."""
        if self._announced:
            return self._confirmed(frame, audible)
        if audible and self._murmuring.follows:
            self._announced = True
            return None
        least = (self._wary if wary else self._pause) if audible else self._min_speech
        if self._voiced < least or self._may_be_echo(frame):
            return None
        if audible:
            self._announced = True
        else:
            self._speak()
        return SpeechStarted(self._onset)

    def _confirmed(self, frame: AudioFrame, audible: bool) -> Decision | None:
        """Paused: words take the turn, or so much speech that it must be meant."""
        enough = self._confirm * (max(BACKCHANNEL_CONFIRM, self._murmuring.words) if self._backchannel else 1)
        finished = not audible and not self._murmuring.alone
        if finished or self._words or self._voiced >= enough:
            self._speak()
            return Interruption(self._onset)
        step = self._murmuring.step(frame.end)
        if step == "go on":
            return Murmur(frame.end)
        if step == "stop" and audible:
            return SpeechStarted(self._onset)
        return Sustained(frame.end) if self._asks(frame) else None

    def _asks(self, frame: AudioFrame) -> bool:
        due = self._voiced >= self._ask_at
        if due:
            self._ask_at += self._ask_every
        return self._murmuring.asks(frame.end, due)

    def _may_be_echo(self, frame: AudioFrame) -> bool:
        since = self._audible_since
        return since is not None and since <= self._onset and frame.end < since + self._guard

    def _in_guard(self, frame: AudioFrame) -> bool:
        return self._audible_since is not None and frame.end < self._audible_since + self._guard

    def _speak(self) -> None:
        if self._pauses:
            self._pauses.began(self._onset)
        self._state = _State.SPEAKING

    def _on_quiet(self, frame: AudioFrame) -> Decision | None:
        if self._state is _State.QUIET:
            return self._long_silence(frame)
        quiet = frame.end - self._speech_end
        if self._hinted and self._state is _State.SOUND:
            return self._unhinted(frame, quiet)
        waited_for = self._state is _State.SPEAKING or self._announced
        if waited_for and quiet >= self._lull and self._asked != self._speech_end and frame.end >= self._ask_after:
            self._asked = self._speech_end
            return Lull(self._speech_end, self._state is _State.SOUND)
        if self._state is _State.SOUND:
            return self._fall(quiet)
        patient = self._end_silence >= self._patience["open"]
        if quiet < self._end_silence + self._sounding.grace(self._speech_end, patient=patient):
            return None
        ended = EndOfTurn(self._onset, self._speech_end, frame.end, self._voiced)
        if self._pauses:
            self._pauses.ended(self._speech_end)
        self._reset()
        return ended

    def _unhinted(self, frame: AudioFrame, quiet: int) -> Decision | None:
        if quiet < self._hint_quiet:
            return None
        onset = self._onset
        self._reset()
        if self._hints:
            self._hints.wrong(frame.end)
        return FalseStart(onset, voiced=False)

    def _fall(self, quiet: int) -> Decision | None:
        if self._announced and self._words:
            self._speak()
            return Interruption(self._onset)
        if quiet < self._forget and not self._forgotten:
            return None
        announced, onset = self._announced, self._onset
        self._murmuring.over(self._speech_end)
        self._reset()
        if announced and self._hints:
            self._hints.wrong(self._speech_end)
        return FalseStart(onset) if announced else Noise(onset)

    def _long_silence(self, frame: AudioFrame) -> Decision | None:
        if frame.end - self._idle_since < self._reprompt:
            return None
        self._idle_since = frame.end
        return LongSilence(frame.end)

    def _reset(self) -> None:
        self._state = _State.QUIET
        self._announced = self._words = self._backchannel = self._forgotten = False
        self._ask_at = 2 * self._ask_every
