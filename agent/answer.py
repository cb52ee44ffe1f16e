"""Text in, sentences out: intents first, then passages, then the model, with the knowledge base as its understudy.

No audio here; the same answers serve every door.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from agent.dialogue import Dialogue
from agent.errors import KnowledgeError, ModelError
from agent.events import Stage
from agent.intents import Intent, Intents
from agent.ports import Action, LanguageModel, Passage, Question, Retriever, Sentence
from agent.prompts import Prompts
from agent.sentences import SentenceCutter

log = logging.getLogger(__name__)

WHOLE = frozenset({"operator", "goodbye", "repeat", "stop", "yes", "no"})
"""Kinds of intents that nothing is expected to follow."""

Reached = Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class Minds:
    """Who answers."""

    extractive: LanguageModel
    """Answers from the passages alone, at once."""
    model: LanguageModel | None = None
    """The language model, where one is configured."""
    stall_s: float = 2.5
    """No token for this long: the extractive answer is spoken instead, seconds."""


class Answers:
    """Answers what a caller said; one for all calls, the state is in the Dialogue."""

    def __init__(
        self,
        retriever: Retriever,
        minds: Minds,
        prompts: Prompts,
        intents: Intents,
        canonical: Callable[[str], str],
    ) -> None:
        """``canonical`` normalises recognised speech (units, numbers)."""
        self._retriever, self._minds, self._prompts = retriever, minds, prompts
        self._intents, self._canonical = intents, canonical

    def is_backchannel(self, text: str) -> bool:
        """True for «угу» and the like: said to go on listening, not to take the turn."""
        intent = self._intents.match(text)
        return intent is not None and intent.kind == "backchannel"

    def is_command(self, text: str) -> bool:
        """True for words that are whole by themselves and usually the last: «соедините с оператором», «да»."""
        intent = self._intents.match(text)
        return intent is not None and intent.kind in WHOLE

    async def sentences(self, text: str, dialogue: Dialogue, reached: Reached) -> AsyncGenerator[Sentence, None]:
        """Answer ``text``, the newest turn of ``dialogue``; never raises for a failed model or index."""
        intent = self._intents.match(text)
        offered, dialogue.offered = dialogue.offered, intent is not None and intent.kind == "offer"
        scripted = self._scripted(intent, dialogue, offered) if intent else []
        if scripted:
            reached("first_sentence")
            for sentence in scripted:
                yield sentence
            return
        async with aclosing(self._from_knowledge(text, dialogue, reached)) as answer:
            async for sentence in answer:
                yield sentence

    def _scripted(self, intent: Intent, dialogue: Dialogue, offered: bool) -> list[Sentence]:
        """What needs no knowledge; empty when the words alone don't tell."""
        prompts = self._prompts
        match intent.kind:
            case "operator":
                return [Sentence(prompts.transfer, action=Action("transfer"))]
            case "yes" | "backchannel" if offered:
                return [Sentence(prompts.transfer, action=Action("transfer"))]
            case "goodbye":
                return [Sentence(prompts.goodbye, action=Action("hangup"))]
            case "repeat":
                dialogue.turns[-1].repeats = True
                return [Sentence(prompts.repeat), Sentence(dialogue.last_said or prompts.greeting)]
            case "wait":
                return [Sentence(prompts.hold[len(dialogue.turns) % len(prompts.hold)])]
        return [Sentence(intent.reply)] if intent.reply else []

    async def _from_knowledge(self, text: str, dialogue: Dialogue, reached: Reached) -> AsyncGenerator[Sentence, None]:
        history = dialogue.history
        question = Question(self._canonical(text), (), history, self._prompts.system)
        passages = await self._passages(question)
        reached("passages")
        question = Question(question.text, passages, history, question.system)
        empty = True
        async with aclosing(self._thought(question, reached)) as texts:
            async for sentence in texts:
                if empty:
                    reached("first_sentence")
                empty = False
                yield Sentence(sentence, _source(sentence, passages))
        if empty:
            dialogue.offered = True
            reached("first_sentence")
            yield Sentence(self._prompts.no_answer)

    async def _passages(self, question: Question) -> tuple[Passage, ...]:
        try:
            return await self._retriever.search(question.text, question.history)
        except KnowledgeError as error:
            log.error("%s: %s", error.code, error)
            return ()

    async def _thought(self, question: Question, reached: Reached) -> AsyncGenerator[str, None]:
        """The model's sentences; the extractive ones when it fails or stalls before the first was spoken."""
        spoken = False
        if self._minds.model is not None:
            try:
                async with aclosing(self._cut(self._minds.model, question, reached, self._minds.stall_s)) as texts:
                    async for text in texts:
                        spoken = True
                        yield text
                return
            except (ModelError, TimeoutError) as error:
                log.warning("llm: %s; the knowledge base answers instead", error or "stalled")
        if not spoken:
            async with aclosing(self._cut(self._minds.extractive, question, reached, None)) as texts:
                async for text in texts:
                    yield text

    async def _cut(
        self, model: LanguageModel, question: Question, reached: Reached, stall_s: float | None
    ) -> AsyncGenerator[str, None]:
        cutter = SentenceCutter()
        first = True
        async for piece in _unstalled(model.reply(question), stall_s):
            if first:
                reached("first_token")
                first = False
            for sentence in cutter.feed(piece):
                yield sentence
        for sentence in cutter.flush():
            yield sentence


def _source(sentence: str, passages: tuple[Passage, ...]) -> str:
    """The base of the passage that a sentence was read from; a model's own words stand on the best one."""
    read_from = (passage.base for passage in passages if sentence in passage.text)
    return next(read_from, passages[0].base if passages else "")


async def _unstalled(pieces: AsyncIterator[str], stall_s: float | None) -> AsyncGenerator[str, None]:
    """Pass pieces on; raise ``TimeoutError`` when the next takes longer than ``stall_s`` seconds."""
    source = aiter(pieces)
    while True:
        try:
            async with asyncio.timeout(stall_s):
                piece = await anext(source)
        except StopAsyncIteration:
            return
        yield piece
