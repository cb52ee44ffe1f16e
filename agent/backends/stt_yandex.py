"""Recognition by Yandex SpeechKit, API v3 over gRPC: one connection for the house, one stream for each utterance.

The stream opens with the caller's first sound, so that its handshake costs nothing, and is closed by our turn-taking.
Yandex ends a stream after 5 minutes or 10 MB (its page "Quotas and limits"); ``streamed_ear`` cuts before that.
"""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from grpc import aio
from yandex.cloud.ai.stt.v3 import stt_pb2, stt_service_pb2_grpc

from agent.backends.streamed_ear import Feed, Hearing, Said, Show, StreamedEar
from agent.backends.yandex_access import YandexAccess, new_channel
from agent.errors import HearingError
from agent.ports import Transcript
from agent.settings import Yandex

MOST_S, MOST_BYTES = 280, 9_500_000
"""A stream takes no more than this, seconds and bytes of audio: less than the 5 minutes and 10 MB that are allowed."""
SETTLE_S = 0.3
"""Audio waits so long at most for the server to accept the stream, seconds; it is kept meanwhile."""
LANGUAGES = {"ru": "ru-RU", "en": "en-US"}
_EOU = {"high": stt_pb2.DefaultEouClassifier.HIGH, "default": stt_pb2.DefaultEouClassifier.DEFAULT}


class YandexStt:
    """The recognition engine over one gRPC channel."""

    def __init__(self, yandex: Yandex, language: str) -> None:
        """``language``: ``ru`` or ``en``. Nothing is connected yet."""
        self._yandex, self._language = yandex, language
        self._access = YandexAccess(yandex)
        self._channel = new_channel(yandex.stt_address)
        self._stub = stt_service_pb2_grpc.RecognizerStub(self._channel)

    @property
    def name(self) -> str:
        """Engine and model."""
        return f"yandex {self._yandex.stt_model}"

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> StreamedEar:
        """A fresh recogniser for audio at ``rate`` Hz (8000, 16000 or 48000); raises ``HearingError``."""
        credentials = await self._access.credentials()
        if not credentials.usable:
            raise HearingError(f"yandex: {credentials.lacks}")
        return StreamedEar(self._listen, rate, on_partial, most_s=min(MOST_S, MOST_BYTES / (2 * rate)))

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def _listen(self, feed: Feed, show: Show) -> Hearing:
        """One stream over one piece of audio; see ``streamed_ear.Listen``."""
        credentials = await self._access.credentials()
        ours = self._yandex.stt_eou == "ours"
        results = _Results(feed, normalised=self._yandex.stt_normalise)
        metadata = (*credentials.metadata, ("x-client-request-id", str(uuid.uuid4())))
        call = self._stub.RecognizeStreaming(metadata=metadata)
        sending = asyncio.get_running_loop().create_task(self._send(call, feed))
        try:
            async for response in call:
                if results.take(response):
                    show(results.hearing)
                if ours and results.concluded and not self._yandex.stt_normalise:
                    break  # a server may take its time to close the stream
        except aio.AioRpcError as error:
            raise HearingError(f"yandex: {credentials.explain(error.code(), error.details())}") from None
        finally:
            call.cancel()
            sending.cancel()
            await asyncio.wait([sending])
        whole = results.concluded if ours else not sending.cancelled() and not results.pending
        if not whole:
            raise HearingError("yandex: the stream ended before the utterance did")
        return results.hearing

    async def _send(self, call: Any, feed: Feed) -> None:
        """Write until the utterance is over. When the stream is broken, reading tells why; writing only that it is."""
        with suppress(aio.AioRpcError, asyncio.InvalidStateError):
            await call.write(stt_pb2.StreamingRequest(session_options=self._options(feed.rate)))
            await _settled(call)
            async for chunk in feed.chunks():
                if call.done():
                    return
                await call.write(stt_pb2.StreamingRequest(chunk=stt_pb2.AudioChunk(data=chunk)))
            if self._yandex.stt_eou == "ours":
                await call.write(stt_pb2.StreamingRequest(eou=stt_pb2.Eou()))
            await call.done_writing()

    def _options(self, rate: int) -> Any:
        written = stt_pb2.TextNormalizationOptions
        normalised = self._yandex.stt_normalise
        return stt_pb2.StreamingOptions(
            recognition_model=stt_pb2.RecognitionModelOptions(
                model=self._yandex.stt_model,
                audio_format=stt_pb2.AudioFormatOptions(
                    raw_audio=stt_pb2.RawAudio(
                        audio_encoding=stt_pb2.RawAudio.LINEAR16_PCM, sample_rate_hertz=rate, audio_channel_count=1
                    )
                ),
                text_normalization=written(
                    text_normalization=written.TEXT_NORMALIZATION_ENABLED
                    if normalised
                    else written.TEXT_NORMALIZATION_DISABLED
                ),
                language_restriction=stt_pb2.LanguageRestrictionOptions(
                    restriction_type=stt_pb2.LanguageRestrictionOptions.WHITELIST,
                    language_code=[LANGUAGES[self._language]],
                ),
                audio_processing_type=stt_pb2.RecognitionModelOptions.REAL_TIME,
            ),
            eou_classifier=self._classifier(),
        )

    def _classifier(self) -> Any:
        """Who tells that the caller has finished: we, by a message, or Yandex, more or less soon."""
        kind = self._yandex.stt_eou
        if kind == "ours":
            return stt_pb2.EouClassifierOptions(external_classifier=stt_pb2.ExternalEouClassifier())
        return stt_pb2.EouClassifierOptions(default_classifier=stt_pb2.DefaultEouClassifier(type=_EOU[kind]))


