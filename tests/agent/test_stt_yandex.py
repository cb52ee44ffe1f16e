import asyncio
import logging
from collections.abc import AsyncIterator
from itertools import pairwise, product
from pathlib import Path

import pytest
from pydantic import SecretStr

pytest.importorskip("yandex.cloud.ai.stt.v3.stt_pb2")

from agent.backends import stt_yandex
from agent.backends.streamed_ear import StreamedEar
from agent.backends.stt_yandex import YandexStt
from agent.errors import HearingError
from agent.ports import Transcript
from agent.settings import Yandex
from audio.level import silence
from tests.fakes.hearing import frames, ignore, push
from tests.fakes.tone_speech import say
from tests.fakes.yandex_stt_server import Fault, YandexSttServer

SAID = "сколько стоит доставка да"


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a refusal may take long; a server that accepts answers at once all the same."""
    monkeypatch.setattr(stt_yandex, "SETTLE_S", 10)


@pytest.fixture
async def server() -> AsyncIterator[YandexSttServer]:
    async with YandexSttServer() as server:
        yield server


def yandex(server: YandexSttServer, **more: object) -> YandexStt:
    given = Yandex(api_key=SecretStr("AQVNkey"), stt_address=server.address)
    return YandexStt(given.model_copy(update=more), "ru")


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("eou", ["ours", "default"])
async def test_words_with_places_partials_and_the_way_it_is_asked(server: YandexSttServer, rate: int, eou: str) -> None:
    stt = yandex(server, stt_eou=eou)
    partials: list[Transcript] = []
    seen = asyncio.Event()

    def note(transcript: Transcript) -> None:
        partials.append(transcript)
        if transcript.text == SAID:
            seen.set()

    ear = await stt.open(rate, note)
    pcm = say(SAID, rate)
    await push(ear, pcm, 50_000, rate)
    async with asyncio.timeout(5):
        await seen.wait()
    heard = await ear.finish()

    assert (heard.text, heard.final, round(heard.confidence, 2)) == (SAID, True, 0.9)
    assert heard.position == 50_000 + len(frames(pcm, rate)) * rate // 50
    assert [word.text for word in heard.words] == SAID.split()
    assert abs(heard.words[0].start - 50_000 - 120 * rate // 1000) <= rate // 50
    assert abs(heard.words[1].start - heard.words[0].start - 280 * rate // 1000) <= rate // 50
    assert not any(partial.final for partial in partials)
    assert len({partial.text for partial in partials}) == len(partials) > 0
    options = server.behaviour.options[0]
    model = options.recognition_model
    assert model.audio_format.raw_audio.sample_rate_hertz == rate
    assert list(model.language_restriction.language_code) == ["ru-RU"]
    assert model.text_normalization.text_normalization == 2  # disabled
    assert options.eou_classifier.HasField("external_classifier") == (eou == "ours")
    assert server.behaviour.keys == ["Api-Key AQVNkey"]
    assert max(server.behaviour.chunks) <= 4 * 8000
    await ear.close()
    await stt.close()


async def test_each_utterance_is_heard_for_itself_and_nothing_is_nothing(server: YandexSttServer) -> None:
    stt = yandex(server)
    ear = await stt.open(8000, ignore)
    assert await ear.finish() == Transcript("", True, 0)
    await push(ear, say("да"))
    assert (await ear.finish()).text == "да"
    await push(ear, silence(8000), 100_000)
    assert await ear.finish() == Transcript("", True, 108_000)
    await push(ear, say("нет"), 200_000)
    later = asyncio.ensure_future(ear.finish())
    await asyncio.sleep(0)
    await push(ear, say("пять"), 300_000)
    assert (await later).text == "нет"
    heard = await ear.finish()
    assert heard.text == "пять"
    assert heard.words[0].start > 300_000
    await ear.close()
    await stt.close()


async def test_a_peek_tells_what_was_said_so_far_and_changes_nothing(server: YandexSttServer) -> None:
    stt = yandex(server)
    ear = await stt.open(8000, ignore)
    assert await ear.peek() == Transcript("", False, 0)
    await push(ear, say("сколько стоит"))
    seen = await ear.peek()
    assert (seen.text, seen.final) == ("сколько стоит", False)
    assert seen.position == len(frames(say("сколько стоит"))) * 160
    await push(ear, say("доставка"), 20_000)
    assert (await ear.finish()).text == "сколько стоит доставка"
    await ear.close()
    await stt.close()


async def test_what_is_written_down_by_yandex_is_taken_where_it_is_wanted(server: YandexSttServer) -> None:
    server.behaviour.written = {"пять пять": "55"}
    stt = yandex(server, stt_normalise=True)
    ear = await stt.open(8000, ignore)
    await push(ear, say("пять пять"))
    heard = await ear.finish()
    assert heard.text == "55"
    assert [word.text for word in heard.words] == ["пять", "пять"]
    assert server.behaviour.options[0].recognition_model.text_normalization.text_normalization == 1
    await ear.close()
    await stt.close()


FAILS_ONCE: tuple[Fault, ...] = ("refuse", "expired", "die", "end_early", "garbage")


@pytest.mark.parametrize(("fault", "eou"), [*product(FAILS_ONCE, ("ours", "default")), ("nonsense", "ours")])
async def test_a_stream_that_fails_once_is_begun_again_with_all_of_the_utterance(
    server: YandexSttServer, fault: Fault, eou: str
) -> None:
    server.behaviour.faults, server.behaviour.after_words = [fault], 2
    stt = yandex(server, stt_eou=eou)
    ear = await stt.open(8000, ignore)
    pcm = say(SAID)
    await push(ear, pcm[: len(pcm) // 3 * 2 & ~1])
    async with asyncio.timeout(10):
        while len(server.behaviour.keys) < 2:  # noqa: ASYNC110 - it has failed once it is asked again
            await asyncio.sleep(0.01)
    await push(ear, pcm[len(pcm) // 3 * 2 & ~1 :], len(pcm) // 3)
    heard = await ear.finish()
    assert heard.text == SAID
    assert len(server.behaviour.keys) == 2
    await ear.close()
    await stt.close()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("refuse", "unavailable"),
        ("die", "unavailable|internal"),
        ("garbage", "internal"),
        ("end_early", "ended before|internal"),
        ("expired", "API key is refused"),
        ("no_role", "needs the role"),
    ],
)
async def test_one_that_always_fails_is_an_error_of_the_utterance(
    server: YandexSttServer, fault: Fault, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.behaviour.always = fault
    stt = yandex(server)
    ear = await stt.open(8000, ignore)
    with caplog.at_level(logging.DEBUG):
        await push(ear, say(SAID))
        async with asyncio.timeout(10):
            while not server.behaviour.keys:  # noqa: ASYNC110 - a stream fails while the caller still speaks
                await asyncio.sleep(0.01)
        with pytest.raises(HearingError, match=said) as error:
            await ear.finish()
    assert "AQVN" not in str(error.value) + caplog.text
    server.behaviour.always = ""
    await push(ear, say("да"), 90_000)
    assert (await ear.finish()).text == "да"
    await ear.close()
    await stt.close()


async def test_one_that_hangs_is_an_error_in_time_and_leaves_no_stream(server: YandexSttServer) -> None:
    server.behaviour.always = "hang"
    stt = yandex(server)
    ear = StreamedEar(stt._listen, 8000, ignore, finish_s=0.3)
    await push(ear, say("да"))
    began = asyncio.get_running_loop().time()
    with pytest.raises(HearingError, match=r"no text within 0\.3 s"):
        await ear.finish()
    assert asyncio.get_running_loop().time() - began < 1
    await push(ear, say("да"))
    assert (await ear.peek()).text == ""
    await ear.close()
    await stt.close()


async def test_one_that_is_late_is_waited_for(server: YandexSttServer) -> None:
    server.behaviour.always, server.behaviour.late_s = "late", 0.3
    stt = yandex(server)
    ear = await stt.open(8000, ignore)
    await push(ear, say("да нет"))
    assert (await ear.finish()).text == "да нет"
    await ear.close()
    await stt.close()


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("limit", ["minutes", "bytes"])
async def test_a_long_utterance_goes_over_to_new_streams_without_losing_a_word(
    server: YandexSttServer, monkeypatch: pytest.MonkeyPatch, rate: int, limit: str
) -> None:
    """Yandex ends a stream after five minutes or 10 MB; here after 6 s or the bytes of 6 s, so that there are many."""
    if limit == "minutes":
        server.behaviour.most_ms = 6_000
        monkeypatch.setattr(stt_yandex, "MOST_S", 5)
    else:
        server.behaviour.most_bytes = 6 * 2 * rate
        monkeypatch.setattr(stt_yandex, "MOST_BYTES", 5 * 2 * rate)
    stt = yandex(server)
    ear = await stt.open(rate, ignore)
    said = " ".join([SAID] * 30)
    await push(ear, say(said, rate), rate=rate)
    heard = await ear.finish()
    assert heard.text == said
    assert [word.text for word in heard.words] == said.split()
    starts = [word.start for word in heard.words]
    steps = [round((right - left) * 100 / rate) for left, right in pairwise(starts)]
    assert set(steps) <= {26, 27, 28, 29, 30}, steps
    assert len(server.behaviour.keys) >= 7
    await ear.close()
    await stt.close()


@pytest.mark.parametrize("shift_ms", range(0, 280, 40))
async def test_a_word_on_the_seam_is_heard_once_wherever_the_limit_comes(
    server: YandexSttServer, monkeypatch: pytest.MonkeyPatch, shift_ms: int
) -> None:
    """The limit falls into a pause, a word's beginning, its middle, its end."""
    monkeypatch.setattr(stt_yandex, "MOST_BYTES", (2000 + shift_ms) * 16)
    server.behaviour.most_bytes = (2000 + shift_ms) * 16 + 640
    stt = yandex(server)
    ear = await stt.open(8000, ignore)
    said = " ".join([SAID] * 4)
    await push(ear, say(said))
    assert (await ear.finish()).text == said
    await ear.close()
    await stt.close()


