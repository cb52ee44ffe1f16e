"""What is asked and what it is answered from: values that cross the ports; import them from ``agent.ports``."""

from dataclasses import dataclass
from typing import Literal

from agent.tool import Tool, ToolResult

Base = Literal["general", "tech"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of the knowledge base that may answer."""

    base: Base
    heading: str
    """Heading path, ``Section / Subsection``."""
    text: str
    """The piece as written, heading excluded."""
    score: float
    """Confidence that it answers the question, 0 to 1, comparable between questions."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One finished turn as a model may see it: what the caller said and what of the answer was heard."""

    caller: str
    agent: str
    unheard: str = ""
    """The rest of the answer: said, and not heard because the caller cut in."""


@dataclass(frozen=True, slots=True)
class Question:
    """All that a model may use for one answer."""

    text: str
    """What the caller asked, normalised."""
    passages: tuple[Passage, ...]
    """Best first; empty when nothing was found."""
    history: tuple[Exchange, ...] = ()
    """Earlier turns, oldest first; agent texts hold only what was heard."""
    system: str = ""
    """System prompt."""
    unheard_note: str = ""
    """How a model is told what was not heard, ``{}`` standing for the words; empty: it is not told."""
    about: str = ""
    """What is known about the caller from earlier calls."""
    tools: tuple[Tool, ...] = ()
    results: tuple[ToolResult, ...] = ()
    """What the tools gave back that were asked for with this question."""
    said: str = ""
    """Sentences of this answer that were given out or refused already."""
    note: str = ""
    """What was wrong with ``said``; the model is to go on from there."""
