"""What a search found and why, for people."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.ports import Base, Passage


@dataclass(frozen=True, slots=True)
class Found:
    """One section and why it was found."""

    passage: Passage
    words: float
    """Score of the words, 0 to 1."""
    dense: float
    """Score of the vectors, 0 to 1."""
    fused: float
    """What all that is known of it weighs; only the order means something."""
    matched: Mapping[str, float] = field(default_factory=dict)
    """What each wanted term added; ``one~other``: another word was taken for it."""


@dataclass(frozen=True, slots=True)
class Search:
    """One search and all that people may ask about it."""

    wanted: Mapping[str, float]
    """Term -> importance, earlier turns' terms included."""
    route: Base | None
    """The base that the keywords point to."""
    fell_back: bool
    """That base knew too little, so both were searched."""
    found: tuple[Found, ...]
