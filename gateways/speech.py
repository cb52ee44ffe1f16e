"""Speech and answers for programs: ``/tts``, ``/stt``, ``/chat``, ``/process_call``, ``/reset_conversation``."""

import asyncio
import base64
import io
import wave
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from audio.frame import SAMPLE_BYTES
from audio.wav import parse_mono
from gateways.bodies import json_body
from gateways.desk import Ask, Desk, Speech
from gateways.problems import Problem
from gateways.queries import ChatText, Conversation, SpeechText
from gateways.replies import Answer, HeardText, Reset, SpokenAnswer
from gateways.routes import Route

RATE = 8000
"""Recordings are heard as on the telephone, Hz."""
LARGEST = 20_000_000
"""Largest recording that is taken, bytes."""
LONGEST_S = 300
"""Longest one, seconds."""
AT_ONCE = 2
"""Recordings heard, and texts voiced, at the same time: callers come first."""
KEPT = 200
"""Conversations that are remembered; the oldest is forgotten."""
WAV = {
    "audio/wav": {"schema": {"type": "string", "format": "binary"}},
    "multipart/form-data": {"schema": {"type": "object", "properties": {"file": {"type": "string"}}}},
}
SPOKEN = {200: "done", 413: "too large", 415: "no WAV", 422: "can't be read", 429: "busy, ask again"}


@dataclass(slots=True)
class _Talk:
    """A conversation of a program."""

    ask: Ask
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class SpeechDoor:
    """Answers programs."""

    def __init__(self, desk: Desk) -> None:
        """``desk.speech`` and ``desk.new_chat`` may come later."""
        self._desk = desk
        self._talks: OrderedDict[str, _Talk] = OrderedDict()
        self._busy = 0

    def routes(self) -> list[Route]:
        """The paths."""
        forgot = {200: "whether there was one"}
        return [
            Route("POST", "/tts", "A text as speech", self.tts, body=SpeechText, gives="audio/wav", replies=SPOKEN),
            Route("POST", "/stt", "A WAV recording as text", self.stt, body=WAV, reply=HeardText, replies=SPOKEN),
            Route("POST", "/chat", "An answer in writing; a conversation is remembered", self.chat,
                  body=ChatText, reply=Answer),
            Route(
                "POST", "/process_call", "A spoken question (WAV) answered in speech", self.process,
                query=Conversation, body=WAV, reply=SpokenAnswer, replies=SPOKEN,
            ),
            Route(
                "POST", "/reset_conversation", "Forget a conversation", self.reset,
                body=Conversation, reply=Reset, replies=forgot,
            ),
        ]  # fmt: skip

    async def tts(self, request: web.Request) -> web.Response:
        """WAV, 16 bit, mono."""
        asked = SpeechText.model_validate(await json_body(request))
        async with self._turn() as speech:
            pcm = await speech.say(asked.text, asked.rate, asked.pace)
        return web.Response(body=_wav(pcm, asked.rate), content_type="audio/wav")

    async def stt(self, request: web.Request) -> web.Response:
        """The words."""
        pcm = await _recording(request)
        async with self._turn() as speech:
            text = await speech.hear(pcm, RATE)
        return web.json_response({"text": text, "seconds": round(len(pcm) / SAMPLE_BYTES / RATE, 2)})

    async def chat(self, request: web.Request) -> web.Response:
        """The whole answer at once; ``/ws`` gives it sentence by sentence."""
        asked = ChatText.model_validate(await json_body(request))
        return web.json_response(await self._answer(asked.conversation, asked.text))

    async def process(self, request: web.Request) -> web.Response:
        """What was heard, what is answered, and the answer as a WAV file in base64."""
        name = Conversation.model_validate(dict(request.query)).conversation
        pcm = await _recording(request)
        async with self._turn() as speech:
            heard = await speech.hear(pcm, RATE)
            if not heard:
                raise Problem(422, "no words were understood in this recording")
            answer = await self._answer(name, heard)
            sound = _wav(await speech.say(answer["text"], RATE, 1.0), RATE)
        return web.json_response({"heard": heard, **answer, "audio": base64.b64encode(sound).decode()})

    async def reset(self, request: web.Request) -> web.Response:
        """The next question of this name begins a new conversation."""
        name = Conversation.model_validate(await json_body(request)).conversation
        return web.json_response({"conversation": name, "reset": self._talks.pop(name, None) is not None})

    async def _answer(self, name: str, text: str) -> dict[str, Any]:
        talk = self._talk(name)
        async with talk.turn:
            sentences = [sentence async for sentence in talk.ask(text)]
        rows = [{"text": one.text, "source": one.source} for one in sentences]
        action = next((one.action.kind for one in sentences if one.action), "")
        source = next((one.source for one in sentences if one.source), "")
        whole = " ".join(one.text for one in sentences)
        return {"conversation": name, "text": whole, "source": source, "action": action, "sentences": rows}

    def _talk(self, name: str) -> _Talk:
        if self._desk.new_chat is None:
            raise _starting()
        talk = self._talks.setdefault(name, _Talk(self._desk.new_chat()))
        self._talks.move_to_end(name)
        while len(self._talks) > KEPT:
            self._talks.popitem(last=False)
        return talk

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[Speech]:
        if self._desk.speech is None:
            raise _starting()
        if self._busy >= AT_ONCE:
            raise Problem(429, f"{AT_ONCE} others are being served; ask again in a moment", {"Retry-After": "1"})
        self._busy += 1
        try:
            yield self._desk.speech
        finally:
            self._busy -= 1


async def _recording(request: web.Request) -> bytes:
    """PCM16 mono at ``RATE`` of the WAV file in a request; raises ``Problem``."""
    content = bytearray()
    if request.content_type == "multipart/form-data":
        await _form(request, content)
    elif request.content_type.startswith("audio/") or request.content_type == "application/octet-stream":
        async for chunk in request.content.iter_chunked(1 << 16):
            _add(content, chunk)
    else:
        raise Problem(415, "a WAV file is needed: Content-Type: audio/wav, or a form with the field `file`")
    try:
        pcm = await asyncio.to_thread(parse_mono, bytes(content), RATE, LONGEST_S)
    except ValueError as error:
        raise Problem(422, str(error)) from None
    if not pcm:
        raise Problem(422, "the recording is empty")
    return pcm


async def _form(request: web.Request, content: bytearray) -> None:
    try:
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name in ("file", "audio"):
                while chunk := await part.read_chunk():
                    _add(content, chunk)
                return
    except (ValueError, AssertionError):  # what aiohttp raises for a broken form
        raise Problem(400, "the form is broken") from None


def _add(content: bytearray, chunk: bytes) -> None:
    content += chunk
    if len(content) > LARGEST:
        raise Problem(413, f"more than {LARGEST // 1_000_000} MB; cut the recording")


def _wav(pcm: bytes, rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(SAMPLE_BYTES)
        wav.setframerate(rate)
        wav.writeframes(pcm)
    return file.getvalue()


def _starting() -> Problem:
    return Problem(503, "Allo is starting; ask again in a moment", {"Retry-After": "1"})
