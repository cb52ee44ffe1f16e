"""When Python looks for objects that only hold each other, as those of an ended call do.

A collection stops the event loop while it walks all that is not frozen. By its own count of new objects Python would
walk all of it once in hundreds of calls, since a call makes few; until then each keeps a quarter of a megabyte of
sound and dialogue. So who has ended is freed some seconds later, all of these seconds at once.
"""

import asyncio
import gc

YOUNG, OLDER = 1_000, 3
"""New objects, and young collections, before the next collection (``gc.set_threshold``): each looks at few, since a
thousand take a millisecond where forty calls keep the caches cold."""
RARELY = 1_000_000
"""Collections of the older ones before Python looks at all: ``Sweep`` does so when there is reason to."""
LATER_S = 10.0
"""From a call's end until what it left is freed, seconds; no two sweeps are closer."""


def settle() -> None:
    """What was loaded at start lives as long as the daemon: no collection walks it during a call."""
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, RARELY)
    gc.enable()


class Sweep:
    """Frees what ended calls left."""

    def __init__(self) -> None:
        self._due: asyncio.TimerHandle | None = None

    def call_ended(self) -> None:
        """Free it soon; on the event loop."""
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(LATER_S, self._collect)

    def _collect(self) -> None:
        self._due = None
        gc.collect()
