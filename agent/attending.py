"""Who attends a call beside its conversation: to mute, to see that the notice was heard, to notice machines.

They see what the recogniser gave, the caller's frames and the events, and change nothing of the conversation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from agent.events import CallEnded, CallEvent
from agent.house import House
from agent.ports import CallerInfo, Line, Recognizer, SpeechToText, Transcript, Word
from agent.recording import Keeping
from audio.frame import AudioFrame

Emit = Callable[[CallEvent], None]


class Attendant(Protocol):
    """One of them, for one call."""

    def heard(self, words: tuple[Word, ...]) -> None:
        """An utterance was recognised; a recogniser without word times gives it as one word."""

    def frame(self, caller: bytes) -> None:
        """PCM16 mono of the caller, 20 ms or several times as much at once; must cost next to nothing."""

    def observe(self, event: CallEvent) -> None:
        """An event of the call, in its order, before it is kept."""

    def recorded(self, recording: Keeping | None) -> None:
        """The call's recording, from its beginning; ``None``: there is none."""


New = Callable[[House, Line, Emit], Sequence[Attendant]]


class Attendance:
    """Lets attendants into every call of a house."""

    def __init__(self, new: New) -> None:
        """``new`` makes those of a call."""
        self._new = new
        self._calls: dict[str, Sequence[Attendant]] = {}

    def over(self, house: House) -> House:
        """The same house, its calls attended."""
        inside, observe, new_recording = house.for_call, house.observe, house.new_recording

        def for_call(house: House, line: Line) -> House:
            house, call_id = inside(house, line), line.caller.call_id
            seen = house.observe
            attendants = self._new(house, line, lambda event: seen(call_id, event))
            if not attendants:
                return house
            self._calls[call_id] = attendants
            return replace(house, stt=_Stt(house.stt, attendants))

        def observed(call_id: str, event: CallEvent) -> None:
            for each in self._calls.get(call_id, ()):
                each.observe(event)
            observe(call_id, event)
            if isinstance(event, CallEnded):
                self._calls.pop(call_id, None)

        def recording(caller: CallerInfo) -> Keeping | None:
            inner, attendants = new_recording(caller), self._calls.get(caller.call_id, ())
            for each in attendants:
                each.recorded(inner)
            return _Kept(inner, attendants) if attendants else inner

        return replace(house, for_call=for_call, observe=observed, new_recording=recording)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A recording on whose way the frames are seen."""

    inner: Keeping | None
    attendants: Sequence[Attendant]

    def push(self, caller: bytes, agent: bytes = b"") -> None:
        if self.inner is not None:
            self.inner.push(caller, agent)
        for each in self.attendants:
            each.frame(caller)

    def close(self, rest: bytes = b"") -> None:
        if self.inner is not None:
            self.inner.close(rest)


@dataclass(frozen=True, slots=True)
class _Stt:
    inner: SpeechToText
    attendants: Sequence[Attendant]

    @property
    def name(self) -> str:
        return self.inner.name

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> Recognizer:
        return _Ear(await self.inner.open(rate, on_partial), self.attendants)

    async def close(self) -> None:
        await self.inner.close()


class _Ear:
    def __init__(self, inner: Recognizer, attendants: Sequence[Attendant]) -> None:
        self._inner, self._attendants = inner, attendants
        self._start, self._end = -1, 0
        self.peek, self.close = inner.peek, inner.close

    def push(self, frame: AudioFrame) -> None:
        if self._start < 0:
            self._start = frame.position
        self._end = frame.end
        self._inner.push(frame)

    async def finish(self) -> Transcript:
        start, end, self._start = self._start, self._end, -1
        transcript = await self._inner.finish()
        if transcript.text:
            words = transcript.words or (Word(transcript.text, max(start, 0), end),)
            for each in self._attendants:
                each.heard(words)
        return transcript
