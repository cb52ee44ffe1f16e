"""What every voice promises (``agent.ports.Synthesizer``), over each voice and over a chain of them."""

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from agent.backends import tts_xtts
from agent.backends.tts_espeak import Espeak
from agent.backends.tts_openai import OpenAiVoice
from agent.backends.tts_piper import Piper
from agent.backends.tts_xtts import XttsVoice
from agent.engine_settings import OpenAi, Wyoming, Xtts, Yandex
from agent.ports import Synthesizer, WordStart
from agent.voices import voice_table
from agent.voices.voice_chain import VoiceChain
from audio.level import dbfs
from audio.loudness import TARGET_DBFS, active_level
from tests.agent.voices import HEARD, SENTENCE, listened, understood
from tests.fakes.speaking import Behaviour
from tests.fakes.speech_server import SpeechServer

ROOT = Path(__file__).parents[2]
NEEDS = {"piper": "piper", "yandex": "yandex", "yandex over http": "yandex", "wyoming": "wyoming"}
HUMS = ("piper", "xtts with random weights")
"""Toys: these voices have no words. The second is that of ``tests/heavy``."""

Opened = AsyncIterator[Synthesizer]


@asynccontextmanager
async def espeak() -> Opened:
    yield await Espeak.load("ru")


@asynccontextmanager
async def piper() -> Opened:
    yield await Piper.load(ROOT / "tests" / "voices" / "toy.onnx")


@asynccontextmanager
async def openai() -> Opened:
    async with SpeechServer() as server:
        yield OpenAiVoice(OpenAi(base_url=server.base_url))


@asynccontextmanager
async def yandex() -> Opened:
    from agent.backends.tts_yandex import YandexVoice  # noqa: PLC0415 - an extra
    from tests.fakes.yandex_tts_server import YandexTtsServer  # noqa: PLC0415

    async with YandexTtsServer() as server:
        yield YandexVoice(Yandex(api_key=SecretStr("k"), tts_address=server.address, tts_http_address=""), "ru")


@asynccontextmanager
async def yandex_over_http() -> Opened:
    from agent.backends.tts_yandex import YandexVoice  # noqa: PLC0415
    from tests.fakes.yandex_tts_server import YandexTtsServer  # noqa: PLC0415

    async with YandexTtsServer(Behaviour("refused")) as closed, SpeechServer() as server:
        key = SecretStr("k")
        addresses = Yandex(api_key=key, tts_address=closed.address, tts_http_address=server.yandex_url)
        yield YandexVoice(addresses, "ru")


