"""One answer in the making: what models say, held against what is known; else what the knowledge base says itself."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from agent.asking import Asking, Watch
from agent.errors import ModelError
from agent.grounding import Grounds, grounds_of, instructions
from agent.ports import Question
from agent.sentences import SentenceCutter
from agent.tool import ToolCall

log = logging.getLogger(__name__)

WHILE_IT_THINKS_S = 0.02
"""The question is on its way by then; passages that are new take a few milliseconds to read, seconds."""
LEAK = "…"
"""The fault of a sentence that reads out the instructions."""


class Thought:
    """Asks the models, once more where they invented something, and the knowledge base where that did not help."""

    def __init__(self, asking: Asking, question: Question, language: str, note: str, waited_s: float = 0.0) -> None:
        """``note`` tells a model what it invented, ``{}`` standing for that.

        ``waited_s``: how long the caller has waited already; a recogniser that was slow leaves the models less time.
        """
        self._asking, self._question, self._note = asking, question, note
        self._waited_s = waited_s
        self._language = language
        self._grounds: Grounds | None = None
        self._rules = instructions(question.system)
        self._known = " ".join(passage.text for passage in question.passages)
        self._said: list[str] = []
        self._refused = self._fault = ""
        self.by_model = False
        """The whole answer is a model's own, and none of it was refused."""

    async def sentences(self, watch: Watch) -> AsyncGenerator[str | ToolCall, None]:
        """Sentences fit to be spoken, and tools that the model asks for; never raises for a model."""
        stall_s, loop = self._asking.minds.stall_s, asyncio.get_running_loop()
        by = loop.time() + stall_s - self._waited_s
        if self._asking.minds.models:
            loop.call_later(WHILE_IT_THINKS_S, self._known_facts)
        try:
            async with aclosing(self._of_models(self._question, watch, by)) as sentences:
                async for sentence in sentences:
                    yield sentence
            if self._fault and self._fault != LEAK:
                by = asyncio.get_running_loop().time() + stall_s if self._said else by
                async with aclosing(self._of_models(self._asked_again(), watch, by)) as sentences:
                    async for sentence in sentences:
                        yield sentence
            elif not self._fault:
                self.by_model = True
        except ModelError as error:
            if self._asking.minds.models:  # else the knowledge base is meant to answer
                log.warning("llm: %s; the knowledge base answers instead", error)
            self._fault = self._fault or str(error)
        if self._fault and not self._question.results:  # it knows nothing of what a tool found out
            async with aclosing(self._of_knowledge(watch)) as sentences:
                async for sentence in sentences:
                    yield sentence

    async def _of_models(self, question: Question, watch: Watch, by: float) -> AsyncGenerator[str | ToolCall, None]:
        """Stops at the first sentence that may not be spoken; ``_fault`` says why."""
        self._fault = ""
        async with aclosing(self._asking.sentences(question, watch, by)) as sentences:
            async for sentence in sentences:
                if isinstance(sentence, ToolCall):
                    yield sentence
                    continue
                self._fault = self._fault_of(sentence)
                if self._fault:
                    self._refused = sentence
                    log.warning("llm: a sentence is withheld, it %s", _why(self._fault))
                    return
                if sentence not in self._said:
                    self._said.append(sentence)
                    yield sentence

    def _fault_of(self, sentence: str) -> str:
        if self._rules.shown_by(sentence) and sentence not in self._known:
            return LEAK
        return self._known_facts().fault(sentence)

    def _known_facts(self) -> Grounds:
        if self._grounds is None:
            self._grounds = grounds_of(self._question, self._language)
        return self._grounds

    def _asked_again(self) -> Question:
        said = " ".join([*self._said, self._refused])
        return replace(self._question, said=said, note=self._note.replace("{}", self._fault))

    async def _of_knowledge(self, watch: Watch) -> AsyncGenerator[str, None]:
        cutter = SentenceCutter()
        first = not self._said
        async for piece in self._asking.minds.extractive.reply(self._question):
            watch.token()
            if first:
                watch.reached("first_token")
            first = False
            for sentence in cutter.feed(str(piece)):
                if sentence not in self._said:
                    yield sentence
        for sentence in cutter.flush():
            if sentence not in self._said:
                yield sentence


def _why(fault: str) -> str:
    return "reads out the instructions" if fault == LEAK else "says what no passage says"
