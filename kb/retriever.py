"""The Retriever of the core: two bases, routed by keywords, the second asked when the first knows too little.

Words (BM25F) and vectors each rank the sections; the ranks are fused. The confidence is that of the words, whose
scale is the same for every question.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from agent.ports import Base, Embedder, Exchange, Passage
from kb import followups, ingest
from kb.followups import Subject
from kb.index import Index
from kb.ingest import Section
from kb.terms import Terms

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
FUSED = 60
"""Sections of each ranking that are fused."""
RANK_K = 8
"""How little a place counts in reciprocal rank fusion; small, for few sections are right."""
DENSE_SHARE = 0.35
"""Weight of the vectors' ranking beside that of the words."""
CLOSE = 0.8
"""Only sections whose words score at least this share of the best change places for the vectors' sake."""
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

    async def search(self, text: str, history: Sequence[Exchange] = ()) -> tuple[Passage, ...]:
        """At most ``top_k`` passages, best first, weak ones too: the score says how weak."""
        if len(self.sections) > AT_ONCE:  # longer than the event loop may be kept
            words = await asyncio.to_thread(self._look_up, text, history)
        else:
            words = self._look_up(text, history)
        if words is None:
            return ()
        dense = await self._vectors(text, history)
        route = self.route(text)
        ranked, _ = self._rank(words, dense, route)
        return tuple(self._passage(number, score) for number, score, _ in ranked)

    async def explain(self, text: str, history: Sequence[Exchange] = ()) -> Search:
        """The same search with its reasons."""
        wanted = self.wanted(text, history)
        large = len(self.sections) > AT_ONCE
        words = await asyncio.to_thread(self._words, wanted) if large else self._words(wanted)
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
            for number, score, fused in ranked
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

    def _look_up(self, text: str, history: Sequence[Exchange]) -> Any:
        return self._words(self.wanted(text, history))

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
        light = self.terms.light(text)
        return {term: self._importance(term, term in light) for term in self.terms(text)}

    def _importance(self, term: str, light: bool) -> float:
        if term in SMALL_NUMBERS:
            return LIGHT
        if not light:
            return 1.0
        known = self.index.knows(term) or max(self.meant(term).values(), default=0.0) >= MEANT
        return LIGHT_KNOWN if known else LIGHT

    def _words(self, wanted: Mapping[str, float]) -> Any:
        """Confidence of each section by its words; ``None`` without words."""
        if not wanted:
            return None
        meant = self._readings(wanted)
        foreign = sum(weight == 1.0 and self._meanings.foreign(term, meant[term]) for term, weight in wanted.items())
        evidence = min(1.0, sum(wanted.values()) / EVIDENCE) * FOREIGN**foreign
        return self.index.scores(wanted, meant) * evidence

    def _readings(self, wanted: Mapping[str, float]) -> dict[str, dict[str, float]]:
        """What may be meant by each term; never a term that the caller said beside it."""
        return {term: self._reading(term, weight, wanted) for term, weight in wanted.items()}

    def _reading(self, term: str, weight: float, wanted: Mapping[str, float]) -> dict[str, float]:
        least = MEANT if weight in (LIGHT, LIGHT_KNOWN) else 0.0
        return {other: sure for other, sure in self.meant(term).items() if other not in wanted and sure >= least}

    async def _vectors(self, text: str, history: Sequence[Exchange]) -> Any:
        if self._dense is None:
            return None
        if history and self.terms.signs.continues(text):
            text = f"{history[-1].caller} {text}"
        import numpy as np  # noqa: PLC0415

        scores = np.asarray(await self._dense.scores(text), np.float32)
        return scores if len(scores) == len(self.sections) else None

    def _rank(self, words: Any, dense: Any, route: Base | None) -> tuple[list[tuple[int, float, float]], bool]:
        """(section, confidence, fused score), best first; and whether the routed base was left."""
        sure = words
        if dense is not None and self._dense is not None and self._dense.sure:
            sure = words + (1 - words) * BEYOND_WORDS * dense
        if route:
            inside = self._bases[route]
            if len(inside) and float(sure[inside].max()) >= self._threshold:
                return self._fuse(words, dense, sure, inside), False
        return self._fuse(words, dense, sure, None), route is not None

    def _fuse(self, words: Any, dense: Any, sure: Any, among: Any) -> list[tuple[int, float, float]]:
        import numpy as np  # noqa: PLC0415

        numbers = np.arange(len(sure)) if among is None else among
        lexical = numbers[_best(words[numbers], FUSED)]
        places = {int(number): 1 / (RANK_K + place) for place, number in enumerate(lexical, 1)}
        if dense is not None:
            likely = float(sure[numbers].max()) * CLOSE
            near = numbers[_best(dense[numbers], FUSED)]
            for place, number in enumerate((n for n in near if sure[n] >= likely), 1):
                places[int(number)] = places.get(int(number), 0.0) + DENSE_SHARE / (RANK_K + place)
        ranked = sorted(places.items(), key=lambda pair: (-pair[1], pair[0]))
        return _falling([(number, float(sure[number]), fused) for number, fused in ranked if sure[number] > 0])[
            : self._top_k
        ]

    def _passage(self, number: int, score: float) -> Passage:
        section = self.sections[number]
        return Passage(section.base, section.heading, section.text, min(score, 1.0))


def _falling(ranked: list[tuple[int, float, float]]) -> list[tuple[int, float, float]]:
    """A section that the vectors put before a surer one is as sure as that."""
    out: list[tuple[int, float, float]] = []
    most = 0.0
    for number, score, fused in reversed(ranked):
        most = max(most, score)
        out.append((number, most, fused))
    return out[::-1]


def _best(scores: Any, most: int) -> Any:
    """Places of the highest scores above 0, best first, the earlier of equals first."""
    import numpy as np  # noqa: PLC0415

    some = np.sort(np.argpartition(-scores, most)[:most]) if len(scores) > most else np.arange(len(scores))
    some = some[scores[some] > 0]
    return some[np.argsort(-scores[some], kind="stable")]


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
