"""What a call listens with, as ``agent.listening`` wants it: detector, echo canceller, noise suppressor."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


class Detector(Protocol):
    """Tells speech from the rest."""

    def push(self, pcm: bytes) -> bool:
        """True when this 20 ms frame is speech."""

    @property
    def sound(self) -> bool:
        """The newest frame was loud and like speech, voice or not."""


@runtime_checkable
class Foresighted(Protocol):
    """A detector that is told what it will be given."""

    def expect(self, frames: Sequence[bytes]) -> None:
        """These frames will be pushed next, just so; that changes no flag."""

    def skip_silence(self, count: int) -> bool:
        """True when the next ``count`` frames that were told hold no sound: then they count as pushed."""


class Canceller(Protocol):
    """Takes the agent's own voice out of the caller's audio."""

    @property
    def dominated(self) -> bool:
        """The newest frame was echo and nothing else."""

    @property
    def possible(self) -> bool:
        """An audible echo may be in the newest frame, whatever else is."""

    @property
    def clean(self) -> bool:
        """Nothing of what is played comes back on this line."""

    @property
    def idle(self) -> bool:
        """Nothing that was played can still be heard."""

    @property
    def passes(self) -> int:
        """So many of the next frames come out as they go in, whatever is played."""

    def push(self, near: bytes, far: bytes) -> bytes:
        """The near 20 ms without the echo of what ``far`` was played."""


class Suppressor(Protocol):
    """Takes noise out of the caller's audio."""

    def push(self, pcm: bytes) -> bytes:
        """The same 20 ms, cleaner."""
