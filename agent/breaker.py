"""When a model server may be asked: not while it keeps failing, and again only as often as it can bear. Pure."""

from collections.abc import Callable

FAILURES = 3
"""Failures in a row after which nobody is sent there for a while."""
PAUSE_S = 5.0
"""The first such while, seconds; each failed trial doubles it."""
LONGEST_S = 60.0
"""And the longest, seconds."""
EARNED = 0.2
"""Second tries that one question earns: at most every fifth is asked twice."""
SAVED = 3.0
"""Second tries that are saved up at most; so many may come at once."""


class Breaker:
    """Opens after failures in a row; then one question at a time tries whether the server is back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock``: any steady seconds."""
        self._clock = clock
        self._failures = 0
        self._pause = PAUSE_S
        self._closed_again = 0.0
        self._trying = False

    @property
    def open(self) -> bool:
        """True while the server counts as down."""
        return self._failures >= FAILURES

    def admit(self) -> bool:
        """May one more question be asked? A yes must be followed by one of the three below."""
        if not self.open:
            return True
        if self._trying or self._clock() < self._closed_again:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        """It answered."""
        self._failures, self._pause, self._trying = 0, PAUSE_S, False

    def failed(self) -> None:
        """It did not."""
        if self._trying:
            self._pause = min(2 * self._pause, LONGEST_S)
        self._failures += 1
        self._trying = False
        self._closed_again = self._clock() + self._pause

    def released(self) -> None:
        """The question was taken back: nothing is known."""
        self._trying = False


class RetryBudget:
    """Second tries for all calls together, so that a server in trouble is not asked twice as much as a healthy one."""

    def __init__(self) -> None:
        self._left = SAVED

    def earn(self) -> None:
        """A question is asked for the first time."""
        self._left = min(SAVED, self._left + EARNED)

    def take(self) -> bool:
        """May a question be asked again?"""
        if self._left < 1:
            return False
        self._left -= 1
        return True
