"""What a chain of voices costs, and what is heard when one of them fails; the voices are servers on loopback."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agent.backends.tts_espeak import Espeak
from agent.backends.tts_openai import OpenAiVoice
from agent.engine_settings import OpenAi
from agent.ports import Synthesizer, WordStart
from agent.voices.phrases import Phrases
from agent.voices.voice_chain import VoiceChain
from audio.loudness import active_level
from bench.report import Row, percentile, spread, within
from bench.seams import Seam, Take, seam
from tests.agent.voices import HEARD, SENTENCE, listened, understood
from tests.fakes.speaking import Behaviour, Fault, spoken
from tests.fakes.speech_server import SpeechServer

DEADLINE_S = 0.8
"""First-sound deadline, as by default, seconds."""
SPEAKERS = ("ru+f3", "ru+m6", "ru+f2", "ru+croak")
"""espeak-ng's voices that play the server's."""
SHARES = tuple(round(0.1 + 0.04 * n, 2) for n in range(20))
"""Where in the sentence the server dies, of its audio: 0.10 to 0.86."""
GAINS_DB = (-12.0, -6.0, 0.0, 6.0)


def voices() -> list[Row]:
    """All rows, one after the other."""
    logging.disable(logging.WARNING)
    try:
        return [asyncio.run(_row(measure)) for measure in MEASURES]
    finally:
        logging.disable(logging.NOTSET)


@asynccontextmanager
async def _chain(behaviour: Behaviour) -> AsyncIterator[tuple[VoiceChain, SpeechServer]]:
    espeak = await Espeak.load("ru")
    async with SpeechServer(behaviour) as server:
        chain = VoiceChain([OpenAiVoice(OpenAi(base_url=server.base_url)), espeak], espeak, DEADLINE_S)
        yield chain, server
        await chain.close()


@dataclass
class _Ready:
    """Gives a sentence that was made before; notes when its first chunk left."""

    pcm: bytes
    name: str = "ready"
    rate: int = 24_000
    at: float = 0.0

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        await asyncio.sleep(0.002)
        self.at = asyncio.get_running_loop().time()
        for place in range(0, len(self.pcm), 9600):
            yield self.pcm[place : place + 9600]

    async def close(self) -> None: ...


async def _own_time() -> Row:
    ready = _Ready((await spoken(SENTENCE, 24_000))[0])
    chain = VoiceChain([ready, await Espeak.load("ru")])
    own: list[float] = []
    for _ in range(200):
        first = True
        async for made in chain.synthesize(SENTENCE):
            if first and isinstance(made, bytes):
                own.append((asyncio.get_running_loop().time() - ready.at) * 1000)
                first = False
    measured = f"p50 {percentile(own, 0.5):.1f}, p95 {percentile(own, 0.95):.1f}, worst {max(own):.1f} ms"
    return Row("voice-own", "voice's first chunk -> chain's", "p95 <= 5 ms", measured, len(own), within(own, 0.95, 5))


async def _dead_at_connect() -> Row:
    waits = []
    for _ in range(20):
        async with _chain(Behaviour()) as (chain, server):
            await server.__aexit__()
            waits.append((await listened(chain, SENTENCE)).first_s * 1000)
    what = "voice dead at connect: request -> the next one's sound"
    return Row("voice-dead", what, "<= 300 ms", spread(waits), len(waits), max(waits) <= 300)


async def _hanging() -> Row:
    waits = []
    for _ in range(10):
        async with _chain(Behaviour("hang_first")) as (chain, _):
            waits.append(((await listened(chain, SENTENCE)).first_s - DEADLINE_S) * 1000)
    what = "voice hangs: deadline -> the next one's sound"
    return Row("voice-hang", what, "<= 150 ms", spread(waits), len(waits), max(waits) <= 150)


@dataclass
class _Noted:
    """A voice, and what it was asked for."""

    voice: Synthesizer
    texts: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.voice.name

    @property
    def rate(self) -> int:
        return self.voice.rate

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        self.texts.append(text)
        async for made in self.voice.synthesize(text, pace):
            yield made

    async def close(self) -> None:
        await self.voice.close()


@dataclass
class _Seams:
    """Sentences that went over from one voice to another."""

    gaps_ms: list[float] = field(default_factory=list)
    """The longest silence of each, milliseconds."""
    otherwise: int = 0
    """Those that the demo recogniser wrote otherwise."""
    seams: list[Seam] = field(default_factory=list)

    async def add(self, behaviour: Behaviour) -> None:
        espeak = await Espeak.load("ru")
        then = _Noted(espeak)
        async with SpeechServer(behaviour) as server:
            chain = VoiceChain([OpenAiVoice(OpenAi(base_url=server.base_url)), then], espeak, DEADLINE_S)
            wire = await listened(chain, SENTENCE)
            await chain.close()
        text, pcm, words = behaviour.takes[0]
        rest = then.texts[0] if then.texts else None
        self.seams.append(seam(bytes(wire.pcm), wire.rate, Take(text, pcm, tuple(WordStart(*w) for w in words)), rest))
        self.gaps_ms.append(wire.gap_s * 1000)
        self.otherwise += await understood(wire) != HEARD

    def row(self, name: str, what: str) -> Row:
        lost, twice = sum(seam.lost for seam in self.seams), sum(seam.twice for seam in self.seams)
        said = [share for seam in self.seams for share in seam.shares[: seam.then]]
        count = len(self.seams)
        measured = f"{spread(self.gaps_ms)}; {lost} words lost, {twice} said twice, by the samples "
        measured += f"(of a word not said again at least {min(said, default=1.0):.0%} was heard, "
        measured += f"of one said again at most {max(seam.begun for seam in self.seams):.0%}); "
        measured += f"{count - self.otherwise} of {count} transcripts to the letter"
        met = max(self.gaps_ms) <= 400 and not lost and not twice
        return Row(name, what, "<= 400 ms, every word once", measured, count, met)


async def _in_mid_sentence(fault: Fault, speakers: tuple[str, ...]) -> _Seams:
    found = _Seams()
    for speaker in speakers:
        for share in SHARES:
            await found.add(Behaviour(fault, share=share, voice=speaker))
    return found


async def _dying() -> Row:
    return (await _in_mid_sentence("die", SPEAKERS)).row("voice-die", "voice dies in mid-sentence: audible gap")


async def _stalling() -> Row:
    found = await _in_mid_sentence("hang_middle", SPEAKERS[:1])
    return found.row("voice-stall", "voice hangs in mid-sentence: audible gap")


async def _loudness() -> Row:
    levels = []
    for speaker in SPEAKERS:
        pcm, _ = await spoken(SENTENCE, 24_000, speaker)
        for gain_db in GAINS_DB:
            louder = np.frombuffer(pcm, dtype="<i2") * 10.0 ** (gain_db / 20.0)
            loud = _Ready(np.clip(np.rint(louder), -32768, 32767).astype("<i2").tobytes())
            wire = await listened(VoiceChain([loud]), SENTENCE)
            levels.append(active_level(bytes(wire.pcm), wire.rate))
    measured = f"{min(levels):.1f} to {max(levels):.1f} dBFS"
    what = f"loudness of {len(SPEAKERS)} voices, each at {len(GAINS_DB)} levels 6 dB apart"
    return Row("voice-loudness", what, "within 4 dB", measured, len(levels), max(levels) - min(levels) <= 4)


async def _cache() -> Row:
    waits: list[float] = []
    clock = asyncio.get_running_loop().time
    with tempfile.TemporaryDirectory() as folder:
        espeak = await Espeak.load("ru")
        texts = [f"{SENTENCE} {n}" for n in range(50)]
        await Phrases(espeak, Path(folder), 100).warm(texts, 8000)
        later = Phrases(espeak, Path(folder), 100)  # as after a restart: from the disk, then from memory
        for text in texts * 2:
            began = clock()
            async for _ in later.speech(text, 8000):
                waits.append((clock() - began) * 1000)
                break
    disk, memory = waits[:50], waits[50:]
    measured = f"from memory p95 {percentile(memory, 0.95):.2f}, from disk p95 {percentile(disk, 0.95):.2f} ms"
    return Row("voice-cache", "phrase cache: hit -> first sample", "<= 2 ms", measured, 100, within(waits, 0.95, 2))


MEASURES: tuple[Callable[[], Awaitable[Row]], ...] = (
    _own_time,
    _dead_at_connect,
    _hanging,
    _dying,
    _stalling,
    _loudness,
    _cache,
)


async def _row(measure: Callable[[], Awaitable[Row]]) -> Row:
    return await measure()
