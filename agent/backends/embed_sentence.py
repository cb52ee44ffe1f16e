"""Vectors from a sentence-transformers model on disk. Extra ``sentence-transformer``; nothing is downloaded."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.errors import StartError


class SentenceTransformerEmbedder:
    """An ``Embedder``; the model runs on a thread."""

    def __init__(self, path: Path | None) -> None:
        """Loads the model; raises ``StartError`` when it or the library is missing."""
        if path is None:
            raise StartError("[embed] engine is sentence-transformer: set [embed] path to the model's folder")
        if not (path / "modules.json").exists() and not (path / "config.json").exists():
            raise StartError(f"{path}: there is no sentence-transformers model; see [embed] path")
        try:
            from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - an extra
        except ImportError:
            raise StartError(
                "[embed] engine is sentence-transformer and the library is missing; "
                "`.venv/bin/python -m pip install -e '.[sentence-transformer]'`"
            ) from None
        self._path = path
        self._model: Any = SentenceTransformer(str(path), local_files_only=True)

    @property
    def name(self) -> str:
        """The model's folder."""
        return f"sentence-{self._path.name}"

    @property
    def remote(self) -> bool:
        """True: a model may be slow."""
        return True

    async def embed(self, texts: Sequence[str]) -> Any:
        """A row of length 1 for each text."""
        return await asyncio.to_thread(
            self._model.encode, list(texts), normalize_embeddings=True, show_progress_bar=False
        )

    async def close(self) -> None:
        """Nothing is held."""
