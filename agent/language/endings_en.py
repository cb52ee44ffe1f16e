"""How finished an English phrase sounds: its helping verb wants a main verb, its main verb an object. Pure."""

from itertools import pairwise

from agent.language.dictation import Lists
from agent.pauses import Verdict

BEING = frozenset(("is", "are", "was"))
PREPOSITIONS = frozenset(("to", "for", "in", "of", "with", "from", "about", "on", "at"))
SUBJECTS = frozenset(("i", "you", "we", "they", "it", "he", "she"))
INDEFINITE = frozenset(("someone", "somebody", "everybody", "nobody"))
WITH_PERSON = frozenset(("help", "call", "hear"))
TELLING = frozenset(("tell", "give", "show", "send", "say"))
WISHES = frozenset(("want", "need", "like"))
QUESTIONS = frozenset(("how", "where", "when", "who", "which", "whose"))
"""Alone they ask nothing yet; «what» and «why» may."""
HAVING = frozenset(("have", "got", "i've", "we've", "there", "there's", "another"))
NOT = frozenset(("not", "doesn't", "don't", "won't", "didn't", "isn't", "can't"))
PERSONS = frozenset(("me", "us", "it", "you", "them"))
ARTICLES = frozenset(("the", "a", "an", "my", "our", "your", "their", "this", "that", "any", "some", "there", "it"))


def judged(core: list[str], lists: Lists) -> Verdict:
    """``core``: the words without polite ones around them; the last is no number."""
    last, before = core[-1], core[:-1]
    if last in lists["open"] or (last in lists["adjectives"] and not _described(core)):
        return "complete" if _asks_for_its_object(core, lists) else "open"
    if _begun(core, lists) or _announced(core, lists):
        return "open"
    if core[0] not in lists["questions"] and _stated(core, lists):
        return "complete"
    if last in lists["questions"] or not before:
        return "unsure"
    return _asked(core, lists)


def contrasts(core: list[str]) -> bool:
    """ "Not on friday", "it's not the front door": "but" another may follow."""
    denied = any(word == "not" and after in PREPOSITIONS | ARTICLES for word, after in pairwise(core))
    return "but" not in core and (denied or not {"instead", "rather"}.isdisjoint(core[:-1]))


def _begun(core: list[str], lists: Lists) -> bool:
    """«The courier», «i ordered», «send me», «what documents», «if i order»: the beginning of something."""
    first, last, count = core[0], core[-1], len(core)
    if first in SUBJECTS | INDEFINITE:
        return count == 2
    if first in ARTICLES and count < 4:
        return not any(_says(word, lists) for word in core[2:])
    if first == "if" and lists["questions"].isdisjoint(core):
        return True
    if first in {"has", "have"} and count < 4:
        return True
    if last in lists["requests"] or last in PERSONS:
        return (core[-2:-1] or [last])[0] in lists["asking"]
    return (count == 1 and first in QUESTIONS) or (count == 2 and first in {"what", "which", "how"})


def _announced(core: list[str], lists: Lists) -> bool:
    """«I have a question»: what it is about follows."""
    return core[-1] in lists["heralds"] and core[0] not in lists["questions"] and not HAVING.isdisjoint(core)


def _says(word: str, lists: Lists) -> bool:
    """A verb, as far as known."""
    return any(word in lists[name] for name in ("verbs", "helpers", "predicates")) or word in BEING | NOT


def _asked(core: list[str], lists: Lists) -> Verdict:
    if not any(word in lists["questions"] or word in lists["requests"] for word in core):
        return "unsure"
    if core[0] in BEING:
        return _asked_whether(core, lists)
    helper = next((place for place, word in enumerate(core) if word in lists["helpers"]), None)
    if helper is not None:
        return _after_helper(core, helper, lists)
    return _after_noun(core[-1], core[:-1], lists)


