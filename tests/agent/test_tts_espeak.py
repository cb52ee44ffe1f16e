import asyncio
import re
import threading
import time
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from agent.backends import tts_espeak
from agent.backends.stt_vosk import Vosk
from agent.backends.tts_espeak import Espeak
from agent.errors import StartError
from agent.ports import WordStart
from audio.frame import AudioFrame
from audio.level import dbfs, peak_dbfs, silence
from audio.resample import resample

MODELS = Path(__file__).parent.parent.parent / "agent" / "models"
RUSSIAN = "Гарантия на испытательную машину двадцать четыре месяца."
ENGLISH = "The warranty of the testing machine is twenty four months."


async def speech(voice: Espeak, text: str, pace: float = 1.0) -> bytes:
    return b"".join([made async for made in voice.synthesize(text, pace) if isinstance(made, bytes)])


async def words(voice: Espeak, text: str) -> list[tuple[str, int]]:
    """Each word of the text and the sample of its start."""
    marks = [made async for made in voice.synthesize(text) if isinstance(made, WordStart)]
    return [(re.findall(r"\w+", text[mark.offset :])[0], mark.sample) for mark in marks]


def active_level(pcm: bytes, rate: int) -> float:
    """RMS of the 20 ms frames within 30 dB of the loudest, dBFS."""
    size = rate // 50 * 2
    levels = np.array([dbfs(pcm[i : i + size]) for i in range(0, len(pcm) - size, size)])
    loud = levels[levels > levels.max() - 30.0]
    return float(10.0 * np.log10(np.mean(10.0 ** (loud / 10.0))))


