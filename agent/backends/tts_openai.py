"""Speech by OpenAI's speech API, or a server that speaks it (Kokoro-FastAPI, Speaches, openedai-speech ...).

Protocol: platform.openai.com/docs/api-reference/audio/createSpeech, ``response_format: pcm``: a chunked body of bare
PCM16 mono at 24 kHz, little endian. No word times.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing

from agent.backends.speech_http import SpeechPost
from agent.ports import WordStart
from agent.settings import OpenAi

OPENAI = "https://api.openai.com/v1"
RATE = 24_000
"""Of the format ``pcm``, Hz."""
SLOWEST, FASTEST = 0.25, 4.0
"""What ``speed`` takes."""
DEFAULT_VOICE = "nova"
ADVICE = {
    400: "the request was refused; check [openai] tts_model and the voice's name",
    401: "the key was refused; set OPENAI_API_KEY or [openai] api_key",
    403: "the key may not use this model; check [openai] api_key and tts_model",
    404: "no such model or address; check [openai] tts_model and base_url",
    422: "the request was refused; check [openai] tts_model and the voice's name",
    429: "too many requests, or no credit left at the provider",
}


class OpenAiVoice:
    """A voice of an OpenAI-compatible server."""

    def __init__(self, openai: OpenAi, voice: str = "") -> None:
        """Nothing is connected yet."""
        self._url = f"{(openai.base_url or OPENAI).rstrip('/')}/audio/speech"
        key = openai.api_key.get_secret_value()
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._voice = voice or DEFAULT_VOICE
        self._model, self._instructions = openai.tts_model, openai.tts_instructions
        self._post = SpeechPost(ADVICE)

    @property
    def name(self) -> str:
        """Engine, model and voice."""
        return f"openai {self._model} {self._voice}" + (f" ({self._instructions})" if self._instructions else "")

    @property
    def rate(self) -> int:
        """24,000 Hz."""
        return RATE

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        """Stream PCM16 mono as it comes from the server; nothing for a text without words. Raises ``VoiceError``."""
        if not any(letter.isalnum() for letter in text):
            return
        body: dict[str, object] = {
            "model": self._model,
            "voice": self._voice,
            "input": text,
            "response_format": "pcm",
        }
        if pace != 1.0:
            body["speed"] = min(max(pace, SLOWEST), FASTEST)
        if self._instructions:
            body["instructions"] = self._instructions
        async with aclosing(self._post.pcm(self._url, self._headers, json=body)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def close(self) -> None:
        """Close the connections."""
        await self._post.close()
