"""Answers of models kept: the same question on the same passages under the same instructions is answered at once.

The key is a digest of all that an answer depends on, so any change (a text, a prompt, a model) makes another key, and
no caller's words can be read out of the file. What is kept is what the agent said; where a caller told something of
himself, which an answer may repeat, nothing is kept.
"""

import asyncio
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from agent.ports import Question, Sentence

ANSWERS = "answers.sqlite"
"""The shelf's file in ``storage.dir``."""
IN_MEMORY = 2000
"""Answers kept in memory."""
ON_DISK = 50_000
"""Answers kept in a file; beyond it the oldest tenth goes."""
WORD = re.compile(r"[\w.,:/%-]*\w[%]?")


class Shelf(Protocol):
    """Where answers outlive the daemon; never raises: a shelf that fails is an empty one."""

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those that are there."""

    async def put(self, found: Mapping[str, bytes]) -> None:
        """Keep them."""

    async def close(self) -> None:
        """Close files and connections."""


class AnswerCache:
    """In memory, and on a shelf behind it."""

    def __init__(self, shelf: Shelf | None = None, personal: Callable[[str], bool] = lambda _: False) -> None:
        """``personal``: whether a question holds a name, a number or the like of its caller; may take milliseconds."""
        self._shelf, self._personal = shelf, personal
        self._kept: OrderedDict[str, tuple[Sentence, ...]] = OrderedDict()
        self.hits = self.misses = 0
        """Questions that were answered from here, and that were not."""

    async def get(self, key: str) -> tuple[Sentence, ...]:
        """The answer kept under ``key``; empty when there is none."""
        known = self._kept.get(key) or await self._from_shelf(key)
        if known:
            self.hits += 1
            self._keep(key, known)
        else:
            self.misses += 1
        return known

    async def put(self, key: str, sentences: Sequence[Sentence], asked: str = "") -> None:
        """Keep an answer, unless what was ``asked`` is personal."""
        personal = await asyncio.to_thread(self._personal, asked) if asked else False
        if personal:
            return
        self._keep(key, tuple(sentences))
        if self._shelf is not None:
            written = json.dumps([[s.text, s.source] for s in sentences], ensure_ascii=False)
            await self._shelf.put({key: written.encode()})

    async def close(self) -> None:
        """Close the shelf."""
        if self._shelf is not None:
            await self._shelf.close()

    async def _from_shelf(self, key: str) -> tuple[Sentence, ...]:
        found = (await self._shelf.get([key])).get(key) if self._shelf is not None else None
        try:
            return tuple(Sentence(text, source) for text, source in json.loads(found)) if found else ()
        except (ValueError, TypeError):  # of another version
            return ()

    def _keep(self, key: str, sentences: tuple[Sentence, ...]) -> None:
        self._kept[key] = sentences
        self._kept.move_to_end(key)
        if len(self._kept) > IN_MEMORY:
            self._kept.popitem(last=False)


def key_of(question: Question, model: str) -> str:
    """Digest of the question's words (case and punctuation don't matter), its passages, instructions and ``model``."""
    words = WORD.findall(question.text.lower().replace("ё", "е"))
    passages = sorted([p.base, p.heading, p.text] for p in question.passages)
    tools = [[tool.name, tool.description, dict(tool.parameters)] for tool in question.tools]
    whole = json.dumps([words, passages, question.system, tools, model], ensure_ascii=False, sort_keys=True)
    return "answer:" + hashlib.sha256(whole.encode()).hexdigest()


def first_of_call(question: Question) -> bool:
    """True when nothing was asked before that the answer could lean on."""
    return not any(exchange.caller for exchange in question.history)
