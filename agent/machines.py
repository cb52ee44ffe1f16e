"""Machines that ring: faxes, recordings that talk over the greeting, loops, and, where we call, answering machines.

Rules on positions, each of which a person does not meet: a beep that lasts as long as a standard says, twice the same
time apart; a quarter of a minute of speech without a breath; the same words three times in a beat.
"""

from collections import deque
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Literal

from agent.attending import Emit
from agent.events import CallEnded, CallerSaid, CallEvent, Noted
from agent.ports import Word
from agent.recording import Keeping
from audio.frame import FRAME_MS, frame_bytes
from audio.single_tone import GATHERED, SingleTone

Kind = Literal["fax", "recording", "loop", "answering machine"]

CNG_HZ, CNG_OFF_HZ, CNG_MS, CNG_APART_MS = 1100, 38, (400, 640), (3000, 4100)
"""The calling fax: half a second every three and a half, 15 % more or less (ITU-T T.30, 4.3.3.2.3)."""
CED_HZ, CED_OFF_HZ, CED_MS = 2100, 15, 1500
"""The called one: 2.6 to 4 seconds (T.30, 4.3.3.2.2); so much of it is enough."""
WAVERS_HZ = 25
"""A tone that moves more is another tone."""
FAXES = tuple((hz - off - WAVERS_HZ, hz + off + WAVERS_HZ) for hz, off in ((CNG_HZ, CNG_OFF_HZ), (CED_HZ, CED_OFF_HZ)))
"""Who is rung by us may also be an answering machine, whose beep has any frequency."""
TONES_MS = 60_000
"""Tones are listened for so long: a fax sends its own from the beginning, and its caller hangs up sooner."""
BEGINS_MS = 3000
"""A recording that does not wait for the greeting begins this soon."""
BREATHLESS_MS, BREATH_MS = 15_000, 450
"""So long nobody speaks without a pause of the second length."""
LOOP_WORDS, LOOP_TIMES, LOOP_OFF_MS, LOOP_ALIKE = 5, 3, 150, 0.9
"""Words of a text that comes so many times, the times between them differing by no more; how alike, 0 to 1."""
BEEP_MS, BEEP_QUIET_MS, BEFORE_BEEP_MS = (150, 1500), 700, 1500
"""An answering machine's beep, the quiet after it, and the words before it at least."""


