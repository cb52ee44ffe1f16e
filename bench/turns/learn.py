"""``python -m bench.turns.learn``: learn from phrases of callers of many trades which words are gone on with.

``corpus_<language>.txt`` and ``pauses_<language>_*.txt`` hold whole turns, one a line, under headings "# trade". "/"
follows words that may be all of it, too, "||" those after which a caller would pause: there more follows. Each
beginning of a phrase is an example of words that more follows, the phrase itself one of words that nothing does; words
that are both, «нужна машина», count as what they are more often. Prints how well phrases are told by what was learnt
from other trades, beside the rules alone, and writes the weights that ``agent.language.continuation`` uses. Takes a
minute; the same phrases give the same weights.
"""

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from agent.language import continuation
from agent.language.completeness import LANGUAGES, LIMITS, by_lists, traits, weighed
from agent.pauses import Verdict
from bench.turns.limits import measured

HERE = Path(__file__).parent
FOLDS = 5
"""Parts of the trades; each is judged by what was learnt from the others."""
EITHER = 0.2
"""Words marked "/" count as so likely to be gone on with by who falls silent after them."""
HALT = 0.5
"""Words that are whole in one phrase and paused after in another: the pause counts so much, the whole 1."""
OFTEN = 0.5
"""Words that many phrases begin with count as often as there are phrases, to this power."""
SHRINK = 7.0
"""How strongly weights are kept small."""
ROUNDS, STEP, LATE_STEP, LATE = 300, 0.05, 0.01, 0.7
"""Of Adam's descent: rounds, step, and the step of the last of them."""
KEEP, KEEP_POWER = 0.9, 0.999
"""Adam's memory of slopes and of their squares (Kingma and Ba, 2015)."""
SELDOM = 0.5
"""Words are counted as whole that more follows more seldom than this."""
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
FEW_BITS = 127
"""Weights are kept as whole numbers up to this."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A whole turn."""

    words: tuple[str, ...]
    either: frozenset[int] = frozenset()
    """Numbers of words after which it may be all."""
    halts: frozenset[int] = frozenset()
    """Numbers of words after which a caller would pause."""
    trade: str = ""

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(self.words)

    def beginnings(self) -> Iterator[tuple[str, str]]:
        """Each beginning with what it is here: "whole", "either", "halt" or "begun"."""
        for count in range(1, len(self.words)):
            kind = "either" if count in self.either else "halt" if count in self.halts else "begun"
            yield " ".join(self.words[:count]), kind
        yield self.text, "whole"


@dataclass(frozen=True, slots=True)
class Sample:
    """Words that a caller may stop after."""

    text: str
    trade: str
    """That of the first phrase that begins so."""
    more: float
    """1: something must follow, 0: it is whole, between: either."""
    weight: float
    """How much it counts."""
    halt: bool
    """Somebody pauses after them."""
    verdict: Verdict
    """Of the rules alone."""
    slots: tuple[int, ...]
    """Where the weights of its traits are."""


def read(language: str) -> list[Phrase]:
    """All phrases of a language but those it is measured on; raises ``OSError``."""
    files = [HERE / f"corpus_{language}.txt", *sorted(HERE.glob(f"pauses_{language}_*.txt"))]
    found: dict[str, Phrase] = {}
    for file in files:
        trade = ""
        for line in file.read_text(encoding="utf-8").replace("ё", "е").splitlines():
            if line.startswith("#"):
                trade = f"{file.name} {line}"
            elif line.strip():
                one = phrase(line, trade)
                found.setdefault(one.text, one)
    kept_out = measured(language)
    return [one for text, one in found.items() if text not in kept_out]


def phrase(line: str, trade: str = "") -> Phrase:
    """One line."""
    words: list[str] = []
    marks: dict[str, set[int]] = {"/": set(), "||": set()}
    for part in re.split(r"(\|\||/)", line):
        if part in marks:
            marks[part].add(len(words))
        else:
            words += part.split()
    return Phrase(tuple(words), frozenset(marks["/"]), frozenset(marks["||"]), trade)


def samples(phrases: Sequence[Phrase], language: str) -> list[Sample]:
    """All phrases and beginnings that lists and dictated numbers do not settle, each once."""
    times: dict[str, Counter[str]] = defaultdict(Counter)
    trades: dict[str, str] = {}
    for one in phrases:
        for text, kind in one.beginnings():
            times[text][kind] += 1
            trades.setdefault(text, one.trade)
    found = (
        sample(text, language, *_told(kinds), trade=trades[text], halt=bool(kinds["halt"]))
        for text, kinds in times.items()
    )
    return [one for one in found if one is not None]


def _told(kinds: Counter[str]) -> tuple[float, float]:
    """How likely more follows words that were met so often as what, and how much that counts."""
    whole, either = kinds["whole"] ** OFTEN, float(kinds["either"] > 0)
    if not whole + either:
        return 1.0, kinds.total() ** OFTEN
    halts = HALT * kinds["halt"] ** OFTEN
    weight = whole + either + halts
    return (either * EITHER + halts) / weight, weight


