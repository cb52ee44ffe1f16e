"""Which case and gender a Russian number takes: the preposition before it and the noun behind it decide together.

«с 5 кН» from five, «с 2 датчиками» with two: the preposition allows both, the noun tells. pymorphy3 (OpenCorpora's
dictionary, 31 MB in memory) knows the nouns; it is loaded when the first noun is asked for.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from agent.language.dictionary_ru import dictionary
from agent.language.tables import derived, table

HIGHEST = 200
"""Highest number that tells which one of a row."""
REACH = 80
"""Characters before and behind a number that are looked at."""
CACHED = 8192
"""Words whose parses are kept."""
ANY = "nagdip"
"""Cases in the order in which they are tried where nothing governs."""
CASES = {
    "nomn": "n",
    "gent": "g",
    "gen2": "g",
    "datv": "d",
    "accs": "a",
    "acc2": "a",
    "ablt": "i",
    "loct": "p",
    "loc2": "p",
}
GENDERS = {"masc": "m", "femn": "f", "neut": "n"}
NUMBER = r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?"
LISTED = re.compile(rf"(?<![\w.,:])(?:\d{{1,2}}:\d\d|{NUMBER})(?:,| и| или| -| —|-|–)$")
MORE = re.compile(rf"(?:\s?[-–—]\s?|, | и | или | на |×)(?:{NUMBER})(?![\w-])| (?:и|или) (?:более|менее|больше)(?!\w)")
SEEN_THROUGH = re.compile(
    r"(?:\b(?:плюс|минус|плюс-минус|примерно|почти|ровно|приблизительно|ещё|еще|только|всего|хотя бы|всё|не|лишь"
    r"|где-то)|±)\s*$"
)
ADJECTIVE = re.compile(r"(?<!\w)([а-яё]*(?:ие|ые|их|ых|им|ым|ими|ыми)|всех|тех|всем|тем|всеми|теми|все|те|мои|свои)$")
OF_ENDING = {"е": "n", "х": "g", "м": "d", "и": "i"}
NOT_ADJECTIVES = frozenset(["их", "им", "ими", "них", "ним", "ними", "другие"])
AMONG = re.compile(rf"\s+из\s+(?:{NUMBER}|[а-яё]+их|[а-яё]+ых)")
"""«две из трёх машин»: the gender comes from what it is chosen from."""
HOUR = re.compile(r"\s+(?:ночи|утра|вечера|пополудни)(?!\w)")
"""«в два ночи»: hours are counted, not nights."""
WORD = re.compile(r"\s+([А-Яа-яЁё]+)(?:-[а-яё]+)?")


class Noun(NamedTuple):
    """One reading of a noun's form."""

    case: str
    plural: bool
    gender: str
    """``m``, ``f``, ``n``; empty where the noun has none."""
    animate: bool


class Agreement(NamedTuple):
    """What a number has to agree with."""

    case: str
    gender: str


def prepare() -> None:
    """Load the dictionary now, not in the middle of a call."""
    dictionary()


@lru_cache(CACHED)
def nouns(word: str, *, names: bool = False) -> tuple[Noun, ...]:
    """The readings of ``word`` as a noun, or as a first name; empty: it is none."""
    readings = []
    for parse in dictionary().parse(word):
        tag = parse.tag
        if tag.POS == "NOUN" and tag.case in CASES and "Surn" not in tag and ("Name" in tag) == names:
            gender = GENDERS.get(tag.gender, "")
            readings.append(Noun(CASES[tag.case], tag.number == "plur", gender, tag.animacy == "anim"))
    return tuple(readings)


@lru_cache(CACHED)
def describes(word: str) -> bool:
    """Whether the word may be an adjective before the noun that is looked for."""
    return any(parse.tag.POS in {"ADJF", "PRTF", "NUMR"} for parse in dictionary().parse(word))


def noun_behind(behind: str) -> tuple[Noun, ...]:
    """The noun that a number before ``behind`` counts: over further numbers of a list and over adjectives."""
    behind = behind[:REACH]
    while more := MORE.match(behind):
        behind = behind[more.end() :]
    found = WORD.match(behind)
    for _ in range(4):
        if found is None:
            return ()
        word = found[1].lower()
        if word == "дробь":  # «дом 1/2» counts no fractions
            return ()
        after = WORD.match(behind, found.end())
        adjective = describes(word)
        # «рабочих» is a noun, too, but not before «дней»
        if (readings := nouns(word)) and not (adjective and after and nouns(after[1].lower())):
            return readings
        if not adjective:
            return ()
        found = after
    return ()


