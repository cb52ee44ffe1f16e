"""Speech by XTTS v2 in a worker process: a voice cloned from a few recordings; extra ``xtts``, a model, and a GPU.

It streams: the first sound comes after some twenty tokens (0.9 s of speech) are made. On a CPU it takes longer than
the speech lasts, so there it is for trying out. One process speaks one sentence at a time; others wait their turn.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import asdict, replace
from pathlib import Path

from agent.backends.decoding import Urgency
from agent.backends.text_pieces import pieces
from agent.backends.worker import Worker, WorkerError
from agent.backends.xtts_manner import MANNERS
from agent.errors import StartError, VoiceError
from agent.ports import WordStart
from agent.settings import Xtts
from audio.frame import SAMPLE_BYTES
from audio.loudness import Joiner

FACTORY = "agent.backends.xtts_child:load"
MOST_CHARS = {"ru": 180, "en": 240}
"""Longer texts lose their ends (the library's own limits are 182 and 250 characters)."""
LETTER_S, EXTRA_S = 0.18, 3.0
"""Speech longer than so much for a letter and that beyond is no speech any more, seconds."""
SLOWEST, FASTEST = 0.5, 2.0
"""Tempo that it can be asked for."""


class XttsVoice:
    """One cloned voice, or one of the model's own."""

    def __init__(self, worker: Worker, xtts: Xtts, name: str, language: str, rate: int) -> None:
        """``worker`` is running; see ``load``. ``rate``: Hz."""
        self._worker, self._xtts, self._voice, self._language, self._rate = worker, xtts, name, language, rate

    @classmethod
    async def load(cls, xtts: Xtts, model: Path, voice: Path | str, language: str) -> "XttsVoice":
        """Start the worker, which reads the model in ``model`` and what is known of the speaker (a minute at most).

        ``voice``: the folder of a cloned voice, or the name of a speaker of the model's. Raises ``StartError``.
        """
        name = voice.name if isinstance(voice, Path) else voice
        arguments = {"folder": str(model), "voice": str(voice), "device": xtts.device, "threads": xtts.threads}
        worker = Worker(FACTORY, arguments, f"xtts {name}")
        await worker.start()
        try:
            about, _ = await worker.one({"text": ""})
        except WorkerError as error:
            await worker.close()
            raise StartError(str(error)) from None
        except BaseException:
            await worker.close()
            raise
        return cls(worker, xtts, name, language, int(about["rate"]))

    @property
    def name(self) -> str:
        """Engine, voice and preset."""
        return f"xtts {self._voice} {self._xtts.preset}"

    @property
    def rate(self) -> int:
        """24,000 Hz with the published model."""
        return self._rate

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        """Stream PCM16 mono as it is made, no word times; nothing for a text without words. Raises ``VoiceError``."""
        joiner, begun = Joiner(), False
        for _, part in pieces(text, MOST_CHARS[self._language]):
            if begun and (early := joiner.cut()):
                yield early
            begun = True
            async with aclosing(self._said(part, pace)) as chunks:
                async for chunk in chunks:
                    if pcm := joiner.push(chunk):
                        yield pcm
        if rest := joiner.flush():
            yield rest

    async def close(self) -> None:
        """End the process."""
        await self._worker.close()

    async def _said(self, text: str, pace: float) -> AsyncGenerator[bytes, None]:
        manner = MANNERS[self._xtts.preset]
        speed = min(max(manner.speed * pace, SLOWEST), FASTEST)
        letters = sum(letter.isalnum() for letter in text)
        request = {
            "text": text,
            "language": self._language,
            "manner": asdict(replace(manner, speed=speed)),
            "chunk": self._xtts.chunk_tokens,
            "most_s": (EXTRA_S + letters * LETTER_S) / speed,
        }
        made = 0
        try:
            async with aclosing(self._worker.ask(request, urgency=Urgency.END)) as replies:
                async for _, pcm in replies:
                    made += len(pcm) // SAMPLE_BYTES
                    yield pcm
        except WorkerError as error:
            raise VoiceError(str(error)) from None
        if not made:
            raise VoiceError("made no sound")
