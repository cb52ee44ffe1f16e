"""What a chain of recognisers loses when the first one fails, and what a worker process costs the event loop."""

import asyncio
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop

from agent.backends.stt_openai import OpenAiStt
from agent.backends.stt_sherpa import SherpaStt
from agent.backends.stt_vosk import Vosk
from agent.hearing_chain import HearingChain
from agent.ports import Recognizer, SpeechToText
from agent.settings import OpenAi, Sherpa
from audio.frame import AudioFrame, frame_bytes
from audio.wav import read_mono
from bench.report import Row, percentile, spread
from tests.fakes import tone_model
from tests.fakes.openai_ears import EarsBehaviour, Fault, OpenAiEars
from tests.fakes.tone_speech import WORDS, say

ROOT = Path(__file__).parents[1]
RATE = 8000
DEADLINE_S = 1.0
"""As ``stt.deadline_ms`` by default."""
FAULTS: tuple[Fault, ...] = ("refuse", "500", "die", "end_early", "garbage", "hang")
SENTENCES, AT_ONCE, AFTER_MS = 24, 6, 900
"""Of the recorded test speech for each fault; so many are spoken at once; audio after which the server fails."""
CALLS, TURNS = 20, 3
"""Calls on one worker process, and sentences of each."""


def hearing() -> list[Row]:
    """All rows."""
    logging.disable(logging.ERROR)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return [*runner.run(_failover()), runner.run(_stalls())]
    finally:
        logging.disable(logging.NOTSET)


async def _failover() -> list[Row]:
    speech = [read_mono(path) for path in sorted((ROOT / "tests/speech/ru/domain").glob("*.wav"))[:SENTENCES]]
    vosk = await Vosk.load(ROOT / "agent/models/vosk-demo-ru")
    alone = [text for text, _ in await _all(vosk, speech)]
    rows, dead, lost, asked = [], list[float](), 0, 0
    for fault in FAULTS:
        async with OpenAiEars(EarsBehaviour(always=fault, after_ms=AFTER_MS)) as server:
            heard = []
            for start in range(0, len(speech), AT_ONCE):  # each by a new chain: none knows yet that the first one fails
                first = OpenAiStt(OpenAi(base_url=server.base_url), "ru")
                heard += await _all(HearingChain([first, vosk], DEADLINE_S), speech[start : start + AT_ONCE])
                await first.close()
        lost += sum(text != expected for (text, _), expected in zip(heard, alone, strict=True))
        asked += len(heard)
        waits = [wait for _, wait in heard]
        if fault == "hang":
            over = [wait - DEADLINE_S * 1000 for wait in waits]
            what = "recogniser hangs: deadline -> text by the next one"
            met = percentile(over, 0.95) <= 150
            rows.append(Row("hearing-hang", what, "p95 <= 150 ms", spread(over), len(over), met))
        else:
            dead += waits
    await vosk.close()
    what = "recogniser dead (5 ways): end of utterance -> text by the next one"
    rows.append(Row("hearing-dead", what, "p95 <= 400 ms", spread(dead), len(dead), percentile(dead, 0.95) <= 400))
    what = "recogniser fails (6 ways): sentences whose words differ from the second one's alone"
    rows.append(Row("hearing-words", what, "0", str(lost), asked, lost == 0))
    return rows


async def _stalls() -> Row:
    folder = tempfile.TemporaryDirectory()
    stt = await SherpaStt.load(Sherpa(kind="t-one"), tone_model.make(Path(folder.name) / "t-one"))
    sentence = say(" ".join(WORDS[:12]))
    watching = asyncio.ensure_future(_watch())
    for _ in range(TURNS):
        await _all(stt, [sentence] * CALLS, CALLS)
    watching.cancel()
    late = await watching
    await stt.close()
    folder.cleanup()
    worst = percentile(late, 0.999)
    measured = f"p50 {percentile(late, 0.5):.1f}, p99.9 {worst:.1f}, worst {max(late):.1f} ms"
    what = f"event loop late, {CALLS} calls on sherpa's worker process (a small network of T-one's format)"
    return Row("hearing-loop", what, "p99.9 <= 10 ms", measured, len(late), worst <= 10)


async def _watch() -> list[float]:
    """How late the loop is each 2 ms, milliseconds, until cancelled."""
    late, loop = [], asyncio.get_running_loop()
    try:
        while True:
            began = loop.time()
            await asyncio.sleep(0.002)
            late.append((loop.time() - began - 0.002) * 1000)
    except asyncio.CancelledError:
        return late


async def _all(stt: SpeechToText, speech: Sequence[bytes], at_once: int = AT_ONCE) -> list[tuple[str, float]]:
    """Texts of all utterances, spoken in real time, and how long after their ends they came, milliseconds."""
    heard: list[tuple[str, float]] = []
    for start in range(0, len(speech), at_once):
        group = speech[start : start + at_once]
        ears = [await stt.open(RATE, lambda _partial: None) for _ in group]
        heard += await asyncio.gather(*(_one(ear, pcm) for ear, pcm in zip(ears, group, strict=True)))
        for ear in ears:
            await ear.close()
    return heard


async def _one(ear: Recognizer, pcm: bytes) -> tuple[str, float]:
    loop, size = asyncio.get_running_loop(), frame_bytes(RATE)
    began = loop.time()
    for number in range(len(pcm) // size):
        ear.push(AudioFrame(pcm[number * size : (number + 1) * size], RATE, number * size // 2))
        await asyncio.sleep(max(began + (number + 1) * 0.02 - loop.time(), 0))
    ended = loop.time()
    text = (await ear.finish()).text
    return text, (loop.time() - ended) * 1000
