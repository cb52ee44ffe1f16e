"""The voice and its worker's protocol; what the genuine library makes of it is in ``tests/heavy``."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.backends import tts_xtts
from agent.backends.tts_xtts import XttsVoice
from agent.backends.xtts_manner import MANNERS
from agent.engine_settings import Xtts
from agent.errors import StartError, VoiceError
from agent.ports import Synthesizer
from agent.voices.voice_chain import VoiceChain
from audio.loudness import CROSSFADE
from tests.agent.voices import HEARD, SENTENCE, listened, understood


@pytest.fixture
async def voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[XttsVoice]:
    monkeypatch.setattr(tts_xtts, "FACTORY", "tests.fakes.xtts_work:load")
    voice = await XttsVoice.load(Xtts(preset="calm", chunk_tokens=12), tmp_path, "Irina", "ru")
    yield voice
    await voice.close()


async def asked(voice: XttsVoice) -> list[dict[str, object]]:
    about, _ = await voice._worker.one({"text": ""})
    requests: list[dict[str, object]] = about["asked"]
    return requests


async def test_it_streams_what_the_worker_makes(voice: XttsVoice) -> None:
    assert (voice.name, voice.rate) == ("xtts Irina calm", 24_000)
    wire = await listened(voice, SENTENCE)
    assert len(wire.arrivals) > 20
    assert await understood(wire) == HEARD


async def test_preset_and_pace_steer_the_library(voice: XttsVoice) -> None:
    for pace in (1.0, 1.3, 9.0):
        await listened(voice, "Да, конечно.", pace)
    first, faster, fastest = await asked(voice)
    assert first["manner"] == {
        "temperature": 0.6,
        "speed": 0.9,
        "top_p": 0.8,
        "top_k": 40,
        "repetition_penalty": 5.0,
        "length_penalty": 1.0,
    }
    assert (first["language"], first["chunk"]) == ("ru", 12)
    assert faster["manner"]["speed"] == pytest.approx(0.9 * 1.3)  # type: ignore[index]
    assert fastest["manner"]["speed"] == tts_xtts.FASTEST  # type: ignore[index]
    assert first["most_s"] == pytest.approx((3.0 + 9 * 0.18) / 0.9)


def test_every_preset_of_the_settings_is_there() -> None:
    assert set(MANNERS) == set(Xtts.model_fields["preset"].annotation.__args__)  # type: ignore[union-attr]
    assert len({tuple(vars_of) for vars_of in map(repr, MANNERS.values())}) == len(MANNERS)


async def test_long_texts_go_in_parts_that_are_joined(voice: XttsVoice) -> None:
    text = f"{SENTENCE}. " * 4
    wire = await listened(voice, text)
    requests = await asked(voice)
    parts = [str(request["text"]) for request in requests]
    assert len(parts) > 1
    assert all(len(part) <= tts_xtts.MOST_CHARS["ru"] for part in parts)
    assert " ".join(parts).split() == text.split()
    apart = sum(int(str(request["samples"])) for request in requests)
    assert len(wire.pcm) // 2 == apart - CROSSFADE * (len(parts) - 1)


async def test_two_calls_are_spoken_to_one_after_the_other(voice: XttsVoice) -> None:
    one, two = await asyncio.gather(listened(voice, SENTENCE), listened(voice, "Да."))
    assert await understood(one) == HEARD
    assert len(two.pcm) == len((await listened(voice, "Да.")).pcm)


async def test_a_fault_in_mid_sentence_is_one_of_the_voice_and_the_next_goes_on(voice: XttsVoice) -> None:
    with pytest.raises(VoiceError, match="RuntimeError") as fault:
        await listened(voice, "Сломайся и сломайся.")
    assert "words" not in str(fault.value)
    espeak = await tts_xtts_stand_in()
    chain = VoiceChain([voice, espeak], espeak)
    wire = await listened(chain, f"{SENTENCE}, сломайся")
    assert (await understood(wire)).startswith(HEARD)
    assert await understood(await listened(voice, SENTENCE)) == HEARD
    await espeak.close()


async def tts_xtts_stand_in() -> Synthesizer:
    from agent.backends.tts_espeak import Espeak  # noqa: PLC0415

    return await Espeak.load("ru")


async def test_a_model_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tts_xtts, "FACTORY", "tests.fakes.xtts_work:load")
    with pytest.raises(StartError, match="not there"):
        await XttsVoice.load(Xtts(), tmp_path / "nowhere", "Irina", "ru")
