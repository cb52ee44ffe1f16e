"""Frames of a call on their way to its record, several at a time: each pass by all who see them costs the same."""

from agent.recording import Keeping

FRAMES = 5
"""Gathered before they are given on, 0.1 s: no listener hears less at a time (``agent.overhearing``)."""


class Gathered:
    """An ``agent.recording.Keeping`` before another."""

    def __init__(self, inner: Keeping) -> None:
        """``inner`` takes what has gathered, in its order."""
        self._inner = inner
        self._caller: list[bytes] = []
        self._agent: list[bytes] = []
        self._sounds = False
        """The agent was heard in what has gathered."""

    def push(self, caller: bytes, agent: bytes = b"") -> None:
        """A frame of each side, or several of them that came together; nothing is silence."""
        self._caller.append(caller)
        if agent:
            self._sounds = True
            self._agent.append(agent)
        else:
            self._agent.append(bytes(len(caller)))
        if len(self._caller) >= FRAMES:
            self._give()

    def close(self, rest: bytes = b"") -> None:
        """No more audio but the ``rest`` of the agent's."""
        self._give()
        self._inner.close(rest)

    def _give(self) -> None:
        if not self._caller:
            return
        self._inner.push(b"".join(self._caller), b"".join(self._agent) if self._sounds else b"")
        self._caller.clear()
        self._agent.clear()
        self._sounds = False
