"""What «угу» over the agent's speech becomes in a recogniser's ears; the tables: ``data/backchannels_*.toml``. Pure."""

from dataclasses import dataclass
from functools import cache

from agent.language.tables import table

SCRAP = 2
"""Letters of a word that may be half of one, where somebody still speaks."""
HALF = 2
"""Words that half of one is heard as: «по нет» of «понятно»."""
HUMMED = 3
"""Words that «мм» is heard as, at most: «а мы вам ясно»."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the tables of a language hold."""

    alike: dict[str, str]
    """Heard -> said."""
    little: frozenset[str]
    """Scraps of words, no text of several of which interrupts."""
    listening: frozenset[str]
    """Words of who listens."""
    beginning: frozenset[str]
    """Words with which more begins where they come last."""
    asking: frozenset[str]
    """The same wherever they come but in the first place."""
    hums: frozenset[str]
    """What «мм» is heard as before another word."""


def meant(text: str, language: str) -> str:
    """What was said, as far as the table knows better than the recogniser; empty: nothing but scraps of words."""
    words, known = _words(text), _known(language)
    said = known.alike.get(" ".join(words), text)
    if said != text or len(words) < 2:
        return said
    return "" if known.little.issuperset(words) else _behind_a_hum(words, known) or text


def _behind_a_hum(words: list[str], known: _Known) -> str:
    """«Понял» of «по понял»: «мм» before it was heard as words that say nothing."""
    last = words[-1]
    hummed = len(words) <= HUMMED + 1 and known.hums.issuperset(words[:-1])
    return last if hummed and len(last) > SCRAP and last in known.listening - known.beginning else ""


def listens(text: str, language: str) -> bool:
    """Nothing but words of who listens, more than one: «ну да ну да», «хорошо понял»."""
    words = _words(text)
    return len(words) > 1 and _known(language).listening.issuperset(words)


def murmured(text: str, language: str) -> int:
    """Of how many words a murmur is; 0: it is none, or may be the beginning of more: «а», «угу а», «понятно как»."""
    words, known = _words(text), _known(language)
    said = _words(known.alike.get(" ".join(words), text))
    if not words or not known.listening.issuperset(said):
        return 0
    more = words[-1] in known.beginning or not known.asking.isdisjoint(words[1:])
    return 0 if more and not _whole(words, known) else len(words)


def begun(text: str, language: str) -> bool:
    """«Угу а»: more must follow. A single «а» may be any sound."""
    words, known = _words(text), _known(language)
    return len(words) > 1 and words[-1] in known.beginning and not _whole(words, known)


def _whole(words: list[str], known: _Known) -> bool:
    return len(words) > 1 and " ".join(words) in known.alike


def without_half(text: str, language: str) -> str:
    """A murmur without the half word at its end: «ага понятно» of «ага понятно по не»; empty: there is none.

    ``text`` is of somebody who still speaks. Half a word begins like one of who listens.
    """
    words, known = _words(text), _known(language)
    if words and words[-1] in known.beginning:
        return ""
    for place in range(max(1, len(words) - HALF), len(words)):
        first, *rest = words[place:]
        begun = any(word.startswith(first) for word in known.listening - known.beginning)
        if begun and all(len(word) <= SCRAP + 1 for word in rest):
            return " ".join(words[:place])
    return ""


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
    names = ("little", "listening", "beginning", "asking", "hums")
    return _Known(dict(rows["alike"]), *(frozenset(rows[name]["words"].split()) for name in names))
