"""What the caller does with the words: asks, wishes, or only tells. Pure; the words are ``data/acts_*.toml``.

Who asks waits for the answer. Who tells, «мы вам перевели пятьдесят процентов», is in no hurry for one and mostly goes
on: such a pause may be given time although the words are whole.
"""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Literal

from agent.language.dictation import Lists
from agent.language.endings_en import SUBJECTS
from agent.language.morphology_ru import reading
from agent.language.tables import table

Act = Literal["asks", "wishes", "tells", "unclear"]
"""``unclear``: neither a question nor anything about the caller, «датчик не работает», «цена пресса»."""


def act(core: list[str], lists: Lists, language: str, first: str = "") -> Act:
    """Of words without polite ones around them; ``lists`` of ``completeness_*.toml``. ``first``: the word before those,
    «а программа на русском» is a question.
    """
    words, known = frozenset(core), _known(language)
    if not words:
        return "unclear"
    dictates = core[0] in known["dictates"] and words & (lists["told"] | lists["announcing"])
    if dictates or _stumbles(core, known["asks"]):
        return "tells"
    if words & known["asks"] or ASKS[language](core, lists):
        return "asks"
    if words & known["wishes"]:
        return "wishes"
    if SELF[language](core, known["self"]):
        return "tells"
    return "asks" if first in known["turning"] and len(core) >= SHORT else "unclear"


def _stumbles(core: list[str], asks: frozenset[str]) -> bool:
    """«Счёт на на компанию», «когда вы когда сможете»: who says a word again is searching for the next."""
    anew = any(one == other and one in asks for one, other in zip(core, core[2:], strict=False))
    return len(core) > SHORT and (anew or any(one == other for one, other in pairwise(core)))


def _asks_ru(core: list[str], lists: Lists) -> bool:
    """«Пришлите счёт», «привезёте завтра»: said to the agent."""
    return any(_second_person(word) for word in core)


def _second_person(word: str) -> bool:
    read = reading(word)
    return read.imperative or (read.personal and word.endswith(("те", "тесь", "шь", "шься")))


def _asks_en(core: list[str], lists: Lists) -> bool:
    """«Do you», «and is there», «send me»: a helping verb before its subject, or a request."""
    if core[0] in lists["verbs"] | lists["transitive"] | lists["helpers"] | HELPING:
        return True
    return any(one in lists["helpers"] | HELPING and other in SUBJECTS | {"there"} for one, other in pairwise(core))


HELPING = frozenset({"is", "are", "am", "was", "were", "has", "have"})
SHORT = 2
"""Words that may be said twice and be all, «да да»."""
ASKS: dict[str, Callable[[list[str], Lists], bool]] = {"ru": _asks_ru, "en": _asks_en}
SELF: dict[str, Callable[[list[str], frozenset[str]], bool]] = {
    # «испытываем бетон»; but «гарантия действует если чиним сами» may be a question
    "ru": lambda core, me: "если" not in core and any(word in me or reading(word).personal for word in core),
    "en": lambda core, me: not me.isdisjoint(core[:2]),
}


@cache
def _known(language: str) -> dict[str, frozenset[str]]:
    return {name: frozenset(text.split()) for name, text in table(f"acts_{language}").items()}
