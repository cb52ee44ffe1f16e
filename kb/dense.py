"""The vectors' side of the search: how alike a question and each section are."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Protocol

from agent.errors import KnowledgeError, SpentError
from agent.ports import Embedder

log = logging.getLogger(__name__)

CERTAIN = 6.0
"""Standard deviations over the mean that are all that can be asked for."""
FEW = 2.0
"""The same where there are but a few sections: none of n can stand further out than the root of n - 1."""


class Vectors(Protocol):
    """Where the sections' vectors lie: one row a section, in the order of the index."""

    @property
    def quick(self) -> bool:
        """Whether the event loop may wait for it."""

    def cosines(self, query: Any) -> Any:
        """The cosine of each row with ``query`` (float32, length 1); 0 for rows too far off to be looked at."""


class DenseSearch:
    """A ``DenseScorer`` over stored vectors. At most one request for a question, and never longer than ``within_s``."""

    def __init__(self, vectors: Vectors, embedder: Embedder, within_s: float = 0.4) -> None:
        self._vectors, self._embedder, self._within_s = vectors, embedder, within_s

    @property
    def sure(self) -> bool:
        """Whether likeness alone is a reason to answer: so for a model of language, not for our own n-grams."""
        return self._embedder.remote

    @property
    def kind(self) -> str:
        """Which weights were learnt for it."""
        return "hash" if self._embedder.name.startswith("hash") else "other"

    async def scores(self, text: str) -> Any:
        """0 to 1 for each section; empty when the embedder failed or was late: then the words decide alone."""
        query = await self._query(text)
        if query is None or not len(query) or not query.any():
            return ()
        try:
            if self._vectors.quick:
                return spread(self._vectors.cosines(query))
            return spread(await asyncio.to_thread(self._vectors.cosines, query))
        except KnowledgeError as error:
            log.warning("%s; the words alone are searched", error)
            return ()

    async def _query(self, text: str) -> Any:
        import numpy as np  # noqa: PLC0415

        try:
            async with asyncio.timeout(self._within_s if self._embedder.remote else None):
                rows: Sequence[Any] = await self._embedder.embed([text])
        except SpentError:
            return None  # who counts has told it
        except (KnowledgeError, TimeoutError) as error:
            log.warning("embed: %s; the words alone are searched", error or f"no answer within {self._within_s:g} s")
            return None
        return np.asarray(rows[0], np.float32)


def spread(cosines: Any) -> Any:
    """Cosines to scores: what stands out among the sections counts, whatever the model's own scale."""
    import numpy as np  # noqa: PLC0415

    deviation = float(cosines.std())
    if deviation < 1e-6:
        return np.zeros(len(cosines), np.float32)
    standing = (cosines - float(cosines.mean())) / deviation
    return np.clip(standing / min(CERTAIN, max(len(cosines) ** 0.5, FEW)), 0, 1).astype(np.float32)
