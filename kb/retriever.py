"""The Retriever of the core: two bases, routed by keywords, the second asked when the first knows too little.

Words (BM25F) and vectors each rank the sections; the ranks are fused. The confidence is that of the words, whose
scale is the same for every question.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from agent.ports import Base, Embedder, Exchange, Passage
from kb import followups, ingest
from kb.followups import Subject
from kb.index import Index
from kb.ingest import Section
from kb.ranking import Ranked, falling, fused, highest
from kb.terms import Terms, plainly

if TYPE_CHECKING:
    from kb.meanings import Meanings

LIGHT = 0.25
"""Importance of a light word that the knowledge base does not have, and of «один», «два» which are often no numbers."""
LIGHT_KNOWN = 0.6
"""Importance of a light word that it has."""
MEANT = 0.5
"""A light word counts as known when a word that is surely meant by it is."""
EVIDENCE = 0.6
"""Importance of all terms together under which even a full match counts for less."""
AT_ONCE = 2000
"""Sections that are searched within 2 ms; more are searched on a thread."""
SMALL_NUMBERS = frozenset("12")
FOREIGN = 0.66
"""What is left of the confidence for each word that speaks of other things."""
OTHERS = 0.35
"""What is left of the confidence when a word of other things was said (the table ``other``)."""
ALONE = 0.65
"""What is left of the confidence in a section that has but one of several things that are wanted."""
LACKING = 0.85
"""What is left of the confidence where a section has nothing of a kind that is asked for: no price, no telephone."""
LOOKED_AT = 12
"""Sections, the likeliest, that are looked at for what is asked for."""
KINDS_KEPT = 65536
BEYOND_WORDS = 0.5
"""Most that the vectors alone add to the confidence of a section."""


class DenseScorer(Protocol):
    """Where embeddings plug in: a score for each section of the index, in its order."""

    @property
    def sure(self) -> bool:
        """Whether its score alone is a reason to answer."""

    async def scores(self, text: str) -> Sequence[float]:
        """0 to 1 for each section, 0 meaning no more alike than most; empty when there is no answer in time."""


@dataclass(frozen=True, slots=True)
class Found:
    """One section and why it was found."""

    passage: Passage
    words: float
    """Score of the words, 0 to 1."""
    dense: float
    """Score of the vectors, 0 to 1."""
    fused: float
    """Reciprocal rank fusion of both; only the order means something."""
    matched: Mapping[str, float] = field(default_factory=dict)
    """What each wanted term added; ``one~other``: another word was taken for it."""


@dataclass(frozen=True, slots=True)
class Search:
    """One search and all that people may ask about it."""

    wanted: Mapping[str, float]
    """Term -> importance, earlier turns' terms included."""
    route: Base | None
    """The base that the keywords point to."""
    fell_back: bool
    """That base knew too little, so both were searched."""
    found: tuple[Found, ...]


