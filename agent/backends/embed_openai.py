"""Vectors from any OpenAI-compatible ``/v1/embeddings``."""

from collections.abc import Sequence
from typing import Any

from openai import AsyncOpenAI, OpenAIError

from agent.errors import KnowledgeError
from agent.settings import Embed

AT_ONCE = 64
"""Texts of one request when a knowledge base is built."""


class OpenAiEmbedder:
    """An ``Embedder``; its connection stays open between questions."""

    def __init__(self, settings: Embed, api_key: str) -> None:
        self._model = settings.model
        # a server that needs no key still wants to see one
        self._client = AsyncOpenAI(
            api_key=api_key or "none", base_url=settings.base_url or None, max_retries=0, timeout=30.0
        )

    @property
    def name(self) -> str:
        """Server's model."""
        return f"openai-{self._model}"

    @property
    def remote(self) -> bool:
        """True."""
        return True

    async def embed(self, texts: Sequence[str]) -> Any:
        """A row of length 1 for each text; one request for a question."""
        import numpy as np  # noqa: PLC0415

        rows: list[list[float]] = []
        for at in range(0, len(texts), AT_ONCE):
            rows += await self._request(texts[at : at + AT_ONCE])
        matrix = np.array(rows, np.float32)
        return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)

    async def _request(self, texts: Sequence[str]) -> list[list[float]]:
        try:
            answer = await self._client.embeddings.create(
                model=self._model, input=[text or " " for text in texts], encoding_format="float"
            )
            rows = [list(item.embedding) for item in sorted(answer.data, key=lambda item: item.index)]
        except (OpenAIError, TypeError, ValueError, AttributeError) as error:
            raise KnowledgeError(f"embeddings of {self._model}: {type(error).__name__}") from None
        if len(rows) != len(texts) or len({len(row) for row in rows}) != 1:
            raise KnowledgeError(f"embeddings of {self._model}: {len(rows)} vectors came for {len(texts)} texts")
        return rows

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
