"""Token stream to sentences fit to be spoken. Pure; however the stream is cut, the sentences are the same.

A sentence ends at ``|`` (asked of models in the system prompt), at a line end, and at ``.?!…`` where these end
one: not inside numbers, addresses and abbreviations. A decision waits for the characters that it depends on.
"""

import re
from dataclasses import dataclass

LONGEST = 200
"""Characters after which a sentence is cut at a comma, or else between words."""
FIRST = 110
"""The same for the first sentence of a stream, so that speech begins early."""
SHORTEST = 30
"""No cut at a comma before so many characters."""

ENDS = ".!?…"
CLOSERS = "»”\"')]"
_FOLLOWED = """
ул пр просп пер пос обл р-н д стр корп кв оф тел факс см напр т т.е т.к т.н т.о п пп рис табл гл ст ср проф акад инж тов
гр св mr mrs ms dr prof st e.g i.e vs fig approx
"""
_EITHER = "руб коп г гг в вв др т.д т.п проч мин сек ч час шт тыс млн млрд экз чел etc inc ltd co a.m p.m min sec"
NEVER_LAST = frozenset(_FOLLOWED.split())
"""Abbreviations that something always follows."""
MAYBE_LAST = frozenset(_EITHER.split())
"""Abbreviations that may end a sentence: they do when a capital follows."""
LAST_WORD = re.compile(r"[^\s(«\"']*$")
INITIAL = re.compile(r"^[^\W\d_]$")
NUMBER_BEFORE = re.compile(r"\d\s*$")
AND_SO_ON = re.compile(r"(^|\s)т\.?\s?[дп]$")
LIST_MARK = re.compile(r"^\W*\d{1,2}$")


@dataclass(frozen=True, slots=True)
class _Cut:
    end: int
    """Characters that belong to the sentence."""
    resume: int
    """Where the next one begins."""


class SentenceCutter:
    """Collects pieces of any size and gives back whole sentences as soon as they are certain."""

    def __init__(self, longest: int = LONGEST, first: int = FIRST) -> None:
        self._longest = longest
        self._limit = first
        self._rest = ""

    def feed(self, piece: str) -> list[str]:
        """Take a piece; return the sentences that it completed."""
        self._rest += piece
        return self._take(final=False)

    def flush(self) -> list[str]:
        """The stream is over: return what is left."""
        sentences = self._take(final=True)
        sentences += self._spoken(self._rest)
        self._rest = ""
        return sentences

    def _take(self, *, final: bool) -> list[str]:
        sentences: list[str] = []
        self._rest = self._rest.lstrip()
        while cut := _find(self._rest, self._limit, final):
            sentences += self._spoken(self._rest[: cut.end])
            self._rest = self._rest[cut.resume :].lstrip()
        return sentences

    def _spoken(self, text: str) -> list[str]:
        """One sentence with single spaces, or none where there is nothing to say."""
        text = " ".join(text.split())
        if not any(char.isalnum() for char in text):
            return []
        self._limit = self._longest
        return [text]


def _find(text: str, limit: int, final: bool) -> _Cut | None:
    """The first cut of ``text``, or ``None`` while there is none or more characters must be seen first."""
    for place, char in enumerate(text[:limit]):
        if char in "|\n":
            return _Cut(place, place + 1)
        if char in ENDS:
            end = _end_of_run(text, place + 1)
            if end == len(text) and not final:
                return None
            ends = _ends_sentence(text, place, end, final)
            if ends is None:
                return None
            if ends:
                return _Cut(end, end)
    return _long_cut(text, limit) if len(text) > limit else None


def _end_of_run(text: str, place: int) -> int:
    while place < len(text) and text[place] in ENDS + CLOSERS:
        place += 1
    return place


def _ends_sentence(text: str, place: int, end: int, final: bool) -> bool | None:
    """Whether the mark at ``place`` (its run ends at ``end``) ends a sentence; ``None``: wait for what follows."""
    if end < len(text) and not text[end].isspace() and text[end] != "|":
        return False
    if text[place] in "!?" or end - place > 1:
        return True
    follows = text[end:].lstrip()[:1]
    if not follows:
        return True if final else None
    return _may_end(text[:place], follows)


def _may_end(before: str, follows: str) -> bool:
    """Whether a full stop after ``before`` can end a sentence when the next visible character is ``follows``."""
    word = LAST_WORD.search(before)
    last = word.group().lower() if word else ""
    counted = NUMBER_BEFORE.search(before[: len(before) - len(last)]) is not None
    if AND_SO_ON.search(before.lower()) or (INITIAL.match(last) and counted):
        return not follows.islower()
    if last in MAYBE_LAST:
        return not (follows.islower() or follows.isdigit())
    if last in NEVER_LAST or INITIAL.match(last) or LIST_MARK.match(before):
        return False
    return not follows.islower()


def _long_cut(text: str, limit: int) -> _Cut:
    """A breath inside a sentence that is too long: after a comma or dash, else between words, else at the limit."""
    for pattern in (r"[,;:](?=\s)|\s[—–-](?=\s)", r"\s"):
        places = [found.end() for found in re.finditer(pattern, text[: limit + 1]) if SHORTEST <= found.end() <= limit]
        if places:
            return _Cut(places[-1], places[-1])
    return _whole_word(text, limit)


def _whole_word(text: str, limit: int) -> _Cut:
    """A word longer than the limit is cut hard: nobody speaks it in one breath."""
    space = re.search(r"\s", text[:limit])
    place = space.start() if space else limit
    return _Cut(place, place)
