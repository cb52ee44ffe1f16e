"""What each word of an English phrase is, in two short marks: by lists, endings and places. Pure."""

from agent.language.dictation import Lists
from agent.language.marks import Marked

ENDINGS = ("ing", "ed", "ly", "tion", "able", "ous", "ive", "ful", "al", "ic", "est", "er", "s")
OWN = ("open", "questions", "requests", "helpers", "thin")
ARTICLES = frozenset(
    ("the", "a", "an", "my", "our", "your", "their", "his", "her", "this", "that", "any", "some", "no")
)
PREPOSITIONS = frozenset(
    ("to", "for", "in", "of", "with", "from", "about", "on", "at", "by", "into", "without", "after", "before", "under")
)
PERSONS = frozenset(("i", "you", "we", "they", "it", "he", "she", "me", "us", "them", "him", "someone", "there"))
BEING = frozenset(("is", "are", "was", "were", "be", "am", "it's", "i'm", "that's", "we're"))


def marked(words: list[str], lists: Lists) -> Marked:
    """``words``: lower case; ``lists`` of ``completeness_en.toml``."""
    own = frozenset().union(*(lists[name] for name in OWN))
    rough = [_rough(word, before, lists) for before, word in zip(["", *words], words, strict=False)]
    fine = [word if word in own else mark + _ending(word) for word, mark in zip(words, rough, strict=True)]
    return Marked(words, fine, rough, [word[:6] for word in words])


def _rough(word: str, before: str, lists: Lists) -> str:
    for mark, known in (("a", ARTICLES), ("p", PREPOSITIONS), ("o", PERSONS), ("b", BEING)):
        if word in known:
            return mark
    for mark, name in (("h", "helpers"), ("q", "questions"), ("j", "adjectives")):
        if word in lists[name]:
            return mark
    verb = word in lists["verbs"] and before not in ARTICLES | PREPOSITIONS - {"to"}
    return ("t" if word in lists["transitive"] else "v") if verb else "n"


def _ending(word: str) -> str:
    return next((ending for ending in ENDINGS if word.endswith(ending) and len(word) > len(ending) + 2), "")
