"""What the tests of voices share: what the line gets of a voice, its gaps, and what a recogniser understands of it."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from agent.backends.stt_vosk import Vosk
from agent.ports import Synthesizer, WordStart
from audio.frame import SAMPLE_BYTES, AudioFrame
from audio.level import silence
from audio.resample import resample

MODELS = Path(__file__).parent.parent.parent / "agent" / "models"
SENTENCE = "Гарантия на испытательную машину двадцать четыре месяца, доставка по москве"
HEARD = "гарантия на испытательную машину двадцать четыре месяца доставка по москве"
"""The same as the demo recogniser writes it, which knows all its words."""


@dataclass
class Wire:
    """What came, and when, as seconds after the request."""

    rate: int
    pcm: bytearray = field(default_factory=bytearray)
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    """Time, and samples there were before."""
    words: list[WordStart] = field(default_factory=list)

    @property
    def first_s(self) -> float:
        """When the first sound came."""
        return self.arrivals[0][0]

    @property
    def gap_s(self) -> float:
        """The longest time for which a line that plays in real time had nothing, after the first sound."""
        begun, longest = self.first_s, 0.0
        for at, before in self.arrivals:
            gap = max(at - begun - before / self.rate, 0.0)
            begun += gap
            longest = max(longest, gap)
        return longest


async def listened(voice: Synthesizer, text: str, pace: float = 1.0) -> Wire:
    """Everything that a voice makes of a text."""
    loop = asyncio.get_running_loop()
    wire, began = Wire(voice.rate), loop.time()
    async for made in voice.synthesize(text, pace):
        if isinstance(made, WordStart):
            wire.words.append(made)
        else:
            wire.arrivals.append((loop.time() - began, len(wire.pcm) // SAMPLE_BYTES))
            wire.pcm += made
    return wire


async def understood(wire: Wire) -> str:
    """What the demo recogniser hears."""
    pcm = silence(2400) + resample(bytes(wire.pcm), wire.rate, 8000) + silence(2400)
    stt = await Vosk.load(MODELS / "vosk-demo-ru")
    ear = await stt.open(8000, lambda _: None)
    for position in range(0, len(pcm) // 2 - 159, 160):
        ear.push(AudioFrame(pcm[position * 2 : position * 2 + 320], 8000, position))
    text = (await ear.finish()).text.replace("ё", "е")
    await ear.close()
    await stt.close()
    return text
