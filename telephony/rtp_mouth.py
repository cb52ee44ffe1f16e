"""The outgoing audio queue of an RTP leg. Pure: the shared clock takes one frame each 20 ms."""

from audio.frame import FRAME_MS, SAMPLE_BYTES, frame_bytes


class RtpMouth:
    """An ``agent.ports.Mouth``; ``take`` is for the leg alone."""

    def __init__(self, rate: int) -> None:
        self._size = frame_bytes(rate)
        self._queue = bytearray()
        self._paused = False
        self._played = 0
        self.frame_samples = rate * FRAME_MS // 1000
        """Samples in what ``take`` returns."""

    @property
    def played(self) -> int:
        """Samples of all audio given to ``play`` that were sent so far; cleared ones and padding not counted."""
        return self._played

    @property
    def queued(self) -> int:
        """Samples waiting."""
        return len(self._queue) // SAMPLE_BYTES

    def play(self, pcm: bytes) -> None:
        """Queue PCM16 mono; half a sample at the end is padded with zero.

        A piece shorter than a frame is joined with what follows; only when nothing follows in time is the frame
        filled up with silence.
        """
        self._queue += pcm
        if len(pcm) % SAMPLE_BYTES:
            self._queue.append(0)

    def pause(self) -> None:
        """Stop at once, keep the queue."""
        self._paused = True

    def resume(self) -> None:
        """Go on from where ``pause`` stopped."""
        self._paused = False

    def clear(self) -> None:
        """Drop the queue, end a pause."""
        self._queue.clear()
        self._paused = False

    def take(self) -> bytes | None:
        """The next 20 ms of speech, filled up with silence; ``None`` when there is nothing to say."""
        if self._paused or not self._queue:
            return None
        piece = bytes(self._queue[: self._size])
        del self._queue[: self._size]
        self._played += len(piece) // SAMPLE_BYTES
        return piece.ljust(self._size, b"\0")
