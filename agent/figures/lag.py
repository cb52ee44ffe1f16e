"""How late the event loop runs: the figure that tells of a blocking call."""

import asyncio
from collections.abc import Callable

STEP_S = 0.1
"""How often it looks, seconds."""
WINDOW = 100
"""Looks that count: ten seconds."""


class LoopLag:
    """Sleeps short naps and notes by how much each was overslept."""

    def __init__(self, told: Callable[[float], None] = lambda _seconds: None) -> None:
        """``told`` hears of each delay, seconds."""
        self._told = told
        self._naps: list[float] = [0.0] * WINDOW
        self._next = 0

    @property
    def worst_ms(self) -> float:
        """Longest delay in the window, milliseconds."""
        return max(self._naps)

    async def watch(self) -> None:
        """Run until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + STEP_S
            await asyncio.sleep(STEP_S)
            late = max(0.0, loop.time() - due)
            self._told(late)
            self._naps[self._next % WINDOW] = late * 1000
            self._next += 1
