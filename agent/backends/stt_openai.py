"""Recognition by OpenAI's speech API, or a server that speaks it: streamed to the realtime WebSocket, or by the piece.

Realtime: a transcription session without its own turn detection; we send audio while the caller talks and commit the
buffer when our turn-taking says that the turn is over. A session is used for one utterance after another (its
handshake costs a caller nothing then) and for an hour at most; ours is given up before that.
By the piece: each utterance is posted as WAV when it is over; there are no partial results.
"""

import asyncio
import base64
import io
import json
import wave
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp

from agent.backends.plain_words import plain_words, without_inventions
from agent.backends.streamed_ear import Feed, Hearing, Said, Show, StreamedEar
from agent.errors import HearingError
from agent.ports import Transcript
from agent.settings import OpenAi
from audio.resample import Resampler

OPENAI = "https://api.openai.com/v1"
LIVE_MODEL, PIECE_MODEL = "gpt-live-transcribe", "gpt-transcribe"
RATE = 24000
"""The only rate that the realtime API takes as PCM, Hz."""
LEAST_MS = 100
"""A shorter buffer can't be committed, milliseconds: silence is added."""
CONNECT_S = 3.0
"""A session must open within this, seconds."""
AGE_S = 3000.0
"""A session is not used again after this, seconds."""
IDLE_MOST = 8
"""Sessions that are kept for the next utterances."""
MOST_S = 600
"""A piece is no longer than this, seconds: 25 MB may be posted."""
SENT, COMMITTED = "input_audio_buffer.append", "input_audio_buffer.commit"
DONE = "conversation.item.input_audio_transcription."
_STATUS = {
    401: "the key is refused: set [openai] api_key",
    403: "this key may not do that",
    404: "no such model or address: look at [openai] base_url and stt_model",
    429: "too many requests, or no money left",
}


