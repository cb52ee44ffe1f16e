"""How well questions are answered: tables of questions in, figures out.

A table is tab-separated with a header, its columns in any order. Questions: ``id kb question must_contain
section_heading``, ``kb`` being ``general``, ``tech`` or ``none`` (nothing in the knowledge base answers it). Dialogues:
``id turn1 turn2 must_contain section_heading``; the second turn is judged. ``|`` separates
alternatives of a fact or of a heading.
"""

import re
import zlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.errors import StartError
from agent.ports import Exchange, Passage

QUESTIONS = ("id", "kb", "question", "must_contain", "section_heading")
DIALOGUES = ("id", "turn1", "turn2", "must_contain", "section_heading")
PATH = re.compile(r"\s+(?:/|>|→|»|::)\s+")
"""What may stand between the headings of a path."""
QUOTED = re.compile(r'"(?:[^"]|"")*"')
DEEPEST = 3
"""Passages that recall looks at, at most."""

Half = Literal["dev", "held-out"]
Figures = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Case:
    """One question of a table."""

    id: str
    kb: str
    """``general``, ``tech``, ``none``; empty in a dialogue."""
    turns: tuple[str, ...]
    """What the caller says, the judged question last."""
    facts: tuple[str, ...]
    """Alternatives, one of which the answer must hold; empty when there is no answer."""
    headings: tuple[str, ...]
    """Sections that answer it, whole paths or last headings."""

    @property
    def answerable(self) -> bool:
        """False when it must be refused."""
        return self.kb != "none"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one turn."""

    text: str
    """What would be spoken."""
    refused: bool
    """The agent said that it does not know."""
    passages: tuple[Passage, ...]
    ms: float = 0.0
    """From the question to the whole answer, milliseconds."""


Ask = Callable[[str, Sequence[Exchange]], Awaitable[Answered]]


@dataclass(frozen=True, slots=True)
class Result:
    """One case and what came of it."""

    case: Case
    answered: Answered
    rank: int
    """Place of the first right section, from 1; 0: it was not among the first three."""
    contains: bool
    """The answer holds the fact."""

    def row(self) -> dict[str, object]:
        """For JSON."""
        first = self.answered.passages[0] if self.answered.passages else None
        return {
            "id": self.case.id,
            "kb": self.case.kb,
            "question": " / ".join(self.case.turns),
            "rank": self.rank,
            "contains": self.contains,
            "refused": self.answered.refused,
            "score": round(first.score, 3) if first else 0.0,
            "found": first.heading if first else "",
            "answer": self.answered.text,
            "ms": round(self.answered.ms, 2),
        }


def read(path: Path, half: Half | None = None) -> tuple[Case, ...]:
    """The cases of a table, of one half if wanted; raises ``StartError`` naming the file and line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise StartError(f"{path}: questions can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise StartError(f"{path}: questions are not UTF-8 text") from None
    header = _cells(lines[0]) if lines else ()
    if sorted(header) not in (sorted(QUESTIONS), sorted(DIALOGUES)):
        names = f"{' '.join(QUESTIONS)} or {' '.join(DIALOGUES)}"
        raise StartError(f"{path}: the first line must be the columns {names}, with tabs between them")
    cases = [_case(path, number, header, line) for number, line in enumerate(lines[1:], 2) if line.strip()]
    if not cases:
        raise StartError(f"{path}: there is no question below the first line")
    return tuple(case for case in cases if half is None or half_of(case.id) == half)


def half_of(id_: str) -> Half:
    """``dev`` may be tuned on, ``held-out`` may not; by the id alone, so a new question moves no other."""
    return "held-out" if zlib.crc32(id_.encode()) % 2 else "dev"


def _case(path: Path, number: int, header: tuple[str, ...], line: str) -> Case:
    cells = _cells(line)
    if len(cells) > len(header):
        raise StartError(f"{path}: line {number} has {len(cells)} columns, not {len(header)}")
    row = dict.fromkeys(header, "") | dict(zip(header, cells, strict=False))
    alone = "question" in row
    kb = row.get("kb", "")
    if kb not in ("", "general", "tech", "none") or (not kb and alone):
        raise StartError(f"{path}: line {number}: kb is {kb!r}; it must be general, tech or none")
    asked = ("question",) if alone else ("turn1", "turn2")
    for name in asked:
        if not row[name]:
            raise StartError(f"{path}: line {number}: {name} is empty")
    turns = tuple(row[name] for name in asked)
    return Case(row["id"], kb, turns, _alternatives(row["must_contain"]), _alternatives(row["section_heading"]))


def _cells(line: str) -> tuple[str, ...]:
    """What stands between the tabs; spreadsheets put some of it into quotes."""
    cells = (cell.strip() for cell in line.split("\t"))
    return tuple(cell[1:-1].replace('""', '"') if QUOTED.fullmatch(cell) else cell for cell in cells)


def _alternatives(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split("|") if part.strip())


async def judge(case: Case, ask: Ask) -> Result:
    """Ask the turns one after another, as one caller would, and judge the last answer."""
    history: list[Exchange] = []
    for turn in case.turns[:-1]:
        said = await ask(turn, tuple(history))
        history.append(Exchange(turn, said.text))
    answered = await ask(case.turns[-1], tuple(history))
    places = [place for place, p in enumerate(answered.passages[:DEEPEST], 1) if _is(p.heading, case.headings)]
    holds = not answered.refused and any(holds_fact(answered.text, fact) for fact in case.facts)
    return Result(case, answered, places[0] if places else 0, holds)


def answers(case: Case, heading: str) -> bool:
    """Whether the section of that heading path answers the case."""
    return _is(heading, case.headings)


def _is(heading: str, headings: Iterable[str]) -> bool:
    path = _steps(heading)
    return any(wanted and path[-len(wanted) :] == wanted for wanted in map(_steps, headings))


def _steps(heading: str) -> list[str]:
    """The headings of a path, however a table writes it: «Цены / Скидки», «Цены > Скидки», «## Скидки»."""
    return [plain for step in PATH.split(heading) if (plain := _plain(step.strip(" #")))]


def holds_fact(text: str, fact: str) -> bool:
    """Whether the fact's words stand in the text as whole words, whatever the case, «ё» and kinds of spaces."""
    return re.search(rf"(?<!\w){re.escape(_plain(fact))}(?!\w)", _plain(text)) is not None


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("ё", "е").split())


def figures(results: Sequence[Result]) -> Figures:
    """The shares, 0 to 1, and times in milliseconds; ``None`` where no case tells."""
    asked = [r for r in results if r.case.answerable]
    sought = [r for r in asked if r.case.headings]
    facts = [r for r in asked if r.case.facts]
    idle = [r for r in results if not r.case.answerable]
    times = sorted(r.answered.ms for r in results)
    return {
        "recall@1": _share([r.rank == 1 for r in sought]),
        "recall@3": _share([r.rank > 0 for r in sought]),
        "mrr": _share([1 / r.rank if r.rank else 0.0 for r in sought]),
        "contains": _share([r.contains for r in facts]),
        "refused": _share([r.answered.refused for r in idle]),
        "wrongly_refused": _share([r.answered.refused for r in asked]),
        "p50_ms": _at(times, 0.5),
        "p95_ms": _at(times, 0.95),
    }


def _share(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _at(times: Sequence[float], share: float) -> float | None:
    return round(times[min(len(times) - 1, int(len(times) * share))], 3) if times else None
