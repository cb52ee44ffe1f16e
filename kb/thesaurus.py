"""What words mean at a service desk: a compiled table of relations between words, whatever their form.

The source is ``data/thesaurus/<language>_*.toml``, written by people; ``python -m kb.thesaurus_building`` compiles it:
finding all forms of some thousand words takes seconds, and a start has none to spare.
"""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kb.roots import Roots, barer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "data" / "thesaurus"
FORM = 0.9
"""How surely a stem is meant by another stem of the same word: «ребенок», «дети»."""
BARE = 0.85
"""How surely a stem without its prefix, or of the thing that a small one is, is meant."""
ROOTED = 0.6
"""How surely a stem must be of one root with another."""
KIN = 3
"""Words of one root that are looked at, at most."""


class Thesaurus:
    """Stem -> stems that may be meant by it, and how surely."""

    def __init__(
        self,
        stems: list[str],
        words: "NDArray[np.int32]",
        starts: "NDArray[np.int32]",
        targets: "NDArray[np.int32]",
        sure: "NDArray[np.uint8]",
    ) -> None:
        """``words``: pairs of a stem's and a word's number; ``starts``: where the relations of each word begin.

        ``targets``: words; ``sure``: hundredths.
        """
        self._words: dict[str, list[int]] = {}
        self._stems: list[list[str]] = [[] for _ in range(len(starts) - 1)]
        for stem, word in words.tolist():
            self._words.setdefault(stems[stem], []).append(word)
            self._stems[word].append(stems[stem])
        self._starts, self._targets, self._sure = starts, targets, sure

    def __contains__(self, stem: str) -> bool:
        return stem in self._words

    def kin(self, stem: str) -> list[tuple[str, float]]:
        """Stems of the table that are of the root of ``stem``, which it lacks, and how surely, 0 to 1."""
        bare = [(one, BARE) for one in barer(stem) if one in self._words]
        return (bare or [(one, sure) for one, sure in self._roots.like(stem) if sure >= ROOTED])[:KIN]

    @cached_property
    def _roots(self) -> Roots:
        return Roots([stem for stem in self._words if stem.isalpha()])

    def of(self, stem: str) -> Iterator[tuple[str, float]]:
        """Stems that may be meant by ``stem`` and how surely, 0 to 1; one may come more than once."""
        for word in self._words.get(stem, ()):
            for other in self._stems[word]:
                yield other, FORM
            part = slice(self._starts[word], self._starts[word + 1])
            for target, sure in zip(self._targets[part].tolist(), self._sure[part].tolist(), strict=True):
                for other in self._stems[target]:
                    yield other, sure / 100


@lru_cache(4)
def load(language: str) -> Thesaurus | None:
    """The compiled one; ``None`` for a language without."""
    import numpy as np  # noqa: PLC0415 - only where there is a knowledge base

    path = FOLDER / f"{language}.npz"
    if not path.exists():
        return None
    with np.load(path) as kept:
        stems = kept["stems"].tobytes().decode().split("\n")
        return Thesaurus(stems, kept["words"], kept["starts"], kept["targets"], kept["sure"])
