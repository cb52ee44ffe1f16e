"""The texts on disk: which files make up a knowledge base, and whether they have changed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.errors import StartError
from agent.ports import Base
from kb import convert, ingest
from kb.ingest import Section

BASES: tuple[Base, ...] = ("general", "tech")


@dataclass(frozen=True, slots=True)
class Library:
    """Where the texts of one language lie: ``general.md`` and ``tech.md``, and documents in folders of these names."""

    folder: Path
    general: Path | None = None
    """A file instead of ``general.md``."""
    tech: Path | None = None
    """A file instead of ``tech.md``."""

    def files(self) -> tuple[tuple[Base, Path], ...]:
        """Every document, the main file of each base first; raises ``StartError`` when a base has none."""
        return tuple((base, path) for base in BASES for path in self._of(base))

    def _of(self, base: Base) -> list[Path]:
        given = self.general if base == "general" else self.tech
        main = given or self.folder / f"{base}.md"
        documents = self.folder / base
        more = sorted(
            p for p in documents.rglob("*") if p.suffix.lower() in convert.CONVERTERS and _plain(p, documents)
        )
        return [main, *more] if given or main.exists() or not more else more

    def checksums(self) -> dict[str, str]:
        """Name of each document -> SHA-256 of what it holds; raises ``StartError`` like ``files``."""
        return {self.name(path): _checksum(path) for _, path in self.files()}

    def sections(self, done: Callable[[int, int], None] | None = None) -> tuple[Section, ...]:
        """All texts, cut; ``done(files, of)`` is told the progress; raises ``StartError`` naming a bad file."""
        files = self.files()
        found: list[Section] = []
        for number, (base, path) in enumerate(files, 1):
            found += ingest.load(path, base, self.name(path))
            if done:
                done(number, len(files))
        return tuple(found)

    def name(self, path: Path) -> str:
        """A document's name: relative to the folder where it lies in it."""
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else path.name


def _plain(path: Path, folder: Path) -> bool:
    return path.is_file() and not any(part.startswith((".", "~")) for part in path.relative_to(folder).parts)


def _checksum(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise StartError(f"{path}: knowledge base can't be read: {error.strerror}; see docs/knowledge.md") from None
