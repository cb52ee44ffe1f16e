"""What a caller's word may stand for among the words of the knowledge base.

Four sources, each a weight from 0 to 1: the table of near words (written by people), sound (a recogniser's slip) and
the root, both only for words that the knowledge base does not have, and word vectors (words used in the same company).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kb.roots import Roots
from kb.sounds import Sounds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

DATA = Path(__file__).parent / "data"

NEAR = 0.75
"""How surely a word of the table of near words is meant."""
CONCEPT = 0.55
"""How surely a word of the same row of the table of everyday concepts is meant."""
ALIKE = 0.5
"""Word vectors under this cosine tell nothing."""
ALIKE_KNOWN = 0.3
"""Most that word vectors say for a word that the knowledge base has itself."""
ALIKE_UNKNOWN = 0.5
"""Most that they say for one that it does not have."""
SAID = 0.6
"""How sure a sound is when what was heard is a word of the language itself."""
UNSURE = 0.45
"""A word whose readings are all less sure has none."""
OF_A_KIND = 0.4
"""Cosine from which two words are taken for things of one kind."""
READINGS = 5
"""Words that may be meant by one word, at most, from each source."""
CACHED = 4096
COMMON, COMMON_RANGE = 4.0, 2.0
"""Commonness from which a word tells less, and within which it comes to tell least; news have 7.8 for the commonest."""
COMMONEST = 0.6
"""What the commonest words tell less, as a share."""


Related = Callable[[str], Iterable[tuple[str, float]]]
"""Terms that may be meant by a term, and how surely, 0 to 1."""


def _nothing(_term: str) -> Iterable[tuple[str, float]]:
    return ()


class WordVectors:
    """Stems of one language and where they stand among each other; ``None`` from ``load`` where there are none."""

    def __init__(self, stems: Sequence[str], vectors: "Matrix", commonness: "Matrix | None" = None) -> None:
        """``vectors``: a row of length 1 for each stem; ``commonness``: logarithm (10) of its count in the news."""
        self._numbers = {stem: number for number, stem in enumerate(stems)}
        self._vectors = vectors
        self._commonness = commonness

    @staticmethod
    @lru_cache(4)
    def load(language: str) -> "WordVectors | None":
        """The vectors that travel with us: 40,000 stems, 4 MB."""
        import numpy as np  # noqa: PLC0415

        path = DATA / f"words_{language}.npz"
        if not path.exists():
            return None
        with np.load(path) as kept:
            stems = kept["stems"].tobytes().decode().split("\n")
            return WordVectors(stems, kept["vectors"], kept["commonness"])

    @property
    def size(self) -> int:
        """Dimensions."""
        return int(self._vectors.shape[1])

    def has(self, stem: str) -> bool:
        """True for a stem of the language."""
        return stem in self._numbers

    def telling(self, stem: str) -> float:
        """1 for a word that is rare in the language, less for the common ones: they turn up everywhere."""
        number = self._numbers.get(stem)
        if number is None or self._commonness is None:
            return 1.0
        more = float(self._commonness[number]) - COMMON
        return 1 - COMMONEST * min(max(more / COMMON_RANGE, 0.0), 1.0)

    def rows(self, stems: Sequence[str]) -> "Matrix":
        """A row of length 1 for each stem, zeros for those that are not known."""
        import numpy as np  # noqa: PLC0415

        numbers = np.array([self._numbers.get(stem, -1) for stem in stems], np.int32)
        rows = self._vectors[numbers].astype(np.float32)
        rows[numbers < 0] = 0
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        unit: Matrix = rows / np.maximum(length, 1e-9)
        return unit


class Meanings:
    """Readings of words, for the vocabulary of one index."""

    def __init__(
        self,
        vocabulary: Sequence[str],
        near: Mapping[str, Sequence[str]],
        vectors: WordVectors | None,
        alike: Mapping[str, Sequence[str]] | None = None,
        thesaurus: Related | None = None,
    ) -> None:
        """``near``: the table of near words, term -> terms; ``alike``: that of everyday concepts.

        ``thesaurus``: what else may be meant by a term.
        """
        self._known = frozenset(vocabulary)
        self._near, self._concepts = near, alike or {}
        self._thesaurus = thesaurus or _nothing
        self._sounds = Sounds([word for word in vocabulary if word.isalpha()])
        self._roots = Roots([word for word in vocabulary if word.isalpha()])
        self._vectors = vectors
        self._words = [word for word in vocabulary if len(word) > 1 and vectors and vectors.has(word)]
        self._rows = vectors.rows(self._words) if vectors else None
        self.of: Callable[[str], Mapping[str, float]] = lru_cache(CACHED)(self._of)
        self.of_a_kind: Callable[[str, str], bool] = lru_cache(CACHED)(self._of_a_kind)

    def _of(self, term: str) -> dict[str, float]:
        """Terms of the index that may be meant by ``term``, itself not among them."""
        if not term.isalpha():
            return {}
        found = {other: CONCEPT for other in self._concepts.get(term, ()) if other in self._known}
        for other, sure in self._thesaurus(term):
            if other in self._known:
                found[other] = max(found.get(other, 0.0), sure)
        found.update({other: NEAR for other in self._near.get(term, ()) if other in self._known})
        if term not in self._known:
            doubt = SAID if self._vectors and self._vectors.has(term) else 1.0
            for other, sure in self._sounds.like(term)[:READINGS]:
                found[other] = max(found.get(other, 0.0), sure * doubt)
            for other, sure in self._roots.like(term)[:READINGS]:
                found[other] = max(found.get(other, 0.0), sure)
        for other, sure in self._alike(term):
            found[other] = max(found.get(other, 0.0), sure)
        found.pop(term, None)
        return found

    def _of_a_kind(self, one: str, other: str) -> bool:
        """Whether both are used alike, as things of one kind are: «пластик» and «резина», «телефон» and «почта»."""
        if one == other or self._vectors is None or not (self._vectors.has(one) and self._vectors.has(other)):
            return False
        a, b = self._vectors.rows([one, other])
        return float(a @ b) >= OF_A_KIND

    def telling(self, term: str) -> float:
        """How much a term tells in the language at large, 1 at most."""
        return self._vectors.telling(term) if self._vectors else 1.0

    def foreign(self, term: str, readings: Mapping[str, float]) -> bool:
        """True for a word of the language that hardly stands for anything here: it speaks of other things."""
        if not term.isalpha() or term in self._known or max(readings.values(), default=0.0) >= UNSURE:
            return False
        return self._vectors is None or self._vectors.has(term)

    def _alike(self, term: str) -> list[tuple[str, float]]:
        if self._vectors is None or self._rows is None or not self._words or not self._vectors.has(term):
            return []
        import numpy as np  # noqa: PLC0415

        cosines = self._rows @ self._vectors.rows([term])[0]
        most = ALIKE_KNOWN if term in self._known else ALIKE_UNKNOWN
        near = np.flatnonzero(cosines >= ALIKE)
        best = near[np.argsort(-cosines[near])][: READINGS + 1]
        close = [(self._words[n], float(cosines[n])) for n in best]
        return [(word, min(1.0, 0.3 + (cosine - ALIKE) * 1.4) * most) for word, cosine in close if word != term]
