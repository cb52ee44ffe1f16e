"""What single lines of a section have of a question: who asks for one fact uses the words of one line.

And whether a line tells the kind of fact that is asked for: no price stands in a line without an amount of money.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul
from typing import Any

from kb.ingest import Section
from kb.terms import Terms, plainly

KEPT = 16384
"""Sections whose lines are kept, read at start."""
TOLD_KEPT = 65536
"""Pairs of a section and a kind of fact of which it is kept what lines tell it."""
HEADED = 0.5
"""What a word of the heading is worth to each of its lines."""
SUBJECT = 0.9
"""The same where a fact about a thing is asked for: a section is about what its heading names."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A question as lines are compared with it."""

    readings: Mapping[str, Sequence[tuple[int, float]]]
    """Term of a line -> (number of the wanted term that it may stand for, how surely)."""
    shares: Sequence[float]
    """Share of the question's weight in each wanted term, sum 1."""

    @staticmethod
    def of(weights: Mapping[str, float], meant: Mapping[str, Mapping[str, float]]) -> "Aim":
        """``weights``: wanted terms and what each tells; ``meant``: what may be meant by each."""
        total = sum(weights.values()) or 1.0
        found: dict[str, list[tuple[int, float]]] = {}
        for number, term in enumerate(weights):
            for other, sure in {**meant.get(term, {}), term: 1.0}.items():
                found.setdefault(other, []).append((number, sure))
        return Aim(found, [weight / total for weight in weights.values()])

    def got(self, terms: Sequence[str]) -> list[float]:
        """For each wanted term how surely ``terms`` have it, 0 to 1."""
        found = [0.0] * len(self.shares)
        for term in terms:
            for number, sure in self.readings.get(term, ()):
                found[number] = max(found[number], sure)
        return found


@dataclass(frozen=True, slots=True)
class _Heading:
    terms: Sequence[str]
    weights: Sequence[float]
    """How much each term tells, > 0."""
    total: float
    """Of all of them; 1 without terms."""

    def share(self, aim: Aim) -> float:
        """What of the heading is asked for, 0 to 1."""
        sure = [max((sure for _, sure in aim.readings.get(term, ())), default=0.0) for term in self.terms]
        return float(sum(map(mul, self.weights, sure))) / self.total


def spoken(text: str) -> list[str]:
    """Lines of a section that are neither empty nor headings."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


class Lines:
    """The lines of the sections, as terms."""

    def __init__(self, sections: Sequence[Section], terms: Terms, weight: Callable[[str], float]) -> None:
        """``weight``: how much a term tells, > 0."""
        self._sections, self._terms, self._weight = sections, terms, weight
        self._of = lru_cache(KEPT)(self._read)
        self._tells = lru_cache(TOLD_KEPT)(self._told)

    def warm(self) -> None:
        """Read the lines now, 50 to 200 us a section, and not when a question first meets them."""
        for number in range(min(len(self._sections), KEPT)):
            self._of(number)

    def best(self, number: int, aim: Aim) -> tuple[float, float]:
        """(best line's share of the question, share of the heading that is asked for), 0 to 1 each."""
        heading, lines = self._of(number)
        return max(self._shares(lines, aim.got(heading.terms), aim), default=0.0), heading.share(aim)

    def telling(self, number: int, thing: Aim, facts: Sequence[re.Pattern[str]]) -> tuple[float, float, float]:
        """Three numbers from 0 to 1 of a section, for a question that asks for ``facts`` about a ``thing``.

        The share of the thing in the best line; in the best line that tells such a fact; 1 where no line tells one.
        """
        heading, lines = self._of(number)
        shares = self._shares(lines, thing.got(heading.terms), thing, SUBJECT)
        told = [any(there) for there in zip(*(self._tells(number, fact) for fact in facts), strict=True)]
        fact = max((share for share, there in zip(shares, told, strict=True) if there), default=0.0)
        return max(shares, default=0.0), fact, float(not any(told))

    def _shares(
        self, lines: Sequence[Sequence[str]], named: Sequence[float], aim: Aim, headed: float = HEADED
    ) -> list[float]:
        """The share of the question in each line, of which ``headed`` of what the heading names."""
        above = [headed * sure for sure in named]
        bare = sum(map(mul, aim.shares, above))  # most lines have none of the words
        none = aim.readings.keys().isdisjoint
        return [bare if none(line) else sum(map(mul, aim.shares, map(max, aim.got(line), above))) for line in lines]

    def _read(self, number: int) -> tuple[_Heading, list[tuple[str, ...]]]:
        path = self._sections[number].path
        terms = tuple(dict.fromkeys(self._terms.plain(path[-1]))) if path else ()
        weights = [self._weight(term) for term in terms]
        lines = [self._terms.plain(line) for line in spoken(self._sections[number].text)]
        return _Heading(terms, weights, sum(weights) or 1.0), lines

    def _told(self, number: int, fact: re.Pattern[str]) -> tuple[bool, ...]:
        return tuple(fact.search(plainly(line)) is not None for line in spoken(self._sections[number].text))

    def shares(self, numbers: Any, aim: Aim) -> Any:
        """``best`` of each of the sections ``numbers``, a row each."""
        import numpy as np  # noqa: PLC0415 - only where there is a knowledge base

        return np.array([self.best(int(number), aim) for number in numbers], np.float64).reshape(-1, 2)

    def facts(self, numbers: Any, thing: Aim, facts: Sequence[re.Pattern[str]]) -> Any:
        """For each of the sections ``numbers`` a row of three.

        The share of the thing in the best line that tells one of the facts, 1 where no line tells one, and how much
        more of the thing the best line of them all has; zeros where no fact is asked for.
        """
        import numpy as np  # noqa: PLC0415 - only where there is a knowledge base

        if not facts:
            return np.zeros((len(numbers), 3))
        rows = np.array([self.telling(int(number), thing, facts) for number in numbers], np.float64)
        return np.stack([rows[:, 1], rows[:, 2], rows[:, 0].max() - rows[:, 1]], axis=1)
