"""A recogniser that is still being loaded while callers of an earlier process are spoken to already."""

import asyncio
from collections.abc import Callable

from agent.errors import AlloError, HearingError
from agent.ports import Recognizer, SpeechToText, Transcript

GIVE_UP_S = 5.0
"""When it can't be loaded, calls have so long to be handed to a person, seconds."""


class LateStt:
    """A ``SpeechToText``: its ears open as soon as it is there."""

    def __init__(self, loading: asyncio.Task[SpeechToText]) -> None:
        """``loading`` belongs to this one from now on."""
        self._loading = loading

    @property
    def inner(self) -> SpeechToText | None:
        """What was loaded; None: not yet, or it could not be."""
        done = self._loading.done() and not self._loading.cancelled() and self._loading.exception() is None
        return self._loading.result() if done else None

    @property
    def name(self) -> str:
        """See ``SpeechToText.name``."""
        return self.inner.name if self.inner else "loading"

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> Recognizer:
        """See ``SpeechToText.open``; raises ``HearingError`` when there will be none."""
        try:
            stt = await asyncio.shield(self._loading)
        except AlloError as error:
            raise HearingError(f"the recogniser can't be loaded: {error}") from None
        return await stt.open(rate, on_partial)

    async def loaded(self) -> SpeechToText:
        """Return when it is there; what kept it from being loaded is raised once its callers had time to be helped."""
        await asyncio.wait([self._loading])
        if self._loading.exception() is not None:
            await asyncio.sleep(GIVE_UP_S)
        return self._loading.result()

    async def close(self) -> None:
        """See ``SpeechToText.close``."""
        self._loading.cancel()
        await asyncio.wait([self._loading])
        if self.inner is not None:
            await self.inner.close()
