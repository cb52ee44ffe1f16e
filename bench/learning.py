"""Learn the weights of ``kb.weighing`` from the tables of questions: ``python -m bench.learning [--write]``.

Prints figures of what was left out before it fits everything: a fifth of the demo's sections with their questions, or
a whole firm of another trade. Each question of the demo is shown twice, the second time without the table of near
words: much of it was written for these questions' words.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from agent.backends.embed_use import UseEmbedder
from agent.knowledge import new_library
from agent.language.normalise import normalise
from agent.ports import Embedder, Exchange
from agent.settings import Settings
from kb import encoded, evaluation, ingest, weighing
from kb.dense import DenseSearch
from kb.encoded import LineSearch
from kb.hashing import HashEmbedder
from kb.ingest import Section
from kb.meanings import WordVectors
from kb.retriever import KnowledgeBase
from kb.terms import Terms
from kb.vectors import Matrix

NAMES = ("ru", "more_ru", "last_ru", "held_out_ru", "blind_ru", "newest_ru")
TABLES = (*(f"{what}_{name}" for what in ("eval", "dialogues") for name in NAMES), "eval_near_ru")
QUESTIONS = Path("tests/kb")
TRADES = tuple(sorted(folder for folder in (QUESTIONS / "trades").iterdir() if folder.is_dir()))
"""Knowledge bases of other trades; each is a fold of its own."""
NEAR = "near (trades)"
LEFT_OUT, LEFT_OUT_TRADES = "left out", "left out (trades)"
UNLEARNT = ("eval_latest_ru", "dialogues_latest_ru")
JUDGED = (NEAR, LEFT_OUT, LEFT_OUT_TRADES, *UNLEARNT)
"""Never learnt from: questions without an answer (for facts that the other trades' texts don't tell, and those for a
fact whose sections are taken away), and the tables that were written last."""
FOLDS = 5
STEPS = 60
SHORTEST = 1e-4
"""Share of a step under which no more is tried."""
LEVEL = 1e-6
"""Change of all weights under which they are found."""
ORDER_DECAY, SURE_DECAY = 0.002, 0.003
"""How much large weights cost."""
REFUSING = 2.5
"""How much more a question without an answer counts than one with: there are fewer of them."""
SHY = 0.3
"""Added to the bias: the smaller, the more is refused."""

PLACES = ((False, False), (False, True), (True, False), (True, True))
"""Another trade?, is there an answer?"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One question as the search sees it."""

    table: str
    seen: weighing.Seen
    numbers: Any
    rows: Any
    right: Any
    """For each row whether its section answers."""
    fold: str
    """What is left out together: sections of the demo, a whole trade."""
    answerable: bool
    full: bool
    """With the table of near words; only these are judged."""


def demo_sections() -> list[Section]:
    """Those that come with Allo."""
    return list(new_library(Settings()).sections())


def trade_sections(folder: Path) -> list[Section]:
    """Those of an invented firm."""
    return [*ingest.load(folder / "general.md", "general"), *ingest.load(folder / "tech.md", "tech")]


def knowledge(kind: str, sections: Sequence[Section], *, near: bool = True) -> KnowledgeBase:
    """A base with one kind of vectors."""
    terms = Terms("ru")
    if not near:
        terms.__dict__["near"] = {}
    embedder: Embedder | None = None
    if kind == "other":
        embedder = UseEmbedder()
    elif kind in ("use", "hash"):
        embedder = HashEmbedder(terms, WordVectors.load("ru"))
    dense = None
    if isinstance(embedder, UseEmbedder | HashEmbedder):
        dense = DenseSearch(Matrix(embedder.rows([section.enriched for section in sections])), embedder)
    kb = Settings().kb
    lines = None
    if kind == "use":
        encoder = UseEmbedder()
        lines = LineSearch(encoded.encode(sections, encoder.rows), encoder)
    return KnowledgeBase(sections, terms, kb.top_k, kb.fallback_threshold, dense, encoded=lines)


async def shown(base: KnowledgeBase, tables: Sequence[Path], *, trade: str = "", full: bool = True) -> list[Shown]:
    """All questions of the tables."""
    found: list[Shown] = []
    left: list[Shown] = []
    for path in tables:
        for case in evaluation.read(path):
            *before, text = (normalise(turn, "ru") for turn in case.turns)
            _, seen, _ = await base._look(text, [Exchange(turn, "") for turn in before])
            if seen is None:
                continue
            numbers = weighing.likely(seen)
            answers = [n for n, section in enumerate(base.sections) if evaluation.answers(case, section.heading)]
            fold = trade or f"fold {(answers[0] if answers else len(found)) % FOLDS}"
            right = np.isin(numbers, answers)
            rows = base.weighed(seen, numbers, text)
            table = NEAR if trade and path.stem == "near_ru" else trade or path.stem
            found.append(Shown(table, seen, numbers, rows, right, fold, case.answerable, full))
            if full and path.stem not in UNLEARNT and case.answerable and case.facts and base.terms.facts(text):
                left += without(base, case, text, found[-1], answers)
    return [*found, *left]


