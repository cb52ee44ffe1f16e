"""The order of sections: the ranks that words and vectors give them, fused."""

from typing import Any

FUSED = 60
"""Sections of each ranking that are fused."""
RANK_K = 8
"""How little a place counts in reciprocal rank fusion; small, for few sections are right."""
DENSE_SHARE = 0.35
"""Weight of the vectors' ranking beside that of the words."""
CLOSE = 0.8
"""Only sections whose words score at least this share of the best change places for the vectors' sake."""

Ranked = list[tuple[int, float, float]]
"""(section, confidence, fused score), best first."""


def fused(words: Any, dense: Any, sure: Any, among: Any, most: int) -> Ranked:
    """The best ``most`` sections of ``among`` (all when ``None``).

    ``words`` and ``dense`` (which may be ``None``) score each section, ``sure`` is the confidence in it; all 0 to 1.
    """
    import numpy as np  # noqa: PLC0415 - only where there is a knowledge base

    numbers = np.arange(len(sure)) if among is None else among
    lexical = numbers[highest(words[numbers], FUSED)]
    places = {int(number): 1 / (RANK_K + place) for place, number in enumerate(lexical, 1)}
    if dense is not None:
        likely = float(sure[numbers].max()) * CLOSE
        near = numbers[highest(dense[numbers], FUSED)]
        for place, number in enumerate((n for n in near if sure[n] >= likely), 1):
            places[int(number)] = places.get(int(number), 0.0) + DENSE_SHARE / (RANK_K + place)
    ranked = sorted(places.items(), key=lambda pair: (-pair[1], pair[0]))
    return falling([(number, float(sure[number]), both) for number, both in ranked if sure[number] > 0])[:most]


def highest(scores: Any, most: int) -> Any:
    """Places of the highest scores above 0, best first, the earlier of equals first."""
    import numpy as np  # noqa: PLC0415

    some = np.sort(np.argpartition(-scores, most)[:most]) if len(scores) > most else np.arange(len(scores))
    some = some[scores[some] > 0]
    return some[np.argsort(-scores[some], kind="stable")]


def falling(ranked: Ranked) -> Ranked:
    """A section that the vectors put before a surer one is as sure as that."""
    out: Ranked = []
    most = 0.0
    for number, score, both in reversed(ranked):
        most = max(most, score)
        out.append((number, most, both))
    return out[::-1]
