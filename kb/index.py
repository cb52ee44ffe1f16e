"""BM25F over the sections: headings count more, scores are shares of the best possible score.

An own scorer instead of a library: the confidence needs each term's part of the score, which BM25 packages sum up
and throw away. Postings are numpy arrays, so that ten thousand sections cost a millisecond.
"""

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from kb.ingest import Section

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int32]

K1 = 0.6
"""Saturation: how soon repeats of a term stop counting. Low, since one mention in a short section is enough."""
B = 0.35
"""How much long sections are held back."""
PARENT = 0.5
"""Weight of a word in a higher heading; the own heading is in the text twice, the body once."""
HEADING = 1.5
"""Further weight of a word in the own heading, over its two mentions."""
UNKNOWN = 1.2
"""Weight of a word that the knowledge base does not have, as a share of the rarest word's."""

KEPT_BYTES = 8_000_000
"""Most that is kept of what single terms have in the sections; half a dozen searches ask for the same in one turn."""
STRAY = 0.15
"""What a section loses when its heading speaks of other things too; decides between near-equals."""
Meant = Mapping[str, Mapping[str, float]]
"""For a wanted term the terms of the index that may be meant by it, and how surely, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Cover:
    """What the sections have of a question, one number for each of them."""

    scores: "Floats"
    """Share of the question's weight that they cover, 0 to 1."""
    headed: "Floats"
    """Share of it that their own headings have, 0 to 1."""
    strange: "Floats"
    """Share of the heading's words that were not asked for, 0 to 1."""
    matched: "Floats"
    """How many of the wanted terms they have."""
    told: "Floats"
    """Share of the terms' importance that they have something of, 0 to 1."""