def without(base: KnowledgeBase, case: evaluation.Case, text: str, one: Shown, answers: Sequence[int]) -> list[Shown]:
    """The same question where the sections that answer it are not there; nothing where another one tells the fact."""
    words = one.seen.words.copy()
    words[answers] = 0
    dense = None
    if one.seen.dense is not None:
        dense = one.seen.dense.copy()
        dense[answers] = 0
    seen = replace(one.seen, words=words, dense=dense)
    numbers = np.setdiff1d(weighing.likely(seen), answers)
    texts = [base.sections[int(n)].text for n in numbers]
    if not words.any() or any(evaluation.holds_fact(text, fact) for text in texts for fact in case.facts):
        return []
    rows = base.weighed(seen, numbers, text)
    table = LEFT_OUT if one.table in TABLES else LEFT_OUT_TRADES
    return [Shown(table, seen, numbers, rows, np.zeros(len(numbers), bool), one.fold, False, True)]


def everything(kind: str) -> list[Shown]:
    """All tables of the demo, with and without its table of near words, and those of the other trades."""
    found: list[Shown] = []
    sections = demo_sections()
    for near in (True, False):
        tables = [QUESTIONS / f"{table}.tsv" for table in (*TABLES, *(UNLEARNT if near else ()))]
        found += asyncio.run(shown(knowledge(kind, sections, near=near), tables, full=near))
    for folder in TRADES:
        tables = [folder / "eval_ru.tsv", folder / "dialogues_ru.tsv", folder / "near_ru.tsv"]
        found += asyncio.run(shown(knowledge(kind, trade_sections(folder)), tables, trade=folder.name))
    return found


def level(shape: Callable[[Any], tuple[float, Any, Any]], size: int, decay: float) -> Any:
    """Weights at which the slope and the pull of ``decay`` are level: Newton's steps, shorter where one goes too far.

    ``shape``: what is lost at some weights, its slope and its curvature.
    """
    weights = np.zeros(size)
    loss, slope, curve = shape(weights)
    for _ in range(STEPS):
        pull = slope + decay * weights
        step = np.linalg.solve(curve + decay * np.eye(size), pull)
        part = 1.0
        while part > SHORTEST:
            after = weights - part * step
            new, slope, curve = shape(after)
            if new + decay / 2 * after @ after <= loss + decay / 2 * weights @ weights:
                break
            part /= 2
        weights, loss = after, new
        if np.abs(part * step).max() < LEVEL:
            break
    return weights


def fit_order(among: Sequence[Shown]) -> Any:
    """Softmax over the sections weighed: the right ones are to come first."""
    told = [one for one in among if one.right.any()]
    most = max(len(one.rows) for one in told)
    rows = np.zeros((len(told), most, len(weighing.ORDER)))
    right, there = np.zeros((len(told), most)), np.zeros((len(told), most), bool)
    for number, one in enumerate(told):
        size = len(one.rows)
        rows[number, :size], there[number, :size] = one.rows, True
        right[number, :size] = one.right / one.right.sum()
    scale = rows[there].std(0) + 1e-9
    rows /= scale

    flat = rows.reshape(-1, rows.shape[2])

    def shape(weights: Any) -> tuple[float, Any, Any]:
        sums = np.where(there, rows @ weights, -np.inf)
        most = sums.max(1, keepdims=True)
        share = np.exp(sums - most)
        total = share.sum(1, keepdims=True)
        share /= total
        lost = (most + np.log(total)).sum() - (right * np.where(there, sums, 0)).sum()
        middle = np.einsum("qs,qsf->qf", share, rows)
        curve = flat.T @ (flat * share.reshape(-1, 1)) - middle.T @ middle
        return float(lost) / len(rows), flat.T @ (share - right).ravel() / len(rows), curve / len(rows)

    return level(shape, rows.shape[2], ORDER_DECAY) / scale


def first(one: Shown, order: Any) -> tuple[int, Any]:
    """The row put first, and what is weighed of it."""
    sums = one.rows @ order
    best = int(np.argmax(sums))
    odds = 1 / float(np.exp(sums - sums[best]).sum())
    return best, weighing.of_first(one.seen, one.rows[best], odds)