def _asks_for_its_object(core: list[str], lists: Lists) -> bool:
    """«Which countries do you ship to», «what should i do»."""
    if core[0] not in {"what", "which", "who", "where"} or lists["helpers"].isdisjoint(core[:-1]):
        return False
    before = core[-2]
    return (core[-1] in PREPOSITIONS and before in lists["verbs"]) or (core[-1] == "do" and before in SUBJECTS)


def _described(core: list[str]) -> bool:
    """«Are you open»."""
    return core[0] in BEING or core[0] in {"when", "why"}


def _asked_whether(core: list[str], lists: Lists) -> Verdict:
    """«Is there a discount», «is delivery included»: what is, and whether it is so."""
    if core[1:2] == ["there"]:
        return _after_noun(core[-1], core[:-1], lists) if len(core) > 2 else "open"
    said = [word for word in core if word not in ARTICLES]
    return "complete" if len(said) + (core[1] == "it") > 2 else "open"


def _after_helper(core: list[str], helper: int, lists: Lists) -> Verdict:
    """«How much does the machine cost»: without its main verb nothing is asked."""
    place = _main_verb(core, helper, lists)
    if place is None:
        return "open"
    if place < len(core) - 1:
        whole = core[-1] in lists["heads"] and core[-2] in ARTICLES
        return "complete" if whole else _after_noun(core[-1], core[:-1], lists)
    if core[0] in {"what", "who"} and core[-1] not in TELLING:
        return "complete"
    named = [word for word in core[:helper] if word not in lists["thin"]]
    if core[0] in lists["questions"] - lists["helpers"] and (core[-1] in lists["settled"] or named):
        return "complete"
    return "open" if core[-1] in lists["transitive"] else "unsure"


def _main_verb(core: list[str], helper: int, lists: Lists) -> int | None:
    """Where the main verb stands: right after «do you», else the first known verb that is no noun there."""
    subject = helper + 1
    if core[subject : subject + 1] and core[subject] in SUBJECTS:
        return subject + 1 if subject + 1 < len(core) else None
    places = range(subject, len(core))
    return next((n for n in places if core[n] in lists["verbs"] and core[n - 1] not in ARTICLES), None)


def _after_noun(noun: str, before: list[str], lists: Lists) -> Verdict:
    how_many = before[:2] in (["how", "many"], ["how", "much"]) and "is" not in before
    if how_many or (noun in lists["transitive"] and before[-1] not in ARTICLES | lists["adjectives"]):
        return "open"
    if noun in PERSONS:
        return "complete" if before[-1] in WITH_PERSON or _what_is_it(noun, before) else "unsure"
    kind = len(before) == 1 and before[0] in {"what", "which", "how"}
    if kind or (before[-1] == "to" and not WISHES.isdisjoint(before)) or _more_of_a_name(noun, before, lists):
        return "unsure"
    return "complete"


def _what_is_it(noun: str, before: list[str]) -> bool:
    return noun == "it" and before[-1] in BEING and before[0] != "why"


def _more_of_a_name(noun: str, before: list[str], lists: Lists) -> bool:
    """«What is the delivery (time)»."""
    return noun in lists["heads"] and before[0] != "how" and not _things(before, lists) and "to" not in before


def _things(words: list[str], lists: Lists) -> list[str]:
    """Words that name what it is about."""
    known = ("thin", "questions", "requests", "helpers", "verbs", "heads", "open")
    return [word for word in words if not any(word in lists[name] for name in known)]


def _stated(core: list[str], lists: Lists) -> bool:
    """«The machine does not start», «i lost the password»."""
    if len(core) <= 2:
        return False
    if _says(core[-1], lists) and not NOT.isdisjoint(core[:-1]) and core[0] not in SUBJECTS:
        return True
    if core[-1] in lists["predicates"] and core[0] in ARTICLES:
        return True
    plain = lists["questions"].isdisjoint(core) and lists["requests"].isdisjoint(core)
    return core[0] in SUBJECTS | INDEFINITE and plain and (len(core) > 4 or (len(core) > 3 and core[-2] in ARTICLES))
