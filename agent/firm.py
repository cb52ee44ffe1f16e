"""Sentences of documents and models that the caller may not interrupt, marked as in the prompts. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from agent.ports import Passage, Sentence
from agent.prompts import FIRM, is_firm, unmarked
from agent.sentences import ENDS


class Firmness:
    """Of the sentences of one answer, in their order."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        """``passages``: what the answer stands on; a model may leave out the mark that a sentence has there."""
        self._known = [passage.text for passage in passages]
        self._unfinished = False
        """The last sentence was firm, and only its beginning: it was cut for being long."""

    def of(self, sentence: Sentence) -> Sentence:
        """The sentence without the mark, and firm where it had it."""
        text = unmarked(sentence.text)
        marked = is_firm(sentence.text) or any(FIRM + text in known for known in self._known)
        firm = sentence.firm or (bool(text) and (marked or self._unfinished))
        self._unfinished = firm and not text.endswith(tuple(ENDS))
        return replace(sentence, text=text, firm=True) if firm else sentence
