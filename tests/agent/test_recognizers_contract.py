"""What every recogniser promises (see ``agent.ports``), run over each of them as it really is."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from agent.backends.stt_openai import OpenAiStt
from agent.backends.stt_vosk import Vosk
from agent.engine_settings import Recogniser
from agent.errors import HearingError
from agent.hearing_chain import HearingChain
from agent.ports import SpeechToText, Transcript
from agent.settings import OpenAi, Sherpa, Whisper, Wyoming, Yandex
from audio.frame import AudioFrame
from audio.level import silence
from audio.resample import resample
from audio.wav import read_mono
from tests.fakes.hearing import ignore, push
from tests.fakes.openai_ears import EarsBehaviour, OpenAiEars
from tests.fakes.tone_speech import say

ROOT = Path(__file__).parent.parent
SAID = "сколько стоит доставка"
PORT_WAIT_S = 10


def speech(rate: int) -> bytes:
    """The sentence as a human-like voice says it."""
    return resample(read_mono(ROOT / "speech/ru/domain/espeak-f3_53.wav"), 8000, rate)


def tones(rate: int) -> bytes:
    """The sentence in the language of tones."""
    return say(SAID, rate)


@asynccontextmanager
async def vosk(_folder: Path, _port: int) -> AsyncIterator[SpeechToText]:
    yield await Vosk.load(ROOT.parent / "agent/models/vosk-demo-ru")


@asynccontextmanager
async def yandex(_folder: Path, _port: int) -> AsyncIterator[SpeechToText]:
    pytest.importorskip("yandex.cloud.ai.stt.v3.stt_pb2")
    from agent.backends.stt_yandex import YandexStt  # noqa: PLC0415 - an extra
    from tests.fakes.yandex_stt_server import YandexSttServer  # noqa: PLC0415

    async with YandexSttServer() as server:
        yield YandexStt(Yandex(api_key=SecretStr("key"), stt_address=server.address), "ru")


@asynccontextmanager
async def openai(_folder: Path, _port: int) -> AsyncIterator[SpeechToText]:
    async with OpenAiEars(EarsBehaviour()) as server:
        yield OpenAiStt(OpenAi(base_url=server.base_url), "ru")


@asynccontextmanager
async def openai_by_the_piece(_folder: Path, _port: int) -> AsyncIterator[SpeechToText]:
    async with OpenAiEars(EarsBehaviour()) as server:
        yield OpenAiStt(OpenAi(base_url=server.base_url, stt_realtime=False), "ru")


@asynccontextmanager
async def wyoming(_folder: Path, port: int) -> AsyncIterator[SpeechToText]:
    pytest.importorskip("wyoming")
    from agent.backends.stt_wyoming import WyomingStt  # noqa: PLC0415 - an extra

    command = (sys.executable, "-m", "tests.fakes.wyoming_ears", "--port", str(port), "--stream")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readline(), PORT_WAIT_S)
        yield WyomingStt(Wyoming(stt_address=f"tcp://127.0.0.1:{port}"), "ru")
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def sherpa(folder: Path, _port: int) -> AsyncIterator[SpeechToText]:
    pytest.importorskip("sherpa_onnx")
    from agent.backends.stt_sherpa import SherpaStt  # noqa: PLC0415 - an extra
    from tests.fakes import tone_model  # noqa: PLC0415

    yield await SherpaStt.load(Sherpa(kind="t-one"), tone_model.make(folder))


def sherpa_of(kind: str) -> Callable[[Path, int], AbstractAsyncContextManager[SpeechToText]]:
    """Another of its formats, told by the files and the folder's name."""

    @asynccontextmanager
    async def opened(folder: Path, _port: int) -> AsyncIterator[SpeechToText]:
        pytest.importorskip("sherpa_onnx")
        from agent.backends.stt_sherpa import SherpaStt, find_kind  # noqa: PLC0415 - an extra
        from tests.fakes import sherpa_models  # noqa: PLC0415

        model = sherpa_models.make(folder, kind)
        assert find_kind(model, "auto") == kind
        yield await SherpaStt.load(Sherpa(), model)

    return opened


@asynccontextmanager
async def whisper(folder: Path, _port: int) -> AsyncIterator[SpeechToText]:
    pytest.importorskip("faster_whisper")
    from agent.backends.stt_whisper import WhisperStt  # noqa: PLC0415 - an extra
    from tests.fakes import whisper_model  # noqa: PLC0415

    yield await WhisperStt.load(Whisper(threads=1), whisper_model.make(folder, SAID), "ru")


@asynccontextmanager
async def chain(_folder: Path, _port: int) -> AsyncIterator[SpeechToText]:
    """One that always fails, and behind it one that hears."""
    async with OpenAiEars(EarsBehaviour(always="500")) as server:
        first = OpenAiStt(OpenAi(base_url=server.base_url), "ru")
        yield HearingChain([first, await Vosk.load(ROOT.parent / "agent/models/vosk-demo-ru")], 2.0)


@dataclass(frozen=True)
class Kind:
    """A recogniser and how one speaks to it."""

    make: Callable[[Path, int], AbstractAsyncContextManager[SpeechToText]]
    said: Callable[[int], bytes] = tones
    listens: bool = True
    """It tells speech from silence (the tiny Whisper of the tests always says the same)."""