class Index:
    """Postings of all sections of both bases; immutable once built."""

    def __init__(self, postings: "Postings") -> None:
        self._postings = postings
        self.size = postings.sections
        self._rarest = self._idf(1)
        self._having = lru_cache(max(KEPT_BYTES // (9 * self.size + 1), 1))(self._got)

    @classmethod
    def build(cls, sections: Sequence[Section], terms: Callable[[str], Sequence[str]]) -> "Index":
        """Count the terms of all sections; some 10,000 sections of a page each a minute."""
        return cls(Postings.count(sections, terms))

    @property
    def postings(self) -> "Postings":
        """What is saved."""
        return self._postings

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Every term of the sections."""
        return self._postings.terms

    @property
    def subjects(self) -> AbstractSet[str]:
        """Terms of the headings."""
        return self._postings.headings.keys()

    def knows(self, term: str) -> bool:
        """True when some section has the term."""
        return term in self._postings.numbers

    def weight(self, term: str) -> float:
        """How much a term tells, > 0: inverse document frequency."""
        posted = self._postings.of(term)
        return self._idf(len(posted[0])) if posted else self._rarest * UNKNOWN

    def scores(self, wanted: Mapping[str, float], meant: Meant | None = None) -> "Floats":
        """For each section, what of the wanted terms (term -> importance) it has, 0 to 1."""
        return self.cover(wanted, meant).scores

    def cover(self, wanted: Mapping[str, float], meant: Meant | None = None) -> "Cover":
        """The same, and how much of it the headings have."""
        import numpy as np  # noqa: PLC0415 - only where there is a knowledge base

        scores, met, headed, matched, told = (np.zeros(self.size, np.float32) for _ in range(5))
        meant = meant or {}
        weights = {term: self.worth(term, meant.get(term, {})) * i for term, i in wanted.items()}
        best = sum(weights.values()) or 1.0
        for term, weight in weights.items():
            got, named, there = self._having(tuple({**meant.get(term, {}), term: 1.0}.items()))
            scores += weight / best * got
            headed += weight / best * named
            met += named
            matched += there
            told += there * (wanted[term] / (sum(wanted.values()) or 1.0))
        strange = 1 - np.minimum(met / self._postings.heading_sizes, 1)
        return Cover(scores * (1 - STRAY * strange), headed, strange, matched, told)

    def alone(self, number: int, wanted: Mapping[str, float], meant: Meant) -> bool:
        """True for a section with but one of the wanted terms, unless one alone is wanted and its heading has that."""
        readings = [{**meant.get(term, {}), term: 1.0} for term in wanted]
        if len(readings) == 1 and any(number in self._postings.headings.get(term, ()) for term in readings[0]):
            return False
        return sum(any(self._postings.at(term, number) for term in several) for several in readings) == 1

    def parts(self, number: int, wanted: Mapping[str, float], meant: Meant) -> dict[str, float]:
        """What each wanted term adds to the score of one section before its heading is looked at, for people."""
        best = sum(self.worth(term, meant.get(term, {})) * i for term, i in wanted.items()) or 1.0
        found: dict[str, float] = {}
        for term, importance in wanted.items():
            share = self.worth(term, meant.get(term, {})) * importance / best
            for other, sure in {**meant.get(term, {}), term: 1.0}.items():
                saturation = self._postings.at(other, number)
                name = term if other == term else f"{term}~{other}"
                if saturation:
                    found[name] = share * sure * saturation
        return found

    def _got(self, readings: Sequence[tuple[str, float]]) -> "tuple[Floats, Floats, NDArray[np.bool_]]":
        """What each section, and its heading, has of a term: the best of its readings, not their sum; and which do."""
        import numpy as np  # noqa: PLC0415

        got, named = np.zeros(self.size, np.float32), np.zeros(self.size, np.float32)
        for term, sure in readings:
            posted = self._postings.of(term)
            if posted:
                got[posted[0]] = np.maximum(got[posted[0]], sure * posted[1])
                heads = self._postings.headings.get(term, _nowhere())
                named[heads] = np.maximum(named[heads], sure)
        return got, named, got > 0

    def worth(self, term: str, readings: Mapping[str, float]) -> float:
        """A word that the index lacks is worth what the words are that it may stand for, as far as that is sure."""
        if self.knows(term) or not readings:
            return self.weight(term)
        other, sure = max(readings.items(), key=lambda pair: pair[1])
        return sure * self.weight(other) + (1 - sure) * self._rarest * UNKNOWN

    def _idf(self, sections: int) -> float:
        return math.log(1 + (self.size - sections + 0.5) / (sections + 0.5))


class Postings:
    """Where each term stands, as flat arrays that can be saved."""

    def __init__(self, terms: Sequence[str], arrays: Mapping[str, Any]) -> None:
        """``arrays``: ``starts numbers saturation`` of the postings, ``head_starts head_numbers heading_sizes``."""
        self.terms = tuple(terms)
        self.numbers = {term: number for number, term in enumerate(self.terms)}
        self.arrays = dict(arrays)
        self.heading_sizes: Floats = self.arrays["heading_sizes"]
        self.sections = len(self.heading_sizes)
        self._starts = [int(start) for start in self.arrays["starts"]]

    def of(self, term: str) -> "tuple[Ints, Floats] | None":
        """Sections of a term and how much it says in each, 0 to 1; ``None`` when none has it."""
        number = self.numbers.get(term)
        if number is None:
            return None
        part = slice(self._starts[number], self._starts[number + 1])
        return self.arrays["numbers"][part], self.arrays["saturation"][part]

    def at(self, term: str, section: int) -> float:
        """How much the term says in one section, 0 to 1."""
        posted = self.of(term)
        if posted is None:
            return 0.0
        found = posted[1][posted[0] == section]
        return float(found[0]) if len(found) else 0.0

    @cached_property
    def headings(self) -> "dict[str, Ints]":
        """Term -> sections that have it in their own heading."""
        starts, numbers = self.arrays["head_starts"], self.arrays["head_numbers"]
        return {t: numbers[starts[n] : starts[n + 1]] for n, t in enumerate(self.terms) if starts[n] < starts[n + 1]}

    @classmethod
    def count(cls, sections: Sequence[Section], terms: Callable[[str], Sequence[str]]) -> "Postings":
        """From the texts."""
        import numpy as np  # noqa: PLC0415

        found: defaultdict[str, tuple[array[int], array[float]]] = defaultdict(lambda: (array("i"), array("f")))
        heads: defaultdict[str, array[int]] = defaultdict(lambda: array("i"))
        lengths, sizes = [], []
        for number, section in enumerate(sections):
            count = _frequencies(section, terms)
            lengths.append(sum(count.values()))
            for term, frequency in count.items():
                found[term][0].append(number)
                found[term][1].append(frequency)
            own = set(terms(section.path[-1])) if section.path else set()
            sizes.append(max(len(own), 1) if own else 0)
            for term in own:
                heads[term].append(number)
        names = sorted(found)
        norms = _norms(np.array(lengths, np.float32))
        numbers, frequencies = (_joined([found[name][n] for name in names], kind) for n, kind in ((0, "i4"), (1, "f4")))
        arrays = {
            "starts": np.cumsum([0, *(len(found[name][0]) for name in names)]),
            "numbers": numbers,
            "saturation": frequencies / (frequencies + norms[numbers]),
            "head_starts": np.cumsum([0, *(len(heads[name]) if name in heads else 0 for name in names)]),
            "head_numbers": _joined([heads[name] for name in names if name in heads], "i4"),
            "heading_sizes": np.array(sizes, np.float32),
        }
        arrays["heading_sizes"][arrays["heading_sizes"] == 0] = 1e-9  # no heading strays from nothing
        return cls(names, arrays)


def _nowhere() -> "Ints":
    import numpy as np  # noqa: PLC0415

    return np.zeros(0, np.int32)


def _joined(parts: "Sequence[array[Any]]", kind: str) -> Any:
    import numpy as np  # noqa: PLC0415

    return np.concatenate([np.frombuffer(part, kind) for part in parts]) if parts else np.zeros(0, kind)


def _norms(lengths: "Floats") -> "Floats":
    average = float(lengths.mean()) if len(lengths) else 1.0
    norms: Floats = K1 * (1 - B + B * lengths / (average or 1.0))
    return norms.astype("f4")


def _frequencies(section: Section, terms: Callable[[str], Sequence[str]]) -> dict[str, float]:
    count: Counter[str] = Counter(terms(section.enriched))
    weighted: dict[str, float] = dict(count)
    for term in terms(section.path[-1] if section.path else ""):
        weighted[term] = weighted.get(term, 0.0) + HEADING
    for parent in section.path[:-1]:
        for term in terms(parent):
            weighted[term] = weighted.get(term, 0.0) + PARENT
    return weighted
