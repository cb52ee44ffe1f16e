"""The agent's side of one call: fixed texts and answers, spoken, cut and remembered as heard."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from agent.answer import Answers
from agent.dialogue import Dialogue, Turn
from agent.events import AgentSaid, CallerSaid, CallEvent, Stage
from agent.playout import Heard, Playout
from agent.ports import Action, Sentence
from agent.speak import Speaker

UNHEARD_MS = 400
"""A caller who goes on within this much of a reply was not answered yet, milliseconds of its audio."""


@dataclass(slots=True)
class _Current:
    """The reply under way."""

    turn: Turn | None
    """None for a fixed text that answers nobody."""
    source: str = ""
    action: Action | None = None


class Replies:
    """Speaks, one reply at a time; ``cut`` ends it at once and keeps what was heard."""

    def __init__(
        self,
        playout: Playout,
        speaker: Speaker,
        answers: Answers,
        *,
        rate: int,
        emit: Callable[[CallEvent], None],
        stage: Callable[[int, Stage], None],
    ) -> None:
        """``rate`` is the playout's, Hz; ``stage`` is told the turn's number and what was reached."""
        self._unheard = UNHEARD_MS * rate // 1000
        self._playout, self._speaker, self._answers = playout, speaker, answers
        self._emit, self._stage = emit, stage
        self._dialogue = Dialogue()
        self._current: _Current | None = None

    @property
    def kept(self) -> bool:
        """True when words of the caller still wait for an answer."""
        return bool(self._dialogue.unanswered)

    def keep(self, text: str) -> None:
        """Words understood after their reply was dropped: they belong to what the caller says next."""
        self._dialogue.unanswered = f"{self._dialogue.unanswered} {text}".strip()

    async def say(self, texts: list[str]) -> None:
        """Speak fixed texts; the first ones ever are the greeting and open the dialogue."""
        self._current = _Current(None if self._dialogue.turns else self._dialogue.begin(""))
        self._close(await self._speaker.say_all(texts), cut=False)

    async def answer(self, text: str, position: int, reached: dict[Stage, int]) -> Action | None:
        """Answer what the caller said from ``position`` on; return what is to be done after it was heard.

        ``reached`` are the stages before the words were known. Raises ``VoiceError``.
        """
        turn = self._dialogue.begin(text)
        current = self._current = _Current(turn)
        self._emit(CallerSaid(turn.number, turn.caller, position, reached))
        self._stage(turn.number, "transcript")
        sentences = self._answers.sentences(turn.caller, self._dialogue, lambda stage: self._stage(turn.number, stage))
        heard = await self._speaker.say(
            self._tapped(sentences, current), lambda: self._stage(turn.number, "first_audio")
        )
        self._close(heard, cut=False)
        return current.action

    def cut(self) -> None:
        """Silence now. A reply of which next to nothing was heard is taken back, its question stays open."""
        current = self._current
        heard = self._playout.clear()
        if current and current.turn and current.turn.caller and heard.samples < self._unheard:
            self._current = None
            self._dialogue.drop(current.turn)
        else:
            self._close(heard, cut=True)

    def abandon(self) -> None:
        """The call is over: keep what was heard of the reply under way."""
        self._close(self._playout.clear(), cut=True)

    async def _tapped(
        self, sentences: AsyncGenerator[Sentence, None], current: _Current
    ) -> AsyncGenerator[Sentence, None]:
        async for sentence in sentences:
            current.source = current.source or sentence.source
            current.action = sentence.action or current.action
            yield sentence

    def _close(self, heard: Heard, cut: bool) -> None:
        current, self._current = self._current, None
        if current is None:
            return
        if current.turn is not None:
            self._dialogue.close(current.turn, heard.said, heard.text, cut)
            current.turn.source = current.source
        number = current.turn.number if current.turn else 0
        self._emit(AgentSaid(number, heard.said, heard.text, cut and not heard.complete, current.source))
