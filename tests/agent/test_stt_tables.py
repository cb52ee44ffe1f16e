"""Names in the settings become recognisers, and the doctor tells how each of them does."""

import sys
from pathlib import Path
from typing import Any

import pytest

from agent.backends.stt_openai import OpenAiStt
from agent.backends.stt_vosk import Vosk
from agent.doctor.hearing_check import recognisers
from agent.errors import SettingsError, StartError
from agent.hearing_chain import HearingChain
from agent.settings import Settings, parse
from agent.tables import new_stt
from audio.frame import AudioFrame
from audio.wav import read_mono
from tests.fakes.openai_ears import EarsBehaviour, OpenAiEars

SPEECH = Path(__file__).parent.parent / "speech" / "ru" / "domain"


def settings(**sections: Any) -> Settings:
    return parse(sections, None)


def test_one_name_or_several(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().stt.engine == ("vosk",)
    assert settings(stt={"engine": "vosk"}).stt.engine == ("vosk",)
    assert settings(stt={"engine": ["yandex", "vosk"]}).stt.engine == ("yandex", "vosk")
    monkeypatch.setenv("ALLO_STT__ENGINE", "openai, wyoming,vosk")
    assert settings().stt.engine == ("openai", "wyoming", "vosk")
    monkeypatch.delenv("ALLO_STT__ENGINE")
    for wrong in ("", [], "google", ["vosk", "google"], 5):
        with pytest.raises(SettingsError, match=r"\[stt\] engine"):
            settings(stt={"engine": wrong})


async def test_without_credentials_the_start_says_what_to_set() -> None:
    for engine, said in (("yandex", "yandex. api_key"), ("openai", "openai. api_key"), ("wyoming", "stt_address")):
        with pytest.raises(SettingsError, match=said):
            await new_stt(settings(stt={"engine": ["vosk", engine]}, wyoming={"stt_address": "nonsense"}))
    stt = await new_stt(settings(stt={"engine": "openai"}, llm={"api_key": "sk-llm"}))
    assert isinstance(stt, OpenAiStt)
    await stt.close()


async def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wyoming.client", None)
    monkeypatch.delitem(sys.modules, "agent.backends.stt_wyoming", raising=False)
    with pytest.raises(StartError, match=r"engine wyoming needs the package wyoming: .*\[wyoming\]"):
        await new_stt(settings(stt={"engine": "wyoming"}))


async def test_a_chain_of_real_engines_hears_when_the_first_one_fails() -> None:
    pcm = read_mono(SPEECH / "espeak-f3_53.wav")
    async with OpenAiEars(EarsBehaviour(always="500")) as server:
        openai = {"base_url": server.base_url}
        stt = await new_stt(settings(stt={"engine": ["openai", "vosk", "vosk"]}, openai=openai))
        assert isinstance(stt, HearingChain)
        assert stt.name == "openai gpt-live-transcribe, then vosk vosk-demo-ru"
        ear = await stt.open(8000, lambda _partial: None)
        for start in range(0, len(pcm) - 319, 320):
            ear.push(AudioFrame(pcm[start : start + 320], 8000, start // 2))
        assert (await ear.finish()).text == "сколько стоит доставка"
        assert "1 of 1 utterances failed" in stt.states["openai gpt-live-transcribe"]
        await ear.close()
        await stt.close()
    alone = await new_stt(settings())
    assert isinstance(alone, Vosk)
    await alone.close()


async def test_the_doctor_tries_each_and_says_what_to_do() -> None:
    async with OpenAiEars(EarsBehaviour(always="401")) as server:
        given = settings(
            stt={"engine": ["yandex", "openai", "vosk"]},
            yandex={"iam_token": "y0_abc"},
            openai={"base_url": server.base_url},
        )
        by_name = {finding.check: finding for finding in await recognisers(given)}
    assert list(by_name) == ["recogniser yandex", "recogniser openai", "recogniser vosk"]
    assert by_name["recogniser yandex"].state == "fault"
    assert "OAuth token is not accepted" in by_name["recogniser yandex"].result
    assert "key is refused" in by_name["recogniser openai"].result
    assert "[openai] api_key" in by_name["recogniser openai"].advice
    assert by_name["recogniser vosk"].state == "warning"


async def test_the_doctor_tells_which_credentials_yandex_took(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("yandex.cloud.ai.stt.v3.stt_pb2")
    monkeypatch.setattr("agent.backends.stt_yandex.SETTLE_S", 10)
    from tests.fakes.yandex_stt_server import YandexBehaviour, YandexSttServer  # noqa: PLC0415

    async with YandexSttServer(YandexBehaviour()) as server:
        given = {"stt_address": server.address, "iam_token": "t1.secret", "folder_id": "b1g"}
        (well,) = await recognisers(settings(stt={"engine": "yandex"}, yandex=given))
        server.behaviour.always = "expired"
        (ill,) = await recognisers(settings(stt={"engine": "yandex"}, yandex={**given, "folder_id": ""}))
    assert (well.state, well.result) == ("ok", "yandex general (iam-token, folder b1g)")
    assert ill.state == "fault"
    assert "12 hours" in ill.result
    assert "folder_id" in ill.advice
    assert "secret" not in well.result + ill.result + ill.advice