def fit_sure(among: Sequence[Shown], order: Any) -> tuple[Any, float]:
    """Logistic: is there an answer?"""
    among = [one for one in among if one.full]
    rows = np.stack([first(one, order)[1] for one in among])
    target = np.array([float(one.answerable) for one in among])
    weight = np.where(target > 0, 1.0, REFUSING)
    middle, scale = rows.mean(0), rows.std(0) + 1e-9
    rows = np.append((rows - middle) / scale, np.ones((len(rows), 1)), axis=1)

    def shape(weights: Any) -> tuple[float, Any, Any]:
        sums = rows @ weights
        said = 1 / (1 + np.exp(-sums))
        lost = float(((np.logaddexp(0, sums) - target * sums) * weight).mean())
        curve = rows.T @ (rows * (said * (1 - said) * weight)[:, None])
        return lost, ((said - target) * weight) @ rows / len(rows), curve / len(rows)

    learnt = level(shape, rows.shape[1], SURE_DECAY)
    sure = learnt[:-1] / scale
    return sure, float(learnt[-1] - middle @ sure) + SHY


def judge(tested: Sequence[tuple[Shown, Any, Any, float]]) -> str:
    """First, among three, refused, wrongly refused; by table."""
    lines = []
    trades = [folder.name for folder in TRADES]
    for name, tables in [(table, [table]) for table in (*TABLES, *trades, *JUDGED)] + [
        ("demo", TABLES),
        ("trades", trades),
    ]:
        ranks: list[int] = []
        refused: list[bool] = []
        wrongly: list[bool] = []
        for one, order, sure, bias in tested:
            if one.table not in tables:
                continue
            sums = one.rows @ order
            says_no = float(first(one, order)[1] @ sure) + bias < 0
            if one.answerable:
                places = np.flatnonzero(one.right[np.argsort(-sums, kind="stable")])
                ranks.append(int(places[0]) if len(places) else 99)
                wrongly.append(says_no)
            else:
                refused.append(says_no)
        parts = ([rank == 0 for rank in ranks], [rank < 3 for rank in ranks], refused, wrongly)
        lines.append(f"  {name:22}" + "".join(f"{100 * np.mean(p):7.1f}" if p else "      -" for p in parts))
    return "\n".join(lines) + "\n" + "\n".join(curve(tested))


def curve(tested: Sequence[tuple[Shown, Any, Any, float]]) -> list[str]:
    """What other biases would refuse, in the demo and in other trades."""
    trades = {folder.name for folder in TRADES}
    told = [
        (one.table in trades, one.answerable, float(first(one, o)[1] @ s) + bias)
        for one, o, s, bias in tested
        if one.table not in JUDGED
    ]
    lines = []
    for more in (-0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25):
        parts = [np.mean([m < more for t, y, m in told if t is trade and y is yes]) for trade, yes in PLACES]
        said = ", ".join(f"{100 * part:.1f}" for part in parts)
        lines.append(f"  {more:5.2f} shyer: refused, wrongly: {said}")
    return lines


def learn(kind: str) -> dict[str, object]:
    """Figures printed, weights given back."""
    every = everything(kind)
    tested = []
    for fold in sorted({one.fold for one in every}):
        taught = [one for one in every if one.fold != fold and one.table not in JUDGED]
        order = fit_order(taught)
        sure, bias = fit_sure(taught, order)
        tested += [(one, order, sure, bias) for one in every if one.full and one.fold == fold]
    sys.stdout.write(f"{kind}: first, among three, refused, wrongly refused (a fold left out, %)\n{judge(tested)}\n")
    taught = [one for one in every if one.table not in JUDGED]
    order = fit_order(taught)
    sure, bias = fit_sure(taught, order)
    named = dict(zip(weighing.ORDER, np.round(order, 4).tolist(), strict=True))
    return {
        "order": named,
        "sure": dict(zip(weighing.SURE, np.round(sure, 4).tolist(), strict=True)),
        "bias": round(bias, 4),
    }


def main() -> None:
    """Learn for each kind of vectors."""
    kinds = [word for word in sys.argv[1:] if not word.startswith("-")] or ["use", "hash", "other", "none"]
    found = {kind: learn(kind) for kind in kinds}
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    if "--write" in sys.argv:
        before = json.loads(weighing.DATA.read_text(encoding="utf-8")) if weighing.DATA.exists() else {}
        weighing.DATA.write_text(json.dumps({**before, **found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
