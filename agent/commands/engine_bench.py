"""``allo engines bench``: how quick the voices and recognisers are on this machine, and what memory they take."""

import asyncio
import json
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.commands.voice_command import Said, measured
from agent.costs import Costs, counted
from agent.errors import AlloError
from agent.metered import metered_stt, metered_voice
from agent.ports import SpeechToText, Synthesizer, Transcript
from agent.settings import Settings
from agent.tables import new_recogniser
from agent.voices.voice_table import one_voice
from agent.word_errors import word_errors
from audio.frame import AudioFrame
from audio.level import silence
from audio.resample import resample

SENTENCES = {
    "ru": (
        "Здравствуйте, чем могу помочь?",
        "Гарантия на испытательную машину двадцать четыре месяца.",
        "Доставка по москве бесплатно, срок поставки две недели.",
    ),
    "en": (
        "Hello, how can I help you?",
        "The warranty of the testing machine is twenty four months.",
        "Delivery is free of charge and takes two weeks.",
    ),
}
RATE, FRAME = 8000, 160
"""Audio for the recognisers: Hz, and samples of a frame."""
MB = 1 << 20

Engine = TypeVar("Engine", Synthesizer, SpeechToText)


@dataclass(frozen=True, slots=True)
class Row:
    """One engine's figures."""

    kind: str
    """``voice`` or ``recogniser``."""
    name: str
    first_ms: float = 0.0
    """Voices: wait for the first sound; recognisers: from the end of the speech to its text. Median, milliseconds."""
    factor: float = 0.0
    """Time that the work takes for each second of speech, median."""
    load_s: float = 0.0
    """Until it could be used, seconds."""
    memory_mb: float = 0.0
    """Memory that it took, of this process and its children, megabytes."""
    errors: float | None = None
    """Recognisers: share of words of espeak-ng's speech that were wrong."""
    fault: str = ""
    """Why there are no figures."""


def run(settings: Settings, rounds: int, as_json: bool) -> int:
    """Measure every engine that the settings name; 1 when one of them can't be measured."""
    rows = asyncio.run(bench(settings, rounds))
    if as_json:
        Console().print_json(json.dumps([asdict(row) for row in rows], ensure_ascii=False))
    else:
        console = Console()
        console.print(_table(rows))
        for row in rows:
            if row.fault:
                console.print(f"{row.kind} {row.name}: {row.fault}", style="yellow", markup=False, soft_wrap=True)
    return int(any(row.fault for row in rows))


async def bench(settings: Settings, rounds: int = 3) -> list[Row]:
    """One after the other, so that they don't disturb each other."""
    texts = [text for _ in range(rounds) for text in SENTENCES[settings.language]]
    async with counted(settings.costs, settings.storage.dir, alone=True) as costs:
        rows = [await _voice(settings, costs, engine, name, texts) for engine, name in settings.tts.choices]
        speech = await _speech(settings)
        return rows + [await _recogniser(settings, costs, engine, speech, rounds) for engine in settings.stt.engine]


async def _opened(open_it: Callable[[], Awaitable[Engine]]) -> tuple[Engine, float, float]:
    """The engine, the seconds and the megabytes it took; memory is taken again after its first work."""
    before, began = resident_bytes(), time.perf_counter()
    engine = await open_it()
    return engine, time.perf_counter() - began, before


async def _voice(settings: Settings, costs: Costs, engine: str, name: str, texts: Sequence[str]) -> Row:
    try:
        opened, load_s, before = await _opened(lambda: one_voice(engine, name, settings))
    except AlloError as error:
        return Row("voice", engine, fault=str(error))
    voice = metered_voice(opened, engine, costs)
    try:
        said = [await measured(voice, text) for text in texts]
    except AlloError as error:
        return Row("voice", voice.name, fault=str(error))
    finally:
        await voice.close()
    return Row(
        "voice",
        voice.name,
        statistics.median(each.first_ms for each in said),
        statistics.median(each.took_s / max(each.seconds, 0.1) for each in said),
        load_s,
        max(resident_bytes() - before, 0) / MB,
    )


async def _speech(settings: Settings) -> list[tuple[str, bytes]]:
    """What the recognisers hear: text, and PCM16 at 8 kHz with half a second of silence before it."""
    espeak = await one_voice("espeak", "", settings)
    said: list[Said] = [await measured(espeak, text) for text in SENTENCES[settings.language]]
    await espeak.close()
    heard = [silence(RATE // 2) + resample(each.pcm, each.rate, RATE) for each in said]
    return list(zip(SENTENCES[settings.language], heard, strict=True))


async def _recogniser(
    settings: Settings, costs: Costs, engine: str, speech: Sequence[tuple[str, bytes]], rounds: int
) -> Row:
    try:
        opened, load_s, before = await _opened(lambda: new_recogniser(engine, settings))
    except AlloError as error:
        return Row("recogniser", engine, fault=str(error))
    stt = metered_stt(opened, engine, costs)
    waits, factors, wrong, words = list[float](), list[float](), 0, 0
    try:
        for text, pcm in [*speech] * rounds:
            heard, wait_s, took_s = await _heard(stt, pcm)
            waits.append(wait_s * 1000)
            factors.append(took_s / (len(pcm) / 2 / RATE))
            wrong += word_errors(plain(text), plain(heard))
            words += len(plain(text))
    except AlloError as error:
        return Row("recogniser", stt.name, fault=str(error))
    finally:
        await stt.close()
    memory = max(resident_bytes() - before, 0) / MB
    wait, factor = statistics.median(waits), statistics.median(factors)
    return Row("recogniser", stt.name, wait, factor, load_s, memory, wrong / words)


async def _heard(stt: SpeechToText, pcm: bytes) -> tuple[str, float, float]:
    """The text; the wait after the last frame and the time for all of it, seconds. Frames come as fast as they can."""

    def partial(_text: Transcript) -> None:
        """Only the end counts here."""

    ear = await stt.open(RATE, partial)
    began = time.perf_counter()
    for at in range(0, len(pcm) // 2 - FRAME + 1, FRAME):
        ear.push(AudioFrame(pcm[at * 2 : (at + FRAME) * 2], RATE, at))
        await asyncio.sleep(0)
    ended = time.perf_counter()
    heard = await ear.finish()
    done = time.perf_counter()
    await ear.close()
    return heard.text, done - ended, done - began


def plain(text: str) -> list[str]:
    """Bare words."""
    kept = "".join(letter if letter.isalnum() or letter == "-" else " " for letter in text.lower().replace("ё", "е"))
    return kept.split()


def resident_bytes() -> int:
    """Memory of this process and of its children; 0 where /proc is missing."""
    mine = os.getpid()
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if mine in (int(stat.parent.name), int(fields[1])):
            total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return total


def _table(rows: Sequence[Row]) -> Table:
    table = Table(title="allo engines bench", title_justify="left")
    for name in ("", "engine", "first, ms", "per second", "loads, s", "MB", "wrong"):
        table.add_column(name, justify="left" if name in ("", "engine") else "right")
    for row in rows:
        if row.fault:
            table.add_row(row.kind, Text(row.name), Text("not here", style="yellow"))
            continue
        wrong = "" if row.errors is None else f"{row.errors:.1%}"
        figures = (f"{row.first_ms:.1f}", f"{row.factor:.3f}", f"{row.load_s:.2f}", f"{row.memory_mb:.0f}", wrong)
        table.add_row(row.kind, Text(row.name), *figures)
    table.caption = (
        "first: voices until the first sound, recognisers from the end of the speech to its text; "
        "per second: seconds of work for a second of speech; wrong: words of espeak-ng's speech"
    )
    return table
