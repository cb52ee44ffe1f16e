"""What a Russian word is: part of speech, government, cases. Pure; OpenCorpora's dictionary, read by ``pymorphy3``.

Recognised words have no capitals and no context here: the likeliest part of speech is taken (a word that the dictionary
lacks is judged by its ending), and of a form with several cases all likely ones.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from agent.language.dictionary_ru import dictionary

Part = Literal["noun", "adjective", "short", "verb", "infinitive", "pronoun", "comparative", "other"]
"""``short`` can be a predicate, «готов», «слышно»; ``verb`` is a finite one."""

CACHED = 4096
"""Words whose reading is kept."""
LIKELY = 0.1
"""Least part of a word's uses that makes a form likely."""
PROPER = frozenset({"Name", "Patr", "Surn", "Geox"})
_RUSSIAN = re.compile(r"[а-я-]+")
_PLURAL = re.compile(r"\w+(?:ов|ев)")
"""«Килоньютонов»: taken for an adjective, «отцов», where the dictionary lacks the noun."""
_PARTS: dict[str, Part] = {
    "NOUN": "noun",
    "ADJF": "adjective",
    "PRTF": "adjective",
    "ADJS": "short",
    "PRTS": "short",
    "PRED": "short",
    "VERB": "verb",
    "INFN": "infinitive",
    "COMP": "comparative",
    "NPRO": "pronoun",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """The likeliest use of a word."""

    part: Part
    verbal: bool = False
    """It can be a finite verb, too: «берете»."""
    transitive: bool = False
    """It wants an object: «потерял», «обменять»."""
    personal: bool = False
    """A verb of the first or second person: its subject is in it."""
    imperative: bool = False
    number: bool = False
    """A number word: «сто», «пятисот»."""
    cases: frozenset[str] = frozenset()
    """Likely cases of a noun or an adjective, OpenCorpora's names."""
    proper: bool = False
    """A person's or a place's name."""
    name: str = "NOUN"
    """OpenCorpora's name of the part of speech: it tells prepositions, particles and adverbs apart."""


@lru_cache(CACHED)
def reading(word: str) -> Reading:
    """One word in lower case; some 60 µs for a word not asked for before."""
    if not _RUSSIAN.fullmatch(word):
        return Reading("noun", cases=frozenset({"nomn", "accs"}))
    parses = dictionary().parse(word)
    scores: dict[Part, float] = {}
    for parse in parses:
        part = _PARTS.get(str(parse.tag.POS), "other")
        scores[part] = scores.get(part, 0.0) + parse.score
    best = max(scores, key=lambda part: scores[part])
    if best == "adjective" and _PLURAL.fullmatch(word):
        return Reading("noun", cases=frozenset({"gent"}))
    tags = [parse.tag for parse in parses if _PARTS.get(str(parse.tag.POS), "other") == best and parse.score >= LIKELY]
    return _read(best, tags or [parses[0].tag], "verb" in scores)


def _read(part: Part, tags: list[Any], verbal: bool) -> Reading:
    first = tags[0]
    return Reading(
        part,
        verbal,
        transitive=part in {"verb", "infinitive"} and all(tag.transitivity == "tran" for tag in tags),
        personal=first.POS == "VERB" and first.person in {"1per", "2per"},
        imperative=first.mood == "impr",
        number=first.POS == "NUMR",
        cases=frozenset(str(tag.case) for tag in tags if tag.case),
        proper=part == "noun" and not PROPER.isdisjoint(first.grammemes),
        name=str(first.POS or "LATN"),
    )
