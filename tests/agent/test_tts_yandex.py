import importlib.util

import pytest

if importlib.util.find_spec("yandex") is None or importlib.util.find_spec("grpc") is None:
    pytest.skip("the extra `yandex` is not installed: pip install -e '.[yandex]'", allow_module_level=True)

from pathlib import Path

from pydantic import SecretStr

from agent.backends import tts_yandex
from agent.backends.tts_espeak import Espeak
from agent.backends.tts_yandex import YandexVoice
from agent.engine_settings import Yandex
from agent.errors import VoiceError
from agent.voices.voice_chain import VoiceChain
from tests.agent.voices import HEARD, SENTENCE, listened, understood
from tests.fakes.speaking import Behaviour, Fault, spoken
from tests.fakes.speech_server import SpeechServer
from tests.fakes.yandex_tts_server import YandexTtsServer


def settings(server: YandexTtsServer, http: str = "", key: str = "AQVN-key", folder: str = "") -> Yandex:
    return Yandex(
        api_key=SecretStr(key), folder_id=folder, tts_address=server.address, tts_http_address=http, tts_role="good"
    )


async def test_it_streams_over_grpc() -> None:
    async with YandexTtsServer() as server:
        voice = YandexVoice(settings(server), "ru", "marina")
        wire = await listened(voice, SENTENCE, 1.2)
        await voice.close()
    (request,) = server.requests
    assert [getattr(hint, hint.WhichOneof("Hint")) for hint in request.hints] == ["marina", 1.2, "good"]
    assert server.metadata[0]["authorization"] == "Api-Key AQVN-key"
    assert voice.name == "yandex marina good"
    assert len(wire.arrivals) > 5
    assert await understood(wire) == HEARD


async def test_words_are_timed_where_the_server_tells_them() -> None:
    async with YandexTtsServer(tells_words=True) as server:
        voice = YandexVoice(settings(server), "ru")
        wire = await listened(voice, SENTENCE)
        await voice.close()
    assert [SENTENCE[word.offset :].split()[0] for word in wire.words] == SENTENCE.split()
    assert [word.sample for word in wire.words] == sorted(word.sample for word in wire.words)
    assert wire.words[-1].sample > len(wire.pcm) // 2 * 0.7


async def test_long_texts_go_in_pieces_that_are_joined() -> None:
    text = f"{SENTENCE}. " * 5
    async with YandexTtsServer() as server:
        voice = YandexVoice(settings(server), "ru")
        wire = await listened(voice, text)
        await voice.close()
    assert len(server.requests) == 2
    assert all(len(request.text) <= tts_yandex.MOST_CHARS for request in server.requests)
    assert " ".join(request.text for request in server.requests).split() == text.split()
    pcm, _ = await spoken(text, voice.rate)
    assert len(wire.pcm) == pytest.approx(len(pcm), rel=0.05)


@pytest.mark.parametrize("key", ["AQVN-key", "t1.token"])
async def test_http_goes_on_where_grpc_does_not_get_through(key: str) -> None:
    async with YandexTtsServer(Behaviour("refused")) as server, SpeechServer() as http:
        voice = YandexVoice(settings(server, http.yandex_url, key, "b1folder"), "ru")
        assert await understood(await listened(voice, SENTENCE)) == HEARD
        await listened(voice, "Да.")
        await voice.close()
    assert len(server.requests) == 1  # it is not tried again with each sentence
    form = http.requests[0]
    assert (form["lang"], form["voice"], form["emotion"], form["format"]) == ("ru-RU", "alena", "good", "lpcm")
    assert form.get("folderId") == ("b1folder" if key.startswith("t1.") else None)
    assert http.headers[0]["Authorization"] == ("Bearer t1.token" if key.startswith("t1.") else "Api-Key AQVN-key")


async def test_http_goes_on_where_grpc_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tts_yandex, "FIRST_S", 0.2)
    async with YandexTtsServer(Behaviour("hang_first")) as server, SpeechServer() as http:
        voice = YandexVoice(settings(server, http.yandex_url), "ru")
        assert (await listened(voice, "Да.")).pcm
        assert (await listened(voice, "Да.")).first_s < 0.2
        await voice.close()


@pytest.mark.parametrize(
    ("fault", "said"),
    [("expired", "the API key is refused"), ("refused", "gRPC does not get through"), ("page", "unknown")],
)
async def test_refusals_say_what_to_do_and_tell_no_secret(fault: Fault, said: str) -> None:
    async with YandexTtsServer(Behaviour(fault)) as server:
        voice = YandexVoice(settings(server), "ru")
        with pytest.raises(VoiceError, match=said) as caught:
            await listened(voice, SENTENCE)
        await voice.close()
    assert "t1." not in str(caught.value)
    assert "арантия" not in str(caught.value)


async def test_without_credentials_nothing_is_asked() -> None:
    async with YandexTtsServer() as server:
        voice = YandexVoice(settings(server, key=""), "ru")
        with pytest.raises(VoiceError, match=r"set \[yandex\] api_key"):
            await listened(voice, SENTENCE)
        await voice.close()
    assert server.requests == []


async def test_a_token_file_is_read_anew(tmp_path: Path) -> None:
    token = tmp_path / "token"
    async with YandexTtsServer() as server:
        renewed = Yandex(iam_token_file=token, folder_id="b1", tts_address=server.address, tts_http_address="")
        voice = YandexVoice(renewed, "ru")
        for secret in ("t1.one", "t1.two"):
            token.write_text(secret + "\n")
            await listened(voice, "Да.")
        await voice.close()
    assert [given["authorization"] for given in server.metadata] == ["Bearer t1.one", "Bearer t1.two"]
    assert server.metadata[0]["x-folder-id"] == "b1"


async def test_a_chain_that_gave_grpc_up_is_spoken_to_over_http_next() -> None:
    async with YandexTtsServer(Behaviour("hang_first")) as server, SpeechServer() as http:
        espeak = await Espeak.load("ru")
        voice = YandexVoice(settings(server, http.yandex_url), "ru")
        voices = VoiceChain([voice, espeak], espeak, first_s=0.3)
        await listened(voices, "Да.")
        assert http.requests == []
        await listened(voices, "Да.")
        await voices.close()
    assert len(http.requests) == 1
