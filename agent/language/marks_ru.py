"""What each word of a Russian phrase is, in two short marks: for counting which sequences of words go on. Pure."""

from agent.language.dictation import Lists
from agent.language.marks import Marked
from agent.language.morphology_ru import Reading, reading

CASES = {"nomn": "n", "accs": "a", "gent": "g", "datv": "d", "ablt": "i", "loct": "l", "gen2": "g", "loc2": "l"}
OWN = ("questions", "open", "requests", "heralds", "wanting")
"""Lists of words that are marks by themselves: what follows them depends on the very word."""
ROUGH = {
    "PREP": "p",
    "CONJ": "c",
    "PRCL": "x",
    "ADVB": "d",
    "INTJ": "j",
    "NPRO": "o",
    "NUMR": "#",
    "COMP": "m",
}
LITTLE = frozenset({"PREP", "CONJ", "PRCL", "NPRO"})
"""Parts of speech with few words; each is a mark by itself."""


def marked(words: list[str], lists: Lists) -> Marked:
    """``words``: lower case, «е» for «ё»; ``lists`` of ``completeness_ru.toml``."""
    own = frozenset().union(*(lists[name] for name in OWN))
    fine, rough = [], []
    for word in words:
        read = reading(word)
        rough.append(_rough(word, read, lists))
        fine.append(word if word in own or read.name in LITTLE else _fine(read))
    return Marked(words, fine, rough, [_stem(word) for word in words])


def _fine(read: Reading) -> str:
    if read.part in {"noun", "adjective"}:
        return ("N" if read.proper else read.part[0]) + "".join(sorted({CASES.get(case, "?") for case in read.cases}))
    if read.part == "verb":
        person = "!" if read.imperative else "1" if read.personal else "3"
        return "v" + person + ("t" if read.transitive else "")
    if read.part == "infinitive":
        return "i" + ("t" if read.transitive else "")
    return ROUGH.get(read.name, read.name)


def _rough(word: str, read: Reading, lists: Lists) -> str:
    if word in lists["questions"]:
        return "q"
    if read.proper:
        return "N"
    if read.part in {"noun", "adjective", "verb", "infinitive"}:
        return read.part[0]
    return ROUGH.get(read.name, "s" if read.part == "short" else "z")


def _stem(word: str) -> str:
    """The beginning of a word: its endings are in the marks."""
    return word[: max(4, len(word) - 3)]
