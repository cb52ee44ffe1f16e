"""What the caller was played, frame by frame beside the caller's own audio: the echo's reference and the recording."""

LEAD_FRAMES = 2
"""Frames gathered before a speech begins to flow, so that a late look at the line leaves no hole in it."""


class FarEnd:
    """Turns what was played since the last frame, a bit more or less than 20 ms, into whole frames."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._flowing = False

    def push(self, played: bytes, size: int) -> bytes:
        """``played`` since the frame before; returns ``size`` bytes for this frame, zeros where nothing sounded."""
        waiting = self._waiting
        if not played and not waiting:
            return bytes(size)
        waiting += played
        if len(waiting) >= LEAD_FRAMES * size:
            self._flowing = True
        elif not played and len(waiting) < size:
            self._flowing = bool(waiting)
        if not self._flowing:
            return bytes(size)
        frame = bytes(waiting[:size])
        del waiting[:size]
        return frame + bytes(size - len(frame))

    def rest(self) -> bytes:
        """What has not been given out when the call ends."""
        return bytes(self._waiting)
