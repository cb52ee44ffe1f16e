"""A conversation that goes on in another process than it began: what was said, and what is still owed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.dialogue import Turn
from agent.prompts import Prompts

QUOTED_WORDS = 14
"""A longer question is not said again before its answer: the caller knows it."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Where a call was when nobody listened any more."""

    turns: tuple[Turn, ...] = ()
    """The dialogue as it was heard; without ``question``, where nothing of its answer was heard."""
    question: str = ""
    """The caller's last words, when they had no whole answer; empty: nothing is owed."""
    position: int = 0
    """Samples from the answer until now."""

    def texts(self, prompts: Prompts) -> list[str]:
        """What the caller hears first."""
        if not self.turns:  # not even greeted
            return [text for text in (prompts.cut_off, *prompts.opening) if text]
        if not self.question:
            return [prompts.cut_off, prompts.go_ahead] if prompts.cut_off and prompts.go_ahead else [prompts.error]
        plain = "[" not in self.question  # nothing was taken out of it for the record
        quoted = plain and "{}" in prompts.you_asked and len(self.question.split()) <= QUOTED_WORDS
        asked = prompts.you_asked.replace("{}", self.question) if quoted else ""
        return [text for text in (prompts.cut_off, asked) if text]


def resumed(turns: Sequence[Turn], position: int, again: str) -> Resumed:
    """``turns`` from the greeting on, the last as far as it came; ``again``: a question owed at the time before.

    What was owed then and is owed again is not tried a third time: it may be what ended the process.
    """
    kept = list(turns)
    newest = kept[-1] if kept else None
    owed = newest.caller if newest is not None and unanswered(newest) else ""
    if newest is not None and owed and not newest.heard:
        kept.pop()
    if kept and not kept[0].heard and len(kept) == 1:
        kept.clear()
    return Resumed(tuple(kept), owed if owed != again else "", position)


def unanswered(turn: Turn) -> bool:
    """The process ended before the turn's answer did."""
    return bool(turn.caller) and turn.open
