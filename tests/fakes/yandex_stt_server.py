"""A real gRPC server of SpeechKit's recognition, API v3, on the vendor's own service definitions; it fails on request.

It hears tones (``tone_speech``): partial results after every chunk, a final one when the caller has finished.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import grpc
from grpc import aio
from yandex.cloud.ai.stt.v3 import stt_pb2, stt_service_pb2_grpc

from tests.fakes.tone_speech import Tone, hear

Fault = Literal[
    "", "refuse", "expired", "no_role", "hang", "hang_middle", "die", "end_early", "garbage", "nonsense", "late"
]


@dataclass
class YandexBehaviour:
    """What the server does with each stream."""

    faults: list[Fault] = field(default_factory=list)
    """Faults of the next streams, one each; then all is well."""
    always: Fault = ""
    """The fault of every stream after these."""
    after_words: int = 1
    """A fault of mid-stream comes once so many words were heard."""
    late_s: float = 0.0
    """How late ``late`` is, seconds."""
    most_ms: int = 300_000
    """A stream with more audio is ended, as Yandex does, milliseconds."""
    most_bytes: int = 10_000_000
    """And so is one with more bytes of audio."""
    written: dict[str, str] = field(default_factory=dict)
    """Texts and what normalisation makes of them."""
    keys: list[str] = field(default_factory=list)
    """Authorization of each stream."""
    metadata: list[dict[str, str]] = field(default_factory=list)
    options: list[Any] = field(default_factory=list)
    """The first message of each stream."""
    chunks: list[int] = field(default_factory=list)
    """Bytes of each chunk of audio received."""
    cancelled: int = 0
    """Streams that the client left."""


class YandexSttServer:
    """Listens on loopback while entered."""

    def __init__(self, behaviour: YandexBehaviour | None = None, port: int = 0) -> None:
        """``port`` 0: any free one."""
        self.behaviour = behaviour or YandexBehaviour()
        self._server: Any = None
        self._port = port
        self.released = asyncio.Event()

    @property
    def address(self) -> str:
        """What goes into ``yandex.stt_address``."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = aio.server()
        stt_service_pb2_grpc.add_RecognizerServicer_to_server(_Recognizer(self), self._server)
        self._port = self._server.add_insecure_port(f"127.0.0.1:{self._port}")
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.released.set()
        await self._server.stop(0)


class _Recognizer(stt_service_pb2_grpc.RecognizerServicer):  # type: ignore[misc]
    def __init__(self, server: YandexSttServer) -> None:
        self._server = server

    async def RecognizeStreaming(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """See the vendor's definition."""
        does = self._server.behaviour
        given = {str(key): str(value) for key, value in context.invocation_metadata()}
        does.metadata.append(given)
        does.keys.append(given.get("authorization", ""))
        fault: Fault = does.faults.pop(0) if does.faults else does.always
        await _refuse(context, fault)
        try:
            if fault == "hang":
                await self._server.released.wait()
            async for response in self._stream(requests, context, fault):
                yield response
        except asyncio.CancelledError:
            does.cancelled += 1
            raise

    async def _stream(self, requests: AsyncIterator[Any], context: Any, fault: Fault) -> AsyncIterator[Any]:
        does = self._server.behaviour
        pcm, rate, external, concluded = bytearray(), 8000, False, 0
        async for request in requests:
            kind = request.WhichOneof("Event")
            if kind == "session_options":
                does.options.append(request.session_options)
                model = request.session_options.recognition_model
                rate = model.audio_format.raw_audio.sample_rate_hertz
                external = request.session_options.eou_classifier.HasField("external_classifier")
                yield stt_pb2.StreamingResponse(session_uuid=stt_pb2.SessionUuid(uuid="1"))
            elif kind == "chunk":
                does.chunks.append(len(request.chunk.data))
                pcm += request.chunk.data
                words = hear(bytes(pcm), rate)
                if fault and len(words) >= does.after_words and await self._fails(context, fault):
                    for response in [_nonsense()] if fault == "nonsense" else []:
                        yield response
                    return
                await self._measure(context, len(pcm), len(pcm) * 500 // rate)
                yield _partial(words, len(pcm) * 500 // rate)
            elif kind == "eou" and external:
                for response in self._conclude(bytes(pcm), rate):
                    yield response
                concluded = len(pcm)
        if concluded < len(pcm) or not external:
            for response in self._conclude(bytes(pcm), rate):
                yield response

    def _conclude(self, pcm: bytes, rate: int) -> list[Any]:
        words, end = hear(pcm, rate), len(pcm) * 500 // rate
        text = " ".join(word.text for word in words)
        responses = [
            stt_pb2.StreamingResponse(audio_cursors=_cursors(end), final=_update(words, end, text)),
        ]
        if self._server.behaviour.written:
            written = self._server.behaviour.written.get(text, text)
            refined = stt_pb2.FinalRefinement(final_index=0, normalized_text=_update([], end, written))
            responses.append(stt_pb2.StreamingResponse(final_refinement=refined))
        return [*responses, stt_pb2.StreamingResponse(eou_update=stt_pb2.EouUpdate(time_ms=end))]

    async def _measure(self, context: Any, size: int, ms: int) -> None:
        if ms > self._server.behaviour.most_ms or size > self._server.behaviour.most_bytes:
            await context.abort(grpc.StatusCode.ABORTED, "the stream is too long")

    async def _fails(self, context: Any, fault: Fault) -> bool:
        """Fail in the middle; True: nothing more comes."""
        match fault:
            case "die":
                await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
            case "garbage":
                await context.abort(grpc.StatusCode.INTERNAL, "Exception deserializing response!")
            case "late":
                await asyncio.sleep(self._server.behaviour.late_s)
                return False
            case "hang_middle":
                await self._server.released.wait()
        return fault in ("end_early", "nonsense")


async def _refuse(context: Any, fault: Fault) -> None:
    code = grpc.StatusCode
    match fault:
        case "refuse":
            await context.abort(code.UNAVAILABLE, "upstream connect error")
        case "expired":
            await context.abort(code.UNAUTHENTICATED, "The token has expired t1.9euetoken")
        case "no_role":
            await context.abort(code.PERMISSION_DENIED, "Permission denied AQVNkey")


def _cursors(ms: int) -> Any:
    return stt_pb2.AudioCursors(received_data_ms=ms, partial_time_ms=ms, final_time_ms=0)


def _update(words: list[Tone], end: int, text: str) -> Any:
    timed = [stt_pb2.Word(text=word.text, start_time_ms=word.start_ms, end_time_ms=word.end_ms) for word in words]
    best = stt_pb2.Alternative(words=timed, text=text, start_time_ms=0, end_time_ms=end, confidence=0.9)
    return stt_pb2.AlternativeUpdate(alternatives=[best] if text else [])


def _partial(words: list[Tone], end: int) -> Any:
    text = " ".join(word.text for word in words)
    return stt_pb2.StreamingResponse(audio_cursors=_cursors(end), partial=_update(words, end, text))


def _nonsense() -> Any:
    """A well-formed message that makes no sense."""
    word = stt_pb2.Word(text="", start_time_ms=-5, end_time_ms=-900)
    best = stt_pb2.Alternative(words=[word], text="???", start_time_ms=99, end_time_ms=1, confidence=-3)
    update = stt_pb2.AlternativeUpdate(alternatives=[best, stt_pb2.Alternative()])
    return stt_pb2.StreamingResponse(audio_cursors=_cursors(-1), final=update)
