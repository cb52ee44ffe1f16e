"""How finished a Russian phrase sounds, by its last word and by what stands before it. Pure.

A dictionary tells parts of speech and which verbs want an object (``morphology_ru``); what a subject, an object and a
question word leave to be said is decided here; what a dictionary can't know stands in the lists.
"""

from itertools import pairwise

from agent.language.clause_ru import PREPOSITIONS, Clause
from agent.language.dictation import Lists
from agent.language.morphology_ru import reading
from agent.pauses import Verdict

WHAT_KIND = frozenset({"какой", "какая", "какое", "какие"})
OBLIQUE = frozenset({"какого", "какую", "каком", "какому", "какими", "каких"})
KIND = WHAT_KIND | OBLIQUE
WHERE_WHEN = frozenset({"где", "когда", "куда"})
WHY = frozenset({"почему", "зачем", "отчего"})
HOW_MANY = frozenset({"сколько", "скольки"})
WISHES = frozenset({"нужен", "нужна", "нужно", "нужны", "хочу", "хотел", "хотела", "хотим", "хотели"})
OBJECTS = frozenset({"вас", "его", "ее", "их", "это"})
WHAT = frozenset({"что", "чем", "кем", "кого", "кому", "чего", "чему"})
TIMES = frozenset({"завтра", "сегодня", "сейчас", "послезавтра", "круглосуточно"})
LEARNING = frozenset({"интересует", "узнать", "уточнить", "спросить", "выяснить"})
NEEDED = frozenset({"нужен", "нужна", "нужны"})
PRICED = frozenset({"стоит", "стоят"})
MAY = frozenset({"можете", "можно", "нужно", "надо"})
SUBJECTS = frozenset({"он", "она", "оно", "они", "это"})
SPEAKERS = frozenset({"я", "мы", "вы"})
WISHING = frozenset({"мне", "нам"})
"""«Мне пожалуйста чай»."""
CONDITIONS = frozenset({"если", "чтобы", "потому", "поскольку", "пока"})
SHORT = 3
"""Longest question that has its question word at the end, words."""


def judged(core: list[str], lists: Lists) -> Verdict:
    """``core``: the words without polite ones around them; the last is no number."""
    begins = max((place + 1 for place, word in enumerate(core[:-1]) if word in CONDITIONS), default=0)
    clause = Clause(core[begins:], lists)
    if core[-1] in lists["open"] and not _turned(clause):
        return "open"
    if begins and not clause.predicates:
        return "open"  # «если машина»
    return _clause(clause)


def _clause(clause: Clause) -> Verdict:
    last = clause.words[-1]
    if _turned(clause):
        return "complete"
    if last in clause.lists["heralds"] and not WHAT_KIND & set(clause.words):
        return "open"  # «у меня вопрос», «есть ли возможность»
    if last in clause.lists["open"] or clause.is_adjective(last):
        return "unsure" if _said_of_it(clause) else "open"
    if clause.is_predicate(last):
        return _after_verb(clause)
    if not clause.asks:
        return _stated(clause)
    return "open" if last in clause.lists["questions"] else _after_noun(clause)


def _said_of_it(clause: Clause) -> bool:
    """«Доставка бесплатная»: an adjective that may be the predicate of the noun before it."""
    return (
        len(clause.words) == 2 and bool(clause.free(clause.words[:1])) and clause.words[-1] not in clause.lists["open"]
    )


def _turned(clause: Clause) -> bool:
    """«А гарантия какая», «обед во сколько», «доставка платная или бесплатная»: the question comes last."""
    last, before = clause.words[-1], clause.words[:-1]
    if "или" in before[:-1] or before[-1:] == ["или"]:
        return clause.is_adjective(last) and before[-1] == "или"
    if last in MAY and (any(clause.is_infinitive(word) for word in before) or "что" in before[:-1]):
        return True
    if last == "есть" and before and before[-1] not in KIND:
        return bool(clause.free(before)) or clause.read(before[-1]).part == "comparative"
    return bool(clause.things(before)) and _asked_at_last(clause, last, before)


def _asked_at_last(clause: Clause, last: str, before: list[str]) -> bool:
    if last in WISHES:
        return bool(KIND & set(before)) or (last in NEEDED and bool(clause.free(before)))
    if last in WHAT_KIND:
        return len(before) < SHORT and before[-1] not in clause.lists["thin"]
    return last in WHERE_WHEN or (last in HOW_MANY and before[-1] in {"во", "до", "со", "за"})


def _after_verb(clause: Clause) -> Verdict:
    """A phrase that ends with a verb is whole when the verb wants nothing more, or has it before it."""
    verb, before = clause.words[-1], clause.words[:-1]
    if verb in clause.lists["linking"]:
        return "open"
    if verb in clause.lists["wanting"]:
        asked = not {"сколько", "почему", "что"}.isdisjoint(before)
        return "complete" if asked and (clause.things(before) or SUBJECTS & set(before)) else "open"
    if clause.is_infinitive(verb):
        return _after_infinitive(clause, verb, before)
    if clause.read(verb).personal or SPEAKERS & set(before[-2:]):
        return _after_person(clause, verb, before)
    return _after_third_person(clause, verb, before)


def _after_infinitive(clause: Clause, verb: str, before: list[str]) -> Verdict:
    lists, asked = clause.lists, clause.asks
    if clause.free(before) or SUBJECTS & set(before) or "что" in before[:-1]:
        return "complete"  # «какие документы нужно принести», «что мне делать»
    if asked and before[-1] in OBJECTS and clause.read(verb).transitive:
        return "complete"  # «как вас найти»
    alone = verb in lists["settled"] or verb.endswith(("ться", "тись"))
    if not alone:
        return "open" if not asked or clause.read(verb).transitive or WISHES & set(before) else "unsure"
    if WISHES & set(before):
        return "unsure"
    return "complete" if asked else "unsure"


