"""``allo chat``: the same agent in writing, on a terminal or from a pipe; no voice and no ear is loaded."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import TextIO

from agent.answer import Answers
from agent.dialogue import Dialogue
from agent.events import Stage
from agent.furnish import open_answers, open_costs
from agent.ports import Action, Sentence
from agent.prompts import Prompts
from agent.settings import Settings

PROMPT = "> "


@dataclass(slots=True)
class _Stopwatch:
    """When an answer came along, milliseconds after its question."""

    began: float = field(default_factory=time.perf_counter)
    reached_ms: dict[Stage, float] = field(default_factory=dict)

    def reached(self, stage: Stage) -> None:
        self.reached_ms.setdefault(stage, round((time.perf_counter() - self.began) * 1000, 1))

    def token(self) -> None:
        """Pieces are not counted here."""


class Chat:
    """One conversation in writing; ``show`` is told each sentence as soon as it is there."""

    def __init__(self, answers: Answers, prompts: Prompts) -> None:
        self._answers, self._prompts = answers, prompts
        self._dialogue = Dialogue()
        greeting = self._dialogue.begin("")
        self._dialogue.close(greeting, prompts.greeting, prompts.greeting, cut=False)

    async def ask(self, text: str, out: TextIO, *, as_json: bool) -> Action | None:
        """Answer one line on ``out``; what is to be done after it, if anything."""
        context, watch = self._dialogue.context, _Stopwatch()
        turn = self._dialogue.begin(text)
        self._dialogue.offered = False
        said: list[Sentence] = []
        async with aclosing(self._answers.sentences(turn.caller, context, watch)) as sentences:
            async for sentence in sentences:
                said.append(sentence)
                self._dialogue.offered |= sentence.effect == "offer"
                turn.take(sentence)
                if not as_json:
                    _show(sentence, out)
        whole = " ".join(sentence.text for sentence in said)
        self._dialogue.close(turn, whole, whole, cut=False)
        if as_json:
            _write(json.dumps(_record(turn.number, text, said, watch), ensure_ascii=False), out)
        return next((sentence.action for sentence in said if sentence.action), None)


def chat_command(settings: Settings, *, as_json: bool, given: TextIO = sys.stdin, out: TextIO = sys.stdout) -> int:
    """Read questions line by line until the input, the caller or the agent ends it."""
    for stream in (given, out):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        asyncio.run(_talk(settings, as_json, given, out))
    except BrokenPipeError:  # `allo chat | head`
        sys.stderr.close()
    return 0


async def _talk(settings: Settings, as_json: bool, given: TextIO, out: TextIO) -> None:
    async with AsyncExitStack() as stack:
        answers, _, live = await open_answers(settings, stack, costs=open_costs(settings, stack))
        prompts = live.now().prompts
        chat = Chat(answers, prompts)
        if not as_json:
            _write(prompts.greeting, out)
        lines = _lines(given, out if given.isatty() and not as_json else None)
        while (line := await asyncio.to_thread(next, lines, None)) is not None:
            if await chat.ask(line, out, as_json=as_json):
                return


def _lines(given: TextIO, asking: TextIO | None) -> Iterator[str]:
    """What is written, line by line, empty lines left out; on a terminal each is asked for."""
    while True:
        if asking is not None:
            asking.write(PROMPT)
            asking.flush()
        line = given.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


def _show(sentence: Sentence, out: TextIO) -> None:
    _write(f"[{sentence.source}] {sentence.text}" if sentence.source else sentence.text, out)
    if sentence.action is not None:
        _write(f"({sentence.action.kind})", out)


def _record(number: int, text: str, said: list[Sentence], watch: _Stopwatch) -> dict[str, object]:
    action = next((sentence.action.kind for sentence in said if sentence.action), "")
    return {
        "turn": number,
        "question": text,
        "answer": " ".join(sentence.text for sentence in said),
        "source": next((sentence.source for sentence in said if sentence.source), ""),
        "sentences": [{"text": sentence.text, "source": sentence.source} for sentence in said],
        "action": action,
        "stages_ms": watch.reached_ms,
    }


def _write(text: str, out: TextIO) -> None:
    out.write(text + "\n")
    out.flush()