class OpenAiStt:
    """The recognition engine over one HTTP client."""

    def __init__(self, openai: OpenAi, language: str, hints: Sequence[str] = ()) -> None:
        """``language``: ``ru`` or ``en``; ``hints``: terms that are likely. Nothing is connected yet."""
        self._hints = ", ".join(hints)
        self._openai, self._language = openai, language
        self._url = (openai.base_url or OPENAI).rstrip("/")
        usual = LIVE_MODEL if openai.stt_realtime else PIECE_MODEL
        self._model = openai.stt_model or usual
        self._http: aiohttp.ClientSession | None = None
        self._idle: list[tuple[float, aiohttp.ClientWebSocketResponse]] = []
        """Sessions that may be used again, and when they opened."""

    @property
    def name(self) -> str:
        """Engine and model."""
        return f"openai {self._model}"

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> StreamedEar:
        """A fresh recogniser for audio at ``rate`` Hz; raises ``HearingError`` where there is no key."""
        if not self._openai.base_url and not self._openai.api_key.get_secret_value():
            raise HearingError("openai: set [openai] api_key")
        if self._openai.stt_realtime:
            return StreamedEar(self._stream, rate, on_partial)
        return StreamedEar(self._post, rate, on_partial, most_s=MOST_S, peek_s=0)

    async def close(self) -> None:
        """Close all connections."""
        for _, socket in self._idle:
            await socket.close()
        self._idle.clear()
        if self._http is not None:
            await self._http.close()

    @property
    def _asked(self) -> dict[str, str]:
        """What both ways of asking have in common."""
        return {"model": self._model, "language": self._language, **({"prompt": self._hints} if self._hints else {})}

    def _client(self) -> aiohttp.ClientSession:
        if self._http is None:
            key = self._openai.api_key.get_secret_value()
            self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"} if key else None)
        return self._http

    # ------------------------------------------------------------ by the piece

    async def _post(self, feed: Feed, _show: Show) -> Hearing:
        """One request for one piece of audio; see ``streamed_ear.Listen``."""
        while not feed.ended:
            await feed.more(feed.samples, 60_000)
        form = aiohttp.FormData({"response_format": "json", **self._asked})
        form.add_field("file", _wav(feed), filename="speech.wav", content_type="audio/wav")
        try:
            async with self._client().post(f"{self._url}/audio/transcriptions", data=form) as response:
                if response.status != 200:
                    raise HearingError(f"openai: {_STATUS.get(response.status, f'status {response.status}')}")
                text = (await response.json(content_type=None))["text"]
        except (aiohttp.ClientError, OSError) as error:
            raise HearingError(f"openai: {self._url} can't be reached ({type(error).__name__})") from None
        except (ValueError, KeyError, TypeError):
            raise HearingError("openai: the reply is no transcription; look at [openai] base_url") from None
        return _hearing(str(text), feed)

    # ------------------------------------------------------------ realtime

    async def _stream(self, feed: Feed, show: Show) -> Hearing:
        """One utterance over one session; see ``streamed_ear.Listen``."""
        async with self._session() as socket:
            sending = asyncio.get_running_loop().create_task(_send(socket, feed))
            try:
                return await self._read(socket, feed, show)
            finally:
                sending.cancel()
                await asyncio.wait([sending])

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A session that is idle, else a new one; kept for the next utterance when this one went well."""
        now = asyncio.get_running_loop().time
        since, socket = self._idle.pop() if self._idle else (0.0, None)
        if socket is None or socket.closed or now() - since > AGE_S:
            since, socket = now(), await self._connect()
        try:
            yield socket
        except BaseException:
            await socket.close()
            for _, other in self._idle:  # the others may be as stale
                await other.close()
            self._idle.clear()
            raise
        if socket.closed or len(self._idle) >= IDLE_MOST or self._client().closed:
            await socket.close()
        else:
            self._idle.append((since, socket))

    async def _connect(self) -> aiohttp.ClientWebSocketResponse:
        try:
            async with asyncio.timeout(CONNECT_S):
                address = f"{self._url}/realtime?intent=transcription"
                socket = await self._client().ws_connect(address, heartbeat=20, max_msg_size=0)
                await socket.send_json({"type": "session.update", "session": self._wishes()})
                return socket
        except aiohttp.WSServerHandshakeError as error:
            raise HearingError(f"openai: {_STATUS.get(error.status, f'status {error.status}')}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise HearingError(f"openai: {self._url} can't be reached ({type(error).__name__})") from None

    def _wishes(self) -> dict[str, Any]:
        return {
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": RATE},
                    "transcription": self._asked,
                    "turn_detection": None,
                }
            },
        }

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, feed: Feed, show: Show) -> Hearing:
        """Take events until the text of the committed audio is there."""
        parts: list[str] = []
        while True:
            event = await _event(socket)
            kind = event.get("type", "")
            if kind == f"{DONE}delta":
                parts.append(str(event.get("delta", "")))
                show(replace(_hearing("".join(parts), feed), reached=0))  # it does not tell how far it is
            elif kind == f"{DONE}completed" and feed.ended:
                return _hearing(str(event.get("transcript", "")), feed)
            elif kind in ("error", f"{DONE}failed"):
                said = event.get("error")
                code = said.get("code") or said.get("type") if isinstance(said, dict) else None
                raise HearingError(f"openai: the session failed ({code or 'no reason given'})")


async def _event(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    message = await socket.receive()
    if message.type is aiohttp.WSMsgType.TEXT:
        try:
            event = json.loads(message.data)
        except ValueError:
            event = None
        if isinstance(event, dict):
            return event
        raise HearingError("openai: the server sent what is no event")
    raise HearingError("openai: the session ended before the utterance did")


async def _send(socket: aiohttp.ClientWebSocketResponse, feed: Feed) -> None:
    """Send until the utterance is over. When the session is broken, reading tells."""
    up = Resampler(feed.rate, RATE)
    try:
        async for chunk in feed.chunks():
            await _append(socket, up.push(chunk))
        lacking = max(LEAST_MS * feed.rate // 1000 - feed.samples, 0)
        await _append(socket, up.push(bytes(2 * lacking)) + up.flush())
        await socket.send_json({"type": COMMITTED})
    except (ConnectionError, aiohttp.ClientError):
        return


async def _append(socket: aiohttp.ClientWebSocketResponse, pcm: bytes) -> None:
    if pcm:
        await socket.send_json({"type": SENT, "audio": base64.b64encode(pcm).decode()})


def _hearing(text: str, feed: Feed) -> Hearing:
    """It tells no times: all words stand at the end of what was fed."""
    words = without_inventions(plain_words(text))
    return Hearing(tuple(Said(word, feed.samples, feed.samples) for word in words), feed.samples)


def _wav(feed: Feed) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(feed.rate)
        wav.writeframes(feed.since(0))
    return file.getvalue()