KINDS = {
    "vosk": Kind(vosk, speech),
    "yandex": Kind(yandex),
    "openai": Kind(openai),
    "openai by the piece": Kind(openai_by_the_piece),
    "wyoming": Kind(wyoming),
    "sherpa": Kind(sherpa),
    "sherpa offline-ctc": Kind(sherpa_of("offline-ctc")),
    "sherpa offline-transducer": Kind(sherpa_of("offline-transducer")),
    "sherpa nemo-ctc": Kind(sherpa_of("nemo-ctc")),
    "sherpa zipformer-ctc": Kind(sherpa_of("zipformer-ctc")),
    "sherpa transducer": Kind(sherpa_of("transducer")),
    "whisper": Kind(whisper, listens=False),
    "chain": Kind(chain, speech),
}


async def nothing_is_nothing(stt: SpeechToText, _kind: Kind) -> None:
    ear = await stt.open(8000, ignore)
    nothing = await ear.finish()
    assert (nothing.text, nothing.final) == ("", True)
    await ear.close()


async def words_lie_where_they_were_said(stt: SpeechToText, kind: Kind) -> None:
    for rate in (8000, 16000):
        partials: list[Transcript] = []
        threads: set[int] = set()

        def note(partial: Transcript, seen: list[Transcript] = partials, ran: set[int] = threads) -> None:
            seen.append(partial)
            ran.add(threading.get_ident())

        ear = await stt.open(rate, note)
        end = await push(ear, kind.said(rate), 100_000, rate)
        heard = await ear.finish()
        assert (heard.text, heard.final, heard.position) == (SAID, True, end)
        assert " ".join(word.text for word in heard.words) == SAID
        assert all(100_000 <= word.start <= word.end <= end for word in heard.words)
        assert [word.start for word in heard.words] == sorted(word.start for word in heard.words)
        assert 0 < heard.confidence <= 1
        assert not any(partial.final for partial in partials)
        assert threads <= {threading.get_ident()}
        await ear.close()


async def a_peek_changes_nothing(stt: SpeechToText, kind: Kind) -> None:
    ear = await stt.open(8000, ignore)
    end = await push(ear, kind.said(8000))
    peeked = await ear.peek()
    trailing = await ear.peek(trailing=True)
    for seen in (peeked, trailing):
        assert not seen.final
        assert seen.position <= end
        assert SAID.startswith(seen.text)
    assert (await ear.finish()).text == SAID
    await ear.close()


async def utterances_are_heard_for_themselves(stt: SpeechToText, kind: Kind) -> None:
    ear = await stt.open(8000, ignore)
    await push(ear, kind.said(8000))
    assert (await ear.finish()).text == SAID
    await push(ear, kind.said(8000), 500_000)
    later = await ear.finish()
    assert later.text == SAID
    assert all(word.start >= 500_000 for word in later.words)
    await ear.close()


async def a_cancelled_finish_does_not_spoil_the_next(stt: SpeechToText, kind: Kind) -> None:
    ear = await stt.open(8000, ignore)
    await push(ear, kind.said(8000))
    finishing = asyncio.ensure_future(ear.finish())
    await asyncio.sleep(0)
    finishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await finishing
    await ear.finish()
    await push(ear, kind.said(8000), 500_000)
    assert (await ear.finish()).text == SAID
    await ear.close()


async def ears_do_not_mix_and_silence_is_no_words(stt: SpeechToText, kind: Kind) -> None:
    speaking, silent = await stt.open(8000, ignore), await stt.open(8000, ignore)
    await asyncio.gather(push(speaking, kind.said(8000)), push(silent, silence(12_000)))
    texts = [heard.text for heard in await asyncio.gather(speaking.finish(), silent.finish())]
    assert texts == [SAID, "" if kind.listens else SAID]
    await speaking.close()
    await silent.close()


async def a_closed_ear_is_closed(stt: SpeechToText, kind: Kind) -> None:
    ear = await stt.open(8000, ignore)
    await push(ear, kind.said(8000))
    await ear.close()
    await ear.close()
    await push(ear, silence(160))
    for ask in (ear.peek, ear.finish):
        with pytest.raises(HearingError):
            await ask()


async def push_takes_no_time(stt: SpeechToText, kind: Kind) -> None:
    """The median of frames that come while others are being heard; one alone may be interrupted by anything."""
    ear = await stt.open(8000, ignore)
    took = []
    for frame in [AudioFrame(kind.said(8000)[at : at + 320], 8000, at // 2) for at in range(0, 8000, 320)]:
        began = time.perf_counter()
        ear.push(frame)
        took.append(time.perf_counter() - began)
        await asyncio.sleep(0)
    assert sorted(took)[len(took) // 2] < 0.001
    await ear.close()


CLAUSES: tuple[Callable[[SpeechToText, Kind], Awaitable[None]], ...] = (
    nothing_is_nothing,
    words_lie_where_they_were_said,
    a_peek_changes_nothing,
    utterances_are_heard_for_themselves,
    a_cancelled_finish_does_not_spoil_the_next,
    ears_do_not_mix_and_silence_is_no_words,
    a_closed_ear_is_closed,
    push_takes_no_time,
)


@pytest.mark.parametrize("name", KINDS)
async def test_every_recogniser_keeps_the_contract(name: str, tmp_path: Path, unused_tcp_port: int) -> None:
    """All clauses on one engine: a model is loaded once."""
    kind = KINDS[name]
    async with kind.make(tmp_path, unused_tcp_port) as stt:
        assert stt.name
        for clause in CLAUSES:
            await clause(stt, kind)
        await stt.close()


def test_the_contract_is_held_by_every_recogniser_of_the_settings() -> None:
    assert {name.partition(" ")[0] for name in KINDS} - {"chain"} == set(get_args(Recogniser))
    formats = {name.partition(" ")[2] for name in KINDS if name.startswith("sherpa ")}
    assert formats | {"t-one", "auto"} == set(get_args(Sherpa.model_fields["kind"].annotation))
