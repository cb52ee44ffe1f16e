"""Where on the line the samples that a recogniser was fed came from."""

from bisect import bisect_right

from audio.frame import AudioFrame


class Places:
    """Samples fed so far and their positions; frames that were never pushed leave holes."""

    def __init__(self) -> None:
        self.fed = 0
        self._next = -1
        self._starts: list[int] = []
        self._shifts: list[int] = []

    @property
    def end(self) -> int:
        """Position after the last sample fed; 0 before the first."""
        return max(self._next, 0)

    def add(self, frame: AudioFrame) -> None:
        """Note the next frame fed."""
        if frame.position != self._next:
            self._starts.append(self.fed)
            self._shifts.append(frame.position - self.fed)
        self.fed += frame.samples
        self._next = frame.end

    def position(self, sample: int) -> int:
        """Line position of the ``sample``-th sample fed."""
        hole = max(bisect_right(self._starts, sample) - 1, 0)
        return min(sample + self._shifts[hole], self.end) if self._shifts else 0

    def forget(self) -> None:
        """What is before now will not be asked for again."""
        del self._starts[:-1]
        del self._shifts[:-1]
