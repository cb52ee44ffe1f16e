"""How long a call may last: a warning that interrupts nobody, and the end. Pure."""

from typing import Literal

WARNING_S = 60
"""How long before the longest call ends the caller is told, seconds."""


class TimeLimit:
    """Of one call."""

    def __init__(self, minutes: float, rate: int, begun: int = 0) -> None:
        """``minutes`` in all, of which ``begun`` samples at ``rate`` Hz passed before the first position."""
        self._end = int(minutes * 60 * rate) - begun
        self.next = max(self._end - WARNING_S * rate, self._end // 2)
        """Nothing is due before this position, samples."""

    def due(self, position: int, engaged: bool) -> Literal["", "warning", "end"]:
        """What is due at ``position``; ``engaged``: somebody speaks, a warning can wait."""
        if position > self._end:
            return "end"
        if position <= self.next or engaged:
            return ""
        self.next = self._end
        return "warning"
