"""Vectors in a file beside the index, compared all at once: exact, and a few milliseconds for ten thousand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kb.ingest import Section

FILE = "vectors.npy"
QUICK = 2000
"""Rows that are compared within 0.5 ms."""


class Matrix:
    """Rows in memory."""

    def __init__(self, rows: Any) -> None:
        """``rows``: float32, each of length 1."""
        self._rows = rows

    @property
    def quick(self) -> bool:
        """Whether the event loop may wait for it."""
        return len(self._rows) <= QUICK

    def cosines(self, query: Any) -> Any:
        """The cosine of each row with ``query``; nothing is alike when the dimensions differ."""
        import numpy as np  # noqa: PLC0415

        if self._rows.shape[1] != len(query):
            return np.zeros(len(self._rows), np.float32)
        return self._rows @ query


class LocalStore:
    """A ``VectorStore``: float16 on disk, float32 in memory."""

    @property
    def name(self) -> str:
        """``local``."""
        return "local"

    def write(self, build: Path, sections: Sequence[Section], rows: Any) -> None:
        """Save the rows."""
        import numpy as np  # noqa: PLC0415

        np.save(build / FILE, np.asarray(rows, np.float16))

    def read(self, build: Path) -> tuple[Matrix, Any]:
        """To search in, and the rows."""
        import numpy as np  # noqa: PLC0415

        kept = np.load(build / FILE, mmap_mode="r")
        return Matrix(kept.astype(np.float32)), kept

    def drop(self, build: Path) -> None:
        """Nothing lies elsewhere."""
