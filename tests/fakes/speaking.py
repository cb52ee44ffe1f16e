"""What the speech servers of the tests share: real speech, made by espeak-ng, and the ways in which they fail."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

from agent.backends.tts_espeak import Espeak
from agent.ports import WordStart
from audio.frame import SAMPLE_BYTES
from audio.resample import resample

Fault = Literal["", "hang_first", "late", "die", "hang_middle", "end_early", "page", "noise", "refused", "expired"]
"""Nothing at all; the first sound late; the connection breaks in the middle; nothing more from there; a clean end
there; a web page; loud noise; an error of the server; credentials that are not accepted."""


class Died(Exception):  # noqa: N818 - what is to happen, not a fault
    """The connection is to break now."""


@dataclass
class Behaviour:
    """How a speech server behaves."""

    fault: Fault = ""
    only_in: str = ""
    """The fault strikes only sentences that hold this."""
    share: float = 0.5
    """Where the middle of a sentence is, of its audio."""
    late_s: float = 1.5
    """How late the first sound of ``late`` is, seconds."""
    chunk_ms: int = 100
    voice: str = "ru+f3"
    """espeak-ng's voice."""
    speed_wpm: int = 165
    texts: list[str] = field(default_factory=list)
    """What was asked for, oldest first."""
    takes: list[tuple[str, bytes, list[tuple[int, int]]]] = field(default_factory=list)
    """What was made of each, whole: the text, PCM16, and each word's place in the text and first sample."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at the end: what hangs may go."""

    async def speech(self, text: str, rate: int, pace: float = 1.0) -> AsyncIterator[bytes]:
        """PCM16 at ``rate`` in chunks, up to the fault; raises ``Died`` where the connection is to break."""
        self.texts.append(text)
        fault = self.fault_of(text)
        pcm, words = await spoken(text, rate, self.voice, self.speed_wpm, pace)
        self.takes.append((text, pcm, words))
        if fault == "hang_first":
            await self.released.wait()
        if fault == "late":
            await asyncio.sleep(self.late_s)
        if fault == "noise":
            pcm = bytes((n * 7919 + n // 3 * 104729) % 251 for n in range(len(pcm)))
        middle = int(len(pcm) // SAMPLE_BYTES * self.share) * SAMPLE_BYTES
        cut = fault in ("die", "hang_middle", "end_early")
        size = rate * self.chunk_ms // 1000 * SAMPLE_BYTES
        for place in range(0, middle if cut else len(pcm), size):
            yield pcm[place : min(place + size, middle) if cut else place + size]
            await asyncio.sleep(0)
        if fault == "hang_middle":
            await self.released.wait()
        if fault == "die":
            await asyncio.sleep(0.02)  # what was sent is on its way
            raise Died

    def fault_of(self, text: str) -> Fault:
        """What befalls this sentence."""
        return self.fault if self.only_in in text else ""


async def spoken(
    text: str, rate: int, voice: str = "ru+f3", speed_wpm: int = 165, pace: float = 1.0
) -> tuple[bytes, list[tuple[int, int]]]:
    """PCM16 at ``rate`` and each word's place in the text and first sample."""
    espeak = await Espeak.load("ru", voice, speed_wpm)
    pcm, words = b"", list[tuple[int, int]]()
    async for made in espeak.synthesize(text, pace):
        if isinstance(made, WordStart):
            words.append((made.offset, made.sample * rate // espeak.rate))
        else:
            pcm += made
    return resample(pcm, espeak.rate, rate), words