def sample(
    text: str, language: str, more: float, weight: float, *, trade: str = "", halt: bool = False
) -> Sample | None:
    """None: the lists settle it, nothing is to be learnt."""
    heard = by_lists(text, language)
    if heard.settled:
        return None
    verdict = LANGUAGES[language](heard.core, heard.lists)
    slots = continuation.slots(traits(heard, language))
    return Sample(text, trade, more, weight, halt, verdict, tuple(slots))


def learn(chosen: Sequence[Sample]) -> Numbers:
    """Weights of a logistic regression with small weights preferred, by Adam's descent over all samples at once."""
    used = np.array(sorted({slot for one in chosen for slot in one.slots}))
    spare = used.size
    width = max(len(one.slots) for one in chosen)
    places = np.full((len(chosen), width), spare)
    for row, one in zip(places, chosen, strict=True):
        row[: len(one.slots)] = np.searchsorted(used, one.slots)
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
    found = np.zeros(continuation.SLOTS)
    found[used] = weights[:spare]
    return found


def _likely(sums: Numbers) -> Numbers:
    return np.asarray(1 / (1 + np.exp(-sums)))


def judged(weights: Numbers, chosen: Sequence[Sample]) -> Numbers:
    """Probabilities that more follows."""
    return _likely(np.array([weights[list(one.slots)].sum() for one in chosen]))


def unseen(chosen: Sequence[Sample]) -> Numbers:
    """The same for each sample, by weights that were learnt from other trades; samples without one are one trade."""
    order = {trade: number % FOLDS for number, trade in enumerate(sorted({one.trade for one in chosen}))}
    part = np.array([order[one.trade] for one in chosen])
    found = np.zeros(len(chosen))
    for fold in range(FOLDS):
        mine = part == fold
        if mine.any():
            weights = learn([one for one, its in zip(chosen, mine, strict=True) if not its])
            found[mine] = judged(weights, [one for one, its in zip(chosen, mine, strict=True) if its])
    return found


def told_apart(whole: Numbers, halts: Numbers) -> float:
    """How often more is likelier to follow a pause than an end (the area under the curve)."""
    ranks = np.searchsorted(np.sort(whole), halts, "left") + np.searchsorted(np.sort(whole), halts, "right")
    return float(ranks.mean() / 2 / whole.size)


def table(chosen: Sequence[Sample], likely: Numbers, language: str) -> list[str]:
    """How many beginnings are taken for whole where so many whole phrases are: learnt, and by the rules alone."""
    more, halt = np.array([one.more for one in chosen]), np.array([one.halt for one in chosen])
    whole, begun, halts = likely[more < SELDOM], likely[more == 1], likely[halt]
    rows = [
        f"{whole.size} whole phrases, {begun.size} beginnings; {halts.size} pauses, "
        f"told from ends with AUC {told_apart(whole, halts):.3f}, other beginnings {told_apart(whole, begun):.3f}",
        "| whole | beginnings | pauses | threshold |",
        "|---|---|---|---|",
    ]
    for share in SHARES:
        least = float(np.quantile(whole, share))
        rows.append(f"| {share:.0%} | {np.mean(begun <= least):.1%} | {np.mean(halts <= least):.1%} | {least:.2f} |")
    ruled = np.array([one.verdict for one in chosen])
    both = np.array([weighed(float(its), LIMITS[language]) for its in likely])
    for name, verdicts in (("rules", ruled), ("used: both", both)):
        for known in (["complete"], ["complete", "unsure"]):
            shares = [np.mean(np.isin(verdicts[kind], known)) for kind in (more < SELDOM, more == 1, halt)]
            rows.append(f"| {' | '.join(f'{its:.1%}' for its in shares)} | {name}, {' or '.join(known)} |")
    return rows


def fingerprint(phrases: Sequence[Phrase]) -> int:
    """Of all phrases and their marks: the weights are kept beside it."""
    marked = (f"{one.text} {sorted(one.either)} {sorted(one.halts)}" for one in phrases)
    return crc32("\n".join(marked).encode())


def keep(weights: Numbers, file: Path, of: int) -> None:
    """Write weights, a byte each; ``of``: fingerprint of what they were learnt from."""
    step = float(np.abs(weights).max()) / FEW_BITS
    np.savez_compressed(file, weights=np.rint(weights / step).astype(np.int8), step=np.float32(step), of=np.uint32(of))


def explained(text: str, language: str) -> list[str]:
    """The traits of a phrase and what each adds; positive: more follows."""
    heard = by_lists(text, language)
    if heard.settled:
        return [f"{text}: settled by the lists: {heard.settled}"]
    found = traits(heard, language)
    weights = continuation.weights(language)[continuation.slots(found)]
    rows = [f"{text}: {continuation.more_follows(found, language):.3f}"]
    order = np.argsort(-np.abs(weights))
    return rows + [f"{weights[place]:+.3f}  {found[place]}" for place in order]


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
        phrases = read(language)
        chosen = samples(phrases, language)
        print(f"\n{language}: {len(phrases)} phrases, {len(chosen)} different words to stop after")
        print("\n".join(table(chosen, unseen(chosen), language)))
        if not given.dry:
            keep(learn(chosen), continuation.file(language), fingerprint(phrases))
    return 0


if __name__ == "__main__":
    sys.exit(main())
