"""The figures of answering in text: how long a sentence takes beside the model itself, and what faults cost.

The whole path from the caller's words to the first sentence for the voice, with the demo knowledge, over real sockets.
"""

import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from agent.answer import Answers
from agent.dialogue import Context
from agent.furnish import open_answers
from agent.knowledge import build_once
from agent.settings import Settings
from bench.report import Row, percentile
from tests.fakes.openai_server import Behaviour, Fault, OpenAiServer

QUESTIONS = Path(__file__).parents[1] / "tests/kb/questions_ru.tsv"
ASKED = 60
"""Questions."""
FIRST_TOKEN_MS = 300
"""T: when the model server sends its first token."""
OVER_MS = 30
FAULT_BAR_MS = 3000
FAULTS: tuple[Fault, ...] = (
    "hang_first", "hang_middle", "garbage", "429", "500", "503", "truncated", "close_early", "end_early", "error_event",
    "empty", "401",
)  # fmt: skip


@dataclass(slots=True)
class _Stopwatch:
    began: float = field(default_factory=time.perf_counter)
    first_ms: float | None = None

    def reached(self, stage: str) -> None:
        if stage == "first_sentence":
            self.first_ms = (time.perf_counter() - self.began) * 1000

    def token(self) -> None:
        """Not counted."""


def answering() -> list[Row]:
    """Over the model's own time; embedding requests; the worst fault."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # the daemon's loop
        over = runner.run(_over())
        embedded = runner.run(_embedded())
        faults = runner.run(_faults())
    worst = max(faults, key=lambda name: faults[name])
    spread = f"p50 {percentile(over, 0.5):.1f}, p95 {percentile(over, 0.95):.1f}, worst {max(over):.1f} ms"
    listed = ", ".join(f"{name} {value:.0f}" for name, value in faults.items())
    return [
        Row(
            "answer-over",
            f"caller's words -> first sentence for the voice, less the model's {FIRST_TOKEN_MS} ms to its first token",
            f"p95 <= {OVER_MS} ms",
            spread,
            len(over),
            percentile(over, 0.95) <= OVER_MS,
        ),
        Row(
            "answer-embeddings",
            "embedding requests for one question, `embed.engine = openai`",
            "<= 1",
            f"at most {max(embedded)}, {sum(embedded)} for {len(embedded)} questions",
            len(embedded),
            0 < max(embedded) <= 1,
        ),
        Row(
            "answer-faults",
            f"model server down or failing -> first sentence (ms: {listed})",
            f"<= {FAULT_BAR_MS} ms",
            f"worst {faults[worst]:.0f} ms ({worst})",
            len(faults),
            faults[worst] <= FAULT_BAR_MS,
        ),
    ]


def _texts() -> list[str]:
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[0] for line in lines if line and not line.startswith("#")][:ASKED]


@asynccontextmanager
async def _answers(folder: str, **sections: dict[str, Any]) -> AsyncIterator[Answers]:
    tree = {"storage": {"dir": folder}, **sections}
    async with AsyncExitStack() as stack:
        answers, _, _ = await open_answers(Settings.model_validate(tree), stack)
        yield answers


async def _first_ms(answers: Answers, text: str) -> float:
    watch = _Stopwatch()
    said = [sentence async for sentence in answers.sentences(text, Context(), watch)]
    if not said or watch.first_ms is None:
        raise RuntimeError(f"{text!r} was not answered")
    return watch.first_ms


async def _over() -> list[float]:
    """The model server is a process of its own, as in life."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.openai_server", "--first-token-s", str(FIRST_TOKEN_MS / 1000),
        "--answer-from-context", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    if server.stdout is None:
        raise RuntimeError("the model server has no output")
    try:
        url = (await server.stdout.readline()).decode().strip()
        with tempfile.TemporaryDirectory() as folder:
            async with _answers(folder, llm={"base_url": url, "cache": False}) as answers:
                await answers.connect()
                return [await _first_ms(answers, text) - FIRST_TOKEN_MS for text in _texts()]
    finally:
        server.terminate()
        await server.wait()


async def _embedded() -> list[int]:
    async with OpenAiServer(Behaviour(from_context=True)) as server:
        counts = []
        with tempfile.TemporaryDirectory() as folder:
            llm = {"base_url": server.base_url, "cache": False}
            embed = {"engine": "openai", "base_url": server.base_url, "model": "e"}
            tree = {"storage": {"dir": folder}, "embed": embed}
            await build_once(Settings.model_validate(tree), lambda _stage, _done, _of: None)
            if not server.behaviour.embedded:
                raise RuntimeError("the texts were not embedded")
            async with _answers(folder, llm=llm, embed=embed) as answers:
                for text in _texts()[:20]:
                    before = len(server.behaviour.embedded)
                    await _first_ms(answers, text)
                    counts.append(len(server.behaviour.embedded) - before)
        return counts


async def _faults() -> dict[str, float]:
    """The first question after the fault began, each with a house of its own."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with OpenAiServer(Behaviour(answer="Мы работаем каждый день без обеда и без перерыва.|")) as server:
            for fault in FAULTS:
                server.behaviour.fault = fault
                async with _answers(folder, llm={"base_url": server.base_url, "cache": False}) as answers:
                    found[fault] = await _first_ms(answers, _texts()[0])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            down = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        async with _answers(folder, llm={"base_url": down, "cache": False}) as answers:
            found["down"] = await _first_ms(answers, _texts()[0])
    return found


if __name__ == "__main__":
    for row in answering():
        print(row.markdown())
