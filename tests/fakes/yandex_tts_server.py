"""A real gRPC server of SpeechKit's synthesis, API v3, on the vendor's own service definitions; it fails on request."""

from collections.abc import AsyncIterator
from typing import Any, Self

import grpc
from grpc import aio
from yandex.cloud.ai.tts.v3 import tts_pb2, tts_service_pb2_grpc

from tests.fakes.speaking import Behaviour, Died, spoken


class YandexTtsServer:
    """Listens on loopback while entered."""

    def __init__(self, behaviour: Behaviour | None = None, tells_words: bool = False, port: int = 0) -> None:
        """``port`` 0: any free one."""
        self.behaviour, self.tells_words = behaviour or Behaviour(), tells_words
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str]] = []
        self._server: Any = None
        self._port = port

    @property
    def address(self) -> str:
        """What goes into ``yandex.tts_address``."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = aio.server()
        tts_service_pb2_grpc.add_SynthesizerServicer_to_server(_Synthesizer(self), self._server)
        self._port = self._server.add_insecure_port(f"127.0.0.1:{self._port}")
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.behaviour.released.set()
        await self._server.stop(0)


class _Synthesizer(tts_service_pb2_grpc.SynthesizerServicer):  # type: ignore[misc]
    def __init__(self, server: YandexTtsServer) -> None:
        self._server = server

    async def UtteranceSynthesis(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """See the vendor's definition."""
        server, does = self._server, self._server.behaviour
        server.requests.append(request)
        server.metadata.append({str(key): str(value) for key, value in context.invocation_metadata()})
        await _refuse(request, context, does.fault)
        rate = request.output_audio_spec.raw_audio.sample_rate_hertz
        if server.tells_words:
            async for response in _word_by_word(request.text, rate, does):
                yield response
            return
        try:
            async for chunk in does.speech(request.text, rate, _pace(request)):
                yield _response(chunk)
        except Died:
            await context.abort(grpc.StatusCode.INTERNAL, "the backend is gone")


async def _refuse(request: Any, context: Any, fault: str) -> None:
    if len(request.text) > 250:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Too long text: over 250 characters")
    match fault:
        case "refused":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "no backend")
        case "expired":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "The token has expired: t1.secret")
        case "page":
            await context.abort(grpc.StatusCode.UNKNOWN, "Stream removed")


async def _word_by_word(text: str, rate: int, does: Behaviour) -> AsyncIterator[Any]:
    pcm, words = await spoken(text, rate, does.voice, does.speed_wpm)
    places = [place for place, _ in words] + [len(text)]
    samples = [sample for _, sample in words] + [len(pcm) // 2]
    samples[0] = 0
    for n in range(len(words)):
        response = _response(pcm[samples[n] * 2 : samples[n + 1] * 2])
        response.text_chunk.text = text[places[n] : places[n + 1]]
        response.start_ms = samples[n] * 1000 // rate
        response.length_ms = (samples[n + 1] - samples[n]) * 1000 // rate
        yield response


def _pace(request: Any) -> float:
    return next((hint.speed for hint in request.hints if hint.WhichOneof("Hint") == "speed"), 1.0)


def _response(pcm: bytes) -> Any:
    return tts_pb2.UtteranceSynthesisResponse(audio_chunk=tts_pb2.AudioChunk(data=pcm))
