"""What the media clock ticks."""

from typing import Protocol, runtime_checkable


class Ticking(Protocol):
    """A leg that wants the clock."""

    def tick(self, periods: int) -> None:
        """20 ms have passed; ``periods`` is 1, or more when a stall swallowed ``periods - 1`` ticks before this one."""


@runtime_checkable
class Looking(Ticking, Protocol):
    """A leg that looks what has come for it before any leg is ticked, so that what all legs need is known first."""

    def look(self, periods: int) -> bool:
        """20 ms have passed, as for ``tick``, which follows where this is True."""
