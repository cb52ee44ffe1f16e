"""One call on one line: a single task group.

Frames drive everything (see the walk of 20 ms in docs/architecture.md): the loop in ``run`` takes an event,
``_on_frame`` decides without an await, ``_act`` starts or stops the one reply task.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any

from agent.dead_air import DeadAir
from agent.decisions import Lull, Murmur, Noise, SpeechStarted, Sustained
from agent.errors import AlloError, StallError, VoiceError
from agent.events import CallAnswered, CallEnded, CallEvent, CallStarted, Noted, Stage
from agent.hints import Fade
from agent.house import House
from agent.judging import Judging, new_listening
from agent.leg import Over, give_up, one_by_one, outcome, settled, until_over
from agent.playout import Playout
from agent.ports import Action, Dtmf, Effect, Handing, HungUp, Line, LineEvent, LineGone
from agent.replies import Replies
from agent.resuming import Resumed
from agent.speak import Speaker, adjusted
from agent.stillness import Stillness
from agent.time_limit import TimeLimit
from agent.trace import Trace
from agent.traced import traced
from agent.traced_mouth import TracedMouth
from agent.turns import Decision, EndOfTurn, FalseStart, Interruption, LongSilence
from audio.frame import AudioFrame

log = logging.getLogger(__name__)

OPERATOR_KEY = "0"
"""The key that asks for a person."""
OVER_SPEECH = 2
"""Frames that may come together while the agent is heard or makes an answer: an interruption waits 10 ms longer."""
UNCLEAR_MS = 500
"""Speech at least this long that was not understood is asked for again, milliseconds."""


class Call:
    """A conversation from the ring to the end."""

    def __init__(self, line: Line, house: House, resumed: Resumed | None = None) -> None:
        """``line`` belongs to this call alone; ``resumed``: the conversation began in another process."""
        self._trace = Trace()
        self._line, self._house = line, traced(house, self._trace)
        rate = line.caller.rate
        self._listening = new_listening(house, rate)
        self._mouth = TracedMouth(line.mouth, self._trace)
        self._playout = Playout(self._mouth)
        noted, voice = partial(self._trace.note, "spoken"), self._house.voice
        self._speaker = Speaker(self._playout, voice, house.words, rate, house.prompts.firm, noted=noted)
        self._replies = Replies(
            self._playout,
            self._speaker,
            self._house.answers,
            rate=rate,
            turns=house.turns,
            emit=self._emit,
            position=lambda: self._listening.position,
        )
        self._judging = Judging(self._house, rate, self._listening, self._replies, self._spawn)
        self._reply: asyncio.Task[None] | None = None
        self._dead_air = DeadAir(rate)
        self._far_end = house.new_far_end()
        self._context = copy_context()
        self._resumed, begin = resumed, resumed.position if resumed else 0
        self._limit = TimeLimit(house.calls.max_minutes, rate, begin)
        self._reprompted = 0
        self._failures = int(resumed is not None)  # who was cut off once is not asked to be patient again
        self._talking = self._leaving = False
        """The leg is up; it is being ended or handed on."""
        self._still = Stillness(self._listening, self._trace)
        self._still.until = self._limit.next

    async def run(self) -> None:
        """Answer, converse, and return when the leg is gone and everything of it is closed."""
        self._context = copy_context()
        self._emit(CallStarted(self._line.caller))
        ended, fault = HungUp("lost"), True
        try:
            ended = await self._converse(await self._line.answer())
            fault = False
        except LineGone:
            ended, fault = HungUp("lost" if self._resumed else "cancelled"), False
        except asyncio.CancelledError:
            ended = HungUp("daemon stopped")
            raise
        finally:
            if self._still.recording is not None:
                self._still.recording.close(self._far_end.rest())
            self._emit(CallEnded("failed" if fault else outcome(ended), ended.cause))

    def close(self) -> None:
        """The house closes: tell the caller, whatever is being said, and hang up."""
        if self._talking:
            self._say([self._house.prompts.closing], Action("hangup"))
            self._leaving = True

    async def _converse(self, events: AsyncIterator[LineEvent]) -> HungUp:
        self._emit(CallAnswered())
        if self._resumed is not None:
            self._emit(Noted("adopted"))
        self._record()
        try:
            return await until_over(self._hold(events))
        finally:
            self._talking = False
            await self._replies.abandon()
            await self._listening.close()

    async def _hold(self, events: AsyncIterator[LineEvent]) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            self._talking = True
            self._start(self._open)
            self._spawn(self._open_ear())
            await settled()
            await self._take(events)

    async def _open(self) -> None:
        """The first words; of a call that goes on also the answer that is still owed."""
        owed = await self._replies.open(self._house.prompts, self._resumed)
        if owed:
            await self._reply_to(owed, self._listening.position, {})

    def _record(self) -> None:
        house, caller = self._house, self._line.caller
        self._still.keep(house.new_recording(caller))
        write = house.new_trace(caller)
        if write is not None:
            self._trace.keep(write, rate=caller.rate, language=house.language, turns=house.turns.model_dump())

    async def _open_ear(self) -> None:
        try:
            await self._listening.open(self._house.stt, self._line.caller.rate)
        except AlloError as error:
            self._failed(error)

    async def _take(self, events: AsyncIterator[LineEvent]) -> None:
        until = events.until if isinstance(events, Handing) else partial(one_by_one, events)
        if isinstance(events, Handing):
            self._trace.answered = events.interrupt
        while True:
            event = await until(self._on_frame, self._gather, self._still)
            if isinstance(event, HungUp):
                raise Over(event)
            if isinstance(event, Dtmf):
                self._on_key(event.digit)
            await settled()

    @property
    def _busy(self) -> bool:
        """A reply is being made or said."""
        return self._reply is not None and not self._reply.done()

    def _gather(self) -> int:
        """How many frames may come together next; see ``Handing.until``."""
        gather = self._listening.gather
        if not self._playout.audible and not self._busy:
            return gather
        return 1 if self._listening.speaking else min(gather, OVER_SPEECH)

    def _on_frame(self, frame: AudioFrame) -> bool:
        """Take one frame; True when something was decided, or when a task waits no more."""
        if self._still.now:
            return self._on_still_frame(frame)
        playout = self._playout
        self._mouth.look(frame.end)
        far = self._far_end.push(playout.take_played(), len(frame.pcm))
        audible, busy = playout.audible, self._busy
        decision = self._listening.push(frame, far, audible=audible, busy=busy, firm=playout.firm)
        woken = self._speaker.tick()
        self._replies.tick()
        if self._still.recording is not None:
            self._still.recording.push(frame.pcm, far)
        if decision is not None:
            self._trace.decision(decision)
            self._act(decision)
        if not self._leaving:
            self._watch_silence(frame.samples, busy, audible)
            self._watch_limit(frame.end, self._busy or audible)
        if not (audible or busy):
            self._still.now = self._is_still()
        return woken or decision is not None

    def _is_still(self) -> bool:
        """Whether ``_on_still_frame`` would do the same as ``_on_frame`` from here on."""
        silent = not self._busy and self._playout.idle and self._far_end.idle and self._trace.still
        return silent and self._listening.still

    def _on_still_frame(self, frame: AudioFrame) -> bool:
        """Take one frame while only the caller can change anything; ``_start`` ends that."""
        decision = self._still.step(frame)
        if decision is not None:
            self._trace.decision(decision)
            self._act(decision)
        if frame.end > self._limit.next and not self._leaving:
            self._watch_limit(frame.end, self._busy)
        return decision is not None

    def _watch_silence(self, samples: int, busy: bool, audible: bool) -> None:
        """The caller is never left in silence, whatever hangs."""
        playout = self._playout
        alarm = self._dead_air.push(samples, busy and self._busy, audible and not playout.paused, playout.pushed)
        if alarm == "filler":
            fillers = self._house.prompts.fillers
            if fillers and self._replies.fill(fillers[self._listening.position % len(fillers)]):
                self._dead_air.filled(playout.pushed)
        elif alarm == "stalled":
            self._failed(StallError("no answer for seconds: an engine hangs"), self._house.prompts.stalled)

    def _watch_limit(self, position: int, engaged: bool) -> None:
        """The longest call ends with a goodbye, a minute after a warning that interrupts nobody."""
        due = self._limit.due(position, engaged or self._listening.speaking)
        self._still.until = self._limit.next
        match due:
            case "end":
                self._say([self._house.prompts.goodbye], Action("hangup"))
                self._leaving = True
            case "warning":
                self._say([self._house.prompts.limit_warning], None)

    def _on_key(self, digit: str) -> None:
        self._trace.note("key", digit)
        self._emit(Noted("dtmf", digit))
        if digit == OPERATOR_KEY and not self._leaving:
            self._say([self._house.prompts.transfer], Action("transfer"))

    def _act(self, decision: Decision) -> None:
        match decision:
            case Noise() | EndOfTurn() | FalseStart() if self._leaving or isinstance(decision, Noise):
                self._replies.resume()  # this sound may have kept the end of an earlier one from doing so
                self._spawn(self._forget())
            case _ if self._leaving:
                return
            case SpeechStarted():
                self._on_speech()
            case Interruption():
                self._emit(Noted("interruption"))
                self._stop_reply()
            case FalseStart():
                self._spawn(self._weigh_sound(decision.voiced))
            case Lull() | Fade() | Sustained():
                self._spawn(self._judging.weigh(decision))
            case Murmur():
                self._replies.resume()
            case EndOfTurn():
                self._dead_air.ended(decision.position - decision.end)
                self._start(partial(self._respond, decision))
            case LongSilence():
                self._break_silence()

    def _on_speech(self) -> None:
        if self._playout.audible:
            self._emit(Noted("paused"))
            self._playout.pause()
        elif self._busy:
            self._stop_reply()

    async def _weigh_sound(self, voiced: bool) -> None:
        """A short sound over the agent's speech: a word takes the turn, anything else lets the agent go on."""
        text = await self._understood(over_agent=True)
        if text and voiced:
            self._emit(Noted("interruption"))
            self._stop_reply()
            self._replies.keep(text)
            if not self._listening.speaking:
                self._start(partial(self._reply_to, "", self._listening.position, {}))
        elif self._listening.speaking or not self._playout.paused:
            return  # a sound that is not over yet decides; or the agent has gone on already
        elif voiced and self._listening.spoke_unclearly():
            self._emit(Noted("interruption"))
            self._say([self._house.prompts.unclear], None)
        else:
            self._replies.resume()

    async def _respond(self, turn: EndOfTurn) -> None:
        finishing = self._spawn(self._understood())
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
        self._listening.wait(0)
        await self._carry_out(await self._replies.answer(text, position, reached, self._spawn, self._heed))

    def _heed(self, effect: Effect) -> None:
        if effect == "wait":
            self._listening.wait(self._house.turns.wait_s)
        else:
            self._speaker.manner = adjusted(self._speaker.manner, effect)

    async def _forget(self) -> None:
        with suppress(AlloError):  # the next utterance will meet the same fault and deal with it
            await self._listening.finish()

    async def _understood(self, *, over_agent: bool = False) -> str:
        """What was said; ``over_agent``: only if it takes the turn."""
        try:
            heard = await self._listening.finish()
            return heard.text if not over_agent or self._judging.takes_turn(heard) else ""
        except AlloError as error:
            self._failed(error)
            return ""

    def _break_silence(self) -> None:
        self._emit(Noted("silence"))
        self._reprompted += 1
        if self._reprompted > self._listening.patience(self._house.turns):
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
            return
        taken = await self._line.transfer(action.target)
        self._trace.note("transfer", taken)
        if not taken:
            self._leaving = False
            self._emit(Noted("transfer", "refused"))
            await self._replies.say([self._house.prompts.transfer_unavailable])

    def _start(self, reply: Callable[[], Awaitable[None]]) -> None:
        self._stop_reply()
        self._still.now = False
        self._reply = self._spawn(self._guarded(reply))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        # frames come in the context of whoever reads the wire for all calls: the log would name another call
        return self._tasks.create_task(work, context=self._context.copy())

    async def _guarded(self, reply: Callable[[], Awaitable[None]]) -> None:
        try:
            await reply()
        except AlloError as error:
            self._failed(error)

    def _failed(self, error: AlloError, apology: str = "") -> None:
        """An engine failed: ask once more; the second time, or without a voice, hand the caller to a person."""
        self._context.run(log.error, "call %s: %s: %s", self._line.caller.call_id, error.code, error)
        self._emit(Noted(error.code, str(error)))
        if self._leaving:
            return
        self._failures += 1
        if self._failures == 1 and not isinstance(error, VoiceError):
            self._say([apology or self._house.prompts.error], None)
            self._replies.forget()
        else:
            self._leaving = True
            self._start(partial(give_up, self._line, self._replies.say_at_hand, self._house.prompts))

    def _stop_reply(self) -> None:
        if self._reply is not None:
            self._reply.cancel()
            self._reply = None
        self._replies.cut()

    def _emit(self, event: CallEvent) -> None:
        self._trace.event(event)
        self._house.observe(self._line.caller.call_id, event)
