"""Text in, sentences out: intents first, then passages, then the model, with the knowledge base as its understudy.

No audio here; the same answers serve every door.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import Protocol

from agent.answer_cache import AnswerCache, first_of_call, key_of
from agent.asking import Asking, Finding, Minds, Watch
from agent.dialogue import Context
from agent.errors import KnowledgeError
from agent.firm import Firmness
from agent.grounding import grounds_of
from agent.intents import Intent, Intents, Kind
from agent.language.same_question import same_question
from agent.ports import Action, Effect, Passage, Question, Retriever, Sentence
from agent.prompts import Prompts
from agent.texts import Texts
from agent.thought import Thought
from agent.tool import ToolCall
from agent.tools import Declared, Means, Using

__all__ = ["Answering", "Answers", "Desk", "Minds", "Watch"]

log = logging.getLogger(__name__)

WHOLE = frozenset(
    {"operator", "goodbye", "repeat", "stop", "yes", "no", "thanks", "slower", "faster", "louder", "quieter"}
)
"""Kinds of intents that nothing is expected to follow."""
BEGINNINGS = frozenset(
    {
        *("что", "как", "what", "how"),
        *("соедините", "соедините меня", "переведите", "переведите меня", "переключите", "переключите меня"),
        *("connect me", "transfer me", "put me through"),
    }
)
"""Alone they ask for a repetition or for the operator, but a question or a department may follow."""
SMALL_TALK = frozenset({"backchannel", "thanks", "stop", "yes", "no", "greeting"})
"""Kinds of intents whose replies say nothing: «повторите» after one means the answer before it."""

_EFFECTS: dict[Kind, Effect] = {"slower": "slower", "faster": "faster", "louder": "louder", "quieter": "quieter"}


class Answering(Protocol):
    """What a call asks; ``Answers`` is the one that answers."""

    def is_backchannel(self, text: str, offered: bool) -> bool:
        """True for «угу» and the like."""

    def alike(self, one: str, other: str) -> bool:
        """True when both texts ask the same."""

    def sentences(self, text: str, context: Context, watch: Watch) -> AsyncGenerator[Sentence, None]:
        """The answer to ``text``."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What is at hand for one caller."""

    about: str = ""
    """What is known from earlier calls, as a model is told it."""
    means: Means = field(default_factory=Means)
    """What can be done for him."""


NOBODY = Desk()
ROUNDS = 3
"""How often a model is asked for one answer, because of tools."""


