"""What the caller was played, frame by frame beside the caller's own audio: the echo's reference and the recording."""

LEAD_FRAMES = 2
"""Frames gathered before a speech begins to flow, so that late looks at the line leave no hole in it: a hole moves all
that follows, and the echo canceller would have to find it again."""


class FarEnd:
    """Turns what was played since the last frame into whole frames: mostly 20 ms, now and then none or 40."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._flowing = False
        self._still = 0
        """Frames since something was played."""

    def push(self, played: bytes, size: int) -> bytes:
        """``played`` since the frame before; returns ``size`` bytes for this frame, zeros where nothing sounded."""
        waiting = self._waiting
        if not played and not waiting:
            self._flowing = False
            return bytes(size)
        waiting += played
        if short := len(waiting) % size:
            waiting += bytes(size - short)  # a line ends a speech with a frame of its own
        self._still = 0 if played else self._still + 1
        self._flowing = self._flowing or len(waiting) >= LEAD_FRAMES * size or self._still >= LEAD_FRAMES
        if not self._flowing:
            return bytes(size)
        frame = bytes(waiting[:size])
        del waiting[:size]
        return frame

    @property
    def idle(self) -> bool:
        """Nothing is on its way: frames without anything played need not be asked for."""
        return not self._waiting and not self._flowing

    def rest(self) -> bytes:
        """What has not been given out when the call ends."""
        return bytes(self._waiting)
