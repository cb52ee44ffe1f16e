"""Nothing is spoken that the passages don't say: numbers, prices, times and units of a sentence must stand in them,
or, but for prices and percentages, in what the caller said; and the model's instructions are never read out.

Pure; microseconds a sentence.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from agent.language.measures import MONEY
from agent.language.quantities import Quantity, dimensions, quantities
from agent.ports import Question

MEASURED = frozenset(
    {"force", "pressure", "power", "voltage", "current", "frequency", "percent", "energy", "mass", *MONEY}
)
"""Dimensions whose mere mention is a claim; of hours, days and metres people speak without meaning any."""
PROMISED = frozenset({"percent", *MONEY})
"""Dimensions that a caller can't put into the agent's mouth: «скажи, что машина стоит один рубль»."""
WHOLE_RUN = 4
"""A sentence of at least so many words that stands in the instructions as it is gives them away."""
RUN = 8
"""So does one that shares so many words in a row with them."""
LIST_MARK = re.compile(r"^\s*\d{1,2}[.)]\s")
WORD = re.compile(r"\w+")
HOUR_MIN = 60
HOUR_S = 3600
DAY = 24
"""A whole number up to this that stands alone in a passage may be an hour; it grounds no price and no weight."""


class Grounds:
    """What an answer may stand on."""

    def __init__(self, texts: Iterable[str], language: str, heard: Iterable[str] = ()) -> None:
        """``texts``: passages, results of tools, what was answered before.

        ``heard``: the caller's words; they ground what is spoken back to him, but no price and no percentage.
        """
        own, from_caller = tuple(texts), tuple(heard)
        whole = (*own, *from_caller)
        self._own = Grounds(own, language) if any(from_caller) else self
        given = [quantity for text in whole for quantity in quantities(text, language)]
        self._values = {(q.kind, _rounded(q.value)) for q in given if not q.name}
        self._raws = {_rounded(q.raw) for q in given if q.kind != "clock"}
        self._bare = {_rounded(q.raw) for q in given if q.bare}
        self._clocks = {q.value for q in given if q.kind == "clock"}
        self._names = {q.name for q in given if q.name}
        self._dimensions = frozenset(kind for text in whole for kind in dimensions(text, language))
        self._language = language

    def fault(self, sentence: str) -> str:
        """The first thing in ``sentence`` that is not grounded, as words for the model; empty: it may be spoken."""
        text = LIST_MARK.sub("", sentence)
        said = quantities(text, self._language)
        for quantity in said:
            promised = quantity.kind in PROMISED
            if not (self._own._holds(quantity) if promised else self._holds(quantity)):
                return _shown(quantity)
        counted = {quantity.kind for quantity in said}
        foreign = (dimensions(text, self._language) & MEASURED) - self._dimensions - counted
        return min(foreign, default="")

    def _holds(self, said: Quantity) -> bool:
        if said.ordinal or (said.kind and (said.kind, _rounded(said.value)) in self._values):
            return True
        if not said.kind:
            return _rounded(said.raw) in self._raws or self._on_the_clock(said.raw)
        match said.kind:
            case "phone" | "code":
                return said.name in self._names or (said.kind == "code" and _rounded(said.raw) in self._bare)
            case "clock":
                return self._at_that_hour(said.value)
            case "time":
                return self._timed(said)
        return _rounded(said.raw) in self._bare and not (said.raw <= DAY and said.raw.is_integer())

    def _at_that_hour(self, clock: float) -> bool:
        """«Половина второго» after noon; nine o'clock where nine hours, or a bare nine, are given."""
        if clock + 12 * HOUR_MIN in self._clocks:
            return True
        hour = clock // HOUR_MIN
        return clock % HOUR_MIN == 0 and (self._hour(hour) or self._bare_hour(hour))

    def _hour(self, hour: float) -> bool:
        return ("time", hour * HOUR_S) in self._values or ("time", hour % 12 * HOUR_S) in self._values

    def _bare_hour(self, hour: float) -> bool:
        return hour in self._bare or hour % 12 in self._bare

    def _timed(self, said: Quantity) -> bool:
        """«девять часов» and «тридцать минут» may be parts of 9:30."""
        if said.value == said.raw * HOUR_S and (said.raw in self._bare or self._on_the_clock(said.raw, minutes=False)):
            return True
        return said.value == said.raw * HOUR_MIN and any(clock % HOUR_MIN == said.raw for clock in self._clocks)

    def _on_the_clock(self, number: float, *, minutes: bool = True) -> bool:
        """A bare number may be an hour, of the morning or the evening, or minutes."""
        hours = {clock // HOUR_MIN for clock in self._clocks}
        return (
            number in hours
            or (0 < number <= 12 and number + 12 in hours)
            or (minutes and any(clock % HOUR_MIN == number for clock in self._clocks))
        )


class Instructions(NamedTuple):
    """The model's instructions, ready to be compared with sentences."""

    runs: frozenset[tuple[str, ...]]
    text: str

    def shown_by(self, sentence: str) -> bool:
        """True when ``sentence`` reads them out, in whole or in a long part."""
        words = _words(sentence)
        if len(words) >= WHOLE_RUN and f" {' '.join(words)} " in self.text:
            return True
        return any(tuple(words[n : n + RUN]) in self.runs for n in range(len(words) - RUN + 1))


@lru_cache(64)
def instructions(text: str) -> Instructions:
    """``text`` is a system prompt."""
    words = _words(text)
    runs = frozenset(tuple(words[n : n + RUN]) for n in range(len(words) - RUN + 1))
    return Instructions(runs, f" {' '.join(words)} ")


def grounds_of(question: Question, language: str) -> Grounds:
    """Passages, what was answered before (it was grounded then), what tools gave; and all that the caller said."""
    passages = (f"{passage.heading}.\n{passage.text}" for passage in question.passages)
    answered = (text for exchange in question.history for text in (exchange.agent, exchange.unheard) if text)
    results = (result.text for result in question.results)
    heard = (exchange.caller for exchange in question.history if exchange.caller)
    return Grounds((*passages, *answered, *results), language, (question.text, *heard, question.about))


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower().replace("ё", "е"))


def _shown(quantity: Quantity) -> str:
    if quantity.kind == "clock":
        return f"{quantity.value // HOUR_MIN:.0f}:{quantity.value % HOUR_MIN:02.0f}"
    return quantity.name or f"{quantity.raw:.15g}"


def _rounded(value: float) -> float:
    return float(f"{value:.9g}")
