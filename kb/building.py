"""Built indexes on disk: made in a folder of their own, then the one word that names the current one is changed.

``DIR/current`` holds the name of the build in use, so a swap is one rename; builds that were replaced stay beside it
as backups. A build holds ``manifest.json``, ``sections.jsonl``, ``postings.npz`` and, unless Chroma has them,
``vectors.npy``.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from agent.errors import KnowledgeError
from agent.ports import Embedder
from kb import encoded
from kb.dense import Vectors
from kb.encoded import Encoded, Encoder
from kb.index import Index, Postings
from kb.ingest import Section
from kb.library import Library
from kb.terms import Terms

VERSION = 1
"""Of the files; another one is built again."""
CURRENT = "current"
AT_ONCE = 256
"""Sections embedded between two reports of progress."""

Progress = Callable[[str, int, int], None]
"""Told a stage (``read``, ``embed``, ``encode``, ``index``, ``store``), what is done of it, and of how much."""


class VectorStore(Protocol):
    """Where the vectors of a build lie."""

    @property
    def name(self) -> str:
        """``local`` or ``chroma``."""

    def write(self, build: Path, sections: Sequence[Section], rows: Any) -> None:
        """Keep a row (float32, length 1) for each section; raises ``KnowledgeError``."""

    def read(self, build: Path) -> tuple[Vectors, Any]:
        """To search in, and all rows in the order of the sections; raises ``KnowledgeError``."""

    def drop(self, build: Path) -> None:
        """Remove what lies outside of the build's own folder."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a build was made of."""

    version: int
    """Of the files."""
    language: str
    sources: Mapping[str, str]
    """Document -> SHA-256."""
    tables: str
    """SHA-256 of the search's tables, on which the postings depend."""
    embedder: str
    """Its name; empty: no vectors."""
    store: str
    """Where the vectors lie."""
    sections: int
    """How many."""
    embedded: int
    """How many of them had changed since the build before, and so were embedded."""
    encoder: str = ""
    """Name of the sentence encoder that read the lines; empty: none did."""


