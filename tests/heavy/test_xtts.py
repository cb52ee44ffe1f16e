"""The genuine XTTS library on a checkpoint of the true layout with random weights: `make test-heavy`.

It needs the extra ``xtts`` (torch: some gigabytes), so it is off by default. What it says is noise; that it loads,
listens to samples, keeps what it learnt, streams and stops is real.
"""

import asyncio
import importlib.util
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

if any(importlib.util.find_spec(name) is None for name in ("TTS", "torch", "torchaudio", "torchcodec", "six")):
    pytest.skip("the extra `xtts` is not installed: make test-heavy", allow_module_level=True)

from agent.backends.tts_xtts import XttsVoice
from agent.commands.clone_command import clone_voice
from agent.engine_settings import Xtts
from agent.errors import StartError
from agent.ports import Synthesizer
from agent.settings import Settings, Storage
from agent.voices.voice_chain import VoiceChain
from agent.voices.voice_table import one_voice
from tests.agent.test_voices_contract import CLAUSES
from tests.agent.voices import listened
from tests.fakes import xtts_model
from tests.fakes.recordings import record

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(300)]

TEXT = "Здравствуйте, сколько стоит доставка?"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return xtts_model.make(tmp_path_factory.mktemp("xtts") / "toy")


@pytest.fixture
async def studio(model: Path) -> AsyncIterator[XttsVoice]:
    voice = await XttsVoice.load(Xtts(device="cpu", chunk_tokens=8), model, xtts_model.STUDIO, "ru")
    yield voice
    await voice.close()


async def test_it_streams_and_stops(studio: XttsVoice) -> None:
    assert (studio.rate, studio.name) == (24_000, f"xtts {xtts_model.STUDIO} natural")
    wire = await listened(studio, TEXT)
    assert len(wire.arrivals) > 1
    assert wire.first_s < wire.arrivals[-1][0]
    assert 0.2 < len(wire.pcm) / 2 / studio.rate < 2.5
    assert np.abs(np.frombuffer(wire.pcm, "<i2").astype(int)).max() > 100
    again = await listened(studio, TEXT)
    assert again.pcm == wire.pcm  # the same sentence sounds the same each time
    assert (await listened(studio, "...")).pcm == b""


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
async def test_it_keeps_the_contract_of_all_voices(
    studio: XttsVoice, clause: Callable[[str, Synthesizer], Awaitable[None]]
) -> None:
    await clause("xtts with random weights", studio)


async def test_a_faster_pace_is_shorter_and_a_listener_may_leave(studio: XttsVoice) -> None:
    slow, fast = [len((await listened(studio, TEXT, pace)).pcm) for pace in (0.7, 1.4)]
    assert slow > 1.5 * fast
    async with aclosing(studio.synthesize(TEXT)) as stream:  # type: ignore[type-var]
        await anext(stream)
    both = await asyncio.gather(listened(studio, TEXT), listened(studio, "Да."))
    assert all(wire.pcm for wire in both)


async def test_english_and_presets_are_taken(model: Path) -> None:
    xtts = Xtts(device="cpu", preset="energetic", chunk_tokens=40)
    voice = await XttsVoice.load(xtts, model, xtts_model.STUDIO, "en")
    assert (await listened(voice, "Hello, how much is the delivery?")).pcm
    await voice.close()


def test_a_voice_is_cloned_and_its_speaker_is_learnt_once(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(storage=Storage(dir=tmp_path / "var"), xtts=Xtts(model=str(model), device="cpu"))
    recordings = asyncio.run(record(tmp_path / "recordings"))
    assert clone_voice(settings, "irina", recordings) == 0
    assert "The model listened to it" in " ".join(capsys.readouterr().out.split())
    (learnt,) = (tmp_path / "var/voices/irina").glob("*.latents")
    content = learnt.read_bytes()

    async def speak() -> tuple[bool, bytes]:
        voice = await one_voice("xtts", "irina", settings)
        assert isinstance(voice, XttsVoice)
        about, _ = await voice._worker.one({"text": ""})
        wire = await listened(VoiceChain([voice]), TEXT)
        await voice.close()
        return about["learnt"], bytes(wire.pcm)

    known, first = asyncio.run(speak())
    assert not known
    learnt.write_bytes(content[:-8])
    assert asyncio.run(speak()) == (True, first)
    assert learnt.read_bytes() == content


async def test_what_is_missing_is_told(model: Path, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"no voice 'Nobody'.*Studio Speaker"):
        await XttsVoice.load(Xtts(device="cpu"), model, "Nobody", "ru")
    for name in ("config.json", "vocab.json"):
        (tmp_path / name).write_bytes((model / name).read_bytes())
    with pytest.raises(StartError, match=r"model.pth: not there"):
        await XttsVoice.load(Xtts(device="cpu"), tmp_path, xtts_model.STUDIO, "ru")
    (tmp_path / "model.pth").write_bytes((model / "model.pth").read_bytes()[:100_000])
    with pytest.raises(StartError, match="xtts Studio Speaker: "):
        await XttsVoice.load(Xtts(device="cpu"), tmp_path, xtts_model.STUDIO, "ru")


async def test_on_a_gpu_it_speaks_faster_than_it_is_heard(model: Path) -> None:
    import torch  # noqa: PLC0415 - an extra

    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    voice = await XttsVoice.load(Xtts(device="cuda"), model, xtts_model.STUDIO, "ru")
    await listened(voice, TEXT)
    wire = await listened(voice, TEXT)
    logging.getLogger(__name__).info("first sound after %.0f ms", wire.first_s * 1000)
    assert wire.arrivals[-1][0] < len(wire.pcm) / 2 / voice.rate
    await voice.close()
