"""The agent's side of one call: fixed texts and answers, spoken, cut and remembered as heard."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from agent.answer import Answering, Watch
from agent.dialogue import Dialogue, Turn
from agent.draft import Draft, Spawn
from agent.events import AgentSaid, AgentSaying, CallerSaid, CallEvent, Noted, PassagesFound, Stage, StageReached
from agent.playout import Heard, Playout
from agent.ports import Action, Effect, Sentence
from agent.prompts import Prompts
from agent.resuming import Resumed
from agent.settings import Turns
from agent.speak import Speaker

TELL_MS = 1000
"""How far a speech has come is told after so much more of it was heard, milliseconds."""
UNHEARD_MS = 400
"""A caller who goes on within this much of a reply was not answered yet, milliseconds of its audio."""


@dataclass(slots=True)
class _Current:
    """The reply under way."""

    turn: Turn | None
    """None for a fixed text that answers nobody."""
    start: int
    """Where its audio begins in the mouth's count."""
    source: str = ""
    action: Action | None = None
    sounding: bool = False
    """Its first sample was played."""
    tell_at: int = 0
    """Where in the mouth's count it is next told how far it has come."""


class Replies:
    """Speaks, one reply at a time; ``cut`` ends it at once and keeps what was heard."""

    def __init__(
        self,
        playout: Playout,
        speaker: Speaker,
        answers: Answering,
        *,
        rate: int,
        turns: Turns,
        emit: Callable[[CallEvent], None],
        position: Callable[[], int],
    ) -> None:
        """``rate`` is the playout's, Hz; ``position`` the caller's audio so far, samples."""
        self._unheard, self._tell, self._rate = UNHEARD_MS * rate // 1000, TELL_MS * rate // 1000, rate
        self._playout, self._speaker, self._answers = playout, speaker, answers
        self._turns, self._emit, self._position = turns, emit, position
        self._dialogue = Dialogue()
        self._current: _Current | None = None
        self._draft: Draft | None = None
        self._guesses = self._wasted = 0
        """Drafts of this turn; tokens of drafts thrown away in this call."""

    @property
    def kept(self) -> bool:
        """True when words of the caller still wait for an answer."""
        return bool(self._dialogue.unanswered)

    @property
    def offered(self) -> bool:
        """True when the caller was offered something: «давайте» answers it."""
        return self._dialogue.offered

    @property
    def last_said(self) -> str:
        """The agent's newest answer; the caller's words may answer what it asks."""
        return self._dialogue.last_said

    def is_backchannel(self, text: str) -> bool:
        """True for «угу», «да-да»: said over the agent, to go on listening; not where a yes is an answer."""
        return self._answers.is_backchannel(text, self._dialogue.offered)

    def keep(self, text: str) -> None:
        """Words understood after their reply was dropped: they belong to what the caller says next."""
        self._dialogue.unanswered = self._dialogue.whole(text)

    def forget(self) -> None:
        """The caller is asked to say it again: words that still wait for an answer would come twice."""
        self._dialogue.unanswered = ""

    def guess(self, text: str, spawn: Spawn) -> None:
        """The caller may have finished with ``text``: think of the reply, voice its first sentence, say nothing."""
        whole = self._dialogue.whole(text)
        if self._draft is not None and self._answers.alike(self._draft.text, whole):
            return
        self._discard(spawn)
        if self._guesses < self._turns.speculate_most and self._wasted < self._turns.speculate_waste:
            self._guesses += 1
            self._draft = self._new_draft(whole)
            self._draft.begin(spawn, self._speaker.prepare)

    async def say(self, texts: list[str]) -> None:
        """Speak fixed texts; the first ones ever are the greeting and open the dialogue."""
        await self._say_fixed(self._speaker.say_all(texts))

    async def open(self, prompts: Prompts, resumed: Resumed | None) -> str:
        """Speak the first words; return the question that is owed when the conversation began in another process."""
        if resumed is None:
            await self.say(prompts.opening)
            return ""
        self._dialogue.turns = list(resumed.turns)
        self._dialogue.offered = bool(resumed.turns) and prompts.no_answer in resumed.turns[-1].said
        await self.say(resumed.texts(prompts))
        return resumed.question

    async def say_at_hand(self, text: str) -> None:
        """Speak a fixed text whose sound is at hand, in whichever voice; nothing where one would have to be asked."""
        known = self._speaker.by_heart(text)
        if known is not None:
            await self._say_fixed(self._speaker.say_known(text, known))

    async def _say_fixed(self, saying: Awaitable[Heard]) -> None:
        turn = None if self._dialogue.turns else self._dialogue.begin("")
        self._current = _Current(turn, self._playout.pushed)
        self._close(await saying, cut=False)

    async def answer(
        self, text: str, position: int, reached: dict[Stage, int], spawn: Spawn, effect: Callable[[Effect], None]
    ) -> Action | None:
        """Answer what the caller said from ``position`` on; return what is to be done after it was heard.

        ``reached`` are the stages before the words were known; ``effect`` is told the effects of what is being said.
        Raises ``VoiceError``.
        """
        waited_s = (self._position() - reached.get("turn_end", self._position())) / self._rate
        draft = self._drafted(self._dialogue.whole(text), spawn, waited_s)
        turn = self._dialogue.begin(text)
        self._dialogue.offered = False
        current = self._current = _Current(turn, self._playout.pushed)
        reached = {**reached, **draft.stages, "transcript": self._position()}
        self._emit(CallerSaid(turn.number, turn.caller, position, reached))
        draft.told = lambda stage: self._stage(turn, stage)
        draft.show(lambda passages: self._emit(PassagesFound(turn.number, passages)))
        heard = await self._speaker.say(
            self._tapped(draft.sentences(), current, effect), lambda: self._stage(turn, "first_audio")
        )
        self._stage(turn, "heard")
        self._close(heard, cut=False)
        return current.action

    def tick(self) -> None:
        """A frame arrived: note when the reply begins to sound, and now and then how far it has come."""
        current, played = self._current, self._playout.played
        if current is None or played <= current.start:
            return
        if current.sounding:
            if played >= current.tell_at:
                self._tell_progress(current, played)
            return
        current.sounding, current.tell_at = True, played + self._tell
        if current.turn is not None and current.turn.caller:
            self._stage(current.turn, "first_packet")

    def _tell_progress(self, current: _Current, played: int) -> None:
        current.tell_at = played + self._tell
        speech = self._playout.speech
        if speech is not None and current.turn is not None:
            heard = speech.heard
            self._emit(AgentSaying(current.turn.number, heard.said, heard.text))

    def fill(self, text: str) -> bool:
        """Say a short ``text`` while the reply is still being made; False when it is not at hand."""
        said = self._speaker.fill(text)
        if said and self._current is not None:
            self._current.start = self._playout.pushed
            if self._current.turn is not None:
                self._current.turn.asides.append(text)
        return said

    def resume(self) -> None:
        """Go on where a pause stopped; nothing where there is none."""
        if self._playout.paused:
            self._emit(Noted("resumed"))
            self._playout.resume()

    def cut(self) -> None:
        """Silence now. A reply of which next to nothing was heard is taken back, its question stays open."""
        current = self._current
        heard = self._playout.clear()
        if current and current.turn and current.turn.caller and heard.samples < self._unheard:
            self._current = None
            self._dialogue.drop(current.turn)
        else:
            self._close(heard, cut=True)

    async def abandon(self) -> None:
        """The call is over: keep what was heard of the reply under way."""
        self._close(self._playout.clear(), cut=True)
        missed = self._missed()
        if missed is not None:
            await missed.close()

    def _new_draft(self, whole: str, waited_s: float = 0.0) -> Draft:
        context = replace(self._dialogue.context, waited_s=waited_s)

        def sentences(watch: Watch) -> AsyncGenerator[Sentence, None]:
            return self._answers.sentences(whole, context, watch)

        return Draft(whole, sentences, self._position)

    def _drafted(self, whole: str, spawn: Spawn, waited_s: float) -> Draft:
        """The draft that was made for these words, or a new one."""
        draft = self._draft
        if draft is not None and self._answers.alike(draft.text, whole):
            self._emit(Noted("speculation", "hit"))
            self._draft = None
        else:
            self._discard(spawn)
            draft = self._new_draft(whole, waited_s)
        self._guesses = 0
        return draft

    def _discard(self, spawn: Spawn) -> None:
        missed = self._missed()
        if missed is not None:
            spawn(missed.close())

    def _missed(self) -> Draft | None:
        """The guess that nobody wants any more, counted."""
        draft, self._draft = self._draft, None
        if draft is not None:
            self._wasted += draft.tokens
            self._emit(Noted("speculation", f"miss {draft.tokens}"))
        return draft

    async def _tapped(
        self, sentences: AsyncGenerator[Sentence, None], current: _Current, effect: Callable[[Effect], None]
    ) -> AsyncGenerator[Sentence, None]:
        async with aclosing(sentences):
            async for sentence in sentences:
                current.source = current.source or sentence.source
                current.action = sentence.action or current.action
                if current.turn is not None:
                    current.turn.take(sentence)
                self._remember(sentence.effect, effect)
                yield sentence

    def _remember(self, said: Effect, effect: Callable[[Effect], None]) -> None:
        if said == "offer":
            self._dialogue.offered = True
        elif said not in ("", "aside", "repeat"):
            effect(said)

    def _stage(self, turn: Turn, stage: Stage) -> None:
        self._emit(StageReached(turn.number, stage, self._position()))

    def _close(self, heard: Heard, cut: bool) -> None:
        current, self._current = self._current, None
        if current is None:
            return
        if current.turn is not None:
            self._dialogue.close(current.turn, heard.said, heard.text, cut)
            current.turn.source = current.source
        number = current.turn.number if current.turn else 0
        self._emit(AgentSaid(number, heard.said, heard.text, cut and not heard.complete, current.source))
