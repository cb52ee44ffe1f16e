"""How far what was heard is from what was said."""

from collections.abc import Sequence


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest words put in, left out or replaced that make one of the other (Levenshtein's distance)."""
    row = list(range(len(heard) + 1))
    for n, word in enumerate(said, 1):
        left, row[0] = row[0], n
        for m, other in enumerate(heard, 1):
            left, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, left + (word != other))
    return row[-1]
