import asyncio
import importlib.util
import shutil
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.backends.tts_piper import Piper
from agent.errors import StartError
from audio.level import peak_dbfs

TOY = Path(__file__).parent.parent / "voices" / "toy.onnx"

needs_piper = pytest.mark.skipif(
    importlib.util.find_spec("piper") is None, reason="the extra `piper` is not installed: pip install -e '.[piper]'"
)


async def speech(voice: Piper, text: str, pace: float = 1.0) -> list[bytes]:
    return [chunk async for chunk in voice.synthesize(text, pace) if isinstance(chunk, bytes)]


@needs_piper
@pytest.mark.parametrize("model", [TOY, TOY.parent], ids=["file", "folder"])
async def test_a_voice_speaks_sentence_by_sentence(model: Path) -> None:
    voice = await Piper.load(model)
    assert (voice.name, voice.rate) == ("piper toy", 22050)
    chunks = await speech(voice, "Добрый день. Гарантия два года!")
    assert len(chunks) == 2
    for chunk in chunks:
        samples = np.frombuffer(chunk, dtype="<i2")
        spectrum = np.abs(np.fft.rfft(samples))
        assert np.argmax(spectrum) * voice.rate / samples.size == pytest.approx(215.3, abs=3)
        assert -3.2 < peak_dbfs(chunk) < -3.0
    await voice.close()


@needs_piper
async def test_pace_goes_to_the_network_as_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    voice = await Piper.load(TOY)
    lengths: list[float] = []
    ids_to_audio = voice._voice.phoneme_ids_to_audio

    def noted(ids: list[int], settings: Any, *more: Any, **named: Any) -> Any:
        lengths.append(settings.length_scale)
        return ids_to_audio(ids, settings, *more, **named)

    monkeypatch.setattr(voice._voice, "phoneme_ids_to_audio", noted)
    for pace in (1.0, 0.8, 1.25):
        assert await speech(voice, "Добрый день.", pace)
    assert lengths == pytest.approx([1.0, 1.25, 0.8])
    await voice.close()


@needs_piper
@pytest.mark.parametrize("text", ["", "  ", "..."])
async def test_nothing_to_say_is_no_audio(text: str) -> None:
    voice = await Piper.load(TOY)
    assert await speech(voice, text) == []
    await voice.close()


@needs_piper
async def test_calls_share_a_voice_and_one_may_leave() -> None:
    voice = await Piper.load(TOY)
    alone = await speech(voice, "Раз. Два. Три.")
    async with aclosing(voice.synthesize("Раз. Два. Три.")) as stream:  # type: ignore[type-var]
        assert await anext(stream) == alone[0]
    both = await asyncio.gather(speech(voice, "Раз. Два. Три."), speech(voice, "Три. Раз."))
    assert both[0] == alone
    assert both[1] == [alone[2], alone[0]]
    await voice.close()


@needs_piper
@pytest.mark.parametrize("damage", ["cut", "no config", "bad config", "empty"])
async def test_a_broken_voice_is_named(tmp_path: Path, damage: str) -> None:
    model, config = tmp_path / "voice.onnx", tmp_path / "voice.onnx.json"
    shutil.copy(TOY, model)
    shutil.copy(f"{TOY}.json", config)
    if damage == "cut":
        model.write_bytes(model.read_bytes()[:500])
    elif damage == "no config":
        config.unlink()
    elif damage == "bad config":
        config.write_text('{"audio": 7}')
    else:
        model.write_bytes(b"")
    with pytest.raises(StartError, match=r"voice\.onnx.*allo models pull"):
        await Piper.load(model)


@needs_piper
async def test_a_missing_voice_is_named(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere.onnx"):
        with pytest.raises(StartError, match=str(place)):
            await Piper.load(place)


async def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "piper", None)
    with pytest.raises(StartError, match=r"pip install -c constraints\.txt piper-tts"):
        await Piper.load(TOY)
