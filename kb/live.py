"""The knowledge base that calls ask, while another one may take its place."""

import re
from collections.abc import Mapping, Sequence

from agent.ports import Exchange, Passage
from kb.retriever import KnowledgeBase, Search


class Knowledge:
    """A ``Retriever`` whose texts can be changed under it; a search that has begun ends with those it began with."""

    def __init__(self, base: KnowledgeBase, version: str = "") -> None:
        """``version``: changes whenever answers may."""
        self._base, self._version = base, version

    @property
    def version(self) -> str:
        """Of the texts, tables and vectors in use: part of the key of cached answers."""
        return self._version

    @property
    def base(self) -> KnowledgeBase:
        """The one in use."""
        return self._base

    def swap(self, base: KnowledgeBase, version: str) -> None:
        """Use another one from the next search on."""
        self._base, self._version = base, version

    async def search(self, text: str, history: Sequence[Exchange] = ()) -> tuple[Passage, ...]:
        """See ``KnowledgeBase.search``."""
        return await self._base.search(text, history)

    async def explain(self, text: str, history: Sequence[Exchange] = ()) -> Search:
        """See ``KnowledgeBase.explain``."""
        return await self._base.explain(text, history)

    def terms(self, text: str) -> tuple[str, ...]:
        """Search terms of a text."""
        return self._base.terms(text)

    def wanted(self, text: str, history: Sequence[Exchange]) -> Mapping[str, float]:
        """Terms of a question with those of the turns that it leans on, and how important each is."""
        return self._base.wanted(text, history)

    def kinds(self, text: str) -> Sequence[re.Pattern[str]]:
        """How a text looks that has what the question asks for."""
        return self._base.terms.kinds(text)

    def weight(self, term: str) -> float:
        """How much a term tells."""
        return self._base.weight(term)

    def meant(self, term: str) -> Mapping[str, float]:
        """Terms of the texts that may be meant by a term."""
        return self._base.meant(term)