@pytest.mark.parametrize(("language", "text"), [("ru", RUSSIAN), ("en", ENGLISH)])
async def test_a_sentence_has_a_good_level_and_no_long_silence(language: str, text: str) -> None:
    voice = await Espeak.load(language)
    assert voice.rate == 22050
    pcm = await speech(voice, text)
    assert 2.0 < len(pcm) / 2 / voice.rate < 6.0
    assert -24.0 < active_level(pcm, voice.rate) < -16.0
    assert -9.0 < peak_dbfs(pcm) < -0.01
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, dtype="<i2").astype(int)) > 100)
    assert loud[0] <= voice.rate * 20 // 1000
    tail = (len(pcm) // 2 - loud[-1]) / voice.rate
    assert 0.15 <= tail < 0.35
    await voice.close()


@pytest.mark.parametrize(
    ("language", "text"), [("ru", "сколько стоит доставка"), ("en", "how much does delivery cost")]
)
async def test_what_is_spoken_is_understood_by_the_recogniser(language: str, text: str) -> None:
    voice = await Espeak.load(language, speed_wpm=150)
    pcm = silence(2400) + resample(await speech(voice, text), voice.rate, 8000)
    stt = await Vosk.load(MODELS / f"vosk-demo-{language}")
    ear = await stt.open(8000, lambda _: None)
    for position in range(0, len(pcm) // 2 - 159, 160):
        ear.push(AudioFrame(pcm[position * 2 : position * 2 + 320], 8000, position))
    assert (await ear.finish()).text.replace("ё", "е") == text
    await ear.close()
    await stt.close()


async def test_chunks_stream_and_the_first_comes_at_once() -> None:
    voice = await Espeak.load("ru")
    began = time.perf_counter()
    chunks: list[float] = []
    async with aclosing(voice.synthesize(RUSSIAN)) as stream:  # type: ignore[type-var]
        async for chunk in stream:
            if isinstance(chunk, WordStart):
                continue
            if not chunks:
                first_ms = (time.perf_counter() - began) * 1000
            chunks.append(len(chunk) / 2 / voice.rate)
    assert len(chunks) > 5
    assert chunks[0] <= 0.07
    assert first_ms < 50  # some 0.5 ms on an idle core


@pytest.mark.parametrize("text", ["", "  \n ", "...", "—"])
async def test_nothing_to_say_is_no_audio(text: str) -> None:
    voice = await Espeak.load("ru")
    assert await speech(voice, text) == b""


async def test_odd_characters_do_not_stop_the_voice() -> None:
    voice = await Espeak.load("ru")
    plain = await speech(voice, "Да.")
    assert len(await speech(voice, "Да\0 \ud800да <b>&amp; [[x]] 🙂 да.")) > len(plain) > 0


async def test_voices_do_not_mix_whoever_speaks_between() -> None:
    russian = await Espeak.load("ru")
    english = await Espeak.load("en", speed_wpm=220)
    assert russian.name != english.name
    alone = [len(await speech(russian, RUSSIAN)), len(await speech(english, ENGLISH))]
    many = await asyncio.gather(*(speech(v, t) for v, t in [(russian, RUSSIAN), (english, ENGLISH)] * 10))
    # espeak-ng carries the phase of its waves on, so lengths differ by some samples
    assert [len(pcm) for pcm in many] == pytest.approx(alone * 10, rel=0.005)
    assert abs(alone[0] - alone[1]) > 0.05 * alone[0]


async def test_speed_changes_the_length_and_the_name() -> None:
    slow = await Espeak.load("ru", speed_wpm=110)
    fast = await Espeak.load("ru", speed_wpm=250)
    assert len(await speech(slow, RUSSIAN)) > 1.5 * len(await speech(fast, RUSSIAN))
    assert slow.name != fast.name


async def test_a_listener_that_leaves_stops_the_synthesis(monkeypatch: pytest.MonkeyPatch) -> None:
    voice = await Espeak.load("ru")
    made = 0
    take = tts_espeak._Job.take

    def counted(job: tts_espeak._Job, pcm: bytes) -> None:
        nonlocal made
        made += len(pcm)
        take(job, pcm)

    monkeypatch.setattr(tts_espeak._Job, "take", counted)
    whole = len(await speech(voice, f"{RUSSIAN} " * 6))
    made = 0
    left, gone = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def first_only(job: tts_espeak._Job, pcm: bytes) -> None:
        counted(job, pcm)
        loop.call_soon_threadsafe(left.set)
        gone.wait(10)  # the worker stays here until the listener has gone

    monkeypatch.setattr(tts_espeak._Job, "take", first_only)

    async def listen() -> None:
        async with aclosing(voice.synthesize(f"{RUSSIAN} " * 6)) as stream:  # type: ignore[type-var]
            async for _ in stream:
                pass

    listener = asyncio.ensure_future(listen())
    await left.wait()
    listener.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listener
    monkeypatch.setattr(tts_espeak._Job, "take", counted)
    gone.set()
    stopped_at = made
    assert len(await speech(voice, "Да.")) > 0  # the worker is free again
    assert stopped_at < whole / 10


async def test_a_long_text_lets_others_in_between() -> None:
    voice = await Espeak.load("ru")
    order: list[str] = []

    async def say(who: str, text: str) -> None:
        async for _ in voice.synthesize(text):
            pass
        order.append(who)

    await asyncio.gather(say("long", f"{RUSSIAN} " * 60), say("short", "Да."))
    assert order == ["short", "long"]


async def test_an_unknown_voice_is_a_clear_start_error() -> None:
    for voice in ("klingon9", "ru+nobody"):
        with pytest.raises(StartError, match=r"\[tts\] voice"):
            await Espeak.load("ru", voice)
    assert await speech(await Espeak.load("ru", "ru+f2"), "Да.")


@pytest.mark.parametrize("text", ["а" * 1500, "слово " * 300, "Раз. " * 200, "Один! Два? Три…", "  раз \n  два "])
def test_pieces_keep_every_word_and_its_place(text: str) -> None:
    pieces = list(tts_espeak._pieces(text))
    assert all(0 < len(piece) <= tts_espeak.PIECE_CHARS for _, piece in pieces)
    assert all(text[start : start + len(piece)] == piece for start, piece in pieces)
    assert "".join("".join(piece for _, piece in pieces).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ru", RUSSIAN),
        ("en", ENGLISH),
        ("ru", "  Ещё \ud800 раз: «да» \0 и нет! Вторая фраза."),
        ("ru", "Раз два. " * 60),
    ],
)
async def test_every_word_has_its_time(language: str, text: str) -> None:
    voice = await Espeak.load(language)
    found = await words(voice, text)
    spoken = [word for word, _ in found]
    for word in re.findall(r"\w+", text.replace("of the", "of")):  # espeak-ng says «of the» as one word
        assert word in spoken
    times = [sample for _, sample in found]
    assert times == sorted(times)
    assert times[0] == 0
    assert times[-1] < len(await speech(voice, text)) // 2


@pytest.mark.parametrize("text", ["Да, потом ещё раз.", "Сначала это. Потом то.", f"{'Раз два три. ' * 40}Потом."])
async def test_a_word_begins_to_sound_where_it_is_said_to(text: str) -> None:
    voice = await Espeak.load("ru")
    found = await words(voice, text)
    at = next(sample for word, sample in found if word.lower() == "потом")
    pcm = await speech(voice, text)
    tenth = voice.rate // 10
    before, after = pcm[2 * (at - tenth) : 2 * at], pcm[2 * at : 2 * (at + tenth)]
    assert dbfs(before) < -50
    assert dbfs(after) > -30


async def test_words_come_before_their_sound() -> None:
    voice = await Espeak.load("ru")
    pushed = 0
    async with aclosing(voice.synthesize(RUSSIAN)) as stream:  # type: ignore[type-var]
        async for made in stream:
            if isinstance(made, WordStart):
                assert made.sample >= pushed - voice.rate * tts_espeak._BUFFER_MS // 1000
            else:
                pushed += len(made) // 2


async def test_pace_stretches_one_sentence_and_not_the_next() -> None:
    voice = await Espeak.load("ru")
    plain = len(await speech(voice, RUSSIAN))
    assert len(await speech(voice, RUSSIAN, 0.8)) > 1.12 * plain
    assert len(await speech(voice, RUSSIAN, 0.65)) > 1.3 * plain
    assert len(await speech(voice, RUSSIAN, 1.2)) < 0.95 * plain
    assert len(await speech(voice, RUSSIAN)) == pytest.approx(plain, rel=0.005)
    assert len(await speech(voice, "Да.", 0.001)) < 2 * voice.rate
