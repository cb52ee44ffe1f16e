"""What every call uses; made once by the daemon."""

from collections.abc import Callable
from dataclasses import dataclass

from agent.answer import Answers
from agent.events import CallEvent
from agent.listening import NewDetector
from agent.ports import CallerInfo, SpeechToText
from agent.prompts import Prompts
from agent.recording import Recording
from agent.settings import Calls, Turns
from agent.speak import Voice
from agent.turns import Verdict


@dataclass(frozen=True, slots=True)
class House:
    """What every call uses; made once by the daemon."""

    stt: SpeechToText
    voice: Voice
    answers: Answers
    prompts: Prompts
    words: Callable[[str], str]
    """Written text to words for the voice."""
    finished: Callable[[str], Verdict]
    """How finished recognised words sound."""
    new_detector: NewDetector
    new_recording: Callable[[CallerInfo], Recording | None]
    observe: Callable[[str, CallEvent], None]
    turns: Turns
    calls: Calls
