"""What the agent asked last tells how much of an answer to expect; the tables: ``data/asked_*.toml``. Pure.

«Завтра» is how somebody begins, but after «на какой день?» it is an answer; an address comes in parts. Where nothing of
the kind was asked it counts what the caller does: nobody is in a hurry for an answer to what was only told.
"""

import re
from functools import cache
from typing import Literal

from agent.language.acts import Act
from agent.language.completeness import answers, by_lists, does
from agent.language.tables import table
from agent.pauses import Verdict

Expected = Literal["anything", "word", "parts"]
"""``word``: a short answer is all; ``parts``: a number, an address, a name, which people say in pieces."""
SHORT = 2
"""Words of a short answer."""
PATIENT: dict[Act, dict[Verdict, Verdict]] = {
    "tells": {"complete": "open", "unsure": "open"},
    "wishes": {"complete": "unsure", "unsure": "open"},
    "asks": {},
    "unclear": {},
}
"""What becomes of the verdict by what the caller does: «мне нужен пресс» may be followed by which."""


def expected(said: str, language: str) -> Expected:
    """By the last sentence of what the agent said."""
    sentences = re.findall(r"[^.!?]+[.!?]*", said.lower().replace("ё", "е").strip())
    if not sentences:
        return "anything"
    known, words = _known(language), re.findall(r"[\w']+", sentences[-1])
    asks = sentences[-1].rstrip().endswith("?") or any(word.startswith(known["requests"]) for word in words[:2])
    if not asks or any(word.startswith(known["anything"]) for word in words):
        return "anything"
    return "parts" if any(word.startswith(known["parts"]) for word in words) else "word"


def prepare(language: str) -> None:
    """Read the tables now, so that the first caller doesn't wait for them."""
    expected("да?", language)
    wishes("доставка" if language == "ru" else "delivery", language)


def tempered(verdict: Verdict, text: str, said: str, language: str) -> Verdict:
    """The verdict on the caller's words, where they may answer what the agent ``said``."""
    heard = by_lists(text, language)
    awaited = expected(said, language)
    if heard.settled:
        return "open" if awaited == "anything" and answers(text, language) else verdict
    if awaited == "anything":
        act = does(heard, language)
        announces = act == "unclear" and heard.noted == "announces"
        return "open" if announces else PATIENT[act].get(verdict, verdict)
    if awaited == "parts":
        return "unsure" if verdict == "complete" else verdict
    short = len(heard.core) <= SHORT and heard.core[-1] not in heard.lists["open"]
    return "unsure" if verdict == "open" and short else verdict


def wishes(text: str, language: str) -> bool:
    """«Мне нужен менеджер»."""
    heard = by_lists(text, language)
    return not heard.settled and does(heard, language) == "wishes"


@cache
def _known(language: str) -> dict[str, tuple[str, ...]]:
    return {name: tuple(text.split()) for name, text in table(f"asked_{language}").items()}
