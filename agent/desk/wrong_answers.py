"""Questions that were answered wrongly, as people report them: a table that ``allo kb eval`` reads."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.errors import RecordError

COLUMNS = ("id", "kb", "question", "must_contain", "section_heading")
"""The header of ``kb.evaluation``'s tables."""

Kb = Literal["general", "tech", "none"]


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """One question and what should have been answered."""

    id: str
    """Of the report; the same id again takes the first one's place."""
    kb: Kb
    """``none``: it should have been refused."""
    question: str
    expected: str
    """Words that a right answer holds; ``|`` separates alternatives, empty: not known."""


class WrongAnswers:
    """The file ``wrong_answers.tsv``; methods raise ``RecordError`` and block on the disk for a moment."""

    def __init__(self, path: Path) -> None:
        """The file is made with the first report."""
        self.path = path

    def all(self) -> list[WrongAnswer]:
        """In the order of their coming."""
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        except (OSError, UnicodeDecodeError) as error:
            raise RecordError(f"{self.path}: reports can't be read: {error}") from None
        return [_read(line) for line in lines[1:] if line.strip()]

    def report(self, wrong: WrongAnswer) -> None:
        """Keep one."""
        others = [other for other in self.all() if other.id != wrong.id]
        self._write([*others, wrong])

    def forget(self, id_: str) -> WrongAnswer | None:
        """Remove one; what it was, ``None`` when there is none of this id."""
        every = self.all()
        found = next((wrong for wrong in every if wrong.id == id_), None)
        if found is not None:
            self._write([wrong for wrong in every if wrong is not found])
        return found

    def _write(self, every: list[WrongAnswer]) -> None:
        rows = ["\t".join((_cell(w.id), w.kb, _cell(w.question), _cell(w.expected), "")) for w in every]
        text = "\n".join(["\t".join(COLUMNS), *rows, ""])
        fresh = self.path.with_suffix(".part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self.path)
        except OSError as error:
            raise RecordError(f"{self.path}: the report can't be kept: {error.strerror}") from None


def _cell(text: str) -> str:
    return " ".join(text.split())


def _read(line: str) -> WrongAnswer:
    id_, kb, question, expected = [*line.split("\t"), "", "", "", ""][:4]
    known: Kb = "general" if kb == "general" else "tech" if kb == "tech" else "none"
    return WrongAnswer(id_, known, question, expected)
