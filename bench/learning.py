"""Learn the weights of ``kb.weighing`` from the tables of questions: ``python -m bench.learning [--write]``.

Prints five-fold figures (all questions of a section in one fold) before it fits everything. Each question is shown
twice, the second time without the table of near words: much of it was written for these questions' words.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agent.backends.embed_use import UseEmbedder
from agent.knowledge import new_library
from agent.language.normalise import normalise
from agent.ports import Embedder, Exchange
from agent.settings import Settings
from kb import evaluation, weighing
from kb.dense import DenseSearch
from kb.hashing import HashEmbedder
from kb.meanings import WordVectors
from kb.retriever import KnowledgeBase
from kb.terms import Terms
from kb.vectors import Matrix

TABLES = tuple(
    f"{what}_{name}" for what in ("eval", "dialogues") for name in ("ru", "more_ru", "last_ru", "held_out_ru")
)
FOLDS = 5
STEPS = 600
ORDER_DECAY, SURE_DECAY = 0.002, 0.003
"""How much large weights cost."""
REFUSING = 2.5
"""How much more a question without an answer counts than one with: there are fewer of them."""
SHY = -0.75
"""Added to the bias: the smaller, the more is refused."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One question as the search sees it."""

    table: str
    seen: weighing.Seen
    numbers: Any
    rows: Any
    right: Any
    """For each row whether its section answers."""
    group: int
    """Folds go by it: the section that answers."""
    answerable: bool
    full: bool
    """With the table of near words; only these are judged."""


def knowledge(kind: str, *, near: bool) -> KnowledgeBase:
    """The demo's base with one kind of vectors."""
    settings = Settings()
    terms, sections = Terms("ru"), new_library(settings).sections()
    if not near:
        terms.__dict__["near"] = {}
    embedder: Embedder | None = None
    if kind in ("use", "other"):
        embedder = UseEmbedder()
    elif kind == "hash":
        embedder = HashEmbedder(terms, WordVectors.load("ru"))
    dense = None
    if isinstance(embedder, UseEmbedder | HashEmbedder):
        dense = DenseSearch(Matrix(embedder.rows([section.enriched for section in sections])), embedder)
    kb = settings.kb
    return KnowledgeBase(sections, terms, kb.top_k, kb.fallback_threshold, dense)


async def shown(base: KnowledgeBase, folder: Path, *, full: bool) -> list[Shown]:
    """All questions of the tables."""
    found: list[Shown] = []
    for table in TABLES:
        for case in evaluation.read(folder / f"{table}.tsv"):
            *before, text = (normalise(turn, "ru") for turn in case.turns)
            _, seen, _ = await base._look(text, [Exchange(turn, "") for turn in before])
            if seen is None:
                continue
            numbers = weighing.likely(seen)
            answers = [n for n, section in enumerate(base.sections) if evaluation.answers(case, section.heading)]
            group = answers[0] if answers else len(found)
            right = np.isin(numbers, answers)
            rows = base.weighed(seen, numbers, text)
            found.append(Shown(table, seen, numbers, rows, right, group, case.answerable, full))
    return found


def descend(slope: Callable[[Any], Any], size: int, decay: float) -> Any:
    """Weights at which ``slope`` and the pull of ``decay`` are level, by Adam."""
    weights = mean = spread = np.zeros(size)
    for step in range(1, STEPS + 1):
        gradient = slope(weights) + decay * weights
        mean = 0.9 * mean + 0.1 * gradient
        spread = 0.99 * spread + 0.01 * gradient**2
        weights = weights - 0.05 * (mean / (1 - 0.9**step)) / (np.sqrt(spread / (1 - 0.99**step)) + 1e-8)
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

    def slope(weights: Any) -> Any:
        sums = np.where(there, rows @ weights, -np.inf)
        share = np.exp(sums - sums.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
        return np.einsum("qs,qsf->f", share - right, rows) / len(rows)

    return descend(slope, rows.shape[2], ORDER_DECAY) / scale


def first(one: Shown, order: Any) -> tuple[int, Any]:
    """The row put first, and what is weighed of it."""
    sums = one.rows @ order
    best = int(np.argmax(sums))
    odds = 1 / float(np.exp(sums - sums[best]).sum())
    return best, weighing.of_first(one.seen, one.rows[best], odds)


def fit_sure(among: Sequence[Shown], order: Any) -> tuple[Any, float]:
    """Logistic: is there an answer?"""
    rows = np.stack([first(one, order)[1] for one in among])
    target = np.array([float(one.answerable) for one in among])
    weight = np.where(target > 0, 1.0, REFUSING)
    middle, scale = rows.mean(0), rows.std(0) + 1e-9
    rows = np.append((rows - middle) / scale, np.ones((len(rows), 1)), axis=1)

    def slope(weights: Any) -> Any:
        return ((1 / (1 + np.exp(-(rows @ weights))) - target) * weight) @ rows / len(rows)

    learnt = descend(slope, rows.shape[1], SURE_DECAY)
    sure = learnt[:-1] / scale
    return sure, float(learnt[-1] - middle @ sure) + SHY


def judge(tested: Sequence[tuple[Shown, Any, Any, float]]) -> str:
    """First, among three, refused, wrongly refused; by table."""
    lines = []
    for table in TABLES:
        ranks: list[int] = []
        refused: list[bool] = []
        wrongly: list[bool] = []
        for one, order, sure, bias in tested:
            if one.table != table:
                continue
            sums = one.rows @ order
            says_no = float(first(one, order)[1] @ sure) + bias < 0
            if one.answerable:
                places = np.flatnonzero(one.right[np.argsort(-sums, kind="stable")])
                ranks.append(int(places[0]) if len(places) else 99)
                wrongly.append(says_no)
            else:
                refused.append(says_no)
        parts = (
            np.mean(np.array(ranks) == 0),
            np.mean(np.array(ranks) < 3),
            np.mean(refused or [True]),
            np.mean(wrongly),
        )
        lines.append(f"  {table:18}" + "".join(f"{100 * part:7.1f}" for part in parts))
    return "\n".join(lines) + "\n" + "\n".join(curve(tested))


def curve(tested: Sequence[tuple[Shown, Any, Any, float]]) -> list[str]:
    """What other biases would refuse."""
    margins = [(one.answerable, float(first(one, order)[1] @ sure) + bias) for one, order, sure, bias in tested]
    lines = []
    for more in (0.0, 0.25, 0.5, 0.75, 1.0, 1.25):
        refused, wrongly = (np.mean([m < more for yes, m in margins if yes is kind]) for kind in (False, True))
        lines.append(f"  {more:5.2f} shyer: refused {100 * refused:.1f}, wrongly {100 * wrongly:.1f}")
    return lines


def learn(kind: str) -> dict[str, object]:
    """Figures printed, weights given back."""
    folder = Path("tests/kb")
    every = [one for near in (True, False) for one in asyncio.run(shown(knowledge(kind, near=near), folder, full=near))]
    tested = []
    for fold in range(FOLDS):
        taught = [one for one in every if one.group % FOLDS != fold]
        order = fit_order(taught)
        sure, bias = fit_sure(taught, order)
        tested += [(one, order, sure, bias) for one in every if one.full and one.group % FOLDS == fold]
    sys.stdout.write(f"{kind}: first, among three, refused, wrongly refused (five-fold, %)\n{judge(tested)}\n")
    order = fit_order(every)
    sure, bias = fit_sure(every, order)
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
