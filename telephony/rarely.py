"""Logging what may repeat for ever: the first time at once, then a count once a minute."""

import asyncio
import logging

AGAIN_S = 60.0
"""The same complaint is logged at most this often, seconds."""
KINDS = 200
"""Different complaints remembered; beyond it all are forgotten, so that their number can't grow for ever."""


class Rarely:
    """A rate-limited voice for one logger; complaints are told apart by ``kind``."""

    def __init__(self, log: logging.Logger, again_s: float = AGAIN_S) -> None:
        self._log = log
        self._again_s = again_s
        self._told: dict[str, tuple[float, int]] = {}

    def warning(self, kind: str, text: str, *values: object) -> None:
        """Log a warning unless one of this kind was logged a short while ago."""
        now = asyncio.get_running_loop().time()
        at, silent = self._told.get(kind, (float("-inf"), 0))
        if now - at < self._again_s:
            self._told[kind] = (at, silent + 1)
            return
        if len(self._told) >= KINDS:
            self._told.clear()
        self._told[kind] = (now, 0)
        more = f" ({silent} more like it since)" if silent else ""
        self._log.warning(text + more, *values)
