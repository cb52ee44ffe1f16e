"""What stands around a call's core while only the core is measured: an ear that hears nothing, a voice that goes on."""

import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from agent.answer import Watch
from agent.dialogue import Context
from agent.ports import Recognizer, Sentence, Transcript, WordStart
from audio.frame import FRAME_MS, AudioFrame
from audio.level import comfort_noise
from telephony.websocket_mouth import WebSocketMouth


class NullStt:
    """Opens ears that understand nothing, at no cost."""

    name = "none"

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> Recognizer:
        """See ``agent.ports.SpeechToText``."""
        return NullEar()

    async def close(self) -> None:
        """Nothing to free."""


class NullEar:
    """An ``agent.ports.Recognizer``."""

    def __init__(self) -> None:
        self._position = 0

    def push(self, frame: AudioFrame) -> None:
        """Heard, and not understood."""
        self._position = frame.end

    async def peek(self, trailing: bool = False) -> Transcript:
        """Nothing so far."""
        return Transcript("", False, self._position)

    async def finish(self) -> Transcript:
        """Nothing at all."""
        return Transcript("", True, self._position)

    async def close(self) -> None:
        """Nothing to free."""


class SteadyVoice:
    """Says each text in so many seconds of noise."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def speech(self, text: str, rate: int, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        """See ``agent.speak.Voice``."""
        second = comfort_noise(rate, -22.0)
        for _ in range(int(self._seconds)):
            yield second
        yield second[: int(self._seconds % 1 * rate) * 2]

    def ready(
        self, text: str, rate: int, pace: float = 1.0, *, anyhow: bool = False
    ) -> tuple[bytes | WordStart, ...] | None:
        """Never at once."""
        return None


class MuteAnswers:
    """Knows nothing."""

    def is_backchannel(self, text: str, offered: bool) -> bool:
        """Nothing is."""
        return False

    def alike(self, one: str, other: str) -> bool:
        """The same words."""
        return one == other

    async def sentences(self, text: str, context: Context, watch: Watch) -> AsyncGenerator[Sentence, None]:
        """None."""
        nothing: tuple[Sentence, ...] = ()
        for sentence in nothing:
            yield sentence


class PacedMouth:
    """Asterisk's mouth, and an Asterisk that hands each mark back when it has played up to it."""

    def __init__(self, rate: int) -> None:
        self._frame = rate * FRAME_MS // 1000
        self._marks = deque[str]()
        self.mouth = WebSocketMouth(rate, self._told, lambda _pcm: None)

    def tick(self) -> None:
        """20 ms have passed."""
        while self._marks and int(self._marks[0].partition(".")[2]) * self._frame <= self.mouth.played:
            mark = self._marks.popleft()
            self.mouth.hear(json.dumps({"event": "MEDIA_MARK_PROCESSED", "correlation_id": mark}))
        self.mouth.tick(1)

    def _told(self, command: str) -> None:
        told = json.loads(command)
        if told["command"] == "MARK_MEDIA":
            self._marks.append(told["correlation_id"])
