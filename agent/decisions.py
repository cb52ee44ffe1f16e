"""What turn taking decides; positions are those of the caller's audio. See ``agent.turns``."""

from dataclasses import dataclass

from agent.hints import Fade


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak; an audible agent should pause."""

    position: int
    """Where the speech began."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """The caller took the turn from the agent."""

    position: int
    """Where the speech began."""


@dataclass(frozen=True, slots=True)
class FalseStart:
    """A sound over the agent's speech that came to nothing; ask the recogniser whether it was a word after all."""

    position: int
    """Where the sound began."""
    voiced: bool = True
    """False: there was no voice in it, nobody needs to be asked."""


@dataclass(frozen=True, slots=True)
class Noise:
    """A sound that came to nothing; what the recogniser made of it may be forgotten."""

    position: int
    """Where the sound began."""


@dataclass(frozen=True, slots=True)
class EndOfTurn:
    """The caller finished speaking."""

    start: int
    """Position where the speech began."""
    end: int
    """Position after its last speech frame."""
    position: int
    """Position at which the end was decided."""
    voiced: int
    """Samples that were speech."""


@dataclass(frozen=True, slots=True)
class Lull:
    """The caller fell silent a moment ago: answer with ``TurnTaker.judged`` how finished it sounds."""

    position: int
    """Position after the last speech frame; names this lull."""
    over_agent: bool = False
    """The agent was interrupted by this sound and waits to go on."""


@dataclass(frozen=True, slots=True)
class Sustained:
    """The caller goes on over a paused agent: ask the recogniser for words (``TurnTaker.heard_words``)."""

    position: int
    """Where it was decided."""


@dataclass(frozen=True, slots=True)
class Murmur:
    """The caller only murmurs, and goes on: a paused agent need not wait for the end of it (see ``agent.murmurs``)."""

    position: int
    """Where it was decided."""


@dataclass(frozen=True, slots=True)
class LongSilence:
    """Neither side has said anything for `reprompt_s`."""

    position: int
    """Where it was decided."""


Decision = (
    SpeechStarted | Interruption | FalseStart | Noise | Lull | Sustained | Murmur | EndOfTurn | LongSilence | Fade
)