@asynccontextmanager
async def wyoming() -> Opened:
    from agent.backends.tts_wyoming import WyomingVoice  # noqa: PLC0415

    program = (sys.executable, "-m", "tests.fakes.wyoming_voice", "--rate", "16000")
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        yield WyomingVoice(Wyoming(tts_address=f"tcp://127.0.0.1:{port}"), "ru")
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def xtts() -> Opened:
    """All but its library, which speaks in ``tests/heavy``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tts_xtts, "FACTORY", "tests.fakes.xtts_work:load")
        yield await XttsVoice.load(Xtts(), ROOT, "Irina", "ru")


@asynccontextmanager
async def chain() -> Opened:
    async with openai() as first:
        second = await Espeak.load("ru")
        yield VoiceChain([first, second], second, first_s=5.0)


VOICES = {
    "espeak": espeak,
    "piper": piper,
    "openai": openai,
    "yandex": yandex,
    "yandex over http": yandex_over_http,
    "wyoming": wyoming,
    "xtts": xtts,
    "chain": chain,
}


async def its_pieces_are_whole_samples_of_one_sentence(name: str, voice: Synthesizer) -> None:
    wire = await listened(voice, SENTENCE)
    assert 8000 <= voice.rate == wire.rate <= 48000
    assert len(wire.pcm) % 2 == 0
    assert 3.0 < len(wire.pcm) / 2 / wire.rate < 8.0 or name in HUMS
    if name not in HUMS:
        assert await understood(wire) == HEARD


async def word_starts_rise_and_come_before_their_sound(_name: str, voice: Synthesizer) -> None:
    samples, marks = 0, list[WordStart]()
    async for made in voice.synthesize(SENTENCE):
        if isinstance(made, WordStart):
            assert made.sample >= samples - voice.rate // 10
            marks.append(made)
        else:
            samples += len(made) // 2
    assert marks == sorted(marks, key=lambda mark: (mark.offset, mark.sample))
    assert all(0 <= mark.offset < len(SENTENCE) and mark.sample <= samples for mark in marks)


async def nothing_to_say_is_no_sound(_name: str, voice: Synthesizer) -> None:
    for text in ("", "  ", "...", "—"):
        assert (await listened(voice, text)).pcm == b""


async def a_slower_pace_takes_longer(name: str, voice: Synthesizer) -> None:
    slow, fast = [len((await listened(voice, SENTENCE, pace)).pcm) for pace in (0.8, 1.3)]
    if name == "wyoming":  # its protocol has no pace
        assert slow == fast
    elif name not in HUMS:
        assert slow > 1.3 * fast


async def sentences_of_several_calls_do_not_mix(_name: str, voice: Synthesizer) -> None:
    alone = [len((await listened(voice, text)).pcm) for text in ("Да.", SENTENCE)]
    both = await asyncio.gather(*(listened(voice, text) for text in ("Да.", SENTENCE, "Да.")))
    assert [len(wire.pcm) for wire in both] == pytest.approx([*alone, alone[0]], rel=0.05)


async def a_listener_may_leave_and_come_back(_name: str, voice: Synthesizer) -> None:
    for _ in range(3):
        async with aclosing(voice.synthesize(SENTENCE)) as stream:  # type: ignore[type-var]
            await anext(stream)
    assert (await listened(voice, "Да.")).pcm


async def its_level_is_that_of_all_in_a_chain(name: str, voice: Synthesizer) -> None:
    """Across voices within 4 dB: each within 2 of the target."""
    levelled = voice if isinstance(voice, VoiceChain) else VoiceChain([voice])
    for _ in range(2):
        wire = await listened(levelled, SENTENCE)
        assert abs(active_level(bytes(wire.pcm), wire.rate) - TARGET_DBFS) <= 2.0
        assert np.abs(np.frombuffer(wire.pcm, dtype="<i2").astype(int)).max() < 32767
        assert dbfs(bytes(wire.pcm)) < TARGET_DBFS + 2.0 or name in HUMS


async def its_name_is_stable(_name: str, voice: Synthesizer) -> None:
    before = voice.name
    await listened(voice, "Да.")
    assert voice.name == before
    assert before.strip()


CLAUSES: tuple[Callable[[str, Synthesizer], Awaitable[None]], ...] = (
    its_pieces_are_whole_samples_of_one_sentence,
    word_starts_rise_and_come_before_their_sound,
    nothing_to_say_is_no_sound,
    a_slower_pace_takes_longer,
    sentences_of_several_calls_do_not_mix,
    a_listener_may_leave_and_come_back,
    its_level_is_that_of_all_in_a_chain,
    its_name_is_stable,
)


@pytest.mark.parametrize("name", VOICES)
async def test_a_voice_keeps_the_contract(name: str) -> None:
    """All clauses on one opened voice, one after the other: a server is started only once."""
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"the extra `{NEEDS[name]}` is not installed: pip install -e '.[{NEEDS[name]}]'")
    async with VOICES[name]() as voice:
        for clause in CLAUSES:
            await clause(name, voice)
        await voice.close()


def test_the_contract_is_held_by_every_voice_of_the_settings() -> None:
    """``auto`` is one of the others."""
    assert {name.partition(" ")[0] for name in VOICES} - {"chain"} == set(voice_table.VOICES) - {"auto"}