@dataclass(frozen=True, slots=True)
class Built:
    """A build in memory."""

    manifest: Manifest
    sections: tuple[Section, ...]
    index: Index
    vectors: Vectors | None
    rows: Any = None
    encoded: Encoded | None = None
    """The lines, where a sentence encoder read them."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where the builds of one language lie, and what they are made with."""

    folder: Path
    library: Library
    terms: Terms
    embedder: Embedder | None
    store: VectorStore
    backups: int = 5
    """Replaced builds that are kept."""
    encoder: Encoder | None = None
    """Reads every line, beside the embedder."""

    def current(self) -> Built | None:
        """The build in use; ``None`` when there is none, or it can't be read."""
        try:
            return self._read(self.folder / (self.folder / CURRENT).read_text(encoding="utf-8").strip())
        except (OSError, ValueError, KeyError, TypeError, KnowledgeError):
            return None

    def fresh(self, built: Built) -> bool:
        """Whether it was made of today's texts, tables and embedder; raises ``StartError`` for unreadable texts."""
        made = built.manifest
        now = (VERSION, self.terms.language, self.library.checksums(), self.terms.checksum, *self._names)
        return (made.version, made.language, made.sources, made.tables, made.embedder, made.encoder) == now

    @property
    def _names(self) -> tuple[str, str]:
        """Embedder's and encoder's."""
        return self.embedder.name if self.embedder else "", self.encoder.name if self.encoder else ""

    async def build(self, progress: Progress = lambda stage, done, of: None) -> Built:
        """Read, embed what has changed, index, write, swap. Raises ``StartError`` for texts, else ``KnowledgeError``.

        Long: not for the event loop of calls. The build in use stays what it is until the last step.
        """
        before = self.current()
        sources = self.library.checksums()
        sections = self.library.sections(lambda done, of: progress("read", done, of))
        rows, embedded = await self._embed(sections, before, progress)
        lines = await self._encode(sections, before, progress)
        progress("index", 0, len(sections))
        index = Index.build(sections, self.terms)
        progress("index", len(sections), len(sections))
        embedder, encoder = self._names
        manifest = Manifest(
            VERSION, self.terms.language, sources, self.terms.checksum, embedder,
            self.store.name, len(sections), embedded, encoder,
        )  # fmt: skip
        progress("store", 0, 1)
        build = self._write(manifest, sections, index, rows, lines)
        progress("store", 1, 1)
        return self._read(build)

    async def _embed(self, sections: Sequence[Section], before: Built | None, progress: Progress) -> tuple[Any, int]:
        """A row for each section, and how many were made anew."""
        import numpy as np  # noqa: PLC0415

        if self.embedder is None:
            return None, 0
        known: dict[str, Any] = {}
        if before and before.rows is not None and before.manifest.embedder == self.embedder.name:
            known = {section.checksum: row for section, row in zip(before.sections, before.rows, strict=True)}
        changed = [section for section in sections if section.checksum not in known]
        progress("embed", 0, len(changed))
        for at in range(0, len(changed), AT_ONCE):
            part = changed[at : at + AT_ONCE]
            made = np.asarray(await self.embedder.embed([section.enriched for section in part]), np.float32)
            known.update({section.checksum: row for section, row in zip(part, made, strict=True)})
            progress("embed", at + len(part), len(changed))
        return np.stack([known[section.checksum] for section in sections]).astype(np.float32), len(changed)

    async def _encode(self, sections: Sequence[Section], before: Built | None, progress: Progress) -> Encoded | None:
        """The lines, those of the build before as they were."""
        if self.encoder is None:
            return None
        lines = encoded.texts(sections)
        known: dict[str, Any] = {}
        if before and before.encoded and before.manifest.encoder == self.encoder.name:
            known = encoded.known(before.sections, before.encoded)
        new = sorted({line for section in lines for line in section if line not in known}, key=len)
        progress("encode", 0, len(new))
        for at in range(0, len(new), encoded.AT_ONCE):
            part = new[at : at + encoded.AT_ONCE]
            known.update(zip(part, encoded.packed(await self.encoder.embed(part)), strict=True))
            progress("encode", at + len(part), len(new))
        return encoded.together(lines, known)

    def _write(
        self, manifest: Manifest, sections: Sequence[Section], index: Index, rows: Any, lines: Encoded | None
    ) -> Path:
        import numpy as np  # noqa: PLC0415

        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
        build, making = self.folder / name, self.folder / f"{name}.part"
        try:
            making.mkdir(parents=True)
            with (making / "sections.jsonl").open("w", encoding="utf-8") as kept:
                kept.writelines(json.dumps(asdict(section), ensure_ascii=False) + "\n" for section in sections)
            words = np.frombuffer("\n".join(index.vocabulary).encode(), np.uint8)
            np.savez(making / "postings.npz", words=words, **index.postings.arrays)
            if rows is not None:
                self.store.write(making, sections, rows)
            if lines is not None:
                lines.write(making)
            (making / "manifest.json").write_text(json.dumps(asdict(manifest), ensure_ascii=False), encoding="utf-8")
            making.rename(build)
            pointer = self.folder / f"{name}.current"
            pointer.write_text(name, encoding="utf-8")
            os.replace(pointer, self.folder / CURRENT)
        except OSError as error:
            shutil.rmtree(making, ignore_errors=True)
            raise KnowledgeError(f"{build}: the index can't be written: {error.strerror}") from None
        self._forget(name)
        return build

    def _forget(self, current: str) -> None:
        """Keep the newest builds that were replaced; what a killed build left behind goes too."""
        builds = sorted(path for path in self.folder.iterdir() if path.is_dir())
        whole = [path for path in builds if path.suffix != ".part" and path.name < current]
        parts = [path for path in builds if path.suffix == ".part" and path.stem < current]
        for path in (*parts, *whole[: max(0, len(whole) - self.backups)]):
            self.store.drop(path)
            shutil.rmtree(path, ignore_errors=True)

    def _read(self, build: Path) -> Built:
        import numpy as np  # noqa: PLC0415

        manifest = Manifest(**json.loads((build / "manifest.json").read_text(encoding="utf-8")))
        with (build / "sections.jsonl").open(encoding="utf-8") as lines:
            sections = tuple(_section(json.loads(line)) for line in lines)
        with np.load(build / "postings.npz") as kept:
            arrays = {name: kept[name] for name in kept.files}
        words = arrays.pop("words").tobytes().decode()
        index = Index(Postings(words.split("\n") if words else (), arrays))
        vectors, rows = self.store.read(build) if manifest.embedder else (None, None)
        read = encoded.read(build) if manifest.encoder else None
        return Built(manifest, sections, index, vectors, rows, read)


def _section(row: dict[str, Any]) -> Section:
    return Section(**{**row, "path": tuple(row["path"])})
