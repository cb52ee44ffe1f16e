"""The Retriever of the core: two bases, routed by keywords, the second asked when the first knows too little.

Words (BM25F) and vectors each score the sections; what both know of the likeliest is weighed (``kb.weighing``), which
gives their order and the confidence that the first one answers.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.ports import Base, Embedder, Exchange, Passage
from kb import followups, ingest, weighing
from kb.followups import Subject
from kb.found import Found, Search
from kb.index import Cover, Index
from kb.ingest import Section
from kb.lines import Aim, Lines
from kb.ranking import highest
from kb.scorers import DenseScorer, LineScorer
from kb.terms import Terms, plainly
from kb.weighing import Asked, Seen

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
LACKING = 0.85
"""What is left of the confidence where a section has nothing of a kind that is asked for: no price, no telephone."""
LOOKED_AT = 12
"""Sections, the likeliest, that are looked at for what is asked for."""
NEARLY = 0.05
"""Power of the odds by which a later section is less sure than the first: one of a fifth of them is 0.92 as sure."""
KINDS_KEPT = 65536
SUBJECTS_KEPT = 512
"""Histories whose subject is kept: one is asked for again with every guess of what the caller is saying."""
BEYOND_WORDS = 0.5
"""Most that the vectors alone add to the confidence of a section."""


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
        encoded: LineScorer | None = None,
    ) -> None:
        """``threshold``: a base whose best section is under it hands the question on to the other.

        ``embedder``: closed with the base.
        """
        self.terms = terms
        self.sections = tuple(sections)
        self.index = index or Index.build(self.sections, terms)
        self._top_k = top_k
        self._threshold = threshold
        self._dense, self._embedder, self._encoded = dense, embedder, encoded
        self._meanings = meanings or _meanings(self.index, terms)
        self._bases = _bases(self.sections)
        self._lines = Lines(self.sections, terms, self.weight)
        self._has = lru_cache(KINDS_KEPT)(self._holds)
        self._subject_of = lru_cache(SUBJECTS_KEPT)(self._spoken_of)

    async def search(self, text: str, history: Sequence[Exchange] = ()) -> tuple[Passage, ...]:
        """At most ``top_k`` passages, best first, weak ones too: the score says how weak."""
        _, seen, _ = await self._look(text, history)
        await asyncio.sleep(0)  # two or three milliseconds each: other calls' turn between them
        return tuple(self._passage(number, score) for number, score, _ in self._ranked(seen, text))

    async def explain(self, text: str, history: Sequence[Exchange] = ()) -> Search:
        """The same search with its reasons."""
        wanted, seen, fell_back = await self._look(text, history)
        meant = self._readings(wanted)
        found = tuple(
            Found(
                self._passage(number, score),
                float(seen.words[number]) if seen else 0.0,
                float(seen.dense[number]) if seen and seen.dense is not None else 0.0,
                weight,
                self.index.parts(number, wanted, meant),
            )
            for number, score, weight in self._ranked(seen, text)
        )
        return Search(wanted, self.route(text), fell_back, found)

    def warm(self) -> None:
        """Search once by words for what the first heading says: a first question would wait 0.1 s for the tables."""
        text = self.sections[0].heading if self.sections else ""
        wanted, cover = self._look_up(text, ())
        self._ranked(self._seen(text, wanted, cover, None)[0] if cover else None, text)
        self._lines.warm()

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
        return self._lean(text, self._subject(history))

    async def _look(self, text: str, history: Sequence[Exchange]) -> tuple[dict[str, float], Seen | None, bool]:
        """What is wanted, what is seen of it (``None``: nothing), and whether the routed base was left."""
        if len(self.sections) > AT_ONCE:  # longer than the event loop may be kept
            wanted, cover = await asyncio.to_thread(self._look_up, text, history)
        else:
            wanted, cover = self._look_up(text, history)
        if cover is None:
            return wanted, None, False
        before = history[-1].caller if history and self.terms.signs.continues(text) else ""
        dense = await self._vectors(f"{text} {before} {text}" if before else text)  # what is new tells more
        seen, fell_back = self._seen(text, wanted, cover, dense)
        if seen and self._encoded:
            seen = replace(seen, meaning=await self._meaning(self._encoded, text, before, weighing.likely(seen)))
        return wanted, seen, fell_back

    def _look_up(self, text: str, history: Sequence[Exchange]) -> tuple[dict[str, float], Cover | None]:
        wanted = self.wanted(text, history)
        return wanted, self._cover(wanted)

    def _seen(self, text: str, wanted: Mapping[str, float], cover: Cover, dense: Any) -> tuple[Seen | None, bool]:
        import numpy as np  # noqa: PLC0415

        words = self._of_kind(cover.scores, text)
        sure = dense is not None and self._dense is not None and self._dense.sure
        if sure:
            words = words + (1 - words) * BEYOND_WORDS * dense
        if not words.any():
            return None, False
        route = self.route(text)
        inside = self._bases[route] if route else ()
        known = len(inside) > 0 and float(words[inside].max()) >= self._threshold
        routed = np.zeros(len(words), np.float32)
        if known:
            routed -= 1
            routed[inside] = 1
        return Seen(words, cover, dense, routed, self._asked(wanted, self._own(text))), bool(route) and not known

    def _ranked(self, seen: Seen | None, text: str) -> list[tuple[int, float, float]]:
        """(section, confidence, weight) of the best ``top_k``, best first."""
        import numpy as np  # noqa: PLC0415

        if seen is None:
            return []
        numbers = weighing.likely(seen)
        rows = self.weighed(seen, numbers, text)
        weights = weighing.weights(self._kind(seen))
        scores = weights.ordered(rows)
        order = np.argsort(-scores, kind="stable")
        inside = seen.routed[numbers[order]]
        if inside[0] > 0:  # the base that the keywords point to answers best: the other one is not asked
            order = order[inside > 0]
        best = order[: self._top_k]
        odds = np.exp(scores - scores[best[0]])
        sure = weights.confidence(weighing.of_first(seen, rows[best[0]], 1 / float(odds.sum())))
        if len(self.sections) < weighing.FEWEST:
            sure = weighing.plain_confidence(rows[best[0]])
        return [(int(numbers[n]), sure * float(odds[n]) ** NEARLY, float(scores[n])) for n in best]

    def _kind(self, seen: Seen) -> str:
        """Whose weights."""
        if seen.meaning is not None:
            return "use"
        return self._dense.kind if self._dense and seen.dense is not None else "none"

    def weighed(self, seen: Seen, numbers: Any, text: str) -> Any:
        """What ``kb.weighing`` weighs of the sections ``numbers``, a row for each."""
        import numpy as np  # noqa: PLC0415

        kinds = self.terms.kinds(text)
        has = np.array([[self._has(kind, int(number)) for kind in kinds] for number in numbers], np.float64)
        holding = has.sum(1) if kinds else np.zeros(len(numbers))
        alone = seen.cover.matched[numbers] == 1
        if seen.asked.wanted == 1:
            alone &= seen.cover.headed[numbers] == 0
        facts = self._lines.facts(numbers, seen.asked.thing, self.terms.facts(text))
        lines = np.hstack([self._lines.shares(numbers, seen.asked.aim), facts])
        return weighing.features(seen, numbers, np.stack([len(kinds) - holding, holding], 1), alone, lines)

    def _lean(self, text: str, subject: Subject | None) -> dict[str, float]:
        signs = self.terms.signs
        replaces = self._same_aspect if signs.points_back(text) else self._of_a_kind
        return followups.lean(self._own(text), subject, signs.continues(text), replaces)

    def _same_aspect(self, one: str, other: str) -> bool:
        aspects = self.terms.aspects
        return one != other and one in aspects and other in aspects

    def _of_a_kind(self, one: str, other: str) -> bool:
        """Whether one takes the place of the other: a thing that of a thing, an aspect that of an aspect."""
        if one == other or not self.terms.aspects.isdisjoint((one, other)):
            return self._same_aspect(one, other)
        return {one, other} <= self.index.subjects or self._meanings.of_a_kind(one, other)

    def _subject(self, history: Sequence[Exchange]) -> Subject | None:
        return self._subject_of(tuple(followups.recent(history)))

    def _spoken_of(self, history: tuple[Exchange, ...]) -> Subject | None:
        subject: Subject | None = None
        for exchange in history:
            terms = self._lean(exchange.caller, subject)
            named = self.terms(followups.models(exchange.agent))
            subject = Subject(followups.faded(terms), self._heading(terms), named)
        return subject

    def _heading(self, wanted: Mapping[str, float]) -> tuple[str, ...]:
        """Terms of the heading that answers best, where it answers at all."""
        cover = self._cover(wanted)
        if cover is None:
            return ()
        words = cover.scores
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

    def _cover(self, wanted: Mapping[str, float]) -> Cover | None:
        """What each section has of what is wanted, the scores being confidences; ``None`` without words."""
        if not wanted:
            return None
        meant = self._readings(wanted)
        others = any(self._of_others(term) for term in wanted)
        foreign = sum(weight == 1.0 and self._meanings.foreign(term, meant[term]) for term, weight in wanted.items())
        evidence = min(1.0, sum(wanted.values()) / EVIDENCE) * FOREIGN**foreign
        evidence *= OTHERS if others else 1.0
        telling = {term: weight * self._meanings.telling(term) for term, weight in wanted.items()}
        cover = self.index.cover(telling, meant)
        return replace(cover, scores=cover.scores * evidence)

    def _asked(self, wanted: Mapping[str, float], own: Mapping[str, float]) -> Asked:
        """What the question is made of; ``own``: those of its terms that no earlier turn gave."""
        weights = {term: self.weight(term) * importance for term, importance in wanted.items()}
        unknown = sum(weight for term, weight in weights.items() if not self._surely(term))
        heavy = {term: weight for term, weight in wanted.items() if weight == 1.0}
        meant = self._readings(wanted)
        foreign = sum(self._meanings.foreign(term, meant[term]) for term in heavy)
        others = any(self._of_others(term) for term in wanted)
        literal = self.index.cover(wanted).scores
        news = self.index.cover(own if wanted.keys() - own.keys() else {}, meant)
        share = unknown / (sum(weights.values()) or 1.0)
        telling = {
            term: self.index.worth(term, meant[term]) * self._meanings.telling(term) * importance
            for term, importance in wanted.items()
        }
        aim = Aim.of(telling, meant)
        about = {term: weight for term, weight in telling.items() if term not in self.terms.aspects}
        thing = Aim.of(about, meant) if about else aim
        weight = sum(wanted.values())
        return Asked(len(wanted), weight, share, foreign, others, literal, news.scores, news.headed, aim, thing)

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
        """A word of other things, unless a heading has it or what the thesaurus says is meant by it."""
        if term not in self.terms.other or term in self.index.subjects:
            return False
        meant = self.terms.related(term)
        return not any(sure >= MEANT and other in self.index.subjects for other, sure in meant)

    def _reading(self, term: str, weight: float, wanted: Mapping[str, float]) -> dict[str, float]:
        if self._of_others(term):
            return {}
        least = MEANT if weight in (LIGHT, LIGHT_KNOWN) else 0.0
        return {other: sure for other, sure in self.meant(term).items() if other not in wanted and sure >= least}

    def _holds(self, kind: re.Pattern[str], number: int) -> bool:
        return kind.search(plainly(self.sections[number].text)) is not None

    async def _vectors(self, text: str) -> Any:
        if self._dense is None:
            return None
        import numpy as np  # noqa: PLC0415

        scores = np.asarray(await self._dense.scores(text), np.float32)
        return scores if len(scores) == len(self.sections) else None

    async def _meaning(self, encoded: LineScorer, text: str, before: str, numbers: Any) -> Any:
        import numpy as np  # noqa: PLC0415

        near = await encoded.near(text, before, numbers)
        meaning = np.full(len(self.sections), near.min(), np.float32)
        meaning[numbers] = near
        return meaning

    def _passage(self, number: int, score: float) -> Passage:
        section = self.sections[number]
        return Passage(section.base, section.heading, section.text, min(score, 1.0))


def _bases(sections: Sequence[Section]) -> dict[Base, Any]:
    import numpy as np  # noqa: PLC0415

    of = np.array([section.base == "tech" for section in sections], bool)
    return {"general": np.flatnonzero(~of), "tech": np.flatnonzero(of)}


def _meanings(index: Index, terms: Terms) -> "Meanings":
    from kb.meanings import Meanings, WordVectors  # noqa: PLC0415

    return Meanings(index.vocabulary, terms.near, WordVectors.load(terms.language), terms.alike, terms.related)


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
