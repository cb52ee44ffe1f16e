"""Listening in on calls in progress: both sides of a call for those who ask for them, nothing where nobody does."""

import asyncio
from collections.abc import AsyncGenerator

from agent.recording import Keeping
from audio.frame import frame_bytes
from audio.wav import interleave

PIECE_FRAMES = 5
"""Frames that travel together: a tenth of a second."""
BEHIND_MOST = 50
"""Pieces that a listener may be behind; who is slower is let go."""


class Overheard:
    """The recording of a call on its way to the disk, and to whoever listens in. Nobody waits for a listener."""

    def __init__(self, inner: Keeping | None, rate: int) -> None:
        """``inner`` takes everything first; ``rate`` is the call's, Hz."""
        self._inner, self.rate = inner, rate
        self._ears: set[asyncio.Queue[bytes | None]] = set()
        self._caller: list[bytes] = []
        self._agent: list[bytes] = []
        self._over = False

    def push(self, caller: bytes, agent: bytes = b"") -> None:
        """A frame of each side, or several; nothing is silence."""
        if self._inner is not None:
            self._inner.push(caller, agent)
        if self._ears:
            self._caller.append(caller)
            self._agent.append(agent or bytes(len(caller)))
            if sum(map(len, self._caller)) >= PIECE_FRAMES * frame_bytes(self.rate):
                self._tell()

    def close(self, rest: bytes = b"") -> None:
        """The call is over."""
        if self._inner is not None:
            self._inner.close(rest)
        self._over = True
        for ear in list(self._ears):
            self._let_go(ear)

    async def listen(self) -> AsyncGenerator[bytes, None]:
        """PCM16 stereo from now on, caller left and agent right, until the call is over or the listener too slow."""
        ear: asyncio.Queue[bytes | None] = asyncio.Queue(BEHIND_MOST)
        if self._over:
            return
        self._ears.add(ear)
        try:
            while (piece := await ear.get()) is not None:
                yield piece
        finally:
            self._ears.discard(ear)
            if not self._ears:
                self._caller.clear()
                self._agent.clear()

    def _tell(self) -> None:
        piece = interleave(b"".join(self._caller), b"".join(self._agent))
        self._caller.clear()
        self._agent.clear()
        for ear in list(self._ears):
            try:
                ear.put_nowait(piece)
            except asyncio.QueueFull:
                self._let_go(ear)

    def _let_go(self, ear: asyncio.Queue[bytes | None]) -> None:
        self._ears.discard(ear)
        if ear.full():
            ear.get_nowait()  # room for the word that it is over
        ear.put_nowait(None)
