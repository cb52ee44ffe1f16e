"""``python -m bench.turns.learn``: learn from phrases of callers of many trades which words are gone on with.

``corpus_<language>.txt`` holds whole turns, one a line; "/" follows words that may be all of it, too. Each beginning of
a phrase is an example of words that more follows, the phrase itself one of words that nothing does. Prints how well
phrases are told that took no part in the learning, beside the rules alone, and writes the weights that
``agent.language.continuation`` uses. Takes ten seconds; the same phrases give the same weights.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from agent.language import continuation
from agent.language.completeness import LANGUAGES, settled_by_lists, weighed
from agent.pauses import Verdict

HERE = Path(__file__).parent
FOLDS = 5
"""Parts of the phrases; each is judged by what was learnt from the others."""
EITHER = 0.2
"""Words marked "/" count as so likely to be gone on with by who falls silent after them."""
OFTEN = 0.5
"""Words that many phrases begin with count as often as there are phrases, to this power."""
SHRINK = 3.0
"""How strongly weights are kept small."""
ROUNDS, STEP, LATE_STEP, LATE = 300, 0.05, 0.01, 0.7
"""Of Adam's descent: rounds, step, and the step of the last of them."""
KEEP, KEEP_POWER = 0.9, 0.999
"""Adam's memory of slopes and of their squares (Kingma and Ba, 2015)."""
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
FEW_BITS = 127
"""Weights are kept as whole numbers up to this."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """Words that a caller may stop after."""

    text: str
    phrase: int
    """Number of the first phrase that begins so."""
    more: float
    """1: something must follow, 0: it is whole, between: either."""
    weight: float
    """How much it counts."""
    verdict: Verdict
    """Of the rules alone."""
    slots: tuple[int, ...]
    """Where the weights of its traits are."""


def read(file: Path) -> list[list[str]]:
    """The phrases of a file, each in its parts; raises ``OSError``."""
    lines = file.read_text(encoding="utf-8").replace("ё", "е").splitlines()
    return [[" ".join(part.split()) for part in line.split("/")] for line in lines if line and line[0] != "#"]


def samples(phrases: Sequence[Sequence[str]], language: str) -> list[Sample]:
    """All phrases and beginnings that lists and dictated numbers do not settle, each once."""
    wholes = {" ".join(parts) for parts in phrases}
    either = {" ".join(parts[:count]) for parts in phrases for count in range(1, len(parts))}
    found: list[Sample] = []
    for text, (phrase, times) in _beginnings(phrases).items():
        more, weight = 1.0, times**OFTEN
        if text in either:
            more, weight = EITHER, 1.0
        elif text in wholes:
            more, weight = 0.0, 1.0
        one = sample(text, language, more, phrase, weight)
        if one is not None:
            found.append(one)
    return found


def _beginnings(phrases: Sequence[Sequence[str]]) -> dict[str, tuple[int, int]]:
    """Text -> the first phrase that begins so, and how many do."""
    first: dict[str, int] = {}
    times: Counter[str] = Counter()
    for number, parts in enumerate(phrases):
        words = " ".join(parts).split()
        for count in range(1, len(words) + 1):
            text = " ".join(words[:count])
            first.setdefault(text, number)
            times[text] += 1
    return {text: (number, times[text]) for text, number in first.items()}


def sample(text: str, language: str, more: float, phrase: int = 0, weight: float = 1.0) -> Sample | None:
    """None: the lists settle it, nothing is to be learnt."""
    core, lists, settled = settled_by_lists(text, language)
    if not core or settled:
        return None
    verdict = LANGUAGES[language](core, lists)
    slots = continuation.slots(continuation.traits_of(core, lists, language, verdict))
    return Sample(text, phrase, more, weight, verdict, tuple(slots))


def learn(chosen: Sequence[Sample]) -> Numbers:
    """Weights of a logistic regression with small weights preferred, by Adam's descent over all samples at once."""
    spare = continuation.SLOTS
    width = max(len(one.slots) for one in chosen)
    places = np.array([one.slots + (spare,) * (width - len(one.slots)) for one in chosen])
    more, heavy = np.array([one.more for one in chosen]), np.array([one.weight for one in chosen])
    weights, mean, power = np.zeros(spare + 1), np.zeros(spare + 1), np.zeros(spare + 1)
    for turn in range(1, ROUNDS + 1):
        off = (_likely(weights[places].sum(1)) - more) * heavy
        slope = np.bincount(places.ravel(), np.repeat(off, width), spare + 1) + SHRINK * weights
        slope[spare] = 0.0
        mean = KEEP * mean + (1 - KEEP) * slope
        power = KEEP_POWER * power + (1 - KEEP_POWER) * slope**2
        size = STEP if turn < ROUNDS * LATE else LATE_STEP
        weights -= size * mean / (1 - KEEP**turn) / (np.sqrt(power / (1 - KEEP_POWER**turn)) + 1e-8)
    return np.asarray(weights[:spare])