def test_streams_stay_below_both_limits_of_yandex() -> None:
    assert stt_yandex.MOST_S < 300
    assert stt_yandex.MOST_BYTES < 10_000_000


async def test_nobody_listens(unused_tcp_port: int) -> None:
    stt = YandexStt(Yandex(api_key=SecretStr("k"), stt_address=f"http://127.0.0.1:{unused_tcp_port}"), "ru")
    ear = await stt.open(8000, ignore)
    await push(ear, say("да"))
    with pytest.raises(HearingError, match="unavailable"):
        await ear.finish()
    await ear.close()
    await stt.close()


async def test_without_credentials_it_says_what_to_set_and_a_renewed_token_is_used(
    server: YandexSttServer, tmp_path: Path
) -> None:
    stt = YandexStt(Yandex(stt_address=server.address), "ru")
    with pytest.raises(HearingError, match=r"\[yandex\] api_key"):
        await stt.open(8000, ignore)
    await stt.close()
    token = tmp_path / "token"
    token.write_text("t1.old")
    stt = YandexStt(Yandex(stt_address=server.address, iam_token_file=token, folder_id="b1g"), "ru")
    ear = await stt.open(8000, ignore)
    await push(ear, say("да"))
    assert (await ear.finish()).text == "да"
    token.write_text("t1.new")
    await push(ear, say("нет"))
    assert (await ear.finish()).text == "нет"
    assert server.behaviour.keys == ["Bearer t1.old", "Bearer t1.new"]
    assert server.behaviour.metadata[0]["x-folder-id"] == "b1g"
    await ear.close()
    await stt.close()


async def test_a_closed_ear_takes_nothing_more_and_leaves_its_stream(server: YandexSttServer) -> None:
    stt = yandex(server)
    ear = await stt.open(8000, ignore)
    await push(ear, say("да"))
    await ear.close()
    await ear.close()
    ear.push(frames(silence(160))[0])
    with pytest.raises(HearingError, match="closed"):
        await ear.finish()
    with pytest.raises(HearingError, match="closed"):
        await ear.peek()
    await stt.close()
