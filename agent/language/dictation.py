"""A number at the end of an utterance: is it over? Digits are counted as they are dictated, in groups. Pure."""

from collections.abc import Mapping

from agent.pauses import Verdict

Lists = Mapping[str, frozenset[str]]

WHOLE_NUMBER = 10
"""Digits of a telephone number (Russian and British numbering plans, trunk prefix aside)."""


def settled(words: list[str], digits: Lists, lists: Lists) -> Verdict | None:
    """The verdict on a number that stands alone, is dictated, or is over; any other may be all, or lack its unit."""
    verdict = judged(words, digits, lists)
    known = frozenset().union(*digits.values())
    count = next((n for n, word in enumerate(reversed(words)) if word not in known), len(words))
    before, groups = words[: len(words) - count], _groups(words[len(words) - count :], digits)
    sure = verdict == "complete" or not before or not count or len(groups) > 2 or _announced(before, lists)
    return verdict if sure else None


def judged(words: list[str], digits: Lists, lists: Lists) -> Verdict | None:
    """How finished a number at the end sounds; ``None`` when the last word is none.

    A number without a unit is a group of a longer one, or the unit follows: only a whole telephone number is over.
    """
    known = frozenset().union(*digits.values())
    count = next((n for n, word in enumerate(reversed(words)) if word not in known), len(words))
    if not count:
        return "open" if _in_the_middle(words[:-1], known, digits, lists) else None
    number, before = words[-count:], words[: len(words) - count]
    groups = _groups(number, digits)
    if before and before[-1] in lists["numbered"]:
        return "unsure"
    if any(word in digits["amounts"] for word in number) or (len(groups) < 3 and not _announced(before, lists)):
        return "open"
    return _dictated(number, groups, digits["trunk"], digits["tens"])


def _in_the_middle(words: list[str], known: frozenset[str], digits: Lists, lists: Lists) -> bool:
    """Announced, or three groups of digits, and more to come: a word after them was a misheard one."""
    count = next((n for n, word in enumerate(reversed(words)) if word not in known), len(words))
    if not count:
        return False
    before, groups = words[: len(words) - count], _groups(words[len(words) - count :], digits)
    return sum(groups) < WHOLE_NUMBER and (len(groups) > 2 or _announced(before, lists))


def announces(words: list[str], lists: Lists) -> bool:
    """«Запишите мой номер», «телефон менеджера»: told, not asked, and the number is still to come."""
    if words[0] in lists["telling"] and words[-1] in lists["told"]:
        return True
    if lists["announcing"].isdisjoint(words[-2:]) or words[-1] in lists["questions"] | lists["predicates"]:
        return False  # «а телефон можно», «мой паспорт готов»
    if len(words) > 1 and words[-1] not in lists["announcing"] and words[-2] in lists["labelled"]:
        return False  # «мой заказ на завтра»
    return words[0] in lists["telling"] or (len(words) < 3 and words[0] in lists["announcing"])


def _announced(before: list[str], lists: Lists) -> bool:
    return bool(before) and any(word in lists["dictated"] for word in before[-2:])


def _dictated(number: list[str], groups: list[int], trunk: frozenset[str], tens: frozenset[str]) -> Verdict:
    """A telephone number: whole when all its digits are there."""
    prefixed = number[0] in trunk and groups[0] == 1
    missing = WHOLE_NUMBER + prefixed - sum(groups)
    if missing <= 0:  # «шестьдесят» may still become «шестьдесят семь»
        return "unsure" if missing == 0 and number[-1] in tens else "complete"
    return "open"


def _groups(number: list[str], digits: Lists) -> list[int]:
    """Digits of each spoken group: «девятьсот двенадцать» is one of three, «сорок пять» one of two."""
    groups: list[int] = []
    room = 0
    """Greatest kind of word that still joins the group: 2 tens or teens, 1 units, 0 nothing."""
    for word in number:
        size = _size(word, digits)
        if size == 3 or size > room or (size == 1 and word in digits["zero"]):
            groups.append(min(size, 3))
            room = 0 if size == 1 else size - 1
        else:
            room = 0 if word in digits["teens"] else size - 1
    return groups


def _size(word: str, digits: Lists) -> int:
    """Digits of a word that stands alone."""
    if word in digits["hundreds"]:
        return 3
    return 2 if word in digits["tens"] or word in digits["teens"] else 1
