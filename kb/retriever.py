"""The Retriever of the core: two bases, routed by keywords, the second asked when the first knows too little."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from agent.ports import Base, Exchange, Passage
from kb import ingest
from kb.index import Index
from kb.ingest import Section
from kb.terms import Terms

FEW_TERMS = 2
"""A question with at most so many terms of its own may lean on the question before it."""
LEAN = 0.25
"""Importance of the earlier question's terms beside the question's own."""
LIGHT = 0.25
"""Importance of a light word that the knowledge base does not have, and of «один», «два» which are often no numbers."""
LIGHT_KNOWN = 0.6
"""Importance of a light word that it has."""
EVIDENCE = 0.5
"""Importance of all terms together under which even a full match counts for less."""
SMALL_NUMBERS = frozenset("12")
DENSE_SHARE = 0.5
"""Part of the score that a dense scorer gets where there is one."""


class DenseScorer(Protocol):
    """Where embeddings plug in: a score for each section of the index, in its order."""

    async def scores(self, text: str) -> Sequence[float]:
        """0 to 1 for each section."""


class KnowledgeBase:
    """Both bases of one language in memory; searching takes well under a millisecond."""

    def __init__(
        self, sections: Sequence[Section], terms: Terms, top_k: int, threshold: float, dense: DenseScorer | None = None
    ) -> None:
        self.terms = terms
        self.index = Index(sections, terms)
        self._top_k = top_k
        self._threshold = threshold
        self._dense = dense

    async def search(self, text: str, history: Sequence[Exchange] = ()) -> tuple[Passage, ...]:
        """At most ``top_k`` passages, best first, weak ones too: the score says how weak."""
        wanted = self._wanted(text, history)
        if not wanted:
            return ()
        evidence = min(1.0, sum(wanted.values()) / EVIDENCE)
        scores: Sequence[float] = [score * evidence for score in self.index.scores(wanted)]
        if self._dense:
            dense = await self._dense.scores(text)
            scores = [a * (1 - DENSE_SHARE) + b * DENSE_SHARE for a, b in zip(scores, dense, strict=True)]
        return self._choose(scores, self.route(text))

    def route(self, text: str) -> Base | None:
        """The base that the question's keywords point to; ``None`` when they don't tell."""
        terms = set(self.terms(text))
        general, tech = len(terms & self.terms.general), len(terms & self.terms.tech)
        if general == tech:
            return None
        return "general" if general > tech else "tech"

    def _wanted(self, text: str, history: Sequence[Exchange]) -> dict[str, float]:
        light = self.terms.light(text)
        wanted = {term: self._importance(term, term in light) for term in self.terms(text)}
        if history and len(wanted) <= FEW_TERMS:
            for term in self.terms(history[-1].caller):
                wanted.setdefault(term, LEAN)
        return wanted

    def _importance(self, term: str, light: bool) -> float:
        if term in SMALL_NUMBERS:
            return LIGHT
        if not light:
            return 1.0
        return LIGHT_KNOWN if self.index.knows(term) else LIGHT

    def _choose(self, scores: Sequence[float], primary: Base | None) -> tuple[Passage, ...]:
        ranked = sorted((-score, number) for number, score in enumerate(scores) if score > 0)
        if primary:
            inside = [pair for pair in ranked if self.index.sections[pair[1]].base == primary]
            ranked = inside if inside and -inside[0][0] >= self._threshold else ranked
        return tuple(self._passage(number, -score) for score, number in ranked[: self._top_k])

    def _passage(self, number: int, score: float) -> Passage:
        section = self.index.sections[number]
        return Passage(section.base, section.heading, section.text, min(score, 1.0))


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
