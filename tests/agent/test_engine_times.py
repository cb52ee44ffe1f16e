"""How soon engines give their first, told by whoever asks them; and the cards beside them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.asking import Asking, Minds
from agent.errors import HearingError, VoiceError
from agent.figures.engine_times import Kind, TimedHearing, failing
from agent.figures.gpus import Gpu, Gpus, parse
from agent.hearing_chain import HearingChain
from agent.ports import Question, Recognizer
from agent.settings import Settings, Storage, Tts
from agent.tables import new_stt
from agent.voices.voice_chain import VoiceChain
from agent.voices.voice_table import new_voice
from tests.fakes.engines import FakeMind, FakeStt

Told = list[tuple[Kind, str, float | None]]


async def utterance(ear: Recognizer) -> None:
    try:
        await ear.finish()
    finally:
        await ear.close()


async def test_a_recogniser_is_timed_alone_and_in_a_chain() -> None:
    told: Told = []
    good, deaf = FakeStt({}), FakeStt({}, broken=True)
    alone = TimedHearing(good, lambda *one: told.append(one))
    await utterance(await alone.open(8000, lambda _: None))
    chain = HearingChain([deaf, good], 1.0, told=lambda *one: told.append(one))
    await utterance(await chain.open(8000, lambda _: None))
    assert [(kind, engine, seconds is None) for kind, engine, seconds in told] == [
        ("stt", good.name, False),
        ("stt", deaf.name, True),
        ("stt", good.name, False),
    ]
    assert all(seconds is None or 0 <= seconds < 5 for _, _, seconds in told)


async def test_a_recogniser_that_fails_alone_is_told() -> None:
    told: Told = []
    deaf = TimedHearing(FakeStt({}, broken=True), lambda *one: told.append(one))
    with pytest.raises(HearingError):
        await utterance(await deaf.open(8000, lambda _: None))
    assert told == [("stt", deaf.name, None)]


class Mute:
    """A voice that fails."""

    name, rate = "mute", 8000

    async def synthesize(self, _text: str, _pace: float = 1.0) -> AsyncIterator[bytes]:
        raise VoiceError("no sound")
        yield b""

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_voice_is_timed(tmp_path: Path) -> None:
    told: Told = []
    settings = Settings(tts=Tts(engine=("espeak",)), storage=Storage(dir=tmp_path))
    espeak = await new_voice(settings, lambda *one: told.append(one))
    assert [made async for made in espeak.synthesize("Да.")]
    with pytest.raises(VoiceError):
        assert not [made async for made in VoiceChain([Mute()], told=lambda *one: told.append(one)).synthesize("Да.")]
    assert [(kind, engine, seconds is None) for kind, engine, seconds in told] == [
        ("tts", espeak.name, False),
        ("tts", "mute", True),
    ]


class Watching:
    """Wants nothing."""

    def reached(self, _stage: str) -> None:
        """It got there."""

    def token(self) -> None:
        """A piece."""


async def test_a_model_is_timed_to_its_first_token() -> None:
    told: Told = []
    mind = FakeMind({"когда": ["Мы работаем ", "с девяти. "]})
    asking = Asking(Minds(mind, model=mind, told=lambda *one: told.append(one)))
    by = asyncio.get_running_loop().time() + 3
    question = Question("когда", ())
    assert [text async for text in asking.sentences(question, Watching(), by)]
    [(kind, engine, seconds)] = told
    assert (kind, engine) == ("llm", mind.name)
    assert seconds is not None
    assert 0 <= seconds < 3


async def test_the_only_recogniser_of_the_settings_is_timed_where_somebody_listens(tmp_path: Path) -> None:
    settings = Settings(storage=Storage(dir=tmp_path))
    for told, timed in ((None, False), (lambda *_: None, True)):
        stt = await new_stt(settings, told) if told else await new_stt(settings)
        await stt.close()
        assert isinstance(stt, TimedHearing) is timed


def test_what_health_says_of_an_engine_is_a_figure() -> None:
    states = {"yandex": "failing; 3 of 9 utterances failed", "vosk": "ok; text after 12 ms"}
    assert failing("stt", states) == {("stt", "yandex"): True, ("stt", "vosk"): False}


def test_cards_are_read_as_nvidia_writes_them() -> None:
    assert parse("0, 1024, 81559, 37\n1, 0, 81559, [N/A]\n") == [
        Gpu("0", 1 << 30, 81559 << 20, 0.37),
        Gpu("1", 0, 81559 << 20, None),
    ]
    assert parse("") == []
    with pytest.raises(ValueError, match="unpack"):
        parse("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.")


@pytest.mark.parametrize(
    ("script", "cards"), [("echo '0, 512, 1024, 5'", 1), ("echo 'no devices'; exit 9", 0)], ids=["answers", "fails"]
)
async def test_the_cards_are_asked_beside_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, cards: int
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    gpus = Gpus()
    watching = asyncio.ensure_future(gpus.watch())
    async with asyncio.timeout(10):
        while not (gpus.now or watching.done()):  # noqa: ASYNC110 - nobody is told of a look
            await asyncio.sleep(0.01)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert len(gpus.now) == cards
