"""Speech by a Wyoming server (wyoming-piper, and what else Home Assistant speaks with): one connection for a sentence.

The protocol: a line of JSON, then its data, then its payload (github.com/OHF-Voice/wyoming). ``synthesize`` is answered
by ``audio-start``, ``audio-chunk`` as often as needed, ``audio-stop``. No word times, and no pace: faster and slower is
left out.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress

from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.tts import Synthesize, SynthesizeVoice

from agent.errors import SettingsError, VoiceError
from agent.ports import WordStart
from agent.settings import Wyoming
from audio.frame import SAMPLE_BYTES
from audio.resample import Resampler

RATE = 22_050
"""Of what we give, Hz: that of most Piper voices; a server with another rate is converted."""
CONNECT_S = 2.0
"""The connection must stand within this, seconds."""
SILENT_S = 15.0
"""Longest silence of a server, seconds; a chain of voices waits far less."""
SLOWEST_HZ, FASTEST_HZ = 8000, 96_000


# not wyoming.audio: it imports audioop, which Python 3.13 has no more


class WyomingVoice:
    """A voice of a Wyoming server."""

    def __init__(self, wyoming: Wyoming, language: str, voice: str = "") -> None:
        """``language``: ``ru`` or ``en``. Nothing is connected yet; raises ``SettingsError`` for a wrong address."""
        self._address, self._language, self._voice = wyoming.tts_address, language, voice
        self._client()

    @property
    def name(self) -> str:
        """Engine, address and voice."""
        return " ".join(part for part in ("wyoming", self._address, self._voice) if part)

    @property
    def rate(self) -> int:
        """22,050 Hz."""
        return RATE

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        """Stream PCM16 mono as it comes; nothing for a text without words. Raises ``VoiceError``."""
        if not any(letter.isalnum() for letter in text):
            return
        client = self._client()
        try:
            await client.connect()
            voice = SynthesizeVoice(name=self._voice or None, language=None if self._voice else self._language)
            await client.write_event(Synthesize(text, voice).event())
            async with aclosing(_audio(client)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except (OSError, TimeoutError, EOFError) as error:
            raise VoiceError(
                f"{self._address} does not answer ({type(error).__name__}); is a Wyoming server running there?"
            ) from None
        except (KeyError, ValueError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise VoiceError(f"{self._address} does not speak Wyoming ({type(error).__name__})") from None
        finally:
            with suppress(OSError):
                await client.disconnect()

    async def close(self) -> None:
        """Nothing is held between sentences."""

    def _client(self) -> AsyncClient:
        try:
            return AsyncClient.from_uri(self._address, connect_timeout=CONNECT_S)
        except ValueError as error:
            raise SettingsError(f"[wyoming] tts_address {self._address!r}: {error}") from None


async def _audio(client: AsyncClient) -> AsyncGenerator[bytes, None]:
    """What the server says, at ``RATE``; raises ``EOFError`` when it leaves before the end."""
    change: Resampler | None = None
    while True:
        async with asyncio.timeout(SILENT_S):
            event = await client.read_event()
        if event is None:
            raise EOFError
        if event.type == "audio-start":
            change = _change(event)
        elif event.type == "audio-chunk":
            change = change or _change(event)
            if pcm := change.push(event.payload or b""):
                yield pcm
        elif event.type == "audio-stop":
            if change is not None and (rest := change.flush()):
                yield rest
            return
        elif Error.is_type(event.type):
            raise VoiceError("the server reports a fault; look at its log")


def _change(event: Event) -> Resampler:
    """From the server's format; raises ``VoiceError`` for one that is not PCM16 mono."""
    rate, width, channels = (int(event.data[key]) for key in ("rate", "width", "channels"))
    if width != SAMPLE_BYTES or channels != 1 or not SLOWEST_HZ <= rate <= FASTEST_HZ:
        raise VoiceError(f"sends {width * 8}-bit audio of {channels} channels at {rate} Hz")
    return Resampler(rate, RATE)
