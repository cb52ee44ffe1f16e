"""``allo kb``: build the index, search it and see why, judge the answers by a table of questions."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from agent.answer import Answers
from agent.costs import counted
from agent.dialogue import Context
from agent.errors import StartError
from agent.events import Stage
from agent.furnish import open_answers, open_costs
from agent.knowledge import build_once
from agent.language.normalise import normalise
from agent.ports import Exchange
from agent.settings import HOUSE, Llm, Settings
from agent.tables import new_knowledge
from kb import evaluation
from kb.building import Built
from kb.evaluation import Answered, Case, Figures, Half, Result
from kb.found import Found, Search
from kb.live import Knowledge

SHIPPED = HOUSE / "tests/kb"
DEVELOPMENT = (SHIPPED / "eval_ru.tsv", SHIPPED / "dialogues_ru.tsv")
HELD_OUT = (SHIPPED / "eval_blind_ru.tsv", SHIPPED / "dialogues_blind_ru.tsv")
"""Written apart from the search, never looked at while it is tuned: for final figures only."""
STAGES = {"read": "reading", "embed": "embedding", "encode": "encoding", "index": "indexing", "store": "storing"}

Answerer = Literal["extractive", "llm"]


def with_folder(settings: Settings, folder: Path | None) -> Settings:
    """The settings with another knowledge base; raises ``StartError`` when it is no folder."""
    if folder is None:
        return settings
    if not folder.is_dir():
        raise StartError(f"{folder}: there is no such folder; --kb names one with general.md and tech.md")
    kb = settings.kb.model_copy(update={"dir": folder, "general": None, "tech": None})
    return settings.model_copy(update={"kb": kb})


# ---------------------------------------------------------------- build


def build(settings: Settings) -> int:
    """Build the index with a bar for each stage."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    began = time.perf_counter()
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(stage: str, done: int, of: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(STAGES[stage], total=of)
            bars.update(tasks[stage], completed=done, total=of)

        built, folder = asyncio.run(build_once(settings, progress))
    sys.stdout.write(_built(built, folder, time.perf_counter() - began))
    return 0


def _built(built: Built, folder: Path, seconds: float) -> str:
    made = built.manifest
    vectors = f"{made.embedded} of them embedded ({made.embedder}, {made.store})" if made.embedder else "no vectors"
    return f"{made.sections} sections of {len(made.sources)} documents, {vectors}, in {seconds:.1f} s: {folder}\n"


# ---------------------------------------------------------------- search


def search(settings: Settings, question: str) -> int:
    """Show what is found for a question, and why; 1 when the agent would say that it does not know."""
    canonical = normalise(question, settings.language)
    found = asyncio.run(_explain(settings, canonical))
    sys.stdout.write(_reasons(canonical, found))
    for place, one in enumerate(found.found, 1):
        sys.stdout.write(_shown(place, one))
    best = max((one.passage.score for one in found.found), default=0.0)
    if best < settings.kb.threshold:
        sys.stdout.write(f"\nThe best is under [kb] threshold ({settings.kb.threshold:g}): «I don't know» is said.\n")
    return int(best < settings.kb.threshold)


async def _explain(settings: Settings, canonical: str) -> Search:
    async with counted(settings.costs, settings.storage.dir) as costs:
        knowledge = new_knowledge(settings, costs)
        try:
            return await knowledge.explain(canonical)
        finally:
            await knowledge.close()


def _reasons(canonical: str, found: Search) -> str:
    wanted = ", ".join(f"{term} {weight:.2g}" for term, weight in found.wanted.items()) or "nothing"
    route = found.route or "both bases"
    left = ", which knew too little: both were searched" if found.fell_back else ""
    return f"question  {canonical}\nterms     {wanted}\nrouted to {route}{left}\n"


def _shown(place: int, one: Found) -> str:
    matched = ", ".join(f"{name} {part:.2f}" for name, part in sorted(one.matched.items(), key=lambda pair: -pair[1]))
    scores = (
        f"confidence {one.passage.score:.3f}  words {one.words:.3f}  vectors {one.dense:.3f}  fused {one.fused:.4f}"
    )
    text = " ".join(one.passage.text.split())
    short = text if len(text) <= 160 else text[:159] + "…"
    heading = one.passage.heading or "(no heading)"
    return f"\n{place}. [{one.passage.base}] {heading}\n   {scores}\n   matched: {matched}\n   {short}\n"


# ---------------------------------------------------------------- judge


def judge(settings: Settings, file: Path | None, answerer: Answerer, half: Half | None, out: Path | None) -> int:
    """Ask every question of a table and show the figures; without a file those that come with Allo, both tables.

    ``half``: of a file, by the questions' ids; without one the tables that are tuned on, or those that are not.
    """
    files = (file,) if file else HELD_OUT if half == "held-out" else DEVELOPMENT
    llm = settings.llm.model_copy(update={"cache": False}) if answerer == "llm" else Llm(cache=False)
    if answerer == "llm" and not llm.configured:
        raise StartError("--answerer llm: no language model is configured; set [llm] base_url or OPENAI_API_KEY")
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise StartError(f"--json {out}: name a file in a folder that there is")
    settings = settings.model_copy(update={"llm": llm})
    tables = [evaluation.read(path, half if file else None) for path in files]
    _write(out, "")  # what can't be written is told before a minute of questions
    judged = [asyncio.run(_judge(settings, cases)) for cases in tables]
    for path, results in zip(files, judged, strict=True):
        _show(path, results, evaluation.figures(results))
    everything = [result for results in judged for result in results]
    report = {**evaluation.figures(everything), "rows": [result.row() for result in everything]}
    _write(out, json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    return 0


def _write(out: Path | None, text: str) -> None:
    try:
        if out is not None:
            out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StartError(f"{out}: --json can't be written there: {error.strerror}") from None


async def _judge(settings: Settings, cases: Sequence[Case]) -> list[Result]:
    async with AsyncExitStack() as stack:
        costs = open_costs(settings, stack)
        answers, _, live = await open_answers(settings, stack, costs=costs)
        no_answer = live.now().prompts.no_answer
        knowledge = new_knowledge(settings, costs)
        stack.push_async_callback(knowledge.close)
        asking = _Asking(settings.language, answers, knowledge, no_answer)
        return [await evaluation.judge(case, asking.ask) for case in cases]


class _Asking:
    """The way of a call's question, without a call."""

    def __init__(self, language: str, answers: Answers, knowledge: Knowledge, no_answer: str) -> None:
        self._language, self._answers, self._knowledge, self._no_answer = language, answers, knowledge, no_answer

    async def ask(self, text: str, history: Sequence[Exchange]) -> Answered:
        began = time.perf_counter()
        context = Context(number=len(history) + 1, history=tuple(history))
        async with aclosing(self._answers.sentences(text, context, _Unwatched())) as sentences:
            said = [sentence async for sentence in sentences]
        ms = (time.perf_counter() - began) * 1000
        whole = " ".join(sentence.text for sentence in said)
        passages = await self._knowledge.search(normalise(text, self._language), history)
        return Answered(whole, whole == self._no_answer, passages, ms)


class _Unwatched:
    def reached(self, stage: Stage) -> None:
        """Stages are not looked at here."""

    def token(self) -> None:
        """Nor are tokens."""


def _show(path: Path, results: Sequence[Result], figures: Figures) -> None:
    table = Table(title=f"{path.name}: {len(results)} questions", box=None, pad_edge=False, title_justify="left")
    for heading in ("id", "rank", "fact", "refused", "score", "question", "found"):
        table.add_column(heading, overflow="fold")
    for result in results:
        if _amiss(result):
            row = result.row()
            marks = ("yes" if result.contains else "no", "yes" if result.answered.refused else "no")
            cells = (str(row["rank"] or "-"), *marks, f"{row['score']}", str(row["question"]), str(row["found"]))
            table.add_row(*map(escape, (result.case.id, *cells)))
    console = Console()
    console.print(table)
    for name, value in figures.items():
        console.print(f"{name:<16} {_said(name, value)}", highlight=False)
    console.print()


def _amiss(result: Result) -> bool:
    """Only what went wrong is worth a line."""
    if not result.case.answerable:
        return not result.answered.refused
    return result.rank != 1 or result.answered.refused or not result.contains


def _said(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f} ms" if name.endswith("_ms") else f"{value:.3f}" if name == "mrr" else f"{value:.1%}"
