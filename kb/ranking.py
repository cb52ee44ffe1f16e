"""The highest of many scores, without sorting them all."""

from typing import Any


def highest(scores: Any, most: int) -> Any:
    """Places of the highest scores above 0, best first, the earlier of equals first."""
    import numpy as np  # noqa: PLC0415 - only where there is a knowledge base

    some = np.sort(np.argpartition(-scores, most)[:most]) if len(scores) > most else np.arange(len(scores))
    some = some[scores[some] > 0]
    return some[np.argsort(-scores[some], kind="stable")]
