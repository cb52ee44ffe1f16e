"""What may be plugged into the search beside its words."""

from collections.abc import Sequence
from typing import Any, Protocol


class DenseScorer(Protocol):
    """Where embeddings plug in: a score for each section of the index, in its order."""

    @property
    def kind(self) -> str:
        """Which weights were learnt for it: ``hash``, ``other``."""

    @property
    def sure(self) -> bool:
        """Whether its score alone is a reason to answer."""

    async def scores(self, text: str) -> Sequence[float]:
        """0 to 1 for each section, 0 meaning no more alike than average; empty when there is no answer in time."""


class LineScorer(Protocol):
    """Where a sentence encoder plugs in that has read every line."""

    async def near(self, text: str, before: str, numbers: Any) -> Any:
        """For each of the sections ``numbers`` how near its nearest line is to what ``text`` means, -1 to 1.

        ``before``: the turn that it leans on; empty where it stands by itself.
        """
