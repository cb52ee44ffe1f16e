"""«Угу угу угу» over the agent's speech: it goes on meanwhile, and is silent again where that becomes words. Pure.

::

    caller   ...угу угу угу угу угу...        caller   ...понятно а когда доставка
    agent    ===|.....|===============        agent    ===|......|==|
                |     |                                   |      |  |
       SpeechStarted  Murmur                     SpeechStarted Murmur SpeechStarted, then Interruption

Once only for each sound: an agent that starts and stops again and again is worse than one that waits.
"""

from typing import Literal

ASK_AHEAD_MS = 60
"""The recogniser is asked so long before the agent may go on: its answer takes a moment."""
ASK_EVERY_MS = 100
"""It is asked again after so much more sound."""
FRESH_MS = 300
"""Who goes on already does so for this long after such an answer: another word takes no less to be heard."""
SAME_MS = 400
"""A voice so soon after a murmur goes on with it: it does not stop the agent again."""
GRACE_MS = 240
"""Such a voice must turn out to be a murmur within this time."""


class Murmuring:
    """Whether the sound under way is a murmur over which the agent may go on."""

    def __init__(self, rate: int, go_on_ms: int) -> None:
        """``rate``: samples a second of all positions; ``go_on_ms``: from a sound's onset until the agent goes on."""
        per_ms = rate // 1000
        self._go_on, self._ahead = go_on_ms * per_ms, ASK_AHEAD_MS * per_ms
        self._every, self._fresh = ASK_EVERY_MS * per_ms, FRESH_MS * per_ms
        self._same, self._grace = SAME_MS * per_ms, GRACE_MS * per_ms
        self._ended: int | None = None
        self._onset = self._ask_at = self._known = 0
        self._told = self._spent = False
        self.words = 0
        """How many of it have been heard."""
        self.follows = False
        """The present sound goes on with a murmur that has just ended: the agent was not stopped by it."""

    def begin(self, onset: int) -> None:
        """A sound begins."""
        self._onset, self._known, self.words = onset, onset - self._fresh, 0
        self._told = self._spent = False
        self.follows = self._ended is not None and onset - self._ended <= self._same
        self._ask_at = onset + self._go_on - self._ahead
        if self.follows:
            self._known, self._ask_at = onset + self._grace - self._fresh, onset + self._every

    @property
    def alone(self) -> bool:
        """The agent goes on over the present sound."""
        return (self._told or self.follows) and not self._spent

    def heard(self, position: int, words: int, half: bool = False) -> None:
        """Up to ``position`` it is nothing but a murmur of so many words; 0: it is none.

        ``half``: the last of it may still become another word. That is no reason to go on at the first opportunity.
        """
        if not words:
            self._known, self.words = self._onset - self._fresh, 0
        elif not half or self.alone or position >= self._onset + self._go_on:
            self._known, self.words = max(self._known, position), words

    def paused(self, gap: int) -> None:
        """The caller drew breath for ``gap`` samples, and goes on."""
        self._known += gap

    def asks(self, end: int, anyway: bool) -> bool:
        """Whether the recogniser should be asked at ``end``, a position; ``anyway``: it is."""
        due = anyway or end >= self._ask_at
        if due:
            self._ask_at = max(self._ask_at, end + self._every)
        return due

    def step(self, end: int) -> Literal["go on", "stop", ""]:
        """The sound still lasts at ``end``: what the agent should do about it."""
        if self._spent:
            return ""
        if self.alone and end - self._known > self._fresh:
            self._spent = True
            return "stop"
        newest = end - self._known <= self._every + self._ahead
        if self._told or not self.words or not newest or end - self._onset < self._go_on:
            return ""
        self._told = True
        return "go on"

    def over(self, end: int) -> None:
        """The sound came to nothing; its voice ended at ``end``."""
        self._ended = end if self.words else None
