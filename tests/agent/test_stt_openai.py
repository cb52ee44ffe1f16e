import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from agent.backends.plain_words import plain_words, without_inventions
from agent.backends.streamed_ear import StreamedEar
from agent.backends.stt_openai import OpenAiStt
from agent.errors import HearingError
from agent.ports import Transcript
from agent.settings import OpenAi
from audio.level import silence
from tests.fakes.hearing import ignore, push
from tests.fakes.openai_ears import EarsBehaviour, Fault, OpenAiEars
from tests.fakes.tone_speech import say

SAID = "сколько стоит доставка да"


@pytest.fixture
async def server() -> AsyncIterator[OpenAiEars]:
    async with OpenAiEars(EarsBehaviour()) as server:
        yield server


@pytest.fixture(params=["realtime", "by the piece"])
async def stt(server: OpenAiEars, request: pytest.FixtureRequest) -> AsyncIterator[OpenAiStt]:
    stt = engine(server, realtime=request.param == "realtime")
    yield stt
    await stt.close()


def engine(server: OpenAiEars, *, realtime: bool) -> OpenAiStt:
    return OpenAiStt(OpenAi(base_url=server.base_url, api_key=SecretStr("sk-secret"), stt_realtime=realtime), "ru")


@pytest.mark.parametrize("rate", [8000, 16000])
async def test_words_come_plain_one_utterance_after_another(server: OpenAiEars, stt: OpenAiStt, rate: int) -> None:
    ear = await stt.open(rate, ignore)
    assert await ear.finish() == Transcript("", True, 0)
    for number, said in enumerate((SAID, "нет", "пять")):
        await push(ear, say(said, rate), number * 100_000, rate)
        heard = await ear.finish()
        assert (heard.text, heard.final) == (said, True)
        assert heard.position >= number * 100_000 + len(say(said, rate)) // 2
    await push(ear, silence(rate // 50), 500_000, rate)
    assert (await ear.finish()).text == ""
    assert set(server.behaviour.keys) == {"Bearer sk-secret"}
    await ear.close()


async def test_a_realtime_session_is_asked_for_rightly_and_used_again(server: OpenAiEars) -> None:
    stt = engine(server, realtime=True)
    ear = await stt.open(8000, ignore)
    for _ in range(3):
        await push(ear, say("да"))
        await ear.finish()
    session = server.behaviour.wishes[0]
    assert session["type"] == "transcription"
    assert session["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert session["audio"]["input"]["turn_detection"] is None
    assert session["audio"]["input"]["transcription"] == {"model": "gpt-live-transcribe", "language": "ru"}
    assert server.behaviour.connections == 1
    await ear.close()
    await stt.close()


@pytest.mark.parametrize("live", [True, False])
async def test_partials_and_peeks_tell_what_was_said_so_far(server: OpenAiEars, live: bool) -> None:
    server.behaviour.live = live
    stt = engine(server, realtime=True)
    partials: list[str] = []
    ear = await stt.open(8000, lambda transcript: partials.append(transcript.text))
    await push(ear, say(SAID))
    seen = await ear.peek()
    assert not seen.final
    assert SAID.startswith(seen.text)
    assert bool(seen.text) == live == bool(partials)
    await push(ear, say("нет"), 50_000)
    assert (await ear.finish()).text == f"{SAID} нет"
    await ear.close()
    await stt.close()


@pytest.mark.parametrize("fault", ["refuse", "401", "500", "die", "end_early", "garbage"])
async def test_an_utterance_that_fails_once_is_heard_whole(server: OpenAiEars, stt: OpenAiStt, fault: Fault) -> None:
    server.behaviour.faults = [fault]
    ear = await stt.open(8000, ignore)
    await push(ear, say(SAID))
    assert (await ear.finish()).text == SAID
    await ear.close()


@pytest.mark.parametrize("fault", ["refuse", "401", "500", "die", "end_early", "garbage", "failed", "error"])
async def test_one_that_always_fails_is_an_error_without_words_or_keys(
    server: OpenAiEars, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    for realtime in (True, False):
        if fault in ("failed", "error") and not realtime:
            continue
        server.behaviour.always = fault
        stt = engine(server, realtime=realtime)
        ear = await stt.open(8000, ignore)
        with caplog.at_level(logging.DEBUG):
            await push(ear, say(SAID))
            with pytest.raises(HearingError, match="openai: ") as error:
                await ear.finish()
        assert "sk-secret" not in str(error.value) + caplog.text
        server.behaviour.always = ""
        await push(ear, say("да"), 90_000)
        assert (await ear.finish()).text == "да"
        await ear.close()
        await stt.close()


async def test_a_refused_key_is_told(server: OpenAiEars, stt: OpenAiStt) -> None:
    server.behaviour.always = "401"
    ear = await stt.open(8000, ignore)
    await push(ear, say("да"))
    with pytest.raises(HearingError, match=r"\[openai\] api_key"):
        await ear.finish()
    await ear.close()


@pytest.mark.parametrize("realtime", [True, False])
async def test_one_that_hangs_is_an_error_in_time(server: OpenAiEars, realtime: bool) -> None:
    server.behaviour.always = "hang"
    stt = engine(server, realtime=realtime)
    ear = StreamedEar(stt._stream if realtime else stt._post, 8000, ignore, finish_s=0.3)
    await push(ear, say("да нет"))
    began = asyncio.get_running_loop().time()
    with pytest.raises(HearingError, match="no text within"):
        await ear.finish()
    assert asyncio.get_running_loop().time() - began < 1
    await ear.close()
    await stt.close()


async def test_one_that_is_late_is_waited_for(server: OpenAiEars, stt: OpenAiStt) -> None:
    server.behaviour.always, server.behaviour.late_s = "late", 0.3
    ear = await stt.open(8000, ignore)
    await push(ear, say("да нет"))
    assert (await ear.finish()).text == "да нет"
    await ear.close()


async def test_nobody_listens_and_no_key(unused_tcp_port: int) -> None:
    for realtime in (True, False):
        stt = OpenAiStt(OpenAi(base_url=f"http://127.0.0.1:{unused_tcp_port}/v1", stt_realtime=realtime), "ru")
        ear = await stt.open(8000, ignore)
        await push(ear, say("да"))
        with pytest.raises(HearingError, match="can't be reached"):
            await ear.finish()
        await ear.close()
        await stt.close()
    with pytest.raises(HearingError, match=r"set \[openai\] api_key"):
        await OpenAiStt(OpenAi(), "ru").open(8000, ignore)


async def test_a_session_that_died_while_idle_costs_no_word(server: OpenAiEars) -> None:
    stt = engine(server, realtime=True)
    ear = await stt.open(8000, ignore)
    await push(ear, say("да"))
    await ear.finish()
    server.behaviour.faults = ["die"]
    await push(ear, say(SAID))
    assert (await ear.finish()).text == SAID
    assert server.behaviour.connections == 2
    await ear.close()
    await stt.close()


def test_sentences_become_words_and_inventions_nothing() -> None:
    assert plain_words("«Сколько стоит, 1,5 т?» — Да! ...") == ["сколько", "стоит", "1,5", "т", "да"]
    assert plain_words("Кое-что, e-mail: a@b.ru.") == ["кое-что", "e-mail", "a@b.ru"]
    for invented in ("Продолжение следует...", "Субтитры сделал DimaTorzok", "Thank you for watching!"):
        assert without_inventions(plain_words(invented)) == []
    assert without_inventions(plain_words("Спасибо.")) == ["спасибо"]


async def test_hints_go_along(server: OpenAiEars) -> None:
    for realtime in (True, False):
        given = OpenAi(base_url=server.base_url, stt_realtime=realtime)
        stt = OpenAiStt(given, "ru", ("Твердомер", "пресс ПМ-50"))
        ear = await stt.open(8000, ignore)
        await push(ear, say("да"))
        assert (await ear.finish()).text == "да"
        await ear.close()
        await stt.close()
    session, form = server.behaviour.wishes
    wanted = "Твердомер, пресс ПМ-50"
    assert session["audio"]["input"]["transcription"]["prompt"] == form["prompt"] == wanted
    assert form["model"] == "gpt-transcribe"
