"""``allo transcribe``: what a recogniser makes of a WAV file, utterance by utterance, with times."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import TextIO, get_args

from pydantic import ValidationError

from agent.costs import counted
from agent.engine_settings import Recogniser
from agent.errors import SettingsError, StartError
from agent.ports import Recognizer, SpeechToText, Transcript
from agent.senses import Detector
from agent.settings import Settings, Stt
from agent.tables import new_ears, new_stt
from audio.frame import FRAME_MS, AudioFrame, frame_bytes
from audio.wav import read_mono

RATE = 16000
"""Files are heard at this rate, Hz."""
PAUSE_MS, LEAD_MS = 700, 300
"""Quiet that ends an utterance, and audio before it that is heard too, milliseconds."""
LONGEST_S = 60
"""An utterance is ended here even without a pause, seconds."""

Span = tuple[int, int]
"""First frame of an utterance and the one after its last."""


def transcribe_command(
    settings: Settings, file: Path, engines: str = "", *, as_json: bool = False, out: TextIO | None = None
) -> int:
    """Print the texts of ``file``; ``engines``: in place of ``stt.engine``. Returns the exit status."""
    if engines:
        settings = settings.model_copy(update={"stt": _with(settings.stt, engines)})
    try:
        pcm = read_mono(file, RATE)
    except OSError as error:
        raise StartError(f"{file}: can't be read: {error.strerror}") from None
    except ValueError as error:
        raise StartError(str(error)) from None
    if not pcm:
        raise StartError(f"{file}: there is no sound in it, it is 0 s long; record it again")
    return asyncio.run(_transcribe(settings, pcm, as_json, out or sys.stdout))


def _with(stt: Stt, engines: str) -> Stt:
    try:
        return Stt.model_validate({**stt.model_dump(), "engine": engines})
    except ValidationError:
        known = ", ".join(get_args(Recogniser))
        raise SettingsError(f"--engine {engines}: [stt] engine is one or several of {known}") from None


async def _transcribe(settings: Settings, pcm: bytes, as_json: bool, out: TextIO) -> int:
    alone = len(settings.stt.engine) == 1
    async with counted(settings.costs, settings.storage.dir, alone=alone) as costs:
        stt = await new_stt(settings, costs=costs)
        detector = new_ears(settings).detector(RATE)
        began, words = time.perf_counter(), 0
        try:
            async with aclosing(heard(stt, detector, pcm)) as texts:
                async for span, transcript in texts:
                    words += len(transcript.text.split())
                    out.write(_line(span, transcript, as_json))
                    out.flush()
        finally:
            await stt.close()
    took, audio_s = time.perf_counter() - began, len(pcm) / 2 / RATE
    sys.stderr.write(f"{stt.name}: {words} words of {audio_s:.1f} s in {took:.1f} s\n")
    if not words:
        sys.stderr.write("No words were heard in it: is it speech, loud enough, in the language of the settings?\n")
    return 0 if words else 1


async def heard(stt: SpeechToText, detector: Detector, pcm: bytes) -> AsyncGenerator[tuple[Span, Transcript], None]:
    """Each utterance with the text that it has; raises ``HearingError``."""
    frames = _frames(pcm)
    ear = await stt.open(RATE, lambda _partial: None)
    try:
        for span in spans(frames, detector):
            transcript = await _utterance(ear, frames[slice(*span)])
            if transcript.text:
                yield span, transcript
    finally:
        await ear.close()


async def _utterance(ear: Recognizer, frames: list[AudioFrame]) -> Transcript:
    for frame in frames:
        ear.push(frame)
        await asyncio.sleep(0)
    return await ear.finish()


def spans(frames: list[AudioFrame], detector: Detector) -> Iterator[Span]:
    """Where somebody speaks."""
    lead, pause, longest = LEAD_MS // FRAME_MS, PAUSE_MS // FRAME_MS, LONGEST_S * 1000 // FRAME_MS
    start, quiet, free = -1, 0, 0
    for number, frame in enumerate(frames):
        if detector.push(frame.pcm):
            start, quiet = (max(number - lead, free) if start < 0 else start), 0
        elif start >= 0:
            quiet += 1
        if start >= 0 and (quiet >= pause or number - start >= longest):
            yield start, number + 1
            start, quiet, free = -1, 0, number + 1
    if start >= 0:
        yield start, len(frames)


def _frames(pcm: bytes) -> list[AudioFrame]:
    size = frame_bytes(RATE)
    pcm = pcm.ljust(-(-len(pcm) // size) * size, b"\0")
    return [AudioFrame(pcm[at : at + size], RATE, at // 2) for at in range(0, len(pcm), size)]


def _line(span: Span, transcript: Transcript, as_json: bool) -> str:
    start, end = (edge * FRAME_MS / 1000 for edge in span)
    if not as_json:
        return f"{_clock(start)} - {_clock(end)}  {transcript.text}\n"
    words = [{"text": word.text, "start_s": word.start / RATE, "end_s": word.end / RATE} for word in transcript.words]
    row = {"start_s": start, "end_s": end, "text": transcript.text, "words": words}
    told: dict[str, object] = {"confidence": round(transcript.confidence, 3)}
    if transcript.language:
        told["language"] = transcript.language
    return json.dumps(row | told, ensure_ascii=False) + "\n"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02}:{seconds % 60:04.1f}"
