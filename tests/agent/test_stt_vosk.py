import asyncio
import json
import logging
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import vosk

from agent.backends import stt_vosk
from agent.backends.decoding import Urgency
from agent.backends.stt_vosk import Vosk, VoskRecognizer
from agent.backends.vosk_decoder import grammar, read_grammar
from agent.errors import HearingError, StartError
from agent.ports import Transcript
from agent.word_errors import word_errors
from audio.level import silence
from audio.resample import resample
from audio.wav import read_mono
from tests.fakes.hearing import frames, ignore

MODELS = Path(__file__).parent.parent.parent / "agent" / "models"
SPEECH = Path(__file__).parent.parent / "speech"


def script(language: str) -> list[tuple[Path, str]]:
    folder = SPEECH / language / "domain"
    lines = (folder / "transcripts.tsv").read_text(encoding="utf-8").splitlines()
    return [(folder / name, text) for name, _, text in (line.partition("\t") for line in lines)]


def words_wrong(heard: str, said: str) -> int:
    return word_errors(*(text.replace("ё", "е").split() for text in (said, heard)))


async def hear(ear: VoskRecognizer, pcm: bytes, rate: int = 8000, position: int = 0) -> Transcript:
    for frame in frames(pcm, rate, position):
        ear.push(frame)
    return await ear.finish()


@pytest.fixture
async def russian() -> AsyncIterator[Vosk]:
    stt = await Vosk.load(MODELS / "vosk-demo-ru")
    yield stt
    await stt.close()


@pytest.mark.parametrize(("language", "bar"), [("ru", 0.09), ("en", 0.12)])
async def test_phrases_are_understood(language: str, bar: float) -> None:
    stt = await Vosk.load(MODELS / f"vosk-demo-{language}", threads=2)
    assert stt.name == f"vosk vosk-demo-{language}"
    ear = await stt.open(8000, ignore)
    wrong = total = 0
    position = 0
    for path, said in script(language)[::2]:
        pcm = read_mono(path)
        heard = await hear(ear, pcm, position=position)
        position = heard.position
        assert heard.final
        assert heard.text == " ".join(word.text for word in heard.words)
        wrong += words_wrong(heard.text, said)
        total += len(said.split())
    await ear.close()
    await stt.close()
    assert wrong / total <= bar


@pytest.mark.parametrize("wait_every", [1, 7, 50])
async def test_the_same_frames_give_the_same_words(russian: Vosk, wait_every: int) -> None:
    """How far the decoder is behind changes nothing, not even how sure it is."""
    pcm = b"".join(read_mono(path) for path, _ in script("ru")[:4])
    whole = await russian.open(8000, ignore)
    once = await hear(whole, pcm)
    slowly = await russian.open(8000, ignore)
    for number, frame in enumerate(frames(pcm)):
        slowly.push(frame)
        if number % wait_every == 0:
            await asyncio.sleep(0.001)
    assert await slowly.finish() == once
    assert once.text
    await whole.close()
    await slowly.close()


async def test_partials_come_before_the_end_with_word_places(russian: Vosk) -> None:
    path, said = script("ru")[2]
    partials: list[Transcript] = []
    grown = asyncio.Event()

    def note(transcript: Transcript) -> None:
        partials.append(transcript)
        grown.set()

    ear = await russian.open(8000, note)
    base = 123_456
    for frame in frames(read_mono(path), position=base):
        ear.push(frame)
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await grown.wait()
    assert not any(partial.final for partial in partials)
    assert all(partial.words and partial.text for partial in partials)
    final = await ear.finish()
    assert final.text == said
    assert len({partial.text for partial in partials}) == len(partials)
    starts = [word.start for word in final.words]
    assert starts == sorted(starts)
    # the file has 0.3 s of silence on both sides
    assert base + 2000 < starts[0] < base + 6000
    assert final.words[-1].end <= final.position == base + len(frames(read_mono(path))) * 160
    await ear.close()


async def test_skipped_silence_keeps_the_places_true(russian: Vosk) -> None:
    (first, _), (second, said) = script("ru")[0], script("ru")[2]
    ear = await russian.open(8000, ignore)
    await hear(ear, read_mono(first), position=16_000)
    early = await hear(ear, read_mono(second), position=100_000)
    late = await hear(ear, read_mono(second), position=900_000)
    assert early.text == late.text == said
    shifted = [(word.start + 800_000, word.end + 800_000) for word in early.words]
    for (start, end), word in zip(shifted, late.words, strict=True):
        assert abs(word.start - start) <= 480  # the network steps by 30 ms
        assert abs(word.end - end) <= 480
    await ear.close()


