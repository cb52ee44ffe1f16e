from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.backends.tts_espeak import Espeak
from agent.doctor.voice_check import voices
from agent.engine_settings import OpenAi
from agent.errors import SettingsError, StartError
from agent.settings import Settings, Storage, Tts, load
from agent.voices.voice_table import new_voice, one_voice
from tests.fakes.speaking import Behaviour
from tests.fakes.speech_server import SpeechServer


def with_tts(tmp_path: Path, *engine: str, voice: str = "", openai: OpenAi | None = None) -> Settings:
    tts = Tts(engine=engine, voice=voice)
    return Settings(storage=Storage(dir=tmp_path), tts=tts, openai=openai or OpenAi())


def test_engines_come_as_a_list_or_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "allo.toml"
    file.write_text('[tts]\nengine = ["openai:nova", "piper", "espeak"]\nvoice = "x"\n')
    assert load(file).tts.choices == (("openai", "nova"), ("piper", ""), ("espeak", ""))
    monkeypatch.setenv("ALLO_TTS__ENGINE", "wyoming, espeak:ru+f2")
    assert load(file).tts.choices == (("wyoming", "x"), ("espeak", "ru+f2"))
    monkeypatch.setenv("ALLO_TTS__ENGINE", "festival")
    with pytest.raises(SettingsError, match="TTS__ENGINE"):
        load(file)


async def test_the_default_is_one_voice(tmp_path: Path) -> None:
    chain = await new_voice(with_tts(tmp_path, "auto", voice="ru+f2"))
    assert chain.order == chain.name == "espeak-ng ru+f2 165 wpm"
    await chain.close()


async def test_a_chain_in_its_order(tmp_path: Path) -> None:
    openai = OpenAi(api_key=SecretStr("k"))
    chain = await new_voice(with_tts(tmp_path, "openai", "espeak:ru+f2", openai=openai))
    assert chain.order == "openai gpt-4o-mini-tts nova, then espeak-ng ru+f2 165 wpm"
    assert chain.rate == 24000
    await chain.close()


@pytest.mark.parametrize(
    ("engine", "said"),
    [("openai", "no key"), ("yandex", "no credentials"), ("piper", "Piper has not got"), ("espeak:klingon9", "voice")],
)
async def test_a_voice_that_can_not_be_is_a_clear_error(tmp_path: Path, engine: str, said: str) -> None:
    if engine == "yandex":
        pytest.importorskip("yandex", reason="the extra `yandex` is not installed: pip install -e '.[yandex]'")
    with pytest.raises((SettingsError, StartError), match=said):
        await new_voice(with_tts(tmp_path, "espeak", engine))


async def test_a_missing_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def missing(_settings: Settings, _voice: str) -> Espeak:
        raise ModuleNotFoundError(name="grpc.aio")

    monkeypatch.setitem(__import__("agent.voices.voice_table", fromlist=["VOICES"]).VOICES, "yandex", missing)
    with pytest.raises(StartError, match=r"needs the package grpc: .*\[yandex\]"):
        await one_voice("yandex", "", with_tts(tmp_path, "yandex"))


async def test_the_doctor_tries_each(tmp_path: Path) -> None:
    async with SpeechServer(Behaviour("expired")) as server:
        openai = OpenAi(base_url=server.base_url)
        found = await voices(with_tts(tmp_path, "openai", "espeak", "yandex", openai=openai))
    assert [(finding.check, finding.state) for finding in found] == [
        ("voice openai", "fault"),
        ("voice espeak", "ok"),
        ("voice yandex", "fault"),
    ]
    assert "the key was refused" in found[0].result
