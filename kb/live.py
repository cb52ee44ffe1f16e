"""The knowledge base that calls ask, while another one may take its place."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from agent.errors import KnowledgeError
from agent.ports import Exchange, Passage
from kb.found import Search
from kb.retriever import KnowledgeBase


class Knowledge:
    """A ``Retriever`` whose texts can be changed under it; a search that has begun ends with those it began with."""

    def __init__(self, base: KnowledgeBase | None = None, version: str = "") -> None:
        """``version``: changes whenever answers may. Without a ``base`` searches wait for the first ``swap``."""
        self._base, self._version = base, version
        self._there, self._fault = asyncio.Event(), ""
        self.fault = ""
        """Why an index of older texts answers, and what to do; empty: it doesn't."""
        if base is not None:
            self._there.set()
        self._searches: Counter[KnowledgeBase] = Counter()
        self._closing: set[asyncio.Future[None]] = set()

    @property
    def version(self) -> str:
        """Of the texts, tables and vectors in use: part of the key of cached answers."""
        return self._version

    @property
    def base(self) -> KnowledgeBase:
        """The one in use; raises ``KnowledgeError`` while there is none."""
        if self._base is None:
            raise KnowledgeError(self._fault or "the texts are still being read")
        return self._base

    def fail(self, fault: str) -> None:
        """There will be no first one: searches that wait for it raise ``KnowledgeError``."""
        self._fault = fault
        self._there.set()

    def swap(self, base: KnowledgeBase, version: str) -> None:
        """Use another one from the next search on; the old one is closed when its last search has ended."""
        old, self._base, self._version = self._base, base, version
        self._there.set()
        if old is not None and old is not base and not self._searches[old]:
            self._retire(old)

    def take(self, fresh: "Knowledge") -> None:
        """Use what another one has, which nobody asks, from the next search on."""
        self.fault = fresh.fault
        self.swap(fresh.base, fresh.version)

    async def close(self) -> None:
        """Close what the search holds open: connections of embedders, their caches."""
        if self._base is not None:
            await self._base.close()
        await asyncio.gather(*self._closing)

    async def search(self, text: str, history: Sequence[Exchange] = ()) -> tuple[Passage, ...]:
        """See ``KnowledgeBase.search``."""
        async with self._borrowed() as base:
            return await base.search(text, history)

    async def explain(self, text: str, history: Sequence[Exchange] = ()) -> Search:
        """See ``KnowledgeBase.explain``."""
        async with self._borrowed() as base:
            return await base.explain(text, history)

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[KnowledgeBase]:
        """The base in use, which is not closed before the search has ended."""
        await self._there.wait()
        base = self.base
        self._searches[base] += 1
        try:
            yield base
        finally:
            self._searches[base] -= 1
            if not self._searches[base]:
                del self._searches[base]
                if base is not self._base:
                    self._retire(base)

    def _retire(self, base: KnowledgeBase) -> None:
        closing = asyncio.ensure_future(base.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def terms(self, text: str) -> tuple[str, ...]:
        """Search terms of a text."""
        return self.base.terms(text)

    def wanted(self, text: str, history: Sequence[Exchange]) -> Mapping[str, float]:
        """Terms of a question with those of the turns that it leans on, and how important each is."""
        return self.base.wanted(text, history)

    def kinds(self, text: str) -> Sequence[re.Pattern[str]]:
        """How a text looks that has what the question asks for."""
        return self.base.terms.kinds(text)

    def weight(self, term: str) -> float:
        """How much a term tells."""
        return self.base.weight(term)

    def meant(self, term: str) -> Mapping[str, float]:
        """Terms of the texts that may be meant by a term."""
        return self.base.meant(term)
