import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

pytest.importorskip("faster_whisper")

from agent.backends import stt_whisper
from agent.backends.agreement import Agreement
from agent.backends.streamed_ear import Feed, Hearing, Said, StreamedEar
from agent.backends.stt_whisper import WhisperStt
from agent.errors import StartError
from agent.ports import Transcript
from agent.settings import Whisper
from audio.level import silence
from tests.fakes import whisper_model
from tests.fakes.hearing import ignore, push
from tests.fakes.tone_speech import say

SAID = "сколько стоит доставка"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whisper_model.make(tmp_path_factory.mktemp("models") / "tiny", SAID)


@pytest.fixture
async def stt(folder: Path) -> AsyncIterator[WhisperStt]:
    stt = await WhisperStt.load(Whisper(threads=1), folder, "ru")
    yield stt
    await stt.close()


def open_ear(stt: WhisperStt, rate: int = 8000, note: Callable[[Transcript], None] = ignore) -> StreamedEar:
    """As ``open`` does, with patience for a busy machine."""
    return StreamedEar(stt._listen, rate, note, most_s=stt_whisper.MOST_S, peek_s=10, finish_s=15)


async def test_the_genuine_library_hears_partials_peeks_and_texts(stt: WhisperStt) -> None:
    assert stt.name == "whisper tiny"
    for rate in (8000, 16000):
        partials: list[str] = []
        shown = asyncio.Event()

        def note(transcript: Transcript, seen: list[str] = partials, event: asyncio.Event = shown) -> None:
            seen.append(transcript.text)
            event.set()

        ear = open_ear(stt, rate, note)
        assert await ear.finish() == Transcript("", True, 0)
        await push(ear, say(SAID, rate), 30_000, rate)
        seen = await ear.peek()
        assert (seen.text, seen.final) == (SAID, False)
        assert seen.position == 30_000 + -(-len(say(SAID, rate)) // (rate // 25)) * (rate // 50)
        await push(ear, say(SAID, rate), 80_000, rate)
        async with asyncio.timeout(15):
            await shown.wait()
        heard = await ear.finish()
        assert (heard.text, heard.final) == (SAID, True)
        assert 0.9 < heard.confidence <= 1
        assert [word.text for word in heard.words] == SAID.split()
        assert 30_000 <= heard.words[0].start < heard.words[-1].end <= heard.position
        assert set(partials) == {SAID}
        await ear.close()


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_the_language_is_found_out(tmp_path: Path, language: str) -> None:
    """By the genuine library; what it finds goes along with the text."""
    model = whisper_model.make(tmp_path / "tiny", SAID, language)
    stt = await WhisperStt.load(Whisper(threads=1, detect_language=True), model, "ru")
    ear = open_ear(stt)
    await push(ear, say("да"))
    assert (await ear.peek()).language == language
    heard = await ear.finish()
    assert (heard.text, heard.language) == (SAID, language)
    reply, _ = await stt._worker.one({"rate": 8000, "language": "", "best": False}, say("да"))
    assert reply["language"] == language
    assert 0.9 < reply["likely"] <= 1.0
    told, _ = await stt._worker.one({"rate": 8000, "language": "ru", "best": False}, say("да"))
    assert told["language"] == "ru"
    await ear.close()
    await stt.close()


async def test_hints_go_along_and_where_the_language_is_told_none_is_found(stt: WhisperStt) -> None:
    hinted = {"rate": 8000, "language": "ru", "hints": "доставка, пресс", "best": True}
    reply, _ = await stt._worker.one(hinted, say("да"))
    assert reply["text"] != SAID  # they stand before the text: a model that only counts places says something else
    ear = open_ear(stt)
    await push(ear, say("да"))
    assert (await ear.finish()).language == ""
    await ear.close()


async def test_silence_after_a_peek_is_not_heard_again(stt: WhisperStt) -> None:
    ear = open_ear(stt)
    await push(ear, say("да нет пять"))
    await ear.peek()
    asked = next(stt._worker._requests._count)
    await push(ear, silence(2400), 50_000)
    assert (await ear.finish()).text == SAID
    assert next(stt._worker._requests._count) == asked + 1
    await ear.close()


async def test_a_process_that_dies_costs_no_word_and_closing_leaves_nothing(stt: WhisperStt) -> None:
    ear = open_ear(stt)
    await push(ear, say("да нет пять"))
    process = stt._worker._requests.process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    async with asyncio.timeout(15):
        await stt._worker.until_ready(15)
    assert (await ear.finish()).text == SAID
    await push(ear, say("да нет пять"), 90_000)
    await ear.close()


async def test_more_than_whisper_looks_at_is_heard_in_pieces(stt: WhisperStt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stt_whisper, "MOST_S", 2)
    ear = open_ear(stt)
    await push(ear, say("да нет пять да нет пять да нет пять да нет пять"))
    heard = await ear.finish()
    assert heard.text == " ".join([SAID] * 3)
    starts = [word.start for word in heard.words]
    assert starts == sorted(starts)
    await ear.close()


async def test_models_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"\[whisper\] model: .*nowhere/model\.bin: not there.*allo models pull"):
        await WhisperStt.load(Whisper(), tmp_path / "nowhere", "ru")
    with pytest.raises(StartError, match=r"model\.bin: not there"):
        await WhisperStt.load(Whisper(), tmp_path, "ru")


def said(text: str) -> list[Said]:
    return [Said(word, 0, 0) for word in text.split()]


def test_words_are_shown_once_two_hearings_agree() -> None:
    agreement, whole = Agreement(), "сколько стоит доставка"
    shown = []
    for hypothesis in ("сколько", "сколько стоит", "сколько стоял дом", whole, f"{whole} в"):
        agreement.take(said(hypothesis))
        shown.append(" ".join(word.text for word in agreement.words))
    assert shown == ["", "сколько", "сколько", "сколько", "сколько стоит доставка"]


def test_only_silence_after_the_last_hearing_makes_another_one_needless() -> None:
    feed = Feed(8000)
    feed.add(say("да"))
    heard = Hearing((Said("да", 0, 0),), feed.samples)
    assert stt_whisper._told_already(feed, heard)
    assert not stt_whisper._told_already(feed, Hearing())
    feed.add(silence(3000))
    assert stt_whisper._told_already(feed, heard)
    feed.add(say("нет"))
    assert not stt_whisper._told_already(feed, heard)
