"""Files are written on one thread, in order; what comes within a moment goes there together."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

log = logging.getLogger(__name__)

GATHER_S = 0.25
"""Work waits for more so long, seconds: to wake a thread for each piece costs the event loop more than the piece."""

Work = Callable[[], object]


class FileWriter:
    """Takes blocking work on the event loop, returns at once, does it on its thread."""

    def __init__(self, name: str) -> None:
        """``name`` of the thread; made on the event loop."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Work] = []
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, work: Work) -> None:
        """Have it done soon; what it raises is logged."""
        self._waiting.append(work)
        if self._timer is None:
            self._timer = self._loop.call_later(GATHER_S, self._hand_over)

    async def written(self) -> None:
        """Return when all is done that was handed in before."""
        self._hand_over()
        await self._loop.run_in_executor(self._thread, lambda: None)

    async def close(self) -> None:
        """Do the rest and end the thread."""
        await self.written()
        await asyncio.to_thread(self._thread.shutdown)

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._thread.submit(_do, waiting)


def _do(works: list[Work]) -> None:
    for work in works:
        try:
            work()
        except Exception:  # the door around a record: one that fails must not take the others' with it
            log.exception("a record could not be written")
