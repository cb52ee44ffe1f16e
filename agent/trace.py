"""Everything that reaches one call from outside its core, and where in the caller's audio it did.

With the recording beside it this is enough to live the call again: ``agent.replaying.replay`` feeds the same audio and
hands in the same words, sentences and voices at the same positions, and compares the decisions.

A trace is a file of JSON lines: ``[position, kind, ...]``, the first a header. A position is that of the newest frame
of the caller when it happened. The kinds:

``played n delta``      the mouth's count of played samples, and how it goes on with each frame from here
``partial text at``     the recogniser's news
``peek n asked text at sure``  the answer to the n-th question of this kind, where it was asked, and how sure it is;
                        ``finish`` likewise; ``null`` for a failure
``ear``                 the recogniser is open
``clear n``             the mouth was cleared, its count then
``answer n what ...``   the n-th answer: ``asks text``, ``stage name``, ``token``, ``says sentence``, ``ends``
``voice n what ...``    the n-th voicing: ``asks text pace``, ``pcm samples``, ``word offset sample``, ``ends``,
                        ``fails``
``ready n samples``     a phrase was wanted at once, and was or was not (``null``) at hand
``words [[text start end] ...]``  when the words of the last ``finish`` were spoken, positions
``spoken text start [[samples characters] ...]``  a sentence went to the mouth at its count ``start``; after so many
                        samples of it so many characters are said
``key digit``, ``transfer done``, ``sound asked probability``
``decision name ...``, ``event name ...``   what came of it
"""

import json
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any

from agent.events import AgentSaying, CallEvent, CallStarted, LegKept, PassagesFound
from agent.turns import Decision

Note = list[Any] | dict[str, Any]
"""A line as it is before it is written; the first of a trace is a header. Nobody changes one."""

written: Callable[[Note], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""A note as the line of a file; that costs more than all else of it, so it is done on the thread that writes."""

VERSION = 1
"""Of the format."""


class Trace:
    """The trace of one call."""

    def __init__(self) -> None:
        """Nothing is kept before ``keep``."""
        self._write: Callable[[Note], None] = _nowhere
        self.position = 0
        """End of the caller's newest frame, samples."""
        self.answered: Callable[[], None] = _nothing
        """Called when a recogniser has answered: what comes of that happens before the next frame, as in a replay."""
        self._played = self._delta = 0
        self._counts: dict[str, int] = {}

    def keep(self, write: Callable[[Note], None], **head: Any) -> None:
        """From now on ``write`` takes the notes, the first of them ``head``; it must not block."""
        self._write = write
        write({"version": VERSION, **head})

    @property
    def still(self) -> bool:
        """The mouth's count stood still with the newest frame."""
        return not self._delta

    def frame(self, position: int, played: int) -> None:
        """A frame of the caller arrived; ``played`` is the mouth's count now."""
        self.position = position
        delta = played - self._played
        self._played = played
        if delta != self._delta:
            self._delta = delta
            self.note("played", played, delta)

    def cleared(self, played: int) -> None:
        """The mouth was silenced; ``played`` is its count now."""
        self._played = played
        self.note("clear", played)

    def note(self, kind: str, *values: Any) -> None:
        """Something happened; ``values`` stay as they are from here on."""
        self._write([self.position, kind, *values])

    def number(self, kind: str) -> int:
        """The next number of a kind of question, from 0."""
        number = self._counts.get(kind, 0)
        self._counts[kind] = number + 1
        return number

    def decision(self, decision: Decision) -> None:
        """The turn taker decided."""
        self.note("decision", type(decision).__name__, _values(decision))

    def event(self, event: CallEvent) -> None:
        """The call told its observers."""
        if not isinstance(event, CallStarted | PassagesFound | AgentSaying | LegKept):
            self.note("event", type(event).__name__, _values(event))


def _values(flat: Decision | CallEvent) -> dict[str, Any]:
    """What it holds, by name, as it is now; ``asdict`` would cost twenty times as much."""
    kind: Any = type(flat)
    values = {name: getattr(flat, name) for name in _names(kind)}
    return {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _nothing() -> None:
    """Frames come one by one, and all is settled between them."""


def _nowhere(_note: Note) -> None:
    """Calls that are not recorded are not traced."""
