import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("sherpa_onnx")

from agent.backends.streamed_ear import StreamedEar
from agent.backends.stt_sherpa import SherpaStt, find_kind
from agent.errors import HearingError, StartError
from agent.ports import Transcript
from agent.settings import Sherpa
from audio.level import silence
from tests.fakes import tone_model
from tests.fakes.hearing import ignore, push
from tests.fakes.tone_speech import say

SAID = "сколько стоит доставка да да"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tone_model.make(tmp_path_factory.mktemp("models") / "streaming-t-one-tones")


@pytest.fixture
async def stt(folder: Path) -> AsyncIterator[SherpaStt]:
    stt = await SherpaStt.load(Sherpa(), folder)
    yield stt
    await stt.close()


def open_ear(stt: SherpaStt, rate: int = 8000, note: Callable[[Transcript], None] = ignore) -> StreamedEar:
    """As ``open`` does, with patience for a busy machine."""
    return StreamedEar(stt._listen, rate, note, peek_s=10, finish_s=15)


@pytest.mark.parametrize("rate", [8000, 16000])
async def test_words_partials_and_places(stt: SherpaStt, rate: int) -> None:
    assert stt.name == "sherpa streaming-t-one-tones"
    partials: list[str] = []
    ear = open_ear(stt, rate, lambda transcript: partials.append(transcript.text))
    assert await ear.finish() == Transcript("", True, 0)
    await push(ear, say(SAID, rate), 40_000, rate)
    seen = await ear.peek()
    assert seen.text == SAID
    assert seen.position == 40_000 + -(-len(say(SAID, rate)) // (rate // 25)) * (rate // 50)
    heard = await ear.finish()
    assert (heard.text, heard.final) == (SAID, True)
    starts = [word.start - 40_000 for word in heard.words]
    assert abs(starts[0] - rate * 120 // 1000) <= rate * 30 // 1000
    assert all(abs(right - left - rate * 280 // 1000) <= rate * 40 // 1000 for left, right in pairwise(starts))
    assert SAID in partials
    await push(ear, silence(rate), 300_000, rate)
    assert (await ear.finish()).text == ""
    await ear.close()


async def test_many_at_once_do_not_mix_and_one_that_leaves_is_forgotten(stt: SherpaStt) -> None:
    said = ["да нет", "пять шесть семь", SAID, "сколько", "нет нет", "гарантия да"]
    ears = [open_ear(stt) for _ in said]
    leaver = open_ear(stt)
    await push(leaver, say(SAID))
    await asyncio.gather(*(push(ear, say(text)) for ear, text in zip(ears, said, strict=True)))
    await leaver.close()
    heard = await asyncio.gather(*(ear.finish() for ear in ears))
    assert [each.text for each in heard] == said
    for ear in ears:
        await ear.close()


async def test_a_process_that_dies_in_mid_utterance_costs_no_word(stt: SherpaStt) -> None:
    ear = open_ear(stt)
    pcm = say(SAID)
    await push(ear, pcm[: len(pcm) // 4 * 2])
    assert (await ear.peek()).text
    process = stt._worker._requests.process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    await push(ear, pcm[len(pcm) // 4 * 2 :], len(pcm) // 4)
    async with asyncio.timeout(10):
        await stt._worker.until_ready(10)
    assert (await ear.finish()).text == SAID
    assert stt._worker.starts == 2
    await ear.close()


async def test_without_a_process_an_utterance_is_an_error(folder: Path) -> None:
    stt = await SherpaStt.load(Sherpa(), folder)
    ear = await stt.open(8000, ignore)
    await stt.close()
    await push(ear, say("да"))
    with pytest.raises(HearingError, match="not running"):
        await ear.finish()
    await ear.close()


async def test_models_that_cannot_be_used_are_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(StartError, match="no such folder"):
        await SherpaStt.load(Sherpa(), tmp_path / "nowhere")
    with pytest.raises(StartError, match="not a model"):
        await SherpaStt.load(Sherpa(), tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(StartError, match=r"tokens\.txt"):
        await SherpaStt.load(Sherpa(kind="t-one"), tmp_path)
    (tmp_path / "tokens.txt").write_text("a 0\n<blk> 1\n")
    with pytest.raises(StartError, match="sherpa"):
        await SherpaStt.load(Sherpa(kind="t-one"), tmp_path)


def test_models_are_known_by_the_names_of_their_makers(tmp_path: Path) -> None:
    for name, files, kind in (
        ("sherpa-onnx-streaming-t-one-russian-2025-09-08", ["model.onnx"], "t-one"),
        ("sherpa-onnx-nemo-ctc-giga-am-v2-russian-2025-04-19", ["model.int8.onnx"], "offline-ctc"),
        ("sherpa-onnx-nemo-transducer-giga-am-v2-russian", ["encoder.int8.onnx", "joiner.onnx"], "offline-transducer"),
        ("sherpa-onnx-streaming-zipformer-small-ru-vosk", ["encoder.onnx", "joiner.onnx"], "transducer"),
        ("sherpa-onnx-streaming-zipformer-ctc-multi", ["ctc-epoch-20.onnx"], "zipformer-ctc"),
        ("sherpa-onnx-nemo-streaming-fast-conformer-ctc-en-80ms", ["model.onnx"], "nemo-ctc"),
    ):
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).touch()
        assert find_kind(tmp_path / name, "auto") == kind
    assert find_kind(tmp_path, "transducer") == "transducer"
