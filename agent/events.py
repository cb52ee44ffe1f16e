"""What a call tells its observers; plain frozen values, in the order they happened.

Observers (call log, transcript file, live view, metrics) are called on the event loop and must not block.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from agent.ports import CallerInfo, Passage

Stage = Literal[
    "speech_end",
    "turn_end",
    "transcript",
    "passages",
    "first_token",
    "first_sentence",
    "first_audio",
    "first_packet",
    "heard",
]
"""Places in a reply whose times are kept, in the order they are reached."""


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A caller is at the door."""

    caller: CallerInfo


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """Audio flows."""


@dataclass(frozen=True, slots=True)
class CallerSaid:
    """A turn of the caller was understood."""

    turn: int
    """Number of the turn, from 1; 0 is the greeting."""
    text: str
    position: int
    """Where the speech began, samples."""
    reached: Mapping[Stage, int]
    """Positions of the stages before the words were known."""


@dataclass(frozen=True, slots=True)
class StageReached:
    """A place in the reply to a turn."""

    turn: int
    stage: Stage
    position: int
    """Caller audio received when it was reached, samples."""


@dataclass(frozen=True, slots=True)
class PassagesFound:
    """What the knowledge base gave for a turn; kept in no trace, since a replay does not search."""

    turn: int
    passages: tuple[Passage, ...]
    """Best first; empty when nothing was found."""


@dataclass(frozen=True, slots=True)
class AgentSaid:
    """A speech of the agent is over."""

    turn: int
    said: str
    """All that was given to the voice."""
    heard: str
    """What of it the caller heard."""
    cut: bool
    """True when the caller interrupted it or left."""
    source: str
    """``general``, ``tech`` or empty."""


@dataclass(frozen=True, slots=True)
class AgentSaying:
    """How far a speech of the agent has come, every second of it; kept in no trace."""

    turn: int
    said: str
    """What was given to the voice so far."""
    heard: str
    """What of it the caller has heard."""


@dataclass(frozen=True, slots=True)
class LegKept:
    """Where another process would find the leg (``agent.lasting``); kept in no trace."""

    leg: str
    """JSON of the line's own."""


@dataclass(frozen=True, slots=True)
class Noted:
    """Anything else worth keeping: a key, a false start, a failed engine."""

    kind: str
    """Machine word: ``dtmf paused interruption resumed speculation silence transfer stt llm tts record ...``."""
    detail: str = ""
    """Never the caller's words."""


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The last event of a call."""

    status: Literal["completed", "transferred", "failed", "abandoned"]
    cause: str
    """Machine word from ``HungUp`` or the failing stage's code."""


CallEvent = (
    CallStarted
    | CallAnswered
    | CallerSaid
    | StageReached
    | PassagesFound
    | AgentSaying
    | AgentSaid
    | LegKept
    | Noted
    | CallEnded
)

Observer = Callable[[str, CallEvent], None]
"""Called with the call's id and the event."""
