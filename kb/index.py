"""BM25F over a few hundred sections: headings count more, scores are shares of the best possible score.

An own scorer of forty lines instead of a library: the confidence needs each term's part of the score, which
array-based BM25 packages sum up and throw away, and at this size a dictionary of postings is faster than they are.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from kb.ingest import Section

K1 = 0.6
"""Saturation: how soon repeats of a term stop counting. Low, since one mention in a short section is enough."""
B = 0.35
"""How much long sections are held back."""
PARENT = 0.5
"""Weight of a word in a higher heading; the own heading is in the text twice, the body once."""
HEADING = 1.5
"""Further weight of a word in the own heading, over its two mentions."""
UNKNOWN = 0.9
"""Weight of a word that the knowledge base does not have, as a share of the rarest word's."""

STRAY = 0.15
"""What a section loses when its heading speaks of other things too; decides between near-equals."""


class Index:
    """Postings of all sections of both bases; immutable once built."""

    def __init__(self, sections: Sequence[Section], terms: Callable[[str], Sequence[str]]) -> None:
        self.sections = tuple(sections)
        counts = [_frequencies(section, terms) for section in self.sections]
        lengths = [sum(count.values()) for count in counts]
        average = sum(lengths) / max(len(lengths), 1) or 1.0
        found: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, count in enumerate(counts):
            norm = K1 * (1 - B + B * lengths[number] / average)
            for term, frequency in count.items():
                found[term].append((number, frequency / (frequency + norm)))
        self._postings = dict(found)
        self._headings = [
            frozenset(terms(section.path[-1])) if section.path else frozenset() for section in self.sections
        ]
        self._rarest = self._idf(1)

    def knows(self, term: str) -> bool:
        """True when some section has the term."""
        return term in self._postings

    def weight(self, term: str) -> float:
        """How much a term tells, > 0: inverse document frequency."""
        posted = self._postings.get(term)
        return self._idf(len(posted)) if posted else self._rarest * UNKNOWN

    def scores(self, wanted: Mapping[str, float]) -> list[float]:
        """For each section, what of the wanted terms (term -> importance) it has, 0 to 1."""
        out = [0.0] * len(self.sections)
        best = sum(self.weight(term) * importance for term, importance in wanted.items())
        for term, importance in wanted.items():
            share = self.weight(term) * importance / best
            for number, saturation in self._postings.get(term, ()):
                out[number] += share * saturation
        return [score and score * self._focus(number, wanted) for number, score in enumerate(out)]

    def _focus(self, number: int, wanted: Mapping[str, float]) -> float:
        heading = self._headings[number]
        met = sum(term in wanted for term in heading) / len(heading) if heading else 1.0
        return 1 - STRAY * (1 - met)

    def _idf(self, sections: int) -> float:
        return math.log(1 + (len(self.sections) - sections + 0.5) / (sections + 0.5))


def _frequencies(section: Section, terms: Callable[[str], Sequence[str]]) -> dict[str, float]:
    count: Counter[str] = Counter(terms(section.enriched))
    weighted: dict[str, float] = dict(count)
    for term in terms(section.path[-1] if section.path else ""):
        weighted[term] = weighted.get(term, 0.0) + HEADING
    for parent in section.path[:-1]:
        for term in terms(parent):
            weighted[term] = weighted.get(term, 0.0) + PARENT
    return weighted