def _likely(sums: Numbers) -> Numbers:
    return np.asarray(1 / (1 + np.exp(-sums)))


def judged(weights: Numbers, chosen: Sequence[Sample]) -> Numbers:
    """Probabilities that more follows."""
    return _likely(np.array([weights[list(one.slots)].sum() for one in chosen]))


def unseen(chosen: Sequence[Sample], phrases: Sequence[Sequence[str]]) -> Numbers:
    """The same for each sample, by weights that were learnt without its phrase."""
    part = np.array([crc32(" ".join(phrases[one.phrase]).encode()) % FOLDS for one in chosen])
    found = np.zeros(len(chosen))
    for fold in range(FOLDS):
        weights = learn([one for one, its in zip(chosen, part, strict=True) if its != fold])
        mine = part == fold
        found[mine] = judged(weights, [one for one, its in zip(chosen, mine, strict=True) if its])
    return found


def table(chosen: Sequence[Sample], likely: Numbers) -> list[str]:
    """How many beginnings are taken for whole where so many whole phrases are: learnt, and by the rules alone."""
    more = np.array([one.more for one in chosen])
    whole, begun = likely[more == 0], likely[more == 1]
    rows = [
        f"{whole.size} whole phrases, {begun.size} beginnings",
        "| whole | beginnings | threshold |",
        "|---|---|---|",
    ]
    for share in SHARES:
        least = float(np.quantile(whole, share))
        rows.append(f"| {share:.0%} | {np.mean(begun <= least):.1%} | {least:.2f} |")
    ruled = [one.verdict for one in chosen]
    both = [weighed(float(its)) for its in likely]
    for name, verdicts in (("rules", np.array(ruled)), ("used: both", np.array(both))):
        for known in (["complete"], ["complete", "unsure"]):
            of_whole, of_begun = (np.mean(np.isin(verdicts[more == kind], known)) for kind in (0, 1))
            rows.append(f"| {of_whole:.1%} | {of_begun:.1%} | {name}, {' or '.join(known)} |")
    return rows


def keep(weights: Numbers, file: Path) -> None:
    """Write weights, a byte each."""
    step = float(np.abs(weights).max()) / FEW_BITS
    np.savez_compressed(file, weights=np.rint(weights / step).astype(np.int8), step=np.float32(step))


def explained(text: str, language: str) -> list[str]:
    """The traits of a phrase and what each adds; positive: more follows."""
    core, lists, settled = settled_by_lists(text, language)
    if not core or settled:
        return [f"{text}: settled by the lists: {settled}"]
    verdict = LANGUAGES[language](core, lists)
    traits = continuation.traits_of(core, lists, language, verdict)
    weights = continuation.weights(language)[continuation.slots(traits)]
    rows = [f"{text}: {continuation.more_follows(core, lists, language, verdict):.3f}; rules: {verdict}"]
    order = np.argsort(-np.abs(weights))
    return rows + [f"{weights[place]:+.3f}  {traits[place]}" for place in order]


def main() -> int:
    """Learn, say how well, and write; or explain one phrase."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.turns.learn", description="Learn which words are gone on with."
    )
    parser.add_argument("--language", default="ru,en", help="ru, en or both (default)")
    parser.add_argument("--explain", default="", metavar="TEXT", help="only show what the weights make of TEXT")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    given = parser.parse_args()
    for language in given.language.split(","):
        if given.explain:
            print("\n".join(explained(given.explain, language)))
            continue
        phrases = read(HERE / f"corpus_{language}.txt")
        chosen = samples(phrases, language)
        print(f"\n{language}: {len(phrases)} phrases, {len(chosen)} different words to stop after")
        print("\n".join(table(chosen, unseen(chosen, phrases))))
        if not given.dry:
            keep(learn(chosen), continuation.file(language))
    return 0


if __name__ == "__main__":
    sys.exit(main())
