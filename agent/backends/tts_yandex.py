"""Speech by Yandex SpeechKit: API v3 over gRPC, which streams; API v1 over HTTP where gRPC does not get through.

Source: Yandex Cloud, "SpeechKit API v3, Synthesizer.UtteranceSynthesis" and "API v1, tts:synthesize". A request of v3
takes 250 characters, so longer texts go in pieces. Where the server tells which text a chunk holds, word times come
from that.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc import aio
from yandex.cloud.ai.tts.v3 import tts_pb2, tts_service_pb2_grpc

from agent.backends.speech_http import SpeechPost
from agent.backends.text_pieces import pieces
from agent.backends.yandex_access import Credentials, YandexAccess, new_channel
from agent.errors import VoiceError
from agent.ports import WordStart
from agent.settings import Yandex
from audio.frame import SAMPLE_BYTES
from audio.loudness import Joiner

RATE = 16_000
"""Of what we ask for, Hz: the telephone carries no more, and both APIs know it."""
MOST_CHARS = 250
"""Longest text of a request."""
FIRST_S = 2.0
"""No first chunk over gRPC for so long: it is asked over HTTP, seconds."""
PATIENT_S = 0.25
"""Who leaves later than this without having heard anything leaves because of us, seconds."""
SHUN_S = 60.0
"""gRPC that did not get through is not tried again for so long, seconds."""
SLOWEST, FASTEST = 0.1, 3.0
"""What ``speed`` takes."""
DEFAULT_VOICES = {"ru": "alena", "en": "john"}
LANGUAGES = {"ru": "ru-RU", "en": "en-US"}

_NOT_THROUGH = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.DEADLINE_EXCEEDED)
ADVICE = {
    400: "the request was refused; check the voice's name and [yandex] folder_id",
    401: "the key or token is refused: it is mistyped, deleted or, a token, past its 12 hours",
    403: "no permission: the account needs the role ai.speechkit-tts.user",
    429: "the quota of Yandex Cloud is used up",
}


class _NoWay(Exception):  # noqa: N818 - not a fault of the voice yet
    """gRPC does not get through."""


@dataclass(slots=True)
class _Piece:
    """A text that fits into one request, and what of its words was told."""

    text: str
    start: int
    """Characters of the whole text before it."""
    samples: int
    """Samples of the stream before it."""
    told: int = 0
    """Characters of it whose times are known."""

    def word(self, response: Any) -> WordStart | None:
        """The start of the text that a response holds, where that is told and found."""
        text = response.text_chunk.text.strip()
        at = self.text.find(text, self.told) if text else -1
        if at < 0:
            return None
        self.told = at + len(text)
        return WordStart(self.start + at, self.samples + response.start_ms * RATE // 1000)


@dataclass(slots=True)
class _Stream:
    """The pieces' audio, joined."""

    joiner: Joiner = field(default_factory=Joiner)
    samples: int = 0
    """Samples put in."""

    def push(self, pcm: bytes) -> bytes:
        self.samples += len(pcm) // SAMPLE_BYTES
        return self.joiner.push(pcm)


