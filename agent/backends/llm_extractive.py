"""Answers without a language model: the one to three sentences of the passages that answer the question."""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.ports import Exchange, Passage, Question

LONGEST = 260
"""Characters of an answer, about 18 seconds of speech; the first sentence is spoken whatever its length."""
SENTENCES = 3
"""Most sentences of an answer."""
CLOSE = 0.97
"""A later passage is looked at when its score is at least this share of the best one's."""
SECOND = 0.45
"""A further sentence is spoken when it scores at least this share of the best one's."""
PLAIN = 0.5
"""Share of the question in its words from which a sentence surely answers it."""
UNSURE = 0.35
"""In place of ``SECOND`` where the best sentence does not: more of the section is said."""
LATER = 0.88
"""What is left of the score of a sentence for each passage that was found before its own."""
PLACE = 0.12
"""Bonus of a passage's first sentence: it is written to answer the heading."""
HINTED = 0.4
"""Bonus of a sentence that has all the kinds of things that are asked for."""
EXACT = 2.0
"""How much more a number tells than a word as rare: who names one wants that very one."""
OBLIGING = 0.08
"""Bonus of an opening sentence for a question that names nothing but the heading's subject."""

NUMERAL = re.compile(r"\d+(\.\d+)?")


class Lexicon(Protocol):
    """What the search knows of words: the same knowledge chooses the section and the sentence."""

    def terms(self, text: str) -> Sequence[str]:
        """Search terms of a text."""

    def wanted(self, text: str, history: Sequence[Exchange]) -> Mapping[str, float]:
        """Terms of a question, those of the turns that it leans on among them, and how important each is, 0 to 1."""

    def weight(self, term: str) -> float:
        """How much a term tells, > 0."""

    def meant(self, term: str) -> Mapping[str, float]:
        """Terms that may be meant by a term and how surely, 0 to 1."""

    def kinds(self, text: str) -> Sequence[re.Pattern[str]]:
        """How a text looks (lower case, «е» for «ё») that has what the question asks for."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    score: float
    passage: int
    place: int
    text: str
    said: float
    """Share of the question's weight that its own words have, 0 to 1."""


class ExtractiveModel:
    """A ``LanguageModel`` that reads out of the passages; microseconds, no network, no memory of its own."""

    def __init__(self, lexicon: Lexicon, split: Callable[[str], Sequence[str]], threshold: float) -> None:
        """``split`` cuts a text into sentences; passages under ``threshold`` are not spoken."""
        self._lexicon = lexicon
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
        ranked = sorted(self._candidates(question, strong), key=lambda c: -c.score)
        if not ranked:
            return ()
        best = ranked[0]
        enough = best.score * (SECOND if best.said >= PLAIN else UNSURE)
        return _fit(best, [c for c in ranked[1:] if c.passage == best.passage and c.score >= enough])

    def _candidates(self, question: Question, passages: Sequence[Passage]) -> list[_Candidate]:
        wanted = self._lexicon.wanted(question.text, question.history)
        kinds = self._lexicon.kinds(question.text)
        found: list[_Candidate] = []
        for number, passage in enumerate(passages):
            heading = frozenset(self._lexicon.terms(passage.heading))
            sentences = self._sentences(passage.text)
            weights = self._weights(wanted, [set(self._lexicon.terms(sentence)) for sentence in sentences])
            for place, sentence in enumerate(sentences):
                said, share = self._share(sentence, weights, heading)
                bonus = _bonus(sentence, kinds) + (0.0 if place else PLACE)
                if not place and heading.issuperset(wanted):
                    bonus += OBLIGING
                score = passage.score * (share + bonus) * LATER**number
                found.append(_Candidate(score, number, place, sentence, said))
        return found

    def _weights(self, wanted: Mapping[str, float], sentences: Sequence[set[str]]) -> dict[str, float]:
        """Shares, sum 1: a term tells more when it is rare in the knowledge base and rare among these sentences."""
        weights: dict[str, float] = {}
        for term, importance in wanted.items():
            meant = {**self._lexicon.meant(term), term: 1.0}
            rare = 1 - sum(not own.isdisjoint(meant) for own in sentences) / (len(sentences) + 1)
            exact = EXACT if NUMERAL.fullmatch(term) else 1.0
            weights[term] = self._lexicon.weight(term) * rare * exact * importance
        total = sum(weights.values()) or 1.0
        return {term: weight / total for term, weight in weights.items()}

    def _share(self, sentence: str, weights: Mapping[str, float], heading: frozenset[str]) -> tuple[float, float]:
        """Weight of the wanted terms that the sentence has, and with half of what only its heading has."""
        own = set(self._lexicon.terms(sentence))
        share = spoken = 0.0
        for term, weight in weights.items():
            meant = {**self._lexicon.meant(term), term: 1.0}
            said = max((sure for other, sure in meant.items() if other in own), default=0.0)
            headed = max((sure for other, sure in meant.items() if other in heading), default=0.0)
            spoken += weight * said
            share += weight * max(said, headed / 2)
        return spoken, share

    def _sentences(self, text: str) -> list[str]:
        lines = (line.strip() for line in text.splitlines())
        spoken = (line.lstrip("-*• ").strip() for line in lines if line and not line.startswith("#"))
        return [sentence for line in spoken for sentence in self._split(line)]


def _bonus(sentence: str, kinds: Sequence[re.Pattern[str]]) -> float:
    """For each kind of thing that is asked for and that the sentence has, its share."""
    plain = sentence.lower().replace("ё", "е")
    return HINTED * sum(kind.search(plain) is not None for kind in kinds) / max(len(kinds), 1)


def _fit(best: _Candidate, others: Sequence[_Candidate]) -> tuple[str, ...]:
    chosen = [best]
    for other in others:
        length = sum(len(c.text) for c in chosen) + len(other.text)
        if len(chosen) < SENTENCES and length <= LONGEST:
            chosen.append(other)
    return tuple(c.text for c in sorted(chosen, key=lambda c: c.place))
