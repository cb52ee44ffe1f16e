"""Whether two texts that were understood of one utterance ask the same, though a recogniser changed its mind. Pure.

The last syllables decide what earlier words were: «три машина какая будет скидка» becomes «три машины …», an «а» comes
or goes. Such a change is no other question: the endings of nouns and adjectives are what is heard worst, and no
answer hangs on them. Verbs («был», «будет»), numbers, names of people and every other word have to be the same.
"""

from functools import cache, lru_cache

from agent.language.dictionary_ru import dictionary
from agent.language.tables import table

STRAY = {"ru": frozenset({"а", "ну", "вот", "э", "эм"}), "en": frozenset({"a", "an", "the", "uh", "um", "er"})}
"""Words that come and go, and say nothing; beside a number they may be letters of a code."""
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
    ones, others = _telling(one, language), _telling(other, language)
    one_word = _same_russian if language == "ru" else _same_english
    return len(ones) == len(others) and bool(ones) and all(map(one_word, ones, others))


def _telling(text: str, language: str) -> list[str]:
    """The words of ``text`` without stray ones."""
    words, stray, numbers = text.split(), STRAY[language], _numbers(language)
    around = zip(["", *words], words, [*words[1:], ""], strict=False)
    return [word for before, word, after in around if word not in stray or before in numbers or after in numbers]


@cache
def _numbers(language: str) -> frozenset[str]:
    return frozenset(" ".join(table(f"completeness_{language}")["digits"].values()).split())


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
