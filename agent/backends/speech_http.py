"""Audio from HTTP servers: one POST, and the body as it comes; shared by the voices that are asked so.

Every way in which a server can fail ends as a ``VoiceError`` that says what to do and holds no words of a caller.
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import aiohttp

from agent.errors import VoiceError
from audio.frame import SAMPLE_BYTES

CONNECT_S = 2.0
"""Longest wait for a connection, seconds."""
READ_S = 15.0
"""Longest silence of a server, seconds; a chain of voices waits far less."""
KEEP_S = 300.0
"""An idle connection is kept this long, seconds."""

RAW = ("audio/pcm", "audio/l16", "audio/raw", "audio/x-raw", "audio/x-pcm", "application/octet-stream", "")
"""Content types that may be bare PCM16; a server that says anything else sends something else."""


class SpeechPost:
    """Connections to one speech server."""

    def __init__(self, advice: Mapping[int, str]) -> None:
        """``advice``: what to do about HTTP statuses."""
        self._advice = advice
        self._session: aiohttp.ClientSession | None = None

    async def pcm(self, url: str, headers: Mapping[str, str], **body: Any) -> AsyncGenerator[bytes, None]:
        """Stream a PCM16 body, whole samples; ``body``: ``json`` or ``data`` as in aiohttp. Raises ``VoiceError``."""
        odd = b""
        try:
            async with self._open().post(url, headers=headers, **body) as response:
                self._check(response)
                async for chunk in response.content.iter_any():
                    whole = odd + chunk
                    even = len(whole) - len(whole) % SAMPLE_BYTES
                    odd = whole[even:]
                    if even:
                        yield whole[:even]
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise VoiceError(_reason(error)) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        """A session belongs to the running loop, so it is made at the first use."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S),
                connector=aiohttp.TCPConnector(keepalive_timeout=KEEP_S),
            )
        return self._session

    def _check(self, response: aiohttp.ClientResponse) -> None:
        if response.status != 200:
            advice = self._advice.get(response.status, "the server has a fault")
            raise VoiceError(f"HTTP {response.status}: {advice}")
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in RAW:
            raise VoiceError(f"sends {kind} where bare PCM was asked for; check its address")


def _reason(error: Exception) -> str:
    """Without addresses, which may hold a key."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"can't be connected to: {error.os_error.strerror or 'refused'}; check its address"
    if isinstance(error, TimeoutError):
        return "answers too slowly"
    if isinstance(error, aiohttp.InvalidURL):
        return "its address is no URL"
    return f"the connection broke ({type(error).__name__})"
