"""Answers without a language model: the one to three sentences of the passages that answer the question."""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.ports import Passage, Question

LONGEST = 260
"""Characters of an answer, about 18 seconds of speech; the first sentence is spoken whatever its length."""
SENTENCES = 3
"""Most sentences of an answer."""
CLOSE = 0.93
"""A later passage is looked at when its score is at least this share of the best one's."""
SECOND = 0.66
"""A further sentence is spoken when it scores at least this share of the best one's."""
PLACE = 0.12
"""Bonus of a passage's first sentence: it is written to answer the heading."""
HINTED = 0.2
"""Bonus of a sentence that has the kind of thing that is asked for."""
EXACT = 2.0
"""How much more a number tells than a word as rare: who names one wants that very one."""
OBLIGING = 0.08
"""Bonus of an opening sentence for a question that names nothing but the heading's subject."""

NUMERAL = re.compile(r"\d+(\.\d+)?")
NUMBER = r"\d"
TIME = r"\d{1,2}:\d\d|\d+ час|\b\d+(:\d\d)? ?(am|pm)\b|полдень"
SPAN = r"\d+ \w*\s?(дн|день|час|минут|месяц|недел|год|лет|day|week|month|hour|year|minute)"
PLACE_WORDS = r"улиц|проезд|проспект|дом \d|город|москв|твер|метро|офис|склад|street|lane|road|station|leeds|office"
MONEY = r"рубл|₽|pound|£|€|\$|euro"
CONTACT = r"@|\d{3}[- ]\d\d|\w\.example|\w\.(ru|com|org|net)\b"

HINTS = tuple(
    (re.compile(asked), re.compile(wanted, re.IGNORECASE))
    for asked, wanted in (
        (r"сколько.*сто[ия]|цен[ауые]|стоимост|how much|price|cost", MONEY),
        (r"до какого часа|во сколько|до скольки|с какого часа|режим|график|hours|when.*(open|close)|what time", TIME),
        (r"сколько (дней|идет|времени|длится)|как долго|срок|когда|how long|delivery time|when", SPAN),
        (
            r"сколько|как(ой|ая|ое|ие) (\w+ )?(вес|размер|габарит|мощност|скорост|ход|усили|нагруз|погрешн|точност)",
            NUMBER,
        ),
        (r"how (heavy|high|many|often|old)|maximum|what (is the )?(speed|weight|accuracy|stroke|height)", NUMBER),
        (r"\bгде\b|адрес|куда|в каком городе|\bwhere\b|address", PLACE_WORDS),
        (r"\bвес(ит|ят|ом)?\b|тяжел|килограмм|how heavy|weigh", r"\d (кг|т|тонн\w*|kg)\b"),
        (r"платн|даром|денег стоит|free of charge|for free", MONEY + r"|бесплатн|free"),
        (r"телефон|почт|сайт|email|phone|website", CONTACT),
    )
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    score: float
    passage: int
    place: int
    text: str


class ExtractiveModel:
    """A ``LanguageModel`` that reads out of the passages; microseconds, no network, no memory of its own.

    ``terms`` and ``weight`` are the search's own analysis (``KnowledgeBase.terms``, ``KnowledgeBase.index.weight``),
    ``split`` cuts a text into sentences; passages under ``threshold`` are not spoken. ``meant`` gives the terms
    that may be meant by a term and how surely (``KnowledgeBase.meant``).
    """

    def __init__(
        self,
        terms: Callable[[str], Sequence[str]],
        weight: Callable[[str], float],
        split: Callable[[str], Sequence[str]],
        threshold: float,
        meant: Callable[[str], Mapping[str, float]] | None = None,
    ) -> None:
        self._meant = meant or _itself
        self._terms = terms
        self._weight = weight
        self._split = split
        self._threshold = threshold

    @property
    def name(self) -> str:
        """For health and the call log."""
        return "extractive"

    async def reply(self, question: Question) -> AsyncIterator[str]:
        """Yield the answer's sentences, nothing when no passage reaches the threshold."""
        for sentence in self.choose(question):
            yield f"{sentence} "

    async def close(self) -> None:
        """Nothing is held."""

    def choose(self, question: Question) -> tuple[str, ...]:
        """The sentences to speak, in the order of the text; empty when the match is weak."""
        strong = [p for p in question.passages if p.score >= self._threshold]
        if not strong:
            return ()
        strong = [p for p in strong if p.score >= strong[0].score * CLOSE]
        ranked = sorted(self._candidates(question.text, strong), key=lambda c: -c.score)
        if not ranked:
            return ()
        best = ranked[0]
        return _fit(best, [c for c in ranked[1:] if c.passage == best.passage and c.score >= best.score * SECOND])

    def _candidates(self, text: str, passages: Sequence[Passage]) -> list[_Candidate]:
        wanted = frozenset(self._terms(text))
        asked = text.lower().replace("ё", "е")
        hints = [kind for when, kind in HINTS if when.search(asked)]
        found: list[_Candidate] = []
        for number, passage in enumerate(passages):
            heading = frozenset(self._terms(passage.heading))
            sentences = self._sentences(passage.text)
            weights = self._weights(wanted, [set(self._terms(sentence)) for sentence in sentences])
            for place, sentence in enumerate(sentences):
                share = self._share(sentence, weights, heading)
                bonus = HINTED if any(kind.search(sentence.lower()) for kind in hints) else 0.0
                bonus += 0.0 if place else PLACE
                if not place and wanted <= heading:
                    bonus += OBLIGING
                found.append(_Candidate(passage.score * (share + bonus), number, place, sentence))
        return found

    def _weights(self, wanted: frozenset[str], sentences: Sequence[set[str]]) -> dict[str, float]:
        """Shares, sum 1: a term tells more when it is rare in the knowledge base and rare among these sentences."""
        meant = {term: {**self._meant(term), term: 1.0} for term in wanted}
        rare = {t: 1 - sum(not own.isdisjoint(meant[t]) for own in sentences) / (len(sentences) + 1) for t in wanted}
        weights = {term: self._weight(term) * rare[term] * (EXACT if NUMERAL.fullmatch(term) else 1) for term in wanted}
        total = sum(weights.values()) or 1.0
        return {term: weight / total for term, weight in weights.items()}

    def _share(self, sentence: str, weights: dict[str, float], heading: frozenset[str]) -> float:
        """Weight of the wanted terms that the sentence has; the heading's count half when it lacks them."""
        own = set(self._terms(sentence))
        share = 0.0
        for term, weight in weights.items():
            meant = {**self._meant(term), term: 1.0}
            said = max((sure for other, sure in meant.items() if other in own), default=0.0)
            headed = max((sure for other, sure in meant.items() if other in heading), default=0.0)
            share += weight * max(said, headed / 2)
        return share

    def _sentences(self, text: str) -> list[str]:
        lines = (line.strip() for line in text.splitlines())
        spoken = (line.lstrip("-*• ").strip() for line in lines if line and not line.startswith("#"))
        return [sentence for line in spoken for sentence in self._split(line)]


def _itself(term: str) -> Mapping[str, float]:
    """Nothing else is meant by ``term``."""
    return {}


def _fit(best: _Candidate, others: Sequence[_Candidate]) -> tuple[str, ...]:
    chosen = [best]
    for other in others:
        length = sum(len(c.text) for c in chosen) + len(other.text)
        if len(chosen) < SENTENCES and length <= LONGEST:
            chosen.append(other)
    return tuple(c.text for c in sorted(chosen, key=lambda c: c.place))
