"""The caller's side of one call: echo, detector, turn taker and recogniser, fed frame by frame without an await."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.errors import HearingError
from agent.hints import Fading
from agent.pauses import Verdict
from agent.ports import Recognizer, SpeechToText, Transcript
from agent.senses import Canceller, Detector, Foresighted, Suppressor
from agent.settings import Turns
from agent.turns import BargeIn, Decision, EndOfTurn, Endpointing, FalseStart, Lull, Noise, TurnTaker
from audio.frame import FRAME_MS, AudioFrame

PREROLL_MS = 300
"""Audio before a sound that the recogniser hears too: a detector opens after the first consonant."""
MEANT_MS = 440
"""A voice over the agent for so long wants something, understood or not: noises have 260 at most, «мгм» 300."""
WHILE_QUIET, WHILE_SPEAKING = 10, 6
"""Most frames that may come together while the caller is silent, and while the recogniser hears them."""
RECENT_MS = 8000
"""Latest audio that an end-of-turn model is shown, milliseconds."""


_ENDS = (EndOfTurn, FalseStart, Noise)


@dataclass(frozen=True, slots=True)
class Ears:
    """Makes what a call listens with, for a sample rate."""

    detector: Callable[[int], Detector]
    canceller: Callable[[int], Canceller] | None = None
    """None: lines without echo."""
    suppressor: Callable[[int], Suppressor] | None = None
    """None: the recogniser hears the noise."""


class Listening:
    """What one caller says."""

    def __init__(self, ears: Ears, rate: int, turns: TurnTaker, fade_db: int = 0, *, remember: bool = True) -> None:
        """The recogniser joins by ``open``; until then nothing is understood, but turns are taken.

        ``fade_db``: how far a voice falls that dies away (``Fading``), 0: it is not watched. ``remember``: ``recent``
        will be asked for.
        """
        self._fading = Fading(fade_db)
        self._detector = ears.detector(rate)
        self._foresighted = self._detector if isinstance(self._detector, Foresighted) else None
        self._canceller = ears.canceller(rate) if ears.canceller else None
        self._suppressor = ears.suppressor(rate) if ears.suppressor else None
        self._rate, self._turns = rate, turns
        self._frame = rate * FRAME_MS // 1000
        self._ear: Recognizer | None = None
        self._preroll: deque[AudioFrame] = deque(maxlen=PREROLL_MS // FRAME_MS)
        self._recent: deque[bytes] | None = deque(maxlen=RECENT_MS // FRAME_MS) if remember else None
        self._fed = False
        self._peeked: str | None = None
        """What was understood at the last lull; None once it has been doubted."""
        self._sealed: list[AudioFrame] | None = None
        """Frames after the end of an utterance whose text is not there yet: they belong to the next one."""
        self._anyone = False
        """Somebody has spoken in this call."""
        self._voiced = self._lasted = 0
        """Samples of speech of the present sound, and of the last that is over."""
        self._silent = True
        """No word was understood of the last utterance."""
        self.position = 0
        """Caller audio received so far, samples: the clock of the conversation."""

    @property
    def speaking(self) -> bool:
        """A sound of the caller is under way."""
        return self._turns.listening

    @property
    def gather(self) -> int:
        """Frames, from 1, that may come together while the agent is not heard: nothing hangs on them sooner."""
        turns = self._turns
        if turns.listening and self._fading.watching:
            return 1
        frames = -(-turns.undecided(self.position) // self._frame)
        return max(1, min(frames, WHILE_SPEAKING if turns.listening else WHILE_QUIET))

    @property
    def recent(self) -> bytes:
        """The latest audio, cleaned, up to ``RECENT_MS``; nothing unless it was to be remembered."""
        return b"".join(self._recent or ())

    async def open(self, stt: SpeechToText, rate: int) -> None:
        """Get an ear; raises ``HearingError``."""
        self._ear = await stt.open(rate, self._on_partial)

    async def close(self) -> None:
        """Give the ear back."""
        if self._ear is not None:
            await self._ear.close()

    def push(self, frame: AudioFrame, far: bytes, *, audible: bool, busy: bool, firm: bool = False) -> Decision | None:
        """Take one frame and what the caller was played meanwhile; see ``TurnTaker.push``.

        After ``EndOfTurn``, ``FalseStart`` and ``Noise`` call ``finish``.
        """
        self.position = frame.end
        frame, speech = self._heard(frame, far)
        self._voiced += frame.samples if speech else 0
        wary = self._canceller is not None and self._canceller.possible
        decision = self._turns.push(frame, speech, audible, busy, firm=firm, wary=wary, sound=self._sound)
        return self._pass_on(frame, decision, speech and not audible)

    @property
    def still(self) -> bool:
        """``hear`` will do as long as the agent is not heard."""
        return self._suppressor is None and (self._canceller is None or self._canceller.idle)

    def expect(self, pcm: Sequence[bytes], *, sure: bool) -> None:
        """These will be given next; ``sure``: on the short way. See ``audio.together``."""
        if self._foresighted is not None:
            most = len(pcm) if sure or self._canceller is None else self._canceller.passes
            self._foresighted.expect(pcm[:most])

    def rest(self, frames: Sequence[AudioFrame]) -> bool:
        """``hear`` of all these, which it was told to expect, where no sound is in any and nothing else is due."""
        if self._foresighted is None or not self._turns.resting(frames[-1].end):
            return False
        if not self._foresighted.skip_silence(len(frames)):
            return False
        self.position = frames[-1].end
        if self._recent is not None:
            self._recent.extend(frame.pcm for frame in frames)
        self._preroll.extend(frames)
        return True

    def hear(self, frame: AudioFrame) -> Decision | None:
        """The same as ``push`` on the short way: the agent was not heard for a while, and has no reply under way."""
        self.position = frame.end
        speech, turns = self._detector.push(frame.pcm), self._turns
        if speech or turns.listening:
            decision = turns.push(frame, speech, False, False, sound=self._sound)
            return self._pass_on(frame, decision, speech)
        if self._recent is not None:
            self._recent.append(frame.pcm)
        self._preroll.append(frame)
        return turns.rest(frame)

    def _pass_on(self, frame: AudioFrame, decision: Decision | None, voice: bool) -> Decision | None:
        """To the recogniser, or to what it will hear before the next sound; the decision, a fading voice included."""
        if self._recent is not None:
            self._recent.append(frame.pcm)
        if decision is not None and isinstance(decision, _ENDS):
            self._anyone = self._anyone or isinstance(decision, EndOfTurn)
            self._lasted, self._voiced = self._voiced, 0
            self._seal()
        if self._turns.listening:
            faded = self._fading.push(frame, voice)
            self._feed(frame)
            return decision or faded
        self._preroll.append(frame)
        return decision

    async def peek(self, trailing: bool = False) -> Transcript:
        """What was understood so far; raises ``HearingError``."""
        if self._ear is None:
            raise HearingError("the recogniser is not open")
        heard = await self._ear.peek(trailing)
        self._peeked = heard.text
        return heard

    def judged(self, lull: Lull, verdict: Verdict) -> bool:
        """How finished it sounds; see ``TurnTaker.judged``."""
        return self._turns.judged(lull.position, verdict)

    def ask_again(self) -> None:
        """It could not be told what was said: the lull comes once more, a little later."""
        self._turns.behind(self.position)

    def dismissed(self, lull: Lull) -> None:
        """It was nothing that takes the turn; see ``TurnTaker.dismissed``."""
        self._turns.dismissed(lull.position)

    def understood(self, text: str, backchannel: bool) -> None:
        """Words of the present sound; see ``TurnTaker.heard_words``."""
        if text:
            self._turns.heard_words(self.position, backchannel)

    def murmured(self, position: int, words: int, *, half: bool = False) -> None:
        """The present sound is nothing but «угу» up to ``position``; see ``TurnTaker.murmured``."""
        self._turns.murmured(position, words, half=half)

    def patience(self, turns: Turns) -> int:
        """How often a silent caller is asked again; fewer times where nobody ever spoke and ``silent_s`` says so."""
        if self._anyone or not turns.silent_s:
            return turns.reprompts
        return min(turns.reprompts, max(0, int(turns.silent_s // turns.reprompt_s) - 1))

    def wait(self, seconds: float) -> None:
        """The caller asked for so much time, with words that take an earlier wish back."""
        self._turns.wait(self.position, self.position + int(seconds * self._rate))

    async def finish(self) -> Transcript:
        """What was understood of the utterance that ended; raises ``HearingError``."""
        if self._ear is None:
            raise HearingError("the recogniser is not open")
        self._seal()
        self._silent = False
        try:
            heard = await self._ear.finish()
            self._silent = not heard.text
            return heard
        finally:
            later, self._sealed = self._sealed or [], None
            for frame in later:
                self._ear.push(frame)

    def spoke_unclearly(self) -> bool:
        """The last utterance over the agent's speech was too long a voice for «угу», and no word was understood."""
        return self._silent and self._lasted >= MEANT_MS * self._rate // 1000

    @property
    def _sound(self) -> bool:
        """The newest frame was a sound of the caller, which an echo is not."""
        return self._detector.sound and (self._canceller is None or self._canceller.clean)

    def _heard(self, frame: AudioFrame, far: bytes) -> tuple[AudioFrame, bool]:
        """The frame without echo and noise, and whether somebody speaks in it."""
        pcm = self._canceller.push(frame.pcm, far) if self._canceller else frame.pcm
        speech = self._detector.push(pcm) and not (self._canceller and self._canceller.dominated)
        if self._suppressor:
            pcm = self._suppressor.push(pcm)
        return (frame if pcm is frame.pcm else AudioFrame(pcm, frame.rate, frame.position)), speech

    def _seal(self) -> None:
        """The utterance is over here, however long it takes until ``finish`` is called and done."""
        self._peeked = None
        if self._sealed is None:
            self._fed, self._sealed = False, []

    def _feed(self, frame: AudioFrame) -> None:
        if self._ear is None:
            return
        take = self._ear.push if self._sealed is None else self._sealed.append
        if not self._fed:
            self._fed = True
            for earlier in self._preroll:
                take(earlier)
            self._preroll.clear()
        take(frame)

    def _on_partial(self, transcript: Transcript) -> None:
        text = transcript.text
        if not text:
            return
        if self._peeked is not None and not self._peeked.startswith(text):
            self._peeked = None
            self._turns.doubt()


def new_turn_taker(rate: int, turns: Turns) -> TurnTaker:
    """A turn taker as the settings want it."""
    endpointing = Endpointing(
        end_silence_ms=turns.end_silence_ms,
        complete_ms=turns.end_silence_complete_ms,
        open_ms=turns.end_silence_open_ms,
        adapt=turns.adapt,
        lull_ms=turns.lull_ms,
        min_speech_ms=turns.min_speech_ms,
    )
    barge_in = BargeIn(
        enabled=turns.barge_in,
        pause_ms=turns.barge_in_ms,
        wary_ms=turns.barge_in_echo_ms,
        confirm_ms=turns.barge_in_confirm_ms,
        guard_ms=turns.echo_guard_ms,
    )
    return TurnTaker(rate, endpointing, barge_in, turns.reprompt_s)
