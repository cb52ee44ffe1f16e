"""Vectors in Chroma, through langchain-chroma. Extra ``chroma``: 350 MB, and 0.8 s at the first use.

One collection a build, with ``kb`` in the metadata and a search for each base. Chroma never embeds anything itself:
its own embedder would download a model.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.errors import KnowledgeError, StartError

COLLECTION = "allo"
NEAREST = 30
"""Sections that each base gives for a question."""
AT_ONCE = 2000
"""Rows of one insertion."""


def _open(folder: Path) -> Any:
    try:
        from chromadb.config import Settings  # noqa: PLC0415 - an extra, and slow
        from langchain_chroma import Chroma  # noqa: PLC0415
    except ImportError:
        raise StartError(
            "[kb] store is chroma and langchain-chroma is missing; `.venv/bin/python -m pip install -e '.[chroma]'`"
        ) from None
    settings = Settings(anonymized_telemetry=False, is_persistent=True, persist_directory=str(folder))
    return Chroma(
        COLLECTION,
        persist_directory=str(folder),
        client_settings=settings,
        collection_metadata={"hnsw:space": "cosine"},
    )


def _faults() -> tuple[type[Exception], ...]:
    from chromadb.errors import ChromaError  # noqa: PLC0415

    return ChromaError, ValueError, RuntimeError, OSError


class ChromaStore:
    """A ``VectorStore``; the vectors of a build lie under ``folder``, in a folder of the build's name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """``chroma``."""
        return "chroma"

    def write(self, build: Path, sections: Sequence[Any], rows: Any) -> None:
        """Put the rows of a build that is being made into a fresh collection."""
        folder = self._of(build)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        collection = _open(folder)._collection
        for at in range(0, len(sections), AT_ONCE):
            part = sections[at : at + AT_ONCE]
            try:
                collection.add(
                    ids=[str(at + n) for n in range(len(part))],
                    embeddings=rows[at : at + AT_ONCE],
                    documents=[section.text for section in part],
                    metadatas=[
                        {
                            "kb": s.base,
                            "heading": s.heading,
                            "source": s.source,
                            "checksum": s.checksum,
                            "start": s.start,
                        }
                        for s in part
                    ],
                )
            except _faults() as error:
                raise KnowledgeError(f"chroma: the vectors can't be written: {error}") from None

    def read(self, build: Path) -> tuple["ChromaVectors", Any]:
        """To search in, and all rows."""
        import numpy as np  # noqa: PLC0415

        folder = self._of(build)
        if not folder.exists():
            raise KnowledgeError(f"{folder}: Chroma's folder is gone; `allo kb build` makes it again")
        store = _open(folder)
        kept = store._collection.get(include=["embeddings"])
        order = np.argsort(np.array([int(number) for number in kept["ids"]], np.int64))
        rows = np.asarray(kept["embeddings"], np.float16)[order]
        return ChromaVectors(store, len(rows)), rows

    def drop(self, build: Path) -> None:
        """Remove a build's vectors."""
        shutil.rmtree(self._of(build), ignore_errors=True)

    def _of(self, build: Path) -> Path:
        return self._folder / build.name.removesuffix(".part")


class ChromaVectors:
    """The nearest sections of each base."""

    def __init__(self, store: Any, rows: int) -> None:
        self._store, self._rows = store, rows

    @property
    def quick(self) -> bool:
        """False: milliseconds, and a disk."""
        return False

    def cosines(self, query: Any) -> Any:
        """The cosine of the nearest rows of each base; the others get that of the farthest of these."""
        import numpy as np  # noqa: PLC0415

        near: dict[int, float] = {}
        for base in ("general", "tech"):
            try:
                found = self._store.similarity_search_by_vector_with_relevance_scores(
                    [float(value) for value in query], k=NEAREST, filter={"kb": base}
                )
            except _faults() as error:
                raise KnowledgeError(f"chroma: {error}") from None
            near.update({int(document.id): 1 - distance for document, distance in found})
        out = np.full(self._rows, min(near.values(), default=0.0), np.float32)
        for number, cosine in near.items():
            out[number] = cosine
        return out
