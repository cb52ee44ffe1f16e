"""``python -m bench.turns.limits``: what each pair of limits of the judgement costs, in milliseconds and in cut-ins.

``development_<language>.txt`` holds short whole turns and turns with "|" where a caller stops to think; nothing is
learnt from them. For each pair of ``agent.language.completeness.LIMITS`` it is counted how many whole turns are known
at the short pause, what a reply waits on average, and how many halts would be cut into if their pauses were drawn
evenly from those of the bench. Adaptation to the caller, which makes both smaller, is left out.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from agent.language.completeness import LANGUAGES, LIMITS, settled_by_lists, weighed
from agent.language.continuation import more_follows
from agent.pauses import Verdict
from agent.turns import Endpointing

HERE = Path(__file__).parent
WHOLE, OPEN = (0.2, 0.3, 0.4, 0.5, 0.6), (0.5, 0.65, 0.8)
"""Limits that are tried: complete up to, open beyond."""
HALT_MS = (300, 1000)
"""Pauses of who stops to think, milliseconds."""


@dataclass(frozen=True, slots=True)
class Turns:
    """What the file of a language holds."""

    whole: list[str]
    """Short turns that are all that is said."""
    halts: list[str]
    """What was said before each "|"."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one pair of limits."""

    known: float
    """Whole turns that are answered at the short pause, a share."""
    late: float
    """Whole turns that wait as where something must follow, a share."""
    wait_ms: float
    """What the reply to a whole turn waits on average, milliseconds."""
    cut: float
    """Halts that are cut into, a share."""


def read(language: str) -> Turns:
    """The file of a language; raises ``OSError``."""
    lines = (HERE / f"development_{language}.txt").read_text(encoding="utf-8").replace("ё", "е").splitlines()
    turns = Turns([], [])
    for line in lines:
        parts = [part.strip() for part in line.split("|")]
        if not line or line[0] == "#":
            continue
        if len(parts) == 1:
            turns.whole.append(line)
        turns.halts.extend(" ".join(parts[:count]) for count in range(1, len(parts)))
    return Turns(turns.whole, sorted(set(turns.halts)))


def likely(text: str, language: str) -> float | Verdict:
    """Probability that more follows, or the verdict of the lists where they settle it."""
    core, lists, settled = settled_by_lists(text, language)
    if settled is not None:
        return settled
    return more_follows(core, lists, language, LANGUAGES[language](core, lists))


def cost(whole: Sequence[float | Verdict], halts: Sequence[float | Verdict], limits: tuple[float, float]) -> Cost:
    """What a pair of limits makes of judged texts."""
    ends = Endpointing()
    waits: dict[Verdict, int] = {
        "complete": ends.complete_ms,
        "unsure": ends.end_silence_ms,
        "open": ends.open_ms,
    }
    ended = [_verdict(one, limits) for one in whole]
    shortest, longest = HALT_MS
    cut = [np.clip((longest - waits[_verdict(one, limits)]) / (longest - shortest), 0, 1) for one in halts]
    return Cost(
        ended.count("complete") / len(ended),
        ended.count("open") / len(ended),
        float(np.mean([waits[verdict] for verdict in ended])),
        float(np.mean(cut)),
    )


def _verdict(one: float | Verdict, limits: tuple[float, float]) -> Verdict:
    return weighed(one, limits) if isinstance(one, float) else one


def table(language: str) -> list[str]:
    """A row for each pair of limits."""
    turns = read(language)
    whole, halts = ([likely(text, language) for text in texts] for texts in (turns.whole, turns.halts))
    rows = [
        f"{language}: {len(whole)} short whole turns, {len(halts)} halts; used: {LIMITS[0]}, {LIMITS[1]}",
        "| complete up to | open beyond | known at the short pause | waits longest | reply waits | halts cut into |",
        "|---|---|---|---|---|---|",
    ]
    for limits in product(WHOLE, OPEN):
        one = cost(whole, halts, limits)
        rows.append(
            f"| {limits[0]} | {limits[1]} | {one.known:.1%} | {one.late:.1%} | {one.wait_ms:.0f} ms | {one.cut:.1%} |"
        )
    return rows


def main() -> int:
    """Print the tables."""
    for language in LANGUAGES:
        print("\n".join(table(language)), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
