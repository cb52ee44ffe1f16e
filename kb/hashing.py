"""The local embedder: character n-grams of stems, hashed, beside the mean of word vectors where the language has them.

Nothing is downloaded and nothing is learned: the same text has the same vector everywhere. N-grams see through
endings and slips of a recogniser, word vectors join words of like use.
"""

import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kb.meanings import WordVectors

    Matrix = NDArray[np.float32]

HASHED = 288
"""Dimensions of the hashed n-grams; with those of the word vectors 384 in all."""
SHORTEST, LONGEST = 3, 5
"""Letters of an n-gram; a stem is framed by ``<`` and ``>`` first."""
WHOLE = 2.0
"""How much more a whole stem tells than one of its n-grams."""
MEANING = 2.0
"""Length of the word vectors' part beside the n-grams' 1."""
CACHED_STEMS = 20_000
VERSION = 1
"""Part of the name: raised when vectors come out differently."""


class HashEmbedder:
    """An ``Embedder``: some 0.1 ms a text, no network."""

    def __init__(self, terms: Callable[[str], Sequence[str]], vectors: "WordVectors | None") -> None:
        """``terms``: the search's analysis of a text."""
        self._terms, self._vectors = terms, vectors
        self._grams = lru_cache(CACHED_STEMS)(_grams)

    @property
    def name(self) -> str:
        """Engine and version, part of the cache's key."""
        return f"hash-{VERSION}" + ("" if self._vectors is None else "-words")

    @property
    def remote(self) -> bool:
        """False: no network."""
        return False

    async def embed(self, texts: Sequence[str]) -> Any:
        """A row of length 1 for each text, zeros for one without words."""
        return self.rows(texts)

    async def close(self) -> None:
        """Nothing is held."""

    def rows(self, texts: Sequence[str]) -> "Matrix":
        """The same at once."""
        import numpy as np  # noqa: PLC0415

        rows = [self._row(text) for text in texts]
        matrix: Matrix = np.stack(rows) if rows else np.zeros((0, HASHED), np.float32)
        return matrix

    def _row(self, text: str) -> Any:
        import numpy as np  # noqa: PLC0415

        counts: dict[str, int] = {}
        for term in self._terms(text):
            counts[term] = counts.get(term, 0) + 1
        weights = np.array([1 + np.log(count) for count in counts.values()], np.float32)
        parts = [_unit(self._hashed(list(counts), weights))]
        if self._vectors is not None:
            rows = self._vectors.rows(list(counts)) if counts else np.zeros((1, self._vectors.size), np.float32)
            parts.append(MEANING * _unit(rows.T @ weights if counts else rows[0]))
        return _unit(np.concatenate(parts))

    def _hashed(self, stems: Sequence[str], weights: Any) -> Any:
        import numpy as np  # noqa: PLC0415

        if not stems:
            return np.zeros(HASHED, np.float32)
        places, signs = zip(*(self._grams(stem) for stem in stems), strict=True)
        worth = np.concatenate([sign * weight for sign, weight in zip(signs, weights, strict=True)])
        return np.bincount(np.concatenate(places), worth, HASHED).astype(np.float32)


def _grams(stem: str) -> tuple[Any, Any]:
    """Places and signed weights of a stem's n-grams; the sign makes collisions cancel (Weinberger et al., 2009)."""
    import numpy as np  # noqa: PLC0415

    framed = f"<{stem}>"
    found = [framed[at : at + n] for n in range(SHORTEST, LONGEST + 1) for at in range(len(framed) - n + 1)]
    hashes = np.array([zlib.crc32(gram.encode()) for gram in (*found, framed)], np.int64)
    weights = np.where(hashes & 0x8000_0000, -1.0, 1.0).astype(np.float32)
    weights[:-1] /= max(len(found), 1) ** 0.5
    weights[-1] *= WHOLE / 2
    return hashes % HASHED, weights


def _unit(vector: Any) -> Any:
    import numpy as np  # noqa: PLC0415

    return vector / max(float(np.linalg.norm(vector)), 1e-9)