def candidates(before: str) -> str:
    """The cases that the words before a number allow, the likeliest first."""
    text = before[-REACH:].lower().rstrip()
    while through := SEEN_THROUGH.search(text):
        text = text[: through.start()].rstrip()
    if listed := LISTED.search(text):
        return candidates(text[: listed.start()])
    adjective = ADJECTIVE.search(text)
    if adjective and adjective[1] not in NOT_ADJECTIVES and not _cases().get(adjective[1]):
        return OF_ENDING[adjective[1][-1]]
    last = re.search(r"([а-яё]+)$", text)
    return _cases().get(last[1], ANY) if last else ANY


def agreement(before: str, value: str, behind: str) -> Agreement:
    """Case and gender of a number without a unit of ours."""
    allowed = candidates(before)
    if among := AMONG.match(behind):
        # «с одним из пяти» rather than «с одного из пяти»
        case = "i" if allowed == "gi" else _ordered(allowed, value)[0]
        return Agreement(case, _gender(noun_behind(behind[among.end() :])))
    if HOUR.match(behind):
        return Agreement(_ordered(allowed, value)[0], "m")
    readings, last = noun_behind(behind), _last_of_list(value, behind)
    for case in _ordered(allowed, value) + ANY:  # what governs another word is no reason against the noun
        for noun in readings:
            if fits(last, case, noun):
                few = last[-1:] in "1234" and last[-2:-1] != "1"  # «двух клиентов», but «на шесть персон»
                animate = case == "a" and noun.animate and few and (noun.plural or noun.gender == "m")
                return Agreement("g" if animate else case, noun.gender or "m")
    return Agreement(_ordered(allowed, value)[0], _gender(readings))


def _last_of_list(value: str, behind: str) -> str:
    """The number with which the noun agrees: the last of «1–2 раза»."""
    behind = behind[:REACH]
    while (more := MORE.match(behind)) and (number := re.search(NUMBER, more[0])):
        value, behind = re.sub(r"\s", "", number[0]).replace(",", "."), behind[more.end() :]
    return value


def _gender(readings: tuple[Noun, ...]) -> str:
    return (readings[0].gender if readings else "") or "m"


def is_numbered(before: str, value: str, behind: str) -> bool:
    """Whether the number tells which, not how many: «на 3 этаже», «3 квартал»."""
    found = WORD.match(behind)
    if found is None or not value.isdigit() or len(value) > len(str(HIGHEST)) or not 1 <= int(value) <= HIGHEST:
        return False
    readings = nouns(found[1].lower())
    single = [noun for noun in readings if not noun.plural and noun.case in candidates(before)]
    named = table("verbalise_ru")["numbered"]
    known = named["first"] if int(value) % 100 == 1 else f"{named['first']} {named['others']}"
    if not single or lemma(found[1].lower()) not in known.split():
        return False
    return int(value) % 100 == 1 or not any(fits(value, case, noun) for case in ANY for noun in readings)


@lru_cache(CACHED)
def lemma(word: str) -> str:
    """The dictionary's form of the likeliest reading."""
    return str(dictionary().parse(word)[0].normal_form)


def case_of_unit(before: str, value: str, behind: str) -> str:
    """Case of a number with a unit that we inflect ourselves."""
    allowed = candidates(before)
    if allowed != ANY and "p" in allowed and re.match(r"\s+от\b", behind):
        return "p"  # «в пяти метрах от дома»
    return _ordered(allowed, value)[0]


def is_governed(before: str) -> bool:
    """Whether a preposition or the like stands before the number."""
    return candidates(before) != ANY


def _ordered(allowed: str, value: str) -> str:
    """«по пять рублей», but «по одному рублю»."""
    one = value.isdigit() and value[-1] == "1" and value[-2:] != "11"
    return allowed[::-1] if allowed == "ad" and one else allowed


def fits(value: str, case: str, noun: Noun) -> bool:
    """Whether a noun in this form can stand behind ``value`` said in ``case``."""
    if not value.isdigit():
        return noun.case == "g"
    last, teens = int(value[-1]), 11 <= int(value[-2:]) <= 14
    if last == 1 and not teens:
        return noun.case == case and (not noun.plural or not noun.gender)
    if case in "na":
        few = 2 <= last <= 4 and not teens
        if few and case == "a" and noun.animate:
            return noun.case == "g" and noun.plural
        return noun.case == "g" and noun.plural != (few and bool(noun.gender))
    return noun.case == case and noun.plural


@derived
def _cases() -> dict[str, str]:
    return {word: case for case, words in table("verbalise_ru")["cases"].items() for word in words.split()}
