"""One 20 ms media clock for every leg that must be paced: RTP, and whatever else has no pacing of its own.

Deadlines are ``t0 + n * 20 ms``, so they never drift; a late wake-up is caught up frame by frame, a long stall
only in part (see ``CATCH_UP``). One timer serves all legs; with no leg there is no timer.
"""

import asyncio
import logging

from audio.frame import FRAME_MS
from telephony.ticking import Looking, Ticking

log = logging.getLogger(__name__)

PERIOD = FRAME_MS / 1000
"""Seconds between ticks."""

CATCH_UP = 5
"""Ticks made up back to back after a stall. Time beyond that is reported as passed, not replayed: a far side's
jitter buffer takes 100 ms of packets at once, but not seconds of them."""

MEET = {10: 5, 2: 1}
"""Ticks from a multiple of so many frames to the one at which all who gather as many meet: with warm caches, and with
none of those who gather six. Those of ten come with the few of two, so no tick has everybody's frames to live through.
"""


def until_met(tick: int, gather: int) -> int:
    """Ticks, from 1, after ``tick`` until those meet who gather so many frames."""
    return gather - (tick - MEET.get(gather, 0)) % gather


class MediaClock:
    """Calls ``tick`` of each registered leg every 20 ms; runs from the first ``add`` to the last ``discard``."""

    def __init__(self) -> None:
        self._legs: dict[Ticking, None] = {}
        self._blind: tuple[Ticking, ...] = ()
        self._looking: tuple[Looking, ...] = ()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._start = 0.0
        self._done = 0
        self.behind = False
        """The tick in progress is made up after a stall: what came meanwhile may still wait to be read."""
        self.lost = 0
        """Ticks swallowed by stalls since the clock was made."""
        self.tick = 0
        """Number of the tick in progress, or of the last."""

    @property
    def legs(self) -> int:
        """Legs registered now."""
        return len(self._legs)

    @property
    def running(self) -> bool:
        """Whether a timer is set."""
        return self._timer is not None

    def add(self, leg: Ticking) -> None:
        """Tick this leg from the next deadline on; must be called on the event loop; harmless when registered."""
        self._legs[leg] = None
        self._line_up()
        if self._timer is None:
            self._loop = asyncio.get_running_loop()
            self._start = self._loop.time()
            self._done = 0
            self._arm(self._loop)

    def discard(self, leg: Ticking) -> None:
        """Tick this leg no more, also within the tick in progress; harmless when it is not registered."""
        self._legs.pop(leg, None)
        self._line_up()
        if not self._legs and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _line_up(self) -> None:
        self._looking = tuple(leg for leg in self._legs if isinstance(leg, Looking))
        self._blind = tuple(leg for leg in self._legs if not isinstance(leg, Looking))

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_at(self._start + (self._done + 1) * PERIOD, self._wake, loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        due = max(1, int((loop.time() - self._start) / PERIOD + 1e-6) - self._done)
        self._done += due
        swallowed = max(0, due - CATCH_UP)
        self.lost += swallowed
        self._timer = None
        self.behind = due > 1
        self._tick(swallowed + 1)
        for _ in range(due - swallowed - 1):
            self._tick(1)
        self.behind = False
        if self._legs and self._timer is None:
            self._arm(loop)

    def _tick(self, periods: int) -> None:
        self.tick += periods
        due = list(self._blind)
        for leg in self._looking:
            try:
                if leg in self._legs and leg.look(periods):
                    due.append(leg)
            except Exception:
                self._broken(leg)
        for ticking in due:
            try:
                if ticking in self._legs:
                    ticking.tick(periods)
            except Exception:
                self._broken(ticking)

    def _broken(self, leg: Ticking) -> None:
        """The door around a call: one broken leg must not stop the others' audio."""
        log.exception("a media leg failed and was taken off the clock")
        self.discard(leg)
