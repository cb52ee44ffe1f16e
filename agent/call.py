"""One call on one line: a single task group.

Frames drive everything (see the walk of 20 ms in docs/architecture.md): the loop in ``run`` takes an event,
``_on_frame`` decides without an await, ``_act`` starts or stops the one reply task.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Literal

from agent.errors import AlloError, VoiceError
from agent.events import CallAnswered, CallEnded, CallEvent, CallStarted, Noted, Stage, StageReached
from agent.house import House
from agent.listening import Listening
from agent.playout import Playout
from agent.ports import Action, Dtmf, HungUp, Line, LineEvent, LineGone
from agent.recording import Recording
from agent.replies import Replies
from agent.settings import Turns
from agent.speak import Speaker
from agent.turns import (
    BargeIn,
    Decision,
    EndOfTurn,
    Endpointing,
    FalseStart,
    Interruption,
    LongSilence,
    Lull,
    Noise,
    SpeechStarted,
    TurnTaker,
)
from audio.frame import AudioFrame

log = logging.getLogger(__name__)

OPERATOR_KEY = "0"
"""The key that asks for a person."""
UNCLEAR_MS = 500
"""Speech at least this long that was not understood is asked for again, milliseconds."""


class _Over(Exception):  # noqa: N818 - not a fault: the way to tell a TaskGroup to cancel its children
    """The leg is gone; everything of the call stops at once."""

    def __init__(self, ended: HungUp) -> None:
        super().__init__(ended.cause)
        self.ended = ended


class Call:
    """A conversation from the ring to the end."""

    def __init__(self, line: Line, house: House) -> None:
        """``line`` belongs to this call alone."""
        self._line, self._house = line, house
        rate = line.caller.rate
        self._listening = Listening(house.new_detector(rate), _turn_taker(rate, house.turns))
        self._playout = Playout(line.mouth)
        self._speaker = Speaker(self._playout, house.voice, house.words, rate)
        self._replies = Replies(
            self._playout, self._speaker, house.answers, rate=rate, emit=self._emit, stage=self._stage
        )
        self._reply: asyncio.Task[None] | None = None
        self._recording: Recording | None = None
        self._limit = int(house.calls.max_minutes * 60 * rate)
        self._reprompted = 0
        self._failures = 0
        self._talking = self._leaving = False
        """The leg is up; it is being ended or handed on."""

    async def run(self) -> None:
        """Answer, converse, and return when the leg is gone and everything of it is closed."""
        self._emit(CallStarted(self._line.caller))
        ended = HungUp("lost")
        status: Literal["failed"] | None = "failed"
        try:
            ended = await self._converse(await self._line.answer())
            status = None
        except LineGone:
            ended, status = HungUp("cancelled"), None
        except asyncio.CancelledError:
            ended = HungUp("daemon stopped")
            raise
        finally:
            self._replies.abandon()
            if self._recording is not None:
                self._recording.close()
            self._emit(CallEnded(status or _status(ended), ended.cause))

    def close(self) -> None:
        """The house closes: tell the caller, whatever is being said, and hang up."""
        if self._talking:
            self._say([self._house.prompts.closing], Action("hangup"))
            self._leaving = True

    async def _converse(self, events: AsyncIterator[LineEvent]) -> HungUp:
        self._emit(CallAnswered())
        self._recording = self._house.new_recording(self._line.caller)
        ended = HungUp("lost")
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._talking = True
                self._say([self._house.prompts.greeting], None)
                self._tasks.create_task(self._open_ear())
                await self._take(events)
        except* _Over as over:
            ended = _ending(over)
        finally:
            self._talking = False
            await self._listening.close()
        return ended

    async def _open_ear(self) -> None:
        try:
            await self._listening.open(self._house.stt, self._line.caller.rate)
        except AlloError as error:
            self._failed(error)

    async def _take(self, events: AsyncIterator[LineEvent]) -> None:
        async for event in events:
            if isinstance(event, AudioFrame):
                self._on_frame(event)
            elif isinstance(event, Dtmf):
                self._on_key(event.digit)
            else:
                raise _Over(event)
        raise _Over(HungUp("lost"))

    def _on_frame(self, frame: AudioFrame) -> None:
        busy = self._reply is not None and not self._reply.done()
        decision = self._listening.push(frame, self._playout.audible, busy)
        self._speaker.tick()
        played = self._playout.take_played()
        if self._recording is not None:
            self._recording.push(frame.pcm, played)
        if decision is not None:
            self._act(decision)
        if frame.end > self._limit and not self._leaving:
            self._say([self._house.prompts.goodbye], Action("hangup"))
            self._leaving = True

    def _on_key(self, digit: str) -> None:
        self._emit(Noted("dtmf", digit))
        if digit == OPERATOR_KEY and not self._leaving:
            self._say([self._house.prompts.transfer], Action("transfer"))

    def _act(self, decision: Decision) -> None:
        match decision:
            case Noise() | EndOfTurn() | FalseStart() if self._leaving or isinstance(decision, Noise):
                self._tasks.create_task(self._forget())
            case _ if self._leaving:
                return
            case SpeechStarted():
                self._on_speech()
            case Interruption():
                self._emit(Noted("interruption"))
                self._stop_reply()
            case FalseStart():
                self._tasks.create_task(self._judge())
            case Lull():
                self._tasks.create_task(self._weigh(decision))
            case EndOfTurn():
                self._start(partial(self._respond, decision))
            case LongSilence():
                self._break_silence()

    def _on_speech(self) -> None:
        if self._playout.audible:
            self._playout.pause()
        elif self._reply is not None and not self._reply.done():
            self._stop_reply()

    async def _weigh(self, lull: Lull) -> None:
        """The caller paused: what was said so far tells how long to wait."""
        with suppress(AlloError):  # the end of the turn will meet the same fault and deal with it
            text = (await self._listening.peek()).text
            self._listening.judged(lull, self._house.finished(text))

    async def _judge(self) -> None:
        """A short sound over the agent's speech: a word takes the turn, anything else lets the agent go on."""
        text = await self._understood()
        if text and not self._house.answers.is_backchannel(text):
            self._emit(Noted("interruption"))
            self._stop_reply()
            self._replies.keep(text)
            if not self._listening.speaking:
                self._start(partial(self._reply_to, "", self._listening.position, {}))
        elif not self._listening.speaking:
            self._emit(Noted("resumed"))
            self._playout.resume()

    async def _respond(self, turn: EndOfTurn) -> None:
        finishing = self._tasks.create_task(self._understood())
        try:
            text = await asyncio.shield(finishing)
        except asyncio.CancelledError:
            # the caller went on: these words belong to what follows
            finishing.add_done_callback(self._keep)
            raise
        if not text and not self._replies.kept:
            if turn.voiced * 1000 >= UNCLEAR_MS * self._line.caller.rate:
                await self._speak_then([self._house.prompts.unclear], None)
            return
        await self._reply_to(text, turn.start, {"speech_end": turn.end, "turn_end": turn.position})

    def _keep(self, understood: asyncio.Task[str]) -> None:
        if not understood.cancelled():
            self._replies.keep(understood.result())

    async def _reply_to(self, text: str, position: int, reached: dict[Stage, int]) -> None:
        self._reprompted = 0
        await self._carry_out(await self._replies.answer(text, position, reached))

    async def _forget(self) -> None:
        with suppress(AlloError):  # the next utterance will meet the same fault and deal with it
            await self._listening.finish()

    async def _understood(self) -> str:
        try:
            return (await self._listening.finish()).text
        except AlloError as error:
            self._failed(error)
            return ""

    def _break_silence(self) -> None:
        self._emit(Noted("silence"))
        self._reprompted += 1
        if self._reprompted > self._house.turns.reprompts:
            self._say([self._house.prompts.goodbye], Action("hangup"))
        else:
            prompts = self._house.prompts.reprompts
            self._say([prompts[(self._reprompted - 1) % len(prompts)]], None)

    def _say(self, texts: list[str], action: Action | None) -> None:
        """Say fixed texts now, whatever was being said, and then act."""
        self._stop_reply()
        self._start(partial(self._speak_then, texts, action))

    async def _speak_then(self, texts: list[str], action: Action | None) -> None:
        await self._replies.say(texts)
        await self._carry_out(action)

    async def _carry_out(self, action: Action | None) -> None:
        if action is None:
            return
        self._leaving = True  # from here on nothing that the caller says may undo it
        if action.kind == "hangup":
            await self._line.hangup()
        elif not await self._line.transfer(action.target):
            self._leaving = False
            self._emit(Noted("transfer", "refused"))
            await self._replies.say([self._house.prompts.transfer_unavailable])

    def _start(self, reply: Callable[[], Awaitable[None]]) -> None:
        self._stop_reply()
        self._reply = self._tasks.create_task(self._guarded(reply))

    async def _guarded(self, reply: Callable[[], Awaitable[None]]) -> None:
        try:
            await reply()
        except AlloError as error:
            self._failed(error)

    def _failed(self, error: AlloError) -> None:
        """An engine failed: ask once more; the second time, or without a voice, hand the caller to a person."""
        log.error("call %s: %s: %s", self._line.caller.call_id, error.code, error)
        self._emit(Noted(error.code, str(error)))
        if self._leaving:
            return
        self._failures += 1
        if self._failures == 1 and not isinstance(error, VoiceError):
            self._say([self._house.prompts.error], None)
        else:
            self._leaving = True
            self._stop_reply()
            self._tasks.create_task(self._give_up())

    async def _give_up(self) -> None:
        if not await self._line.transfer(""):
            await self._line.hangup()

    def _stop_reply(self) -> None:
        if self._reply is not None:
            self._reply.cancel()
            self._reply = None
        self._replies.cut()

    def _stage(self, turn: int, stage: Stage) -> None:
        self._emit(StageReached(turn, stage, self._listening.position))

    def _emit(self, event: CallEvent) -> None:
        self._house.observe(self._line.caller.call_id, event)


def _ending(over: ExceptionGroup[_Over]) -> HungUp:
    first = over.exceptions[0]
    return first.ended if isinstance(first, _Over) else _ending(first)


def _turn_taker(rate: int, turns: Turns) -> TurnTaker:
    endpointing = Endpointing(
        end_silence_ms=turns.end_silence_ms,
        complete_ms=turns.end_silence_complete_ms,
        open_ms=turns.end_silence_open_ms,
        min_speech_ms=turns.min_speech_ms,
    )
    barge_in = BargeIn(turns.barge_in, turns.barge_in_ms, turns.barge_in_confirm_ms)
    return TurnTaker(rate, endpointing, barge_in, turns.reprompt_s)


def _status(ended: HungUp) -> Literal["completed", "transferred", "failed", "abandoned"]:
    match ended.cause:
        case "caller" | "agent":
            return "completed"
        case "transfer":
            return "transferred"
        case "cancelled":
            return "abandoned"
    return "failed"
