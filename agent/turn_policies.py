"""How turns are taken: when one is over, and when the caller interrupts. Values only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpointing:
    """When a turn is over."""

    end_silence_ms: int = 530
    """Quiet after speech that ends the turn when it is not clear whether it is over."""
    complete_ms: int = 240
    """The same after a whole question or answer; halfway between the two after one that is likely whole."""
    open_ms: int = 1100
    """The same where something must follow: a preposition, a filler, a number in the middle."""
    adapt: bool = True
    """Quicker with callers who never pause inside a turn, slower with those who do (see ``agent.pauses``)."""
    lull_ms: int = 100
    """Quiet after which it is asked what was said so far."""
    min_speech_ms: int = 100
    """Less speech than this is a noise."""
    false_start_ms: int = 240
    """Quiet after which a sound too short to be speech is forgotten."""


@dataclass(frozen=True, slots=True)
class BargeIn:
    """When the caller interrupts the agent."""

    enabled: bool = True
    """False: what the caller says while the agent speaks is ignored."""
    pause_ms: int = 20
    """Speech this long pauses the agent."""
    wary_ms: int = 100
    """The same on a line that sends the agent's voice back: what the echo canceller leaves over is shorter."""
    confirm_ms: int = 600
    """Speech this long, or sooner a word that is more than «угу», takes the turn."""
    hint: bool = True
    """A sound that may be the beginning of a word lets the agent hesitate (see ``agent.hints``)."""
    guard_ms: int = 300
    """A sound that begins this soon after the agent did may be its own echo: it must outlast this to pause it."""
