"""What the caller was played, frame by frame beside the caller's own audio: the echo's reference and the recording."""

from collections import deque

LEAD_FRAMES = 2
"""Frames gathered before a speech begins to flow, so that late looks at the line leave no hole in it: a hole moves all
that follows, and the echo canceller would have to find it again."""


class FarEnd:
    """Turns what was played since the last frame into whole frames: mostly 20 ms, now and then none or 40."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        """Whole frames."""
        self._flowing = False
        self._still = 0
        """Frames since something was played."""

    def push(self, played: bytes, size: int) -> bytes:
        """``played`` since the frame before; returns ``size`` bytes for this frame, zeros where nothing sounded.

        ``size`` is the same all the time.
        """
        waiting = self._waiting
        if len(played) == size:  # what nearly always comes
            waiting.append(played)
        elif played:  # a line ends a speech with a frame of its own
            waiting.extend(played[at : at + size].ljust(size, b"\0") for at in range(0, len(played), size))
        elif not waiting:
            self._flowing = False
            return bytes(size)
        self._still = 0 if played else self._still + 1
        self._flowing = self._flowing or len(waiting) >= LEAD_FRAMES or self._still >= LEAD_FRAMES
        return waiting.popleft() if self._flowing else bytes(size)

    @property
    def idle(self) -> bool:
        """Nothing is on its way: frames without anything played need not be asked for."""
        return not self._waiting and not self._flowing

    def rest(self) -> bytes:
        """What has not been given out when the call ends."""
        return b"".join(self._waiting)
