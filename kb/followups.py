"""What a short question leans on: «а в воскресенье?», «а сколько она стоит?» mean something only after what was said.

No model is asked: a question that opens like a continuation, or speaks of «она», takes over the subject of the turns
before it, less what it replaces (a number takes the place of a number).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.ports import Exchange

TURNS = 3
"""How many turns back a subject may come from."""
CARRIED = 0.6
"""Importance of the earlier question's words."""
FADING = 0.6
"""What of that is left with each further turn."""
HEADING = 0.3
"""Importance of the words in the heading of the section that answered."""
NAMED = 0.35
"""Importance of a model's name in the answer, where the caller named none."""
PUT_ASIDE = 0.25
"""What is left of the importance of an earlier word that a new one of its kind takes the place of."""
FEW = 2
"""A question with at most so many words of its own may lean on the one before it without saying so."""
LEAN = 0.25
"""Importance of the earlier words then."""

MODEL = re.compile(r"\b[^\W\d_]{2,4}-\d+\b")


@dataclass(frozen=True, slots=True)
class Subject:
    """What was spoken of."""

    terms: Mapping[str, float]
    """Term -> importance, as in a search."""
    heading: tuple[str, ...] = ()
    """Terms of the heading that answered."""
    named: tuple[str, ...] = ()
    """Terms of the models that the answer named."""


@dataclass(frozen=True, slots=True)
class Signs:
    """How a language continues a subject."""

    openers: re.Pattern[str]
    """Beginnings: «а», «и», "what about"."""
    pronouns: frozenset[str]
    """Words that stand for a subject."""

    def continues(self, text: str) -> bool:
        """True when the words say that something was spoken of before."""
        return self.openers.match(" ".join(_words(text))) is not None or self.points_back(text)

    def points_back(self, text: str) -> bool:
        """True when a word stands for what was spoken of."""
        return not self.pronouns.isdisjoint(_words(text))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower().replace("ё", "е"))


def recent(history: Sequence[Exchange]) -> Sequence[Exchange]:
    """The turns that a subject may come from."""
    return [exchange for exchange in history if exchange.caller][-TURNS:]


def models(text: str) -> str:
    """Names of models in an answer, such as «РМ-50»; the first one only."""
    found = MODEL.search(text)
    return found[0] if found else ""


def lean(
    own: Mapping[str, float],
    subject: Subject | None,
    continues: bool,
    of_a_kind: Callable[[str, str], bool] = lambda one, other: False,
) -> dict[str, float]:
    """The question's terms with those that it leans on.

    ``of_a_kind``: whether two terms are things of one kind, so that «а трубы?» takes the place of the rubber before.
    """
    if subject is None or not (continues or len(own) <= FEW):
        return dict(own)
    share = CARRIED if continues else LEAN
    replaced = any(term.isdigit() for term in own)
    kept = {term: weight for term, weight in subject.terms.items() if not (replaced and term.isdigit())}
    wanted = dict(own)
    for term, weight in kept.items():
        stands = PUT_ASIDE if any(of_a_kind(term, new) for new in own) else 1.0
        wanted.setdefault(term, weight * share * stands)
    if continues:
        named = () if replaced or any(term.isdigit() for term in kept) else subject.named
        for terms, weight in ((subject.heading, HEADING), (named, NAMED)):
            for term in terms:
                if not (replaced and term.isdigit()) and not any(of_a_kind(term, new) for new in own):
                    wanted.setdefault(term, weight)
    return wanted


def faded(terms: Mapping[str, float]) -> dict[str, float]:
    """A subject one turn later."""
    return {term: weight * FADING if weight < 1 else weight for term, weight in terms.items()}
