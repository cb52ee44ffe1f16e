"""How likely each section answers, and whether any does: two small models over what the search knows of a question.

Both are weighted sums that were learnt (``python -m bench.learning``) from questions with known answers. What they look
at says nothing of any one knowledge base: shares, ranks, kinds of facts. So they serve a base that nobody has seen.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from kb.index import Cover
from kb.lines import Aim
from kb.ranking import highest

DATA = Path(__file__).parent / "data" / "weights.json"
LIKELY_BY_WORDS = 24
"""Sections that the words put first and that are weighed."""
LIKELY_BY_VECTORS = 12
"""Sections that the vectors put first and that are weighed too."""
MATCHED = 4
"""Importance of all wanted terms beyond which more of them tell nothing more."""
LONE = 1.4
"""Importance under which a question names but one thing."""


EVEN = 0.22
"""Confidence from which to answer was best when the weights were learnt: the default of ``kb.threshold``."""


SMALL = 100
"""Sections under which shares come out lower, for questions with an answer and for those without."""
FEWEST = 30
"""Sections under which shares and deviations say little of what was learnt: the words alone tell whether to answer."""
ALONE = 0.65
"""What is left of their confidence there in a section that has but one of several things that are wanted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question is made of."""

    wanted: int
    """Terms that are wanted."""
    weight: float
    """Importance of them all; a light word has 0.25."""
    unknown: float
    """Share of the question's weight in terms that nothing here stands for, 0 to 1."""
    foreign: int
    """Weighty words of the language that hardly stand for anything here."""
    others: bool
    """A word of other things was said."""
    literal: Any
    """Share of the question that each section has word for word, 0 to 1."""
    news: Any
    """Share of the terms that no earlier turn gave that each section has, 0 to 1; 0 where none is leant on."""
    subject: Any
    """Share of them that the section's heading has."""
    aim: Aim
    """The same for single lines."""
    thing: Aim
    """What is asked about: the question without the terms of what is asked of it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """All that one question shows of the sections; an array has a number for each of them."""

    words: Any
    """Confidence by the words, 0 to 1."""
    cover: Cover
    dense: Any | None
    """Standing of the vectors: 0 as alike as the average section, 1 six standard deviations more; ``None`` without."""
    routed: Any
    """1 in the base that the keywords point to, -1 in the other, 0 where they don't tell."""
    asked: Asked
    meaning: Any | None = None
    """How near its nearest line is to what the question means, of the ``likely`` ones; ``None`` without an encoder."""


ORDER = ("share", "best", "words", "vectors", "vectors_behind", "headed", "strange", "matched", "routed",
         "lacking", "holding", "alone", "literal", "news", "subject", "line", "asked", "fact", "missing",
         "elsewhere", "meaning")  # fmt: skip
"""What is weighed of each section, in the order of the features."""
SURE = ("words", "best_words", "vectors", "odds", "unknown", "others", "wanted", "headed", "matched", "lacking",
        "alone", "literal", "news", "foreign", "named", "line", "asked", "small", "fact", "missing",
        "elsewhere")  # fmt: skip
"""What is weighed of the first section when it comes to whether anything answers."""


def likely(seen: Seen) -> Any:
    """Numbers of the sections that are worth weighing."""
    import numpy as np  # noqa: PLC0415

    numbers = highest(seen.words, LIKELY_BY_WORDS)
    if seen.dense is not None:
        numbers = np.union1d(numbers, highest(seen.dense, LIKELY_BY_VECTORS))
    return numbers.astype(np.int64)


def features(seen: Seen, numbers: Any, kinds: Any, alone: Any, lines: Any) -> Any:
    """A row of ``ORDER`` for each of the sections ``numbers``.

    ``kinds``: for each, how many kinds of asked facts it lacks and how many it holds (two columns); ``alone``: whether
    it has but one of several wanted terms; ``lines``: what ``kb.lines`` says of each and of the facts that are asked
    for (five columns).
    """
    import numpy as np  # noqa: PLC0415

    words = seen.words[numbers]
    most = max(float(seen.words.max()), 1e-6)
    dense = np.zeros(len(numbers)) if seen.dense is None else seen.dense[numbers]
    ahead = 0.0 if seen.dense is None else float(seen.dense.max())
    meaning = np.zeros(len(numbers)) if seen.meaning is None else seen.meaning[numbers]
    cover = seen.cover
    columns = (
        words / most, words >= most, words, dense, ahead - dense, cover.headed[numbers], cover.strange[numbers],
        cover.told[numbers], seen.routed[numbers],
        kinds[:, 0], kinds[:, 1], alone, seen.asked.literal[numbers], seen.asked.news[numbers],
        seen.asked.subject[numbers], *lines.T, meaning,
    )  # fmt: skip
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def of_first(seen: Seen, row: Any, odds: float) -> Any:
    """The ``SURE`` of a question; ``row``: the features of its first section, ``odds``: its share among all weighed."""
    import numpy as np  # noqa: PLC0415

    one, asked = dict(zip(ORDER, row, strict=True)), seen.asked
    return np.array(
        [
            one["words"], float(seen.words.max()), one["vectors"], odds, asked.unknown, float(asked.others),
            min(asked.weight, MATCHED) / MATCHED, one["headed"], one["matched"], one["lacking"], one["alone"],
            one["literal"], one["news"], min(asked.foreign, 3) / 3,
            one["headed"] * (asked.weight < LONE), one["line"], one["asked"], max(1 - len(seen.words) / SMALL, 0.0),
            one["fact"], one["missing"], one["elsewhere"],
        ]
    )  # fmt: skip


def plain_confidence(row: Any) -> float:
    """0 to 1, of the words alone; ``row``: the features of the first section."""
    one = dict(zip(ORDER, row, strict=True))
    return min(float(one["words"]) * (ALONE if one["alone"] else 1.0), 1.0)


@dataclass(frozen=True, slots=True)
class Weights:
    """What was learnt for one kind of vectors."""

    order: Any
    """Weights of ``ORDER``."""
    sure: Any
    """Weights of ``SURE``."""
    bias: float
    """Of the sum over ``SURE``; a sum of 0 means ``EVEN``."""

    def ordered(self, rows: Any) -> Any:
        """A score for each row; the differences are logarithms of odds."""
        return rows @ self.order

    def confidence(self, first: Any) -> float:
        """0 to 1: that the first section answers; ``EVEN`` where it is worth an answer just so."""
        import math  # noqa: PLC0415

        odds = float(first @ self.sure) + self.bias + math.log(EVEN / (1 - EVEN))
        return 1 / (1 + math.exp(-max(min(odds, 50.0), -50.0)))


@lru_cache(4)
def weights(vectors: str) -> Weights:
    """Those for a kind of vectors: ``use``, ``hash``, ``other``, ``none``."""
    import numpy as np  # noqa: PLC0415

    kept: Mapping[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))[vectors]
    order = np.array([kept["order"].get(name, 0.0) for name in ORDER])
    sure = np.array([kept["sure"].get(name, 0.0) for name in SURE])
    return Weights(order, sure, float(kept["bias"]))
