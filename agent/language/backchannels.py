"""What «угу» over the agent's speech becomes in a recogniser's ears; the tables: ``data/backchannels_*.toml``. Pure."""

from dataclasses import dataclass
from functools import cache

from agent.language.tables import table

SCRAP = 2
"""Letters of a word that may be half of one, where somebody still speaks."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the tables of a language hold."""

    alike: dict[str, str]
    """Heard -> said."""
    little: frozenset[str]
    """Scraps of words, no text of several of which interrupts."""
    listening: frozenset[str]
    """Words of who listens."""


def meant(text: str, language: str) -> str:
    """What was said, as far as the table knows better than the recogniser; empty: nothing but scraps of words."""
    words, known = _words(text), _known(language)
    said = known.alike.get(" ".join(words), text)
    return "" if said == text and len(words) > 1 and known.little.issuperset(words) else said


def listens(text: str, language: str) -> bool:
    """Nothing but words of who listens, more than one: «ну да ну да», «хорошо понял»."""
    words = _words(text)
    return len(words) > 1 and _known(language).listening.issuperset(words)


def settled(text: str) -> str:
    """What is sure of the words of somebody who still speaks.

    The last word may be half of one, and so may short ones before it: «так по нет» becomes «так понятно».
    """
    words = _words(text)
    return " ".join(word for word in words[:-1] if len(word) > SCRAP or word == words[0])


def _words(text: str) -> list[str]:
    return text.lower().replace("ё", "е").split()


@cache
def _known(language: str) -> _Known:
    rows = table(f"backchannels_{language}")
    little, listening = (frozenset(rows[name]["words"].split()) for name in ("little", "listening"))
    return _Known(dict(rows["alike"]), little, listening)
