"""Puts RTP packets back into order without delaying those that are in order. Pure."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

DEPTH = 2
"""Later packets held while one is missing (40 ms of 20 ms packets); one more and the missing one counts as lost."""

MAX_JUMP = 100
"""Sequence numbers further away belong to a restarted stream, not to loss or reordering (RFC 3550, A.1)."""

MAX_STALE = 5
"""Old packets in a row after which the sender is taken to have restarted with a lower sequence number."""


class Reorder(Generic[T]):
    """Calls ``deliver(item, lost)`` in sequence order; ``lost`` packets are missing just before the item.

    An in-order packet is delivered at once; a gap holds back at most ``DEPTH`` packets.
    """

    def __init__(self, deliver: Callable[[T, int], None]) -> None:
        self._deliver = deliver
        self._next: int | None = None
        self._held: dict[int, T] = {}
        self._stale = 0
        self.late = 0
        """Packets that came twice or after they were given up."""

    @property
    def held(self) -> int:
        """Packets waiting for a missing one."""
        return len(self._held)

    def push(self, sequence: int, item: T) -> None:
        """Take one packet; ``sequence`` is its 16-bit sequence number."""
        if self._next is None:
            self._next = sequence
        ahead = (sequence - self._next) & 0xFFFF
        if ahead == 0:
            self._release(sequence, item, 0)
        elif ahead <= MAX_JUMP:
            self._hold(sequence, item)
        elif ahead >= 0x10000 - MAX_JUMP and self._stale < MAX_STALE:
            self._stale += 1
            self.late += 1
        else:
            self.flush()
            self._release(sequence, item, 0)

    def flush(self) -> None:
        """Deliver all that is held, counting the missing ones as lost."""
        while self._held:
            self._skip_gap()

    def reset(self) -> None:
        """Forget the stream; the next packet starts a new one."""
        self._held.clear()
        self._next = None
        self._stale = 0

    def _hold(self, sequence: int, item: T) -> None:
        if sequence in self._held:
            self.late += 1
            return
        self._held[sequence] = item
        if len(self._held) > DEPTH:
            self._skip_gap()

    def _skip_gap(self) -> None:
        expected = self._next or 0
        first = min(self._held, key=lambda sequence: (sequence - expected) & 0xFFFF)
        self._release(first, self._held.pop(first), (first - expected) & 0xFFFF)

    def _release(self, sequence: int, item: T, lost: int) -> None:
        self._stale = 0
        self._next = (sequence + 1) & 0xFFFF
        self._deliver(item, lost)
        while self._held and self._next in self._held:
            following = self._held.pop(self._next)
            self._next = (self._next + 1) & 0xFFFF
            self._deliver(following, 0)
