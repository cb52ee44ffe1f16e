"""The notice before the greeting: who heard it to its end stands in the record; it decides on the recording.

The notice can't be interrupted, so who did not hear it to its end has hung up, or was handed on.
"""

from collections.abc import Callable

from agent.attending import Emit
from agent.events import AgentSaid, CallAnswered, CallEnded, CallEvent, Noted
from agent.ports import Word
from agent.recording import Keeping

NOT_HEARD = "not kept: the notice was not heard to its end"


class Consent:
    """An attendant of one call; see ``agent.attending``."""

    def __init__(self, notice: str, emit: Emit, forsake: Callable[[str], None] | None) -> None:
        """``notice``: as it stands in the prompts; ``forsake``: has the recording deleted, ``None``: it stays."""
        self._notice, self._emit, self._forsake = notice, emit, forsake
        self._answered = self._heard = False

    def observe(self, event: CallEvent) -> None:
        """The opening was said, or the call is over."""
        match event:
            case CallAnswered():
                self._answered = True
            case AgentSaid(heard=heard) if not self._heard and heard.startswith(self._notice):
                self._heard = True
                self._emit(Noted("notice", "heard to its end"))
            case CallEnded() if self._answered and not self._heard:
                self._emit(Noted("notice", "not heard to its end"))
                if self._forsake is not None:
                    self._forsake(NOT_HEARD)

    def heard(self, words: tuple[Word, ...]) -> None:
        """Nothing to do."""

    def frame(self, caller: bytes) -> None:
        """Nothing to do."""

    def recorded(self, recording: Keeping | None) -> None:
        """Nothing to do."""
