"""What a test caller does in a call: wait, speak when the far side is silent, interrupt, press keys, leave.

Sans-IO and driven by audio alone: whoever owns the media gives each 20 ms frame heard and gets the next
frame to send, so a script behaves the same over a softphone, over plain RTP and in a test without a clock.
Everything is PCM16 mono at 8000 Hz; positions are samples since the media began.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from audio.frame import SAMPLE_BYTES, frame_bytes
from audio.level import dbfs, silence

RATE = 8000
"""Samples per second of everything here."""

FRAME = frame_bytes(RATE) // SAMPLE_BYTES
"""Samples of a frame: 20 ms."""


class Kind(Enum):
    """How an item was played."""

    SAY = "say"
    INTERRUPT = "interrupt"
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that the caller does."""

    label: str
    """What a report calls it: the text or the file's name."""
    pcm: bytes = b""
    """What is said; empty for keys."""
    keys: str = ""
    """Keys to press instead of speaking."""
    interrupt_after_s: float | None = None
    """Speak this long after the far side began to; none: wait until it has fallen silent, seconds."""


@dataclass(frozen=True, slots=True)
class Manners:
    """When the far side counts as speaking, and how patient the caller is."""

    loud_dbfs: float = -45.0
    """A frame above this level is speech."""
    quiet_ms: int = 700
    """Below the level for this long: the far side has finished, milliseconds."""
    patience_s: float = 10.0
    """Nothing heard for this long: go on without an answer, seconds."""
    longest_s: float = 60.0
    """Go on after this long although the far side still speaks, seconds."""
    hangup_after_s: float | None = None
    """Leave at this time after the media began, whatever happens; none: after the last answer, seconds."""


@dataclass(frozen=True, slots=True)
class Cue:
    """An item as it was really played."""

    label: str
    kind: Kind
    start: int
    """Position of its first sample in what was sent."""
    end: int
    """Position after its last sample."""

    def moved(self, samples: int) -> "Cue":
        """The same on a track that began ``samples`` earlier."""
        return replace(self, start=self.start + samples, end=self.end + samples)


class FarSide:
    """Whether the other one speaks, from the levels of the frames heard."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._quiet = manners.quiet_ms * RATE // 1000
        self.forget(0)

    def forget(self, position: int) -> None:
        """Begin to wait afresh at ``position``."""
        self._since = position
        self.began: int | None = None
        self._loud_until = position

    def hear(self, frame: bytes, position: int) -> None:
        """Take the frame that ends at ``position``."""
        if dbfs(frame) > self._manners.loud_dbfs:
            self._loud_until = position
            if self.began is None:
                self.began = position - FRAME

    def finished(self, position: int) -> bool:
        """It spoke and fell silent, or the caller's patience is over."""
        waited = position - self._since
        if self.began is None:
            return waited >= self._manners.patience_s * RATE
        return position - self._loud_until >= self._quiet or waited >= self._manners.longest_s * RATE

    def speaking_for(self, position: int) -> int:
        """Samples since it began, 0 when it has not."""
        return 0 if self.began is None else position - self.began


class Script:
    """Plays items in order; ``done`` when the caller should hang up."""

    def __init__(self, items: Sequence[Item], manners: Manners = Manners()) -> None:
        self._waiting = deque(items)
        self._manners = manners
        self._far = FarSide(manners)
        self._playing = b""
        self._offset = 0
        self._key_events: deque[str] = deque()
        self.cues: list[Cue] = []
        self.sent = bytearray()
        """Every sample sent."""
        self.heard = bytearray()
        """Every sample heard."""
        self.done = False

    @property
    def position(self) -> int:
        """Samples sent so far."""
        return len(self.sent) // SAMPLE_BYTES

    def first(self) -> bytes:
        """The frame to send before anything was heard."""
        return self._emit(silence(FRAME))

    def step(self, heard: bytes) -> bytes:
        """Take the next 20 ms heard (shorter is padded with silence), return the next 20 ms to send."""
        frame = heard[: FRAME * SAMPLE_BYTES].ljust(FRAME * SAMPLE_BYTES, b"\0")
        self.heard += frame
        self._far.hear(frame, self.position)
        if not self._playing and not self.done:
            self._consider()
        return self._emit(self._next())

    def due_keys(self) -> str:
        """Keys to press now; empty when there are none. Each is given once."""
        return self._key_events.popleft() if self._key_events else ""

    def _emit(self, frame: bytes) -> bytes:
        self.sent += frame
        return frame

    def _next(self) -> bytes:
        if not self._playing:
            return silence(FRAME)
        frame = self._playing[self._offset : self._offset + FRAME * SAMPLE_BYTES]
        self._offset += len(frame)
        if self._offset >= len(self._playing):
            self._playing = b""
            self._far.forget(self.position + FRAME)
        return frame.ljust(FRAME * SAMPLE_BYTES, b"\0")

    def _consider(self) -> None:
        """Between items: is it time for the next one, or to leave?"""
        leave_at = self._manners.hangup_after_s
        if leave_at is not None and self.position >= leave_at * RATE:
            self.done = True
            return
        finished = self._far.finished(self.position)
        if not self._waiting:
            self.done = finished and leave_at is None
            return
        wait_s = self._waiting[0].interrupt_after_s
        spoken = self._far.speaking_for(self.position)
        cuts_in = wait_s is not None and spoken > 0 and spoken >= wait_s * RATE
        if cuts_in or finished:
            self._begin(self._waiting.popleft(), Kind.INTERRUPT if cuts_in and not finished else Kind.SAY)

    def _begin(self, item: Item, kind: Kind) -> None:
        start = self.position
        if item.keys:
            self._key_events.append(item.keys)
            self._far.forget(start)
            self.cues.append(Cue(item.label, Kind.KEYS, start, start))
            return
        self._playing, self._offset = item.pcm, 0
        self.cues.append(Cue(item.label, kind, start, start + len(item.pcm) // SAMPLE_BYTES))
