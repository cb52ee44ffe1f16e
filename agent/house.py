"""What every call uses; made once by the daemon."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agent.answer import Answering
from agent.events import CallEvent
from agent.far_end import FarEnd
from agent.figures.engine_times import EngineState
from agent.listening import Ears
from agent.pauses import Verdict
from agent.ports import CallerInfo, Line, SpeechToText, TurnModel
from agent.prompts import Prompts
from agent.recording import Keeping
from agent.settings import Calls, Turns
from agent.speak import Voice
from agent.trace import Note


async def _nothing() -> None:
    """No connection is needed."""


@dataclass(frozen=True, slots=True)
class House:
    """What every call uses; made once by the daemon."""

    stt: SpeechToText
    voice: Voice
    answers: Answering
    prompts: Prompts
    words: Callable[[str], str]
    """Written text to words for the voice."""
    finished: Callable[[str, str], Verdict]
    """How finished recognised words sound, after what the agent said last."""
    ears: Ears
    language: str
    turns: Turns
    calls: Calls
    turn_model: TurnModel | None = None
    """Judges by the sound whether the caller has finished, beside the words."""
    new_far_end: Callable[[], FarEnd] = FarEnd
    new_recording: Callable[[CallerInfo], Keeping | None] = lambda _caller: None
    new_trace: Callable[[CallerInfo], Callable[[Note], None] | None] = lambda _caller: None
    """Where a call's trace goes; None: nowhere."""
    for_call: Callable[["House", Line], "House"] = lambda house, _line: house
    """The house as a new call finds it: with the texts of now."""
    connect: Callable[[], Awaitable[None]] = _nothing
    """Has connections open for a call that begins; never raises."""
    engine_states: Callable[[], dict[str, str]] = dict
    """How each recogniser and voice of a chain is doing, by name, for health."""
    engines_now: Callable[[], EngineState] = EngineState
    """Breakers, queues and the phrase cache, for figures."""
    answers_state: Callable[[], dict[str, object]] = dict
    """How answering is doing, for health."""
    observe: Callable[[str, CallEvent], None] = lambda _call_id, _event: None