async def test_a_hole_within_an_utterance_moves_only_what_follows(russian: Vosk) -> None:
    pcm, said = read_mono(script("ru")[2][0]), script("ru")[2][1]
    ear = await russian.open(8000, ignore)
    for frame in frames(pcm):
        ear.push(frame)
    for frame in frames(pcm, position=400_000):
        ear.push(frame)
    heard = await ear.finish()
    assert heard.text == f"{said} {said}"
    half = len(said.split())
    assert all(word.end <= len(pcm) // 2 for word in heard.words[:half])
    assert all(word.start >= 400_000 for word in heard.words[half:])
    await ear.close()


async def test_pauses_longer_than_vosks_own_endpoint_lose_nothing(russian: Vosk) -> None:
    lines = script("ru")[2:9:2]
    pcm = silence(16_000).join(read_mono(path) for path, _ in lines)
    ear = await russian.open(8000, ignore)
    heard = await hear(ear, pcm)
    assert heard.text == " ".join(text for _, text in lines)
    await ear.close()


async def test_silence_is_no_words_and_nothing_is_nothing(russian: Vosk) -> None:
    ear = await russian.open(8000, ignore)
    assert await ear.finish() == Transcript("", True, 0)
    quiet = await hear(ear, silence(8000 * 12))
    assert quiet == Transcript("", True, 96_000)
    path, said = script("ru")[2]
    assert (await hear(ear, read_mono(path), position=96_000)).text == said
    await ear.close()


@pytest.mark.parametrize("rate", [16000, 6000])
async def test_other_rates_than_the_models(russian: Vosk, rate: int) -> None:
    path, said = script("ru")[2]
    pcm = resample(read_mono(path), 8000, rate)
    ear = await russian.open(rate, ignore)
    heard = await hear(ear, pcm, rate)
    if rate > 8000:
        assert heard.text == said
        assert 0.2 < heard.words[0].start / rate < 0.8
    again = await hear(ear, pcm, rate, position=heard.position)
    assert again.text == heard.text != ""
    assert again.words[0].start >= heard.position
    await ear.close()


async def test_a_cancelled_finish_does_not_spoil_the_next(russian: Vosk) -> None:
    ear = await russian.open(8000, ignore)
    pcm, said = read_mono(script("ru")[2][0]), script("ru")[2][1]
    for frame in frames(pcm):
        ear.push(frame)
    finishing = asyncio.ensure_future(ear.finish())
    await asyncio.sleep(0)
    finishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await finishing
    await ear.finish()
    assert (await hear(ear, pcm, position=len(pcm))).text == said
    await ear.close()


async def test_a_closed_recogniser_takes_nothing_more(russian: Vosk) -> None:
    partials: list[Transcript] = []
    ear = await russian.open(8000, partials.append)
    for frame in frames(read_mono(script("ru")[2][0])):
        ear.push(frame)
    await ear.close()
    await ear.close()
    count = len(partials)
    ear.push(frames(silence(160))[0])
    with pytest.raises(HearingError, match="closed"):
        await ear.finish()
    assert len(partials) == count


async def test_many_at_once_do_not_mix(russian: Vosk) -> None:
    lines = [line for line in script("ru") if "espeak" in line[0].name][:8]
    ears = [await russian.open(8000, ignore) for _ in lines]
    alone = [(await hear(ear, read_mono(path))).text for ear, (path, _) in zip(ears, lines, strict=True)]
    spoken = [frames(read_mono(path), position=500_000) for path, _ in lines]
    for step in range(max(len(each) for each in spoken)):
        for ear, each in zip(ears, spoken, strict=True):
            if step < len(each):
                ear.push(each[step])
        await asyncio.sleep(0)
    together = await asyncio.gather(*(ear.finish() for ear in ears))
    assert [each.text for each in together] == alone
    assert len(set(alone)) == len(alone)
    for ear in ears:
        await ear.close()


async def test_a_machine_too_slow_says_so_once_and_drops_the_oldest(
    russian: Vosk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stt_vosk, "MOST_WAITING_S", 6)
    ear = await russian.open(8000, ignore)
    with caplog.at_level(logging.WARNING):
        for frame in frames(silence(8000 * 9)):  # without a step of the loop: nothing is taken away meanwhile
            ear.push(frame)
    assert len([record for record in caplog.records if "behind" in record.message]) == 1
    assert 2 * 8000 < ear.dropped <= 3 * 8000
    heard = await ear.finish()
    assert heard.position == 72_000
    await ear.close()


async def test_a_failing_decoder_is_an_error_of_this_utterance_only(
    russian: Vosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear = await russian.open(8000, ignore)
    pcm, said = read_mono(script("ru")[2][0]), script("ru")[2][1]

    def fail(*_: object) -> int:
        raise OSError("decoder")

    with monkeypatch.context() as patch:
        patch.setattr(vosk.KaldiRecognizer, "AcceptWaveform", fail)
        with pytest.raises(HearingError, match="this utterance"):
            await hear(ear, pcm)
    assert (await hear(ear, pcm, position=len(pcm))).text == said
    await ear.close()


async def test_a_missing_or_broken_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="nowhere"):
        await Vosk.load(tmp_path / "nowhere")
    broken = tmp_path / "broken"
    shutil.copytree(MODELS / "vosk-demo-en", broken)
    with (broken / "am" / "final.mdl").open("r+b") as file:
        file.truncate(100_000)
    with pytest.raises(StartError, match=r"broken.*allo models pull"):
        await Vosk.load(broken)


async def test_the_model_outlives_its_house_being_closed() -> None:
    stt = await Vosk.load(MODELS / "vosk-demo-en")
    ear = await stt.open(8000, ignore)
    await stt.close()
    for frame in frames(silence(1600)):
        ear.push(frame)
    with pytest.raises(HearingError):
        await ear.finish()
    await ear.close()


async def test_a_peek_tells_the_words_at_once_and_changes_nothing(
    russian: Vosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stt_vosk, "PEEK_MS", 10_000)  # however busy the machine is
    pcm = read_mono(SPEECH / "ru/domain/espeak-f3_53.wav")[: -2 * 1600]  # 100 ms of quiet are left behind the words
    plain, peeked = await russian.open(8000, ignore), await russian.open(8000, ignore)
    for number, frame in enumerate(frames(pcm)):
        plain.push(frame)
        peeked.push(frame)
        if number % 20 == 19:
            await peeked.peek()

    seen = await peeked.peek()
    final = await peeked.finish()

    assert seen.text == final.text == (await plain.finish()).text == "сколько стоит доставка"
    assert not seen.final
    assert len(final.words) == 3
    assert (await peeked.peek()).text == ""


async def test_where_a_peek_would_come_too_late_the_callers_own_decoder_tells_the_words_once_it_has_them(
    russian: Vosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stt_vosk, "PEEK_QUEUE", 0)  # as with many callers before this one
    pcm = read_mono(SPEECH / "ru/domain/espeak-f3_53.wav")
    ear = await russian.open(8000, ignore)
    for frame in frames(pcm + bytes(2 * 8000)):
        ear.push(frame)

    at_once = await ear.peek()
    async with asyncio.timeout(5):
        while (later := await ear.peek()).position < len(pcm) // 2:  # noqa: ASYNC110 - a decoder has no such event
            await asyncio.sleep(0.01)

    assert at_once.position < len(pcm) // 2
    assert later.text == (await ear.finish()).text == "сколько стоит доставка"


async def test_a_peek_that_waited_behind_others_is_not_taken_for_a_slow_machine(
    russian: Vosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stt_vosk, "PEEK_MS", 1000)  # milliseconds; a peek itself takes 20
    pcm = read_mono(SPEECH / "ru/domain/espeak-f3_53.wav")
    ear = await russian.open(8000, ignore)
    for frame in frames(pcm):
        ear.push(frame)
    others = russian._threads.put(Urgency.END, object(), lambda: time.sleep(1.2))

    await ear.peek()
    assert others.done()
    assert (await ear.peek()).position >= len(pcm) // 2, "the next one is not refused"
    await ear.finish()


async def test_a_grammar_wants_a_model_with_a_dynamic_graph_and_phrases(tmp_path: Path) -> None:
    file = tmp_path / "phrases.txt"
    file.write_text("# yes and no\n Да \nнет\n\nне  знаю\n", encoding="utf-8")
    with pytest.raises(StartError, match=r"vosk-demo-ru is fixed"):
        await Vosk.load(MODELS / "vosk-demo-ru", grammar=file)
    dynamic = tmp_path / "model"
    (dynamic / "graph").mkdir(parents=True)
    (dynamic / "graph" / "HCLr.fst").touch()
    assert read_grammar(file, dynamic) == ["да", "нет", "не знаю"]
    for text in ("", "# nothing\n"):
        file.write_text(text)
        with pytest.raises(StartError, match="no phrases"):
            read_grammar(file, dynamic)
    with pytest.raises(StartError, match="can't be read"):
        read_grammar(tmp_path / "nowhere.txt", dynamic)


def test_phrases_that_the_model_cannot_hear_are_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    model = vosk.Model(str(MODELS / "vosk-demo-ru"))

    def knows(word: str) -> bool:
        return int(model.vosk_model_find_word(word)) >= 0

    file = Path("phrases.txt")
    with caplog.at_level(logging.WARNING):
        assert json.loads(grammar(["да", "зюзюка да", "какая гарантия"], knows, file))[:2] == ["да", "какая гарантия"]
    assert "зюзюка" in caplog.text
    assert knows("[unk]") == ("[unk]" in json.loads(grammar(["да"], knows, file)))
    with pytest.raises(StartError, match=r"phrases\.txt: the model knows the words of no phrase.*зюзюка"):
        grammar(["зюзюка"], knows, file)
