"""A conversation in writing with the same answers that callers hear."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from agent.answer import Answering
from agent.dialogue import Dialogue
from agent.events import Stage
from agent.ports import Sentence


class _Unwatched:
    """Nobody asks how an answer in writing comes along."""

    def reached(self, stage: Stage) -> None:
        """Not kept."""

    def token(self) -> None:
        """Not counted."""


class Chat:
    """One person's conversation; it remembers what was said."""

    def __init__(self, answers: Answering) -> None:
        """``answers`` serves all conversations."""
        self._answers, self._dialogue = answers, Dialogue()

    async def ask(self, text: str) -> AsyncGenerator[Sentence, None]:
        """The sentences of the answer as they come; all that was given out counts as read."""
        context = self._dialogue.context
        turn = self._dialogue.begin(text)
        self._dialogue.offered = False
        said: list[str] = []
        try:
            async with aclosing(self._answers.sentences(turn.caller, context, _Unwatched())) as sentences:
                async for sentence in sentences:
                    said.append(sentence.text)
                    self._dialogue.offered = self._dialogue.offered or sentence.effect == "offer"
                    turn.take(sentence)
                    yield sentence
        finally:
            self._dialogue.close(turn, " ".join(said), " ".join(said), cut=False)
