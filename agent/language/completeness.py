"""Does an utterance sound finished? Pure: words in, a verdict out; the word lists are ``data/completeness_*.toml``.

A caller who stops after «мне нужен пресс на» is looking for a word; one who stops after «сколько стоит доставка» is
waiting. The verdict decides how long a silence must be before it ends the turn (``agent.turns.Endpointing``).
"""

from functools import cache

from agent.language.tables import table
from agent.turns import Verdict

FEWEST = 2
"""Words of a question that can be whole."""
SHORT = 3
"""A longer question is whole with any noun at its end."""
DICTATED = 3
"""So many number words at the end are a dictated number: a pause there is only for breath."""


def completeness(text: str, language: str) -> Verdict:
    """Judge recognised words (lower case, no punctuation)."""
    words = text.lower().replace("ё", "е").split()
    lists = _lists(language)
    if not words:
        return "unsure"
    if " ".join(words) in lists["whole"]:
        return "complete"
    if words[-1] in lists["open"] or _in_a_number(words, lists):
        return "open"
    if len(words) >= FEWEST and _asks(words, lists):
        return "complete"
    return "unsure"


def _in_a_number(words: list[str], lists: dict[str, frozenset[str]]) -> bool:
    """A number that wants its unit («на сто …»), or one that is being dictated."""
    numbers = 0
    for word in reversed(words):
        if word not in lists["numbers"]:
            break
        numbers += 1
    if not numbers:
        return False
    before = words[-numbers - 1] if numbers < len(words) else ""
    return numbers >= DICTATED or before in lists["measured"]


def _asks(words: list[str], lists: dict[str, frozenset[str]]) -> bool:
    """A question or a request with an end of its own."""
    if words[-1] in lists["questions"] or (len(words) <= SHORT and words[-1] in lists["unfinished"]):
        return False
    return any(word in lists["questions"] or word in lists["requests"] for word in words)


@cache
def _lists(language: str) -> dict[str, frozenset[str]]:
    """``whole`` has a phrase a line, the other lists words apart by spaces."""
    rows: dict[str, str] = table(f"completeness_{language}")
    return {
        name: frozenset(line.strip() for line in text.splitlines() if line.strip())
        if name == "whole"
        else frozenset(text.split())
        for name, text in rows.items()
    }
