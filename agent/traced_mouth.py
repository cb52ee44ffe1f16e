"""What the line has played of the agent, as a call and its trace see it; mypyc takes it, but not ``traced``."""

from agent.ports import Mouth
from agent.trace import Trace


class TracedMouth:
    """A line's mouth, looked at once a frame: between two frames of the caller no time passes for the conversation."""

    def __init__(self, inner: Mouth, trace: Trace) -> None:
        """``inner`` belongs to this one alone."""
        self._inner, self._trace = inner, trace
        self.play, self.pause, self.resume = inner.play, inner.pause, inner.resume
        self.played = inner.played
        """Samples played when it was last looked at."""

    def look(self, position: int) -> None:
        """The caller's frame that ends at ``position`` arrived."""
        self.played = self._inner.played
        self._trace.frame(position, self.played)

    def clear(self) -> None:
        """Silence now; see ``Mouth``."""
        self._inner.clear()
        self.played = self._inner.played
        self._trace.cleared(self.played)
