"""``python -m bench.turns.limits``: what each choice of limits of the judgement costs, in milliseconds and in cut-ins.

``development_<language>.txt`` holds short whole turns and turns with "|" where a caller stops to think; nothing is
learnt from them. For each choice of ``agent.language.completeness.LIMITS`` it is counted how many whole turns are known
at the short pause, what a reply waits on average, at the middle and at the 95th of a hundred, and how many halts would
be cut into if their pauses were drawn evenly from those of the bench. What is learnt of the caller, which makes both
smaller, is left out. The last rows are what a call does, where who only tells or
wishes is waited for longer: for all whole turns, and for those that ask.
"""

import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from agent.language.asked import tempered
from agent.language.completeness import LANGUAGES, LIMITS, Limits, by_lists, completeness, does, likely_more, weighed
from agent.pauses import Verdict
from agent.turns import Endpointing

HERE = Path(__file__).parent
WHOLE, OPEN = (0.1, 0.15, 0.2, 0.3, 0.4), (0.4, 0.5, 0.6, 0.7)
"""Limits that are tried: complete up to, open beyond."""
SHORT = 2
"""Words that belong to nobody, «нет спасибо»: no more than so many."""
HALT_MS = (300, 1000)
"""Pauses of who stops to think, milliseconds."""
BRIEF_MS = (300, 800)
"""Those of most."""


@dataclass(frozen=True, slots=True)
class Turns:
    """What the file of a language holds."""

    whole: list[str]
    """Short turns that are all that is said."""
    halts: list[str]
    """What was said before each "|"."""


def measured(language: str) -> frozenset[str]:
    """What the judgement is measured on and must not learn: the whole turns of that file, and of the bench's scripts
    those of more than two words; raises ``OSError``."""
    found = set(read(language).whole)
    for file in HERE.glob("texts*.toml"):
        texts = tomllib.loads(file.read_text(encoding="utf-8"))[language]
        kinds = ("questions", "statements", "hesitations", "numbers")
        said = (text.lower() for kind in kinds for text in texts.get(kind, ()))
        plain = (" ".join(text.replace("|", " ").replace("ё", "е").split()) for text in said)
        found |= {text for text in plain if len(text.split()) > SHORT}
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one pair of limits."""

    known: float
    """Whole turns that are answered at the short pause, a share."""
    late: float
    """Whole turns that wait as where something must follow, a share."""
    wait_ms: float
    """What the reply to a whole turn waits on average, milliseconds."""
    wait_p50_ms: float
    """Half of the replies wait no longer, milliseconds."""
    wait_p95_ms: float
    """All but one of twenty wait no longer, milliseconds."""
    cut: float
    """Halts that are cut into, a share."""
    cut_brief: float
    """The same of those whose pauses are ``BRIEF_MS``."""


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


def cost(whole: Sequence[float | Verdict], halts: Sequence[float | Verdict], limits: Limits) -> Cost:
    """What a choice of limits makes of judged texts."""
    ended = [_verdict(one, limits) for one in whole]
    waits = np.array([_wait_ms(verdict) for verdict in ended])
    halted = np.array([_wait_ms(_verdict(one, limits)) for one in halts])
    return Cost(
        ended.count("complete") / len(ended),
        ended.count("open") / len(ended),
        float(waits.mean()),
        *(float(np.quantile(waits, part)) for part in (0.5, 0.95)),
        *(float(np.clip((most - halted) / (most - least), 0, 1).mean()) for least, most in (HALT_MS, BRIEF_MS)),
    )


def _wait_ms(verdict: Verdict) -> int:
    ends = Endpointing()
    waits: dict[Verdict, int] = {
        "complete": ends.complete_ms,
        "unsure": ends.end_silence_ms,
        "open": ends.open_ms,
    }
    return waits[verdict]


def _verdict(one: float | Verdict, limits: Limits) -> Verdict:
    return weighed(one, limits) if isinstance(one, float) else one


def table(language: str) -> list[str]:
    """A row for each choice of limits."""
    turns = read(language)
    both = (turns.whole, turns.halts)
    whole, halts = ([likely_more(text, language) for text in texts] for texts in both)
    rows = [
        f"{language}: {len(whole)} short whole turns, {len(halts)} halts; used: {LIMITS[language]}",
        "| complete up to | open beyond | at the short pause | longest | reply waits | p50 | p95 "
        "| halts cut, 300-1000 ms | 300-800 ms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    tried = {(least, most) for least, most in product(WHOLE, OPEN) if least <= most}
    for limits in sorted(tried | {LIMITS[language]}):
        one = cost(whole, halts, limits)
        rows.append(_row(f"{limits[0]:g} | {limits[1]:g}", one))
    asked = [text for text in turns.whole if not only_tells(text, language)]
    halted = used(turns.halts, language)
    rows.append(_row("used | in a call", cost(used(turns.whole, language), halted, LIMITS[language])))
    return [*rows, _row("the same | who asks", cost(used(asked, language), halted, LIMITS[language]))]


def used(texts: Sequence[str], language: str) -> list[Verdict]:
    """What a call makes of them where the agent has asked nothing."""
    return [tempered(completeness(text, language), text, "", language) for text in texts]


def only_tells(text: str, language: str) -> bool:
    """Or wishes: such a turn is waited for longer on purpose."""
    heard = by_lists(text, language)
    return does(heard, language) in {"tells", "wishes"}


def _row(name: str, one: Cost) -> str:
    return (
        f"| {name} | {one.known:.1%} | {one.late:.1%} | {one.wait_ms:.0f} ms "
        f"| {one.wait_p50_ms:.0f} | {one.wait_p95_ms:.0f} | {one.cut:.1%} | {one.cut_brief:.1%} |"
    )


def main() -> int:
    """Print the tables."""
    for language in LANGUAGES:
        print("\n".join(table(language)), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
