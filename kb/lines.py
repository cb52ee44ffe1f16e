"""What single lines of a section have of a question: who asks for one fact uses the words of one line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul
from typing import Any

from kb.ingest import Section
from kb.terms import Terms

KEPT = 16384
"""Sections whose lines are kept."""
HEADED = 0.5
"""What a word of the heading is worth to each of its lines."""


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


class Lines:
    """The lines of the sections, as terms."""

    def __init__(self, sections: Sequence[Section], terms: Terms, weight: Callable[[str], float]) -> None:
        """``weight``: how much a term tells, > 0."""
        self._sections, self._terms, self._weight = sections, terms, weight
        self._of = lru_cache(KEPT)(self._read)

    def best(self, number: int, aim: Aim) -> tuple[float, float]:
        """(best line's share of the question, share of the heading that is asked for), 0 to 1 each."""
        heading, lines = self._of(number)
        named = aim.got(heading)
        most = 0.0
        for line in lines:
            own = aim.got(line)
            share = sum(
                part * max(here, HEADED * above) for part, here, above in zip(aim.shares, own, named, strict=True)
            )
            most = max(most, share)
        return most, self._asked(heading, aim)

    def _asked(self, heading: Sequence[str], aim: Aim) -> float:
        weights = [self._weight(term) for term in heading]
        sure = [max((sure for _, sure in aim.readings.get(term, ())), default=0.0) for term in heading]
        return float(sum(map(mul, weights, sure))) / (sum(weights) or 1.0)

    def _read(self, number: int) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        section = self._sections[number]
        lines = (line for line in section.text.splitlines() if line.strip() and not line.startswith("#"))
        heading = tuple(dict.fromkeys(self._terms.plain(section.path[-1]))) if section.path else ()
        return heading, [self._terms.plain(line) for line in lines]

    def shares(self, numbers: Any, aim: Aim) -> Any:
        """``best`` of each of the sections ``numbers``, a row each."""
        import numpy as np  # noqa: PLC0415 - only where there is a knowledge base

        return np.array([self.best(int(number), aim) for number in numbers], np.float64).reshape(-1, 2)