class KnowledgeBase:
    """Both bases of one language in memory; searching a few hundred sections takes well under a millisecond."""

    def __init__(
        self,
        sections: Sequence[Section],
        terms: Terms,
        top_k: int,
        threshold: float,
        dense: DenseScorer | None = None,
        *,
        index: Index | None = None,
        meanings: "Meanings | None" = None,
        embedder: Embedder | None = None,
    ) -> None:
        """``threshold``: a base whose best section is under it hands the question on to the other.

        ``embedder``: closed with the base.
        """
        self.terms = terms
        self.sections = tuple(sections)
        self.index = index or Index.build(self.sections, terms)
        self._top_k = top_k
        self._threshold = threshold
        self._dense, self._embedder = dense, embedder
        self._meanings = meanings or _meanings(self.index, terms)
        self._bases = _bases(self.sections)
        self._has = lru_cache(KINDS_KEPT)(self._holds)

    async def search(self, text: str, history: Sequence[Exchange] = ()) -> tuple[Passage, ...]:
        """At most ``top_k`` passages, best first, weak ones too: the score says how weak."""
        if len(self.sections) > AT_ONCE:  # longer than the event loop may be kept
            wanted, words = await asyncio.to_thread(self._look_up, text, history)
        else:
            wanted, words = self._look_up(text, history)
        if words is None:
            return ()
        dense = await self._vectors(text, history)
        ranked, _ = self._rank(words, dense, self.route(text))
        return tuple(self._passage(number, score) for number, score, _ in self._doubted(ranked, wanted))

    async def explain(self, text: str, history: Sequence[Exchange] = ()) -> Search:
        """The same search with its reasons."""
        large = len(self.sections) > AT_ONCE
        wanted, words = await asyncio.to_thread(self._look_up, text, history) if large else self._look_up(text, history)
        route = self.route(text)
        if words is None:
            return Search(wanted, route, False, ())
        dense = await self._vectors(text, history)
        ranked, fell_back = self._rank(words, dense, route)
        meant = self._readings(wanted)
        found = tuple(
            Found(
                self._passage(number, score),
                float(words[number]),
                float(dense[number]) if dense is not None else 0.0,
                fused,
                self.index.parts(number, wanted, meant),
            )
            for number, score, fused in self._doubted(ranked, wanted)
        )
        return Search(wanted, route, fell_back, found)

    async def close(self) -> None:
        """Close the embedder; nothing is searched afterwards."""
        embedder, self._embedder = self._embedder, None
        if embedder is not None:
            await embedder.close()

    def meant(self, term: str) -> Mapping[str, float]:
        """Terms of the knowledge base that may be meant by ``term``, and how surely, 0 to 1."""
        return self._meanings.of(term)

    def weight(self, term: str) -> float:
        """How much a term tells, here and in the language at large; > 0."""
        return self.index.weight(term) * self._meanings.telling(term)

    def route(self, text: str) -> Base | None:
        """The base that the question's keywords point to; ``None`` when they don't tell."""
        terms = set(self.terms(text))
        general, tech = len(terms & self.terms.general), len(terms & self.terms.tech)
        if general == tech:
            return None
        return "general" if general > tech else "tech"

    def wanted(self, text: str, history: Sequence[Exchange] = ()) -> dict[str, float]:
        """Term -> importance; a question that leans on earlier turns takes their subject over."""
        return followups.lean(self._own(text), self._subject(history), self.terms.signs.continues(text))

    def _look_up(self, text: str, history: Sequence[Exchange]) -> tuple[dict[str, float], Any]:
        """What is wanted, and the words' score of each section; ``None`` without words."""
        wanted = self.wanted(text, history)
        words = self._words(wanted)
        return wanted, words if words is None else self._of_kind(words, text)

    def _doubted(self, ranked: Ranked, wanted: Mapping[str, float]) -> Ranked:
        """Less confidence in sections that have but one of the things that are wanted: it may be there by chance."""
        meant = self._readings(wanted)
        alone = [self.index.alone(number, wanted, meant) for number, _, _ in ranked]
        return falling(
            [(n, score * (ALONE if one else 1), both) for (n, score, both), one in zip(ranked, alone, strict=True)]
        )

    def _subject(self, history: Sequence[Exchange]) -> Subject | None:
        subject: Subject | None = None
        for exchange in followups.recent(history):
            continues = self.terms.signs.continues(exchange.caller)
            terms = followups.lean(self._own(exchange.caller), subject, continues)
            named = self.terms(followups.models(exchange.agent))
            subject = Subject(followups.faded(terms), self._heading(terms), named)
        return subject

    def _heading(self, wanted: Mapping[str, float]) -> tuple[str, ...]:
        """Terms of the heading that answers best, where it answers at all."""
        words = self._words(wanted)
        if words is None:
            return ()
        best = int(words.argmax())
        path = self.sections[best].path
        return self.terms(path[-1]) if path and words[best] >= self._threshold else ()

    def _own(self, text: str) -> dict[str, float]:
        light, places = self.terms.light(text), self.terms.places(text)
        own: dict[str, float] = {}
        for term in self.terms(text):
            if term in places and not self._surely(term) and term not in self.terms.other:
                own.update(dict.fromkeys(self.terms.town, LIGHT_KNOWN))
            else:
                own[term] = self._importance(term, term in light)
        return own

    def _importance(self, term: str, light: bool) -> float:
        if term in SMALL_NUMBERS:
            return LIGHT
        if not light:
            return 1.0
        return LIGHT_KNOWN if self._surely(term) else LIGHT

    def _surely(self, term: str) -> bool:
        """The texts have it, or what is surely meant by it."""
        return self.index.knows(term) or max(self.meant(term).values(), default=0.0) >= MEANT

    def _words(self, wanted: Mapping[str, float]) -> Any:
        """Confidence of each section by its words; ``None`` without words."""
        if not wanted:
            return None
        meant = self._readings(wanted)
        others = any(self._of_others(term) for term in wanted)
        foreign = sum(weight == 1.0 and self._meanings.foreign(term, meant[term]) for term, weight in wanted.items())
        evidence = min(1.0, sum(wanted.values()) / EVIDENCE) * FOREIGN**foreign
        evidence *= OTHERS if others else 1.0
        telling = {term: weight * self._meanings.telling(term) for term, weight in wanted.items()}
        return self.index.scores(telling, meant) * evidence

    def _of_kind(self, words: Any, text: str) -> Any:
        """Less confidence in sections that have nothing of the kind that is asked for."""
        kinds = self.terms.kinds(text)
        if not kinds:
            return words
        words = words.copy()
        for number in highest(words, LOOKED_AT):
            lacking = sum(not self._has(kind, int(number)) for kind in kinds)
            words[number] *= LACKING**lacking
        return words

    def _readings(self, wanted: Mapping[str, float]) -> dict[str, dict[str, float]]:
        """What may be meant by each term; never a term that the caller said beside it."""
        return {term: self._reading(term, weight, wanted) for term, weight in wanted.items()}

    def _of_others(self, term: str) -> bool:
        return term in self.terms.other and term not in self.index.subjects

    def _reading(self, term: str, weight: float, wanted: Mapping[str, float]) -> dict[str, float]:
        if self._of_others(term):
            return {}
        least = MEANT if weight in (LIGHT, LIGHT_KNOWN) else 0.0
        return {other: sure for other, sure in self.meant(term).items() if other not in wanted and sure >= least}

    def _holds(self, kind: re.Pattern[str], number: int) -> bool:
        return kind.search(plainly(self.sections[number].text)) is not None

    async def _vectors(self, text: str, history: Sequence[Exchange]) -> Any:
        if self._dense is None:
            return None
        if history and self.terms.signs.continues(text):
            text = f"{history[-1].caller} {text}"
        import numpy as np  # noqa: PLC0415

        scores = np.asarray(await self._dense.scores(text), np.float32)
        return scores if len(scores) == len(self.sections) else None

    def _rank(self, words: Any, dense: Any, route: Base | None) -> tuple[Ranked, bool]:
        """(section, confidence, fused score), best first; and whether the routed base was left."""
        sure = words
        if dense is not None and self._dense is not None and self._dense.sure:
            sure = words + (1 - words) * BEYOND_WORDS * dense
        if route:
            inside = self._bases[route]
            if len(inside) and float(sure[inside].max()) >= self._threshold:
                return fused(words, dense, sure, inside, self._top_k), False
        return fused(words, dense, sure, None, self._top_k), route is not None

    def _passage(self, number: int, score: float) -> Passage:
        section = self.sections[number]
        return Passage(section.base, section.heading, section.text, min(score, 1.0))


def _bases(sections: Sequence[Section]) -> dict[Base, Any]:
    import numpy as np  # noqa: PLC0415

    of = np.array([section.base == "tech" for section in sections], bool)
    return {"general": np.flatnonzero(~of), "tech": np.flatnonzero(of)}


def _meanings(index: Index, terms: Terms) -> "Meanings":
    from kb.meanings import Meanings, WordVectors  # noqa: PLC0415

    return Meanings(index.vocabulary, terms.near, WordVectors.load(terms.language))


def load(directory: Path, language: str, top_k: int, threshold: float) -> KnowledgeBase:
    """Read ``general.md`` and ``tech.md``; raises ``StartError`` naming the file that can't be used.

    Russian lies in ``directory`` itself, another language in a folder of its name.
    """
    folder = directory / language if language != "ru" else directory
    sections = [
        *ingest.load(folder / "general.md", "general"),
        *ingest.load(folder / "tech.md", "tech"),
    ]
    return KnowledgeBase(sections, Terms(language), top_k, threshold)


Analyse = Callable[[str], Sequence[str]]
"""Text to terms, as ``KnowledgeBase.terms`` does it; the extractive answerer is given it."""
