"""The index made anew in the background after its texts were changed; calls ask the old one until it is ready."""

import asyncio
import logging
from typing import Any

from agent.desk.building_apart import rebuild
from agent.errors import AlloError
from agent.live import Live

log = logging.getLogger(__name__)


class Rebuilding:
    """One build at a time; texts that change meanwhile are built right after it."""

    def __init__(self, live: Live) -> None:
        """``live`` knows the settings and the knowledge in use."""
        self._live = live
        self._asked = self._done = 0
        self._stage: tuple[str, int, int] = ("", 0, 0)
        self._fault = ""
        self._sections = 0
        """Of the build that was made last; 0: none since the start."""
        self._task: asyncio.Future[None] | None = None

    def begin(self) -> int:
        """The texts have changed; the number of this build: it is over when ``progress`` tells one as great."""
        self._asked += 1
        if self._task is None or self._task.done():
            self._stage = ("", 0, 0)
            self._task = asyncio.ensure_future(self._run())
        return self._asked

    def progress(self) -> dict[str, Any]:
        """How far it is, fit for JSON."""
        stage, done, of = self._stage
        return {
            "building": self._done < self._asked,
            "built": self._done,
            "stage": stage,
            "done": done,
            "of": of,
            "fault": self._fault,
            "sections": self._sections,
        }

    async def close(self) -> None:
        """Give up the build that runs: the next start sees that the texts have changed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._done < self._asked:
            aim, self._fault = self._asked, ""
            self._live.building = True
            try:
                live = self._live
                self._sections = await rebuild(live.knowledge, live.settings, self._told, live.costs)
            except AlloError as error:
                self._fault = str(error)
                log.error("%s; the index of before stays in use", error)
            except Exception as error:  # a library that reads documents may raise anything
                self._fault = f"{type(error).__name__}: the index of before stays in use; the log tells more"
                log.exception("kb: the index could not be made")
            finally:
                self._live.building = False
            self._done = aim

    def _told(self, stage: str, done: int, of: int) -> None:
        """On the thread that builds."""
        self._stage = (stage, done, of)