class YandexVoice:
    """A voice of SpeechKit."""

    def __init__(self, yandex: Yandex, language: str, voice: str = "") -> None:
        """``language``: ``ru`` or ``en``. Nothing is connected yet; made on the running event loop."""
        self._yandex, self._language = yandex, language
        self._voice = voice or DEFAULT_VOICES[language]
        self._access = YandexAccess(yandex)
        self._channel = new_channel(yandex.tts_address)
        self._stub = tts_service_pb2_grpc.SynthesizerStub(self._channel)
        self._post = SpeechPost(ADVICE)
        self._shunned_until = 0.0

    @property
    def name(self) -> str:
        """Engine, voice and role."""
        return " ".join(part for part in ("yandex", self._voice, self._yandex.tts_role) if part)

    @property
    def rate(self) -> int:
        """16,000 Hz."""
        return RATE

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        """Stream PCM16 mono as it comes; nothing for a text without words. Raises ``VoiceError``."""
        stream = _Stream()
        for start, part in pieces(text, MOST_CHARS):
            if stream.samples and (early := stream.joiner.cut()):
                yield early
            piece = _Piece(part, start, stream.samples)
            async with aclosing(self._said(piece, pace)) as chunks:
                async for made in chunks:
                    if isinstance(made, WordStart):
                        yield made
                    elif pcm := stream.push(made):
                        yield pcm
        if rest := stream.joiner.flush():
            yield rest

    async def close(self) -> None:
        """Close the connections."""
        await self._channel.close()
        await self._post.close()

    async def _said(self, piece: _Piece, pace: float) -> AsyncGenerator[bytes | WordStart, None]:
        """One piece, by gRPC or, where that does not get through, by HTTP."""
        credentials = await self._access.credentials()
        if not credentials.usable:
            raise VoiceError(credentials.lacks)
        if not self._yandex.tts_http_address or asyncio.get_running_loop().time() >= self._shunned_until:
            try:
                async with aclosing(self._by_grpc(piece, pace, credentials)) as stream:
                    async for made in stream:
                        yield made
                return
            except _NoWay as error:
                self._shunned_until = asyncio.get_running_loop().time() + SHUN_S
                if not self._yandex.tts_http_address:
                    raise VoiceError(f"gRPC does not get through ({error}); check [yandex] tts_address") from None
        async with aclosing(self._by_http(piece.text, pace, credentials)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _by_grpc(
        self, piece: _Piece, pace: float, credentials: Credentials
    ) -> AsyncGenerator[bytes | WordStart, None]:
        clock = asyncio.get_running_loop().time
        asked = clock()
        metadata = (*credentials.metadata, ("x-client-request-id", str(uuid.uuid4())))
        call = self._stub.UtteranceSynthesis(self._request(piece.text, pace), metadata=metadata)
        responses, begun, odd = aiter(call), False, b""
        try:
            while True:
                async with asyncio.timeout(None if begun or not self._yandex.tts_http_address else FIRST_S):
                    response = await anext(responses, None)
                begun = True
                if response is None:
                    return
                if word := piece.word(response):
                    yield word
                whole = odd + response.audio_chunk.data
                odd = whole[len(whole) - len(whole) % SAMPLE_BYTES :]
                if whole:
                    yield whole[: len(whole) - len(odd)]
        except TimeoutError:
            raise _NoWay("no answer") from None
        except (asyncio.CancelledError, GeneratorExit):
            if not begun and clock() - asked >= PATIENT_S:  # a chain has waited long enough
                self._shunned_until = clock() + SHUN_S
            raise
        except aio.AioRpcError as error:
            if not begun and error.code() in _NOT_THROUGH:
                raise _NoWay(str(error.code().name).lower()) from None
            raise VoiceError(credentials.explain(error.code(), error.details())) from None
        finally:
            call.cancel()

    def _request(self, text: str, pace: float) -> Any:
        hints = [tts_pb2.Hints(voice=self._voice), tts_pb2.Hints(speed=_speed(pace))]
        if self._yandex.tts_role:
            hints.append(tts_pb2.Hints(role=self._yandex.tts_role))
        raw = tts_pb2.RawAudio(audio_encoding=tts_pb2.RawAudio.LINEAR16_PCM, sample_rate_hertz=RATE)
        return tts_pb2.UtteranceSynthesisRequest(
            text=text,
            hints=hints,
            output_audio_spec=tts_pb2.AudioFormatOptions(raw_audio=raw),
            loudness_normalization_type=tts_pb2.UtteranceSynthesisRequest.LUFS,
        )

    def _by_http(self, text: str, pace: float, credentials: Credentials) -> AsyncGenerator[bytes, None]:
        form = {
            "text": text,
            "lang": LANGUAGES[self._language],
            "voice": self._voice,
            "speed": f"{_speed(pace):g}",
            "format": "lpcm",
            "sampleRateHertz": str(RATE),
        }
        if self._yandex.tts_role:
            form["emotion"] = self._yandex.tts_role
        if credentials.folder and credentials.kind == "iam-token":
            form["folderId"] = credentials.folder
        headers = {"Authorization": credentials.authorization}
        return self._post.pcm(self._yandex.tts_http_address, headers, data=form)


def _speed(pace: float) -> float:
    return min(max(pace, SLOWEST), FASTEST)
