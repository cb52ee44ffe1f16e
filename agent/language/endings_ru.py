"""How finished a Russian phrase sounds, by its last word and by what stands before it. Pure.

Endings tell adjectives, infinitives and persons of verbs well enough here; what they get wrong stands in the lists.
"""

import re
from itertools import pairwise

from agent.language.dictation import Lists
from agent.pauses import Verdict

ADJECTIVE = re.compile(
    r"\w{2,}(?:ая|яя|ое|ую|юю|ый|ые|ых|ыми|ым|[кгхшжщ]ий|[кгхшжщ]ие|[кгхшжщ]их|[кгхшжщ]им|[кгхшжщ]ими|его|ого|ому|ему"
    r"|ской|[вшж]ой|[бвгджзклмнпрстфхцчшщьы]ной|[бвгджзклмпрстфхцчшщ]ном|шей|щей|жей)$"
)
INFINITIVE = re.compile(r"\w{2,}(?:ть|ться|ти|тись|чь|чься)$")
PLURAL_YOU = re.compile(r"\w{2,}(?:ете|ите|йте|ьте|етесь|итесь)$")
HE_DOES = re.compile(r"\w{2,}(?:ет|ит|ют|ят|ут|ат)$")
OF_ITSELF = re.compile(r"\w{3,}(?:тся|лся|лась|лось|лись)$")
PAST = re.compile(r"\w{2,}(?:л|ла|ло|ли)$")
WHAT_KIND = frozenset({"какой", "какая", "какое", "какие"})
WHERE_WHEN = frozenset({"где", "когда", "куда"})
HOW_MANY = frozenset({"сколько", "скольки"})
WISHES = frozenset({"нужен", "нужна", "нужно", "нужны", "хочу", "хотел", "хотела", "хотим", "хотели"})
KIND = WHAT_KIND | {"какого", "какую", "какой", "каком", "какому", "какими", "каких"}
PRICED = frozenset({"стоит", "стоят"})
MAY = frozenset({"можете", "можно", "нужно", "надо"})
TELLERS = frozenset({"не", "я", "мы"})
SUBJECTS = frozenset({"он", "она", "оно", "они", "это"})
SHORT = 3
"""Longest question that has its question word at the end, words."""


def judged(core: list[str], lists: Lists) -> Verdict:
    """``core``: the words without polite ones around them; the last is no number."""
    last, before = core[-1], core[:-1]
    if _turned(core, lists):
        return "complete"
    if last in lists["open"] or _adjective(last, lists):
        return "open"
    if not _asks(core, lists):
        return _stated(core, lists)
    if last in lists["questions"]:
        return "unsure" if before else "open"
    if _verb(last, lists):
        return _after_verb(last, before, lists)
    return _after_noun(last, before, lists)


def _turned(core: list[str], lists: Lists) -> bool:
    """«А гарантия какая», «обед во сколько», «доставка платная или бесплатная»: the question comes last."""
    last, before = core[-1], core[:-1]
    if "или" in before[:-1] or before[-1:] == ["или"]:
        return _adjective(last, lists) and before[-1] == "или"
    if last in MAY and any(_infinitive(word, lists) for word in before):
        return True
    if not _things(before, lists):
        return False
    if last == "есть" or last in WISHES:
        return bool(KIND & set(before)) == (last in WISHES)
    if last in WHAT_KIND:
        return len(core) <= SHORT and before[-1] not in lists["thin"]
    return last in WHERE_WHEN or (last in HOW_MANY and before[-1] in {"во", "до", "со", "за"})


def _adjective(word: str, lists: Lists) -> bool:
    if word in lists["adjectives"]:
        return True
    return word not in lists["not_adjectives"] and ADJECTIVE.fullmatch(word) is not None


def _asks(core: list[str], lists: Lists) -> bool:
    return any(word in lists["questions"] or word in lists["requests"] or PLURAL_YOU.fullmatch(word) for word in core)


def _infinitive(word: str, lists: Lists) -> bool:
    return INFINITIVE.fullmatch(word) is not None and not word.endswith("ость") and word not in lists["not_infinitives"]


def _verb(word: str, lists: Lists) -> bool:
    if word in lists["not_verbs"]:
        return False
    return _infinitive(word, lists) or any(form.fullmatch(word) for form in (PLURAL_YOU, HE_DOES, OF_ITSELF))


def _things(words: list[str], lists: Lists) -> list[str]:
    """Words that name what it is about."""
    known = lists["thin"] | lists["requests"]
    return [word for word in words if word not in known and not _verb(word, lists) and not _adjective(word, lists)]


def _after_verb(verb: str, before: list[str], lists: Lists) -> Verdict:
    """A phrase that ends with a verb is whole when the verb wants nothing more, or has it before it."""
    if verb in lists["linking"] or (KIND & set(before) and not PLURAL_YOU.fullmatch(verb)):
        return "unsure"  # «какую точность имеет» wants to know of what
    counted = {after for word, after in pairwise(before) if word == "сколько"}
    if set(_things(before, lists)) - counted or SUBJECTS & set(before):
        return "complete"
    if verb in lists["wanting"]:
        return "open"
    if WISHES & set(before) and _infinitive(verb, lists) and not verb.endswith(("ться", "тись")):
        return "unsure" if verb in lists["settled"] else "open"
    asked = any(word in lists["questions"] for word in before)
    if asked and (verb in lists["settled"] or verb.endswith(("ться", "тись"))):
        return "complete"
    return "unsure" if asked or verb in lists["settled"] else "open"


def _after_noun(noun: str, before: list[str], lists: Lists) -> Verdict:
    if before == ["сколько"]:
        return "open"
    if not before or noun in lists["thin"] or before[-1] in {"я", "мы", "как", "сколько"}:
        return "unsure"
    if (before[-1] == "у" and "есть" in before) or (before[-1] == "из" and before[-2:-1] and before[-2] in KIND):
        return "open"  # «есть ли у машины», «какая из машин»
    if noun in lists["heads"] or noun in lists["goods"]:
        named = [word for word in _things(before, lists) if word not in lists["heads"]]
        named += [word for word in before if noun in lists["goods"] and _adjective(word, lists)]
        done = noun in lists["goods"] and any(_verb(word, lists) and word not in PRICED for word in before)
        return "complete" if named or (done and not WISHES & set(before)) else "unsure"
    return "complete"


def _stated(core: list[str], lists: Lists) -> Verdict:
    """«Датчик силы не работает», «сломалась машина»: something, and what is with it."""
    if core[-1] in lists["heads"] or core[-1] in lists["thin"]:
        return "unsure"
    does = [word for word in core if word in lists["predicates"] or OF_ITSELF.fullmatch(word)]
    if does and _things([word for word in core if word not in does], lists):
        return "complete"
    told = any(before in TELLERS and _did(word) for before, word in pairwise(core[:-1]))
    return "complete" if told and not _verb(core[-1], lists) and not _did(core[-1]) else "unsure"


def _did(word: str) -> bool:
    """«Видит», «получили»: after «не» or «я» it is a verb."""
    return HE_DOES.fullmatch(word) is not None or PAST.fullmatch(word) is not None
