"""Recognition by a Wyoming server (wyoming-faster-whisper, wyoming-vosk ...): one connection for each utterance.

The protocol: a line of JSON, then its data, then its payload (github.com/OHF-Voice/wyoming). Most servers answer once
the audio has stopped; those that stream send pieces of the text before.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from wyoming.client import AsyncClient
from wyoming.event import Event

from agent.backends.plain_words import plain_words, without_inventions
from agent.backends.streamed_ear import Feed, Hearing, Said, Show, StreamedEar
from agent.errors import HearingError, SettingsError
from agent.ports import Transcript
from agent.settings import Wyoming
from audio.resample import Resampler

RATE = 16000
"""What all such servers take, Hz."""
CONNECT_S = 2.0
"""The connection must stand within this, seconds."""
_FORMAT = {"rate": RATE, "width": 2, "channels": 1}


class WyomingStt:
    """The recognition engine over the address of a server."""

    def __init__(self, wyoming: Wyoming, language: str, hints: Sequence[str] = ()) -> None:
        """``language``: ``ru`` or ``en``; ``hints``: terms that are likely. Nothing is connected yet.

        Raises ``SettingsError`` for a wrong address.
        """
        self._asked = Event(
            "transcribe", {"language": language, **({"transcript_terms": list(hints)} if hints else {})}
        )
        self._address = wyoming.stt_address
        self._client()

    @property
    def name(self) -> str:
        """Engine and address."""
        return f"wyoming {self._address}"

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> StreamedEar:
        """A fresh recogniser for audio at ``rate`` Hz."""
        return StreamedEar(self._listen, rate, on_partial)

    async def close(self) -> None:
        """Nothing is held between utterances."""

    def _client(self) -> AsyncClient:
        try:
            return AsyncClient.from_uri(self._address, connect_timeout=CONNECT_S)
        except ValueError as error:
            raise SettingsError(f"[wyoming] stt_address {self._address!r}: {error}") from None

    async def _listen(self, feed: Feed, show: Show) -> Hearing:
        """One connection over one piece of audio; see ``streamed_ear.Listen``."""
        client = self._client()
        try:
            await client.connect()
        except (OSError, TimeoutError) as error:
            raise HearingError(f"wyoming: {self._address} can't be reached ({type(error).__name__})") from None
        sending = asyncio.get_running_loop().create_task(self._send(client, feed))
        try:
            return await _read(client, feed, show)
        finally:
            sending.cancel()
            await asyncio.wait([sending])
            with suppress(OSError):
                await client.disconnect()

    async def _send(self, client: AsyncClient, feed: Feed) -> None:
        """Send until the utterance is over. When the connection is broken, reading tells."""
        up = Resampler(feed.rate, RATE)
        with suppress(OSError):
            await client.write_event(self._asked)
            await client.write_event(Event("audio-start", dict(_FORMAT)))
            async for chunk in feed.chunks():
                await _chunk(client, up.push(chunk))
            await _chunk(client, up.flush())
            await client.write_event(Event("audio-stop"))


async def _chunk(client: AsyncClient, pcm: bytes) -> None:
    if pcm:
        await client.write_event(Event("audio-chunk", dict(_FORMAT), pcm))


async def _read(client: AsyncClient, feed: Feed, show: Show) -> Hearing:
    """Take events until the text is there."""
    parts: list[str] = []
    while True:
        event = await _event(client)
        text = event.data.get("text", "")
        match event.type:
            case "transcript-chunk":
                parts.append(str(text))
                show(replace(_hearing("".join(parts), feed), reached=0))  # it does not tell how far it is
            case "transcript" if feed.ended:
                return _hearing(str(text), feed)
            case "error":
                raise HearingError(f"wyoming: the server failed ({event.data.get('code') or 'no reason given'})")


async def _event(client: AsyncClient) -> Any:
    try:
        event = await client.read_event()
    except (OSError, asyncio.IncompleteReadError):
        event = None
    except (KeyError, AttributeError, TypeError):
        raise HearingError("wyoming: the server sent what is no event") from None
    if event is None or not isinstance(event.data, dict):
        raise HearingError("wyoming: the connection ended before the utterance did")
    return event


def _hearing(text: str, feed: Feed) -> Hearing:
    """It tells no times: all words stand at the end of what was fed."""
    words = without_inventions(plain_words(text))
    return Hearing(tuple(Said(word, feed.samples, feed.samples) for word in words), feed.samples)