class Rules:
    """Looks at one caller; every method returns what was recognised by it, at most once in a call."""

    def __init__(self, rate: int, *, outgoing: bool) -> None:
        """``outgoing``: it is we who rang."""
        self._rate, self._outgoing = rate, outgoing
        self._tone = SingleTone(rate) if outgoing else SingleTone(rate, FAXES)
        self.gathers = GATHERED * frame_bytes(rate)
        """Bytes of the caller that are looked at together."""
        self._at = 0
        """Frames looked at."""
        self._hz, self._length, self._quiet = 0.0, 0, 0
        """The tone under way, its frames; frames since the last one ended."""
        self._beep = 0
        self._last_cng = -1
        self._words_ms = 0
        self._run: tuple[int, int] | None = None
        """First and last sample of speech without a breath."""
        self._texts: deque[tuple[int, tuple[str, ...]]] = deque(maxlen=2 * LOOP_TIMES)

    @property
    def over(self) -> bool:
        """Tones are listened for no more."""
        return self._at * FRAME_MS >= TONES_MS

    def frame(self, caller: bytes) -> Kind | None:
        """What the caller sends, in pieces of any length."""
        found = None
        if self.over:
            return None
        tones = self._tone.push(caller)
        if not (self._length or self._beep or any(tones)):  # what nearly always comes
            self._quiet += len(tones)
            self._at += len(tones)
            return None
        for hertz in tones:
            found = self._listen(hertz) or found
            self._at += 1
        return found

    def heard(self, words: tuple[Word, ...]) -> Kind | None:
        """An utterance."""
        self._words_ms += sum(self._ms(word.end - word.start) for word in words)
        return self._breathless(words) or self._looping(words)

    def _listen(self, hertz: float) -> Kind | None:
        if hertz and (not self._length or abs(hertz - self._hz) <= WAVERS_HZ):
            self._hz = hertz if not self._length else self._hz
            self._length += 1
            self._quiet = 0
            called = abs(self._hz - CED_HZ) <= CED_OFF_HZ and self._length * FRAME_MS >= CED_MS
            return "fax" if called else None
        ended, self._length = self._length * FRAME_MS, 0
        found = self._ended(ended) if ended else None
        self._quiet += 1
        return found or self._beeped()

    def _ended(self, ms: int) -> Kind | None:
        """A tone ended that lasted ``ms``."""
        self._beep = ms if BEEP_MS[0] <= ms <= BEEP_MS[1] and self._words_ms >= BEFORE_BEEP_MS else 0
        self._quiet = 0
        if abs(self._hz - CNG_HZ) > CNG_OFF_HZ or not CNG_MS[0] <= ms <= CNG_MS[1]:
            return None
        last, self._last_cng = self._last_cng, self._at
        apart = (self._at - last) * FRAME_MS
        return "fax" if last >= 0 and CNG_APART_MS[0] <= apart <= CNG_APART_MS[1] else None

    def _beeped(self) -> Kind | None:
        if not (self._outgoing and self._beep) or self._quiet * FRAME_MS < BEEP_QUIET_MS:
            return None
        self._beep = 0
        return "answering machine"

    def _breathless(self, words: tuple[Word, ...]) -> Kind | None:
        if len(words) == 1 and " " in words[0].text:
            return None  # a recogniser without word times: nobody knows where the breaths were
        for word in words:
            if self._run is not None and self._ms(word.start - self._run[1]) <= BREATH_MS:
                self._run = (self._run[0], word.end)
            else:
                self._run = (word.start, word.end)
            start, end = self._run
            if self._ms(start) <= BEGINS_MS and self._ms(end - start) >= BREATHLESS_MS:
                return "recording"
        return None

    def _looping(self, words: tuple[Word, ...]) -> Kind | None:
        text = tuple(" ".join(word.text for word in words).split())
        if len(text) < LOOP_WORDS:
            return None
        start = words[0].start
        alike = [at for at, other in self._texts if SequenceMatcher(None, other, text).ratio() >= LOOP_ALIKE]
        self._texts.append((start, text))
        times = [*alike, start][-LOOP_TIMES:]
        beats = [self._ms(later - earlier) for earlier, later in pairwise(times)]
        return "loop" if len(times) == LOOP_TIMES and max(beats) - min(beats) <= LOOP_OFF_MS else None

    def _ms(self, samples: int) -> int:
        return samples * 1000 // self._rate


class Machines:
    """An attendant of one call; see ``agent.attending``."""

    def __init__(self, rules: Rules, emit: Emit, act: Callable[[], None]) -> None:
        """``act`` is called once, when a machine was recognised."""
        self._rules, self._emit, self._act = rules, emit, act
        self._known = self._spoke = self._asked = False
        self._gathered: list[bytes] = []
        self._lacking = rules.gathers
        """Bytes until there is enough to look at."""

    def heard(self, words: tuple[Word, ...]) -> None:
        """An utterance."""
        self._judge(self._rules.heard(words))

    def frame(self, caller: bytes) -> None:
        """What the caller sends, in pieces of any length."""
        if self._known or self._rules.over:
            return
        self._gathered.append(caller)
        self._lacking -= len(caller)
        if self._lacking > 0:
            return
        gathered, self._lacking = b"".join(self._gathered), self._rules.gathers
        self._gathered.clear()
        self._judge(self._rules.frame(gathered))

    def observe(self, event: CallEvent) -> None:
        """A caller from whom nothing was ever heard is on record as silent."""
        match event:
            case CallerSaid():
                self._spoke = True
            case Noted("silence"):
                self._asked = True
            case CallEnded() if self._asked and not self._spoke and not self._known:
                self._emit(Noted("suspect", "silent"))

    def recorded(self, recording: Keeping | None) -> None:
        """Nothing to do."""

    def _judge(self, kind: Kind | None) -> None:
        if kind is None or self._known:
            return
        self._known = True
        self._emit(Noted("suspect", kind))
        self._act()
