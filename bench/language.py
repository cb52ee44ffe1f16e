"""How many pairs of the tables under ``tests/agent/language`` come out to the letter; ``python -m bench.language``."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from agent.language.normalise import normalise
from agent.language.verbalise import prepare, verbalise

TABLES = Path(__file__).parent.parent / "tests" / "agent" / "language"
HELD_OUT = 3
"""Every so many-th line is held out of tuning."""


@dataclass(frozen=True)
class Row:
    """One pair of a table."""

    source: str
    wanted: tuple[str, ...]
    numbers: bool = False
    """Whether number words become digits."""


@dataclass(frozen=True)
class Figures:
    """What came of a table."""

    total: int
    """Pairs."""
    wrong: tuple[tuple[str, str, str], ...]
    """Source, what came of it, what was wanted."""

    @property
    def share(self) -> float:
        """The part of the pairs that came out, from 0 to 1."""
        return 1 - len(self.wrong) / self.total


def rows(kind: str, language: str) -> list[Row]:
    """The pairs of ``normalise`` or ``verbalise`` in the files' order: the first table, then the later ones."""
    files = [TABLES / f"{kind}_{language}.tsv", *sorted(TABLES.glob(f"{kind}_*_{language}.tsv"))]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    cells = [line.split("\t") for line in lines if line and not line.startswith("#")]
    if kind == "verbalise":
        return [Row(source, tuple(wanted.split(" | "))) for source, wanted in cells]
    return [Row(source, (wanted,), mode == "numbers") for mode, source, wanted in cells]


def exact(kind: str, language: str, held_out: bool) -> Figures:
    """The held-out third of a table, or the other two."""
    chosen = [row for number, row in enumerate(rows(kind, language)) if (number % HELD_OUT == HELD_OUT - 1) == held_out]
    wrong = []
    for row in chosen:
        got = verbalise(row.source, language) if kind == "verbalise" else normalise(row.source, language, row.numbers)
        if got not in row.wanted:
            wrong.append((row.source, got, row.wanted[0]))
    return Figures(len(chosen), tuple(wrong))


def speed(language: str) -> tuple[float, float]:
    """Median and 95th percentile of CPU time, milliseconds, for sentences of some 100 characters never seen before."""
    prepare(language)
    texts = [row.source for row in rows("verbalise", language)]
    spent = []
    for turn in range(3):
        for place in range(len(texts) - 4):
            sentence = f"{turn} " + ", ".join(texts[place : place + 4])
            begun = time.process_time()
            verbalise(sentence[:100], language)
            spent.append((time.process_time() - begun) * 1000)
    spent.sort()
    return spent[len(spent) // 2], spent[int(len(spent) * 0.95)]


def main() -> None:
    """Print the figures; ``--wrong`` names the pairs that did not come out, but those held out."""
    for kind in ("normalise", "verbalise"):
        for language in ("ru", "en"):
            seen, unseen = exact(kind, language, False), exact(kind, language, True)
            print(
                f"{kind:<10} {language}   seen {seen.total - len(seen.wrong)} of {seen.total} ({seen.share:.1%})"
                f"   held out {unseen.total - len(unseen.wrong)} of {unseen.total} ({unseen.share:.1%})"
            )
            if "--wrong" in sys.argv:
                print("\n".join(f"    {source}: {got}, wanted {wanted}" for source, got, wanted in seen.wrong))
    for language in ("ru", "en"):
        median, late = speed(language)
        print(f"verbalise  {language}   {median:.2f} ms a sentence of 100 characters, p95 {late:.2f} ms of CPU")


if __name__ == "__main__":
    main()
