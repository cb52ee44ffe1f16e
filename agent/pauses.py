"""How one caller pauses while speaking; sets how long to wait for them. Pure, counted in audio.

People who never stop inside a turn are answered sooner, those who think aloud are given time: the wait for a caller
is a little longer than the pauses they were seen to make.
"""

from collections import deque
from typing import Literal

Verdict = Literal["complete", "unsure", "open"]
"""How finished the words of a turn sound."""

QUICKEST_MS = 180
"""No turn ends sooner after speech, milliseconds."""
LONGEST_MS = 1050
"""What was learnt never makes anybody wait longer, milliseconds."""
THINKER_MS, THINKER_AFTER_WHOLE_MS = 1050, 900
"""Who searched for words in this turn may do so again: waited for at least so long, milliseconds."""
HESITANT_MS = 700
"""Who searched for words in an earlier turn is waited for at least so long where the end is in doubt, milliseconds."""
LEAST_MS = 100
"""Shorter gaps lie between words, milliseconds."""
THOUGHT_MS = 240
"""From this on a pause inside a turn is a search for words, milliseconds: another may follow in the same turn. As the
detector sees it, to which one of 360 can look like 240; inside what is said in one go there is none so long."""
MARGIN_MS = 150
"""The wait exceeds the caller's usual pause by this, milliseconds."""
WENT_ON_MS = 1000
"""Speech this soon after the last words of a turn that was taken as over goes on with that turn, milliseconds."""
OVER_REPLY_MS = 700
"""So does speech this soon after its end was decided, which is when the reply begins, milliseconds."""
LONGEST_OPEN_MS = 1800
"""Where something must follow, a caller whom that wait cut short is waited for up to this, milliseconds."""
FLUENT_TURNS = 3
"""Turns without a pause after which a caller counts as fluent."""
HASTE = 0.8
"""A fluent caller is waited for this part of the usual time."""
SEEN = 8
"""Pauses that are remembered."""


class Pauses:
    """Watches the gaps in a caller's speech."""

    def __init__(self, rate: int) -> None:
        """``rate``: samples a second of all positions."""
        self._per_ms = rate // 1000
        self._seen: deque[int] = deque(maxlen=SEEN)
        self._fluent = 0
        self._paused = False
        self._thought = 0
        """Longest pause of the present turn."""
        self._hesitant = False
        self._cut_in = 0
        self._wait = 0
        """What was answered last."""
        self._last_end: int | None = None

    def went_on(self, gap: int) -> None:
        """Speech went on inside a turn after ``gap`` samples of quiet."""
        if gap >= LEAST_MS * self._per_ms:
            self._paused = True
            self._thought = max(self._thought, gap)
            self._seen.append(gap)

    def began(self, onset: int) -> None:
        """Speech that began at ``onset``; right after the end of a turn it shows that the end came too soon."""
        if self._last_end is None:
            return
        gap = onset - self._last_end
        if 0 < gap <= max(WENT_ON_MS * self._per_ms, self._wait + OVER_REPLY_MS * self._per_ms):
            self.went_on(gap)
            self._cut_in = max(self._cut_in, gap)
        self._last_end = None

    def ended(self, end: int) -> None:
        """The turn whose speech ended at ``end`` was taken as over."""
        self._fluent = 0 if self._paused else self._fluent + 1
        self._hesitant = bool(self._thinking) or (self._hesitant and self._fluent < FLUENT_TURNS)
        self._paused, self._thought = False, 0
        self._last_end = end

    def stretched(self, patience: int, verdict: Verdict) -> int:
        """Samples of quiet to wait for this caller instead of ``patience``."""
        self._wait = self._stretched(patience, verdict)
        return self._wait

    def _stretched(self, patience: int, verdict: Verdict) -> int:
        if verdict == "open":
            return max(patience, self._longer_than(self._cut_in, LONGEST_OPEN_MS))
        if self._fluent >= FLUENT_TURNS and not self._paused:
            return max(int(patience * HASTE), QUICKEST_MS * self._per_ms)
        whole = verdict == "complete"
        thinks = self._longer_than(self._thinking, LONGEST_MS)
        if thinks:
            thinks = max(thinks, (THINKER_AFTER_WHOLE_MS if whole else THINKER_MS) * self._per_ms)
        doubtful = HESITANT_MS * self._per_ms if self._hesitant and not whole else 0
        return max(patience, thinks, doubtful, self._longer_than(self._cut_in if whole else self._usual, LONGEST_MS))

    def _longer_than(self, pause: int, most_ms: int) -> int:
        """A wait that outlasts a pause, if there was one."""
        return min(pause + MARGIN_MS * self._per_ms, most_ms * self._per_ms) if pause else 0

    @property
    def _thinking(self) -> int:
        """The longest search for words in the present turn."""
        return self._thought if self._thought >= THOUGHT_MS * self._per_ms else 0

    @property
    def _usual(self) -> int:
        """The longest pause seen twice; one alone may have been a search for the glasses."""
        return sorted(self._seen)[-2] if len(self._seen) > 1 else 0