def _after_person(clause: Clause, verb: str, before: list[str]) -> Verdict:
    """«Где вы находитесь», «карту я потерял»: the subject is known."""
    if clause.free(before) or WHAT & set(before):
        return "complete"
    if clause.read(verb).transitive:
        return "open"
    asked = any(word in clause.lists["questions"] for word in before)
    if asked or clause.things(before) or TIMES & set(before):
        return "complete"
    return "unsure" if before[-1:] == ["я"] else "open"  # «я опоздаю»


def _after_third_person(clause: Clause, verb: str, before: list[str]) -> Verdict:
    """«Когда приедет» lacks who comes, «датчик показывает» lacks what."""
    subjects = clause.free(before)
    if not subjects and not SUBJECTS & set(before):
        return "open"
    if KIND & set(before):
        return "open" if clause.read(verb).transitive else "unsure"  # «какую точность имеет» wants to know of what
    if not clause.read(verb).transitive or verb in clause.lists["predicates"] or len(subjects) > 1:
        return "complete"
    return "unsure" if before[-1] == "не" else "open"


def _after_noun(clause: Clause) -> Verdict:
    noun, before, lists = clause.words[-1], clause.words[:-1], clause.lists
    if before == ["сколько"] or _wants_verb(clause) or _kind_of_nothing(clause):
        return "open"
    if not before or noun in lists["thin"] or before[-1] in {"как", "сколько"}:
        return "unsure"
    if (before[-1] in SPEAKERS and clause.read(noun).verbal) or (before[-1] == "для" and noun.endswith("ния")):
        return "open"  # «вы берете», which is also a noun; «для испытания»
    if (before[-1] == "у" and "есть" in before) or (before[-1] == "из" and before[-2:-1] and before[-2] in KIND):
        return "open"  # «есть ли у машины», «какая из машин»
    if noun in lists["heads"] or noun in lists["goods"]:
        return _after_general_noun(clause, noun, before)
    return "complete"


def _after_general_noun(clause: Clause, noun: str, before: list[str]) -> Verdict:
    """«Цена», «машина»: often followed by which."""
    lists = clause.lists
    if noun in lists["heads"] and LEARNING & set(before):
        return "open"  # «узнать стоимость»
    named = [word for word in clause.things(before) if word not in lists["heads"]]
    named += [word for word in before if noun in lists["goods"] and clause.is_adjective(word)]
    done = noun in lists["goods"] and any(clause.is_predicate(word) and word not in PRICED for word in before)
    return "complete" if named or (done and not WISHES & set(before)) else "unsure"


def _kind_of_nothing(clause: Clause) -> bool:
    """«Какое у этой машины»: what is asked for is not named yet."""
    words = clause.words
    return words[0] in WHAT_KIND and not clause.predicates and not clause.free(words)


def contrasts(core: list[str]) -> bool:
    """«Не на эту почту»: what is denied is no verb, so «а на другую» may follow."""
    denied = (after for word, after in pairwise(core) if word == "не")
    return "а" not in core[1:] and any(
        word in PREPOSITIONS or reading(word).part in {"noun", "adjective"} for word in denied
    )


def _wants_verb(clause: Clause) -> bool:
    """«В каком городе», «почему машина», «у вас есть в наличии»: the matter itself is still to come."""
    words = clause.words
    if "есть" in words:
        return not clause.free(words) and clause.read(words[-1]).part != "comparative"
    if clause.predicates or clause.requests or WISHES & set(words):
        return bool(NEEDED & set(words)) and not any("nomn" in clause.read(word).cases for word in clause.free(words))
    if not clause.things(words) and clause.read(words[-1]).part != "comparative":
        return True  # «как часто», «как с вами»
    if clause.free(words[:1]):
        return False  # «самовывоз с какого склада»
    oblique = any(
        word in OBLIQUE or (word in KIND and before in PREPOSITIONS) for before, word in pairwise(["", *words])
    )
    why = not WHY.isdisjoint(words) and not any(clause.is_adjective(word) for word in words)
    return oblique or why


def _stated(clause: Clause) -> Verdict:
    """«Датчик силы не работает», «сломалась машина»: something, and what is with it."""
    words, lists = clause.words, clause.lists
    last = words[-1]
    if last in lists["heads"] or last in lists["thin"]:
        return "unsure" if len(words) > 1 or last in lists["heads"] else "open"
    if not clause.predicates:
        return _topic(clause)
    verb = clause.predicates[-1]
    subject = clause.free(words) or SUBJECTS & set(words)
    after = words[words.index(verb) + 1 :]
    if clause.read(verb).transitive and not clause.free(after):
        return "complete" if len(clause.free(words)) > 1 or (SPEAKERS & set(words) and subject) else "unsure"
    told = subject or clause.read(verb).personal or SPEAKERS & set(words)
    return "complete" if told else "unsure"


def _topic(clause: Clause) -> Verdict:
    """No predicate: «у нас авария» is whole, «у ребенка» and «в заказе» are where it begins."""
    things, first = clause.free(clause.words), clause.words[0]
    if first == "у" or first in WISHING:
        named = first != "у" or any("nomn" in clause.read(word).cases for word in things)
        return "complete" if things and named else "open"
    return "open" if first in PREPOSITIONS and not things and not clause.counts else "unsure"
