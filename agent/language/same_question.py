"""Whether two texts that were understood of one utterance ask the same, though a recogniser changed its mind. Pure.

The last syllables decide what earlier words were: «три машина какая будет скидка» becomes «три машины …», an «а» comes
or goes. Such a change is no other question: the endings of nouns and adjectives are what is heard worst, and no
answer hangs on them. Verbs («был», «будет»), numbers, names of people and every other word have to be the same.
"""

from functools import lru_cache

from agent.language.dictionary_ru import dictionary

STRAY = {"ru": frozenset({"а", "ну", "вот", "э", "эм"}), "en": frozenset({"a", "an", "the", "uh", "um", "er"})}
"""Words that come and go, and say nothing."""
DECLINED = frozenset({"NOUN", "ADJF"})
"""Parts of speech, as OpenCorpora names them, whose endings are not asked for."""
PERSONAL = frozenset({"Name", "Surn", "Patr"})
"""Names of people: «Иванов» is not «Иванова»."""
SHORT = 2
"""English words of so many letters have no plural: "i", "is"."""
KEPT = 16384
"""Words whose dictionary forms are kept."""


def same_question(one: str, other: str, language: str) -> bool:
    """True where the texts, in lower case, differ by endings and stray words at most."""
    if one == other:
        return True
    stray = STRAY.get(language, frozenset())
    ones, others = ([word for word in text.split() if word not in stray] for text in (one, other))
    one_word = _same_russian if language == "ru" else _same_english
    return len(ones) == len(others) and bool(ones) and all(map(one_word, ones, others))


def _same_russian(one: str, other: str) -> bool:
    return one == other or not _lemmas(one).isdisjoint(_lemmas(other))


def _same_english(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return one == other or (len(shorter) > SHORT and longer == f"{shorter}s")


@lru_cache(KEPT)
def _lemmas(word: str) -> frozenset[str]:
    """Nouns and adjectives of which ``word`` may be a form; none of what is most likely a person's name."""
    found = [(each.tag, each.normal_form) for each in dictionary().parse(word)]
    if PERSONAL & found[0][0].grammemes:
        return frozenset()
    return frozenset(f"{tag.POS} {form}" for tag, form in found if tag.POS in DECLINED)