async def _settled(call: Any) -> None:
    """Give a refusal time to arrive: grpc forgets its reason when it finds a stream broken by writing to it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_S):
            await call.initial_metadata()


class _Results:
    """What one stream has said so far."""

    def __init__(self, feed: Feed, *, normalised: bool) -> None:
        self._feed, self._normalised = feed, normalised
        self._finals: list[Any] = []
        self._texts: list[str] = []
        self._partial: Any = None
        self._reached_ms = 0
        self.concluded = False
        """The end of an utterance was told after ours was."""

    @property
    def pending(self) -> bool:
        """A partial result has not become final."""
        return self._partial is not None

    @property
    def hearing(self) -> Hearing:
        """All of it."""
        alternatives = [*self._finals, *([self._partial] if self._partial else [])]
        words = tuple(word for alternative in alternatives for word in self._words(alternative))
        texts = [*self._texts, *([self._partial.text] if self._partial else [])]
        reached = min(self._samples(self._reached_ms), self._feed.samples)
        sure = [float(each.confidence) for each in self._finals if each.confidence > 0]
        return Hearing(
            words,
            self._feed.samples if self.concluded else reached,
            " ".join(text.strip().lower() for text in texts if text.strip()) if self._normalised else None,
            sum(sure) / len(sure) if sure else 1.0,
        )

    def take(self, response: Any) -> bool:
        """One message; False: it brought nothing that can be shown."""
        cursors = response.audio_cursors
        self._reached_ms = max(self._reached_ms, cursors.partial_time_ms, cursors.final_time_ms)
        kind = response.WhichOneof("Event")
        if kind == "partial":
            self._partial = _first(response.partial)
        elif kind == "final":
            self._partial, best = None, _first(response.final)
            if best is not None:
                self._finals.append(best)
                self._texts.append(best.text)
        elif kind == "final_refinement":
            self._refine(response.final_refinement)
        elif kind == "eou_update":
            self.concluded = self._feed.ended
        return kind in ("partial", "final", "final_refinement")

    def _refine(self, refinement: Any) -> None:
        best, place = _first(refinement.normalized_text), refinement.final_index
        if best is not None and 0 <= place < len(self._texts):
            self._texts[place] = best.text

    def _words(self, alternative: Any) -> list[Said]:
        if alternative.words:
            return [
                Said(word.text.lower(), self._samples(word.start_time_ms), self._samples(word.end_time_ms))
                for word in alternative.words
            ]
        start, end = self._samples(alternative.start_time_ms), self._samples(alternative.end_time_ms)
        return [Said(text, start, end) for text in alternative.text.lower().split()]

    def _samples(self, ms: int) -> int:
        return max(int(ms), 0) * self._feed.rate // 1000


def _first(update: Any) -> Any:
    """The likeliest alternative; None when there is none or it is empty."""
    return update.alternatives[0] if update.alternatives and update.alternatives[0].text else None