class Answers:
    """Answers what a caller said; one for all calls, the state is in the Dialogue."""

    def __init__(
        self,
        retriever: Retriever,
        minds: Minds,
        prompts: Prompts,
        intents: Intents,
        canonical: Callable[[str], str],
        *,
        language: str = "ru",
        texts: Callable[[], Texts] | None = None,
        cache: AnswerCache | None = None,
    ) -> None:
        """``canonical`` normalises recognised speech (units, numbers).

        ``texts`` is asked before each turn and gives ``prompts`` and ``intents`` as they are then.
        """
        self._retriever, self._prompts, self._language = retriever, prompts, language
        self._asking = Asking(minds)
        self._intents, self._canonical = intents, canonical
        self._texts, self._cache = texts, cache
        self._tools: tuple[Declared, ...] = ()

    def of(self, desk: Desk) -> Answering:
        """The same answers for one caller."""
        return _OfCaller(self, desk)

    def use(self, minds: Minds) -> None:
        """From the next turn on ``minds`` answer."""
        self._asking = Asking(minds)

    async def connect(self) -> None:
        """A call begins: have the models' connections open before its first question."""
        await asyncio.gather(*(connect() for connect in self._asking.minds.connect))

    def _look(self) -> None:
        """Files may have changed since the last turn."""
        if self._texts is not None:
            texts = self._texts()
            self._prompts, self._intents, self._tools = texts.prompts, texts.intents, texts.tools

    @property
    def models(self) -> dict[str, str]:
        """Each language model and whether it answers: ``ok`` or ``failing``."""
        return self._asking.states

    @property
    def cache_hits(self) -> dict[str, int]:
        """Questions answered from the cache, and not; empty without one."""
        return {"hits": self._cache.hits, "misses": self._cache.misses} if self._cache else {}

    def is_backchannel(self, text: str, offered: bool) -> bool:
        """True for «угу» and the like: said to go on listening, not to take the turn.

        ``offered``: a yes is awaited, so «да» is none.
        """
        once = " ".join(word for word, _ in groupby(text.split()))  # «да да да»
        kinds = {intent.kind for intent in map(self._intents.match, (text, once)) if intent is not None}
        return "backchannel" in kinds or ("yes" in kinds and not offered)

    def is_command(self, text: str) -> bool:
        """True for words that are whole by themselves and usually the last: «соедините с оператором», «да»."""
        intent = self._intents.match(text)
        return intent is not None and intent.kind in WHOLE and text not in BEGINNINGS

    def alike(self, one: str, other: str) -> bool:
        """True when both texts ask the same: written differently, or heard with other endings, at most."""
        if self._canonical(one) == self._canonical(other):
            return True
        return same_question(one, other, self._language) and self._intents.match(one) == self._intents.match(other)

    async def sentences(
        self, text: str, context: Context, watch: Watch, desk: Desk = NOBODY
    ) -> AsyncGenerator[Sentence, None]:
        """Answer ``text``; never raises for a failed model or index, and changes nothing: effects travel along."""
        self._look()
        intent = self._intents.match(text)
        if intent is not None and self._left_to_model(intent, desk.means):
            intent = None
        scripted = self._scripted(intent, context) if intent else []
        if scripted:
            watch.reached("first_sentence")
            for sentence in scripted:
                yield sentence
            return
        async with aclosing(self._from_knowledge(text, context, watch, desk)) as answer:
            async for sentence in answer:
                yield sentence

    def _left_to_model(self, intent: Intent, means: Means) -> bool:
        """A tool can do what the words ask for."""
        kinds = {each.kind for each in self._tools if means.can(each.kind)}
        return bool(intent.unless) and intent.unless in kinds and self._asking.minds.model is not None

    def _scripted(self, intent: Intent, context: Context) -> list[Sentence]:
        """What needs no knowledge; empty when the words alone don't tell."""
        prompts, kind = self._prompts, intent.kind
        if kind == "operator" or (context.offered and kind in ("yes", "backchannel")):
            return [Sentence(prompts.transfer, action=Action("transfer"))]
        if kind == "goodbye":
            return [Sentence(prompts.goodbye, action=Action("hangup"))]
        if kind == "wait":
            return [Sentence(prompts.hold[context.number % len(prompts.hold)], effect="wait")]
        if kind in prompts.again:
            # an offer that is said again is one again
            last = Sentence(context.last_said or prompts.greeting, effect="offer" if context.offered else "repeat")
            return [Sentence(prompts.again[kind], effect=_EFFECTS.get(kind, "aside")), last]
        if not intent.reply:
            return []
        effect: Effect = "offer" if kind == "offer" else "aside" if kind in SMALL_TALK else ""
        return [Sentence(intent.reply, effect=effect, firm=intent.firm)]

    async def _from_knowledge(
        self, text: str, context: Context, watch: Watch, desk: Desk
    ) -> AsyncGenerator[Sentence, None]:
        prompts = self._prompts
        asked, note = self._canonical(text), prompts.unheard_note
        question = Question(asked, (), context.history, prompts.instructions, note, about=desk.about)
        passages = await self._passages(question)
        await asyncio.sleep(0)  # milliseconds each, the search and what follows: other calls' turn between them
        watch.reached("passages")
        if isinstance(watch, Finding):
            watch.found(passages)
        question = replace(question, passages=passages)
        using = Using(self._tools, desk.means, prompts)
        question = replace(question, tools=using.offered)
        using.invented = partial(_invented, question, self._language)
        key, firmness = await self._key(question), Firmness(passages)
        known = await self._cache.get(key) if self._cache and key else ()
        if known:
            watch.reached("first_sentence")
            for sentence in known:
                yield firmness.of(sentence)
            return
        said: list[Sentence] = []
        async with aclosing(self._thought(question, using, watch, context.waited_s)) as sentences:
            async for sentence in sentences:
                if not said:
                    watch.reached("first_sentence")
                said.append(sentence)
                yield firmness.of(sentence)
        if not said:
            watch.reached("first_sentence")
            yield Sentence(prompts.no_answer, effect="offer")
        elif self._cache and key and using.by_model and first_of_call(question):
            await self._cache.put(key, said, asked)

    async def _thought(
        self, question: Question, using: Using, watch: Watch, waited_s: float
    ) -> AsyncGenerator[Sentence, None]:
        """What the models say, and what comes of the tools that they ask for."""
        silent = True
        for _ in range(ROUNDS):
            thought = Thought(self._asking, question, self._language, self._prompts.ungrounded_note, waited_s)
            waited_s = 0.0  # what comes after a tool has been announced
            calls: list[ToolCall] = []
            mute = True
            async with aclosing(thought.sentences(watch)) as texts:
                async for piece in texts:
                    if isinstance(piece, ToolCall):
                        calls.append(piece)
                    else:
                        silent = mute = False
                        yield Sentence(piece, _source(piece, question.passages))
            using.by_model = thought.by_model and not calls and not using.results
            for call in calls:
                async with aclosing(using.use(call, silent)) as sentences:
                    async for sentence in sentences:
                        silent = False
                        yield sentence
                if using.over:
                    return
            if not calls:
                if mute and using.results:
                    break
                return
            question = replace(question, results=tuple(using.results))
        # something was announced, and no model told what came of it
        yield Sentence(self._prompts.no_answer, effect="offer")

    async def _key(self, question: Question) -> str:
        """Where the answer is kept; empty when none is, or the question leans on what was said before."""
        models = self._asking.minds.models
        if self._cache is None or not models or question.about:
            return ""
        if not first_of_call(question):
            alone = await self._passages(replace(question, history=()))
            if alone != question.passages:
                return ""
        return key_of(question, " ".join(model.name for model in models))

    async def _passages(self, question: Question) -> tuple[Passage, ...]:
        try:
            return await self._retriever.search(question.text, question.history)
        except KnowledgeError as error:
            log.error("%s: %s", error.code, error)
            return ()


@dataclass(frozen=True, slots=True)
class _OfCaller:
    inner: Answers
    desk: Desk

    def is_backchannel(self, text: str, offered: bool) -> bool:
        return self.inner.is_backchannel(text, offered)

    def alike(self, one: str, other: str) -> bool:
        return self.inner.alike(one, other)

    def sentences(self, text: str, context: Context, watch: Watch) -> AsyncGenerator[Sentence, None]:
        return self.inner.sentences(text, context, watch, self.desk)


def _invented(question: Question, language: str, text: str) -> str:
    return grounds_of(question, language).fault(text)


def _source(sentence: str, passages: tuple[Passage, ...]) -> str:
    """The base of the passage that a sentence was read from; a model's own words stand on the best one."""
    read_from = (passage.base for passage in passages if sentence in passage.text)
    return next(read_from, passages[0].base if passages else "")
