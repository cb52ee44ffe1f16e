"""One file, the environment above it, and one clear line for every mistake."""

import os
from ipaddress import ip_address
from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.commands.main import main
from agent.errors import SettingsError
from agent.settings import ENV_PREFIX, Llm, load
from agent.settings_file import OLD_NAMES


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX) or name in OLD_NAMES:
            monkeypatch.delenv(name)


def test_defaults_answer_private_networks_in_russian() -> None:
    settings = load()

    assert settings.language == "ru"
    assert (settings.sip.port, settings.web.host, settings.web.port) == (5060, "127.0.0.1", 9000)
    assert settings.asterisk.url == ""
    for caller, welcome in [("127.0.0.1", True), ("192.168.1.7", True), ("8.8.8.8", False), ("::1", True)]:
        assert any(ip_address(caller) in network for network in settings.sip.allow) is welcome


def test_the_environment_overrides_the_file_key_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "allo.toml"
    file.write_text('language = "en"\n[sip]\nport = 5070\nhost = "127.0.0.2"\n', encoding="utf-8")
    monkeypatch.setenv("ALLO_SIP__PORT", "5080")
    monkeypatch.setenv("ALLO_SIP__ALLOW", "10.0.0.0/8, 127.0.0.1")

    settings = load(file)

    assert (settings.language, settings.sip.host, settings.sip.port) == ("en", "127.0.0.2", 5080)
    assert [str(network) for network in settings.sip.allow] == ["10.0.0.0/8", "127.0.0.1/32"]


def test_the_openai_key_fills_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-openai")
    assert load().llm.api_key.get_secret_value() == "sk-from-openai"

    monkeypatch.setenv("ALLO_LLM__API_KEY", "sk-of-allo")
    assert load().llm.api_key.get_secret_value() == "sk-of-allo"


def test_other_bots_names_are_honoured_over_the_file_and_under_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "allo.toml"
    file.write_text('[llm]\nmodel = "of-the-file"\ntemperature = 0.7\n[kb]\ntop_k = 7\n', encoding="utf-8")
    for name, value in (("LLM_MODEL_PRIMARY", "a/b:free"), ("LLM_MODEL_FALLBACK", "c"), ("LLM_TEMPERATURE", "0.5")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KB_TOP_K", "5")
    monkeypatch.setenv("KB_FALLBACK_THRESHOLD", "0.25")
    monkeypatch.setenv("KNOWLEDGE_BASE_PATH", "my/general.md")
    monkeypatch.setenv("KNOWLEDGE_BASE2_PATH", "my/tech.md")
    monkeypatch.setenv("PERSIST_DIRECTORY", "my/chroma")
    monkeypatch.setenv("ALLO_LLM__TEMPERATURE", "0.9")

    settings = load(file)

    assert (settings.llm.model, settings.llm.fallback_model, settings.llm.temperature) == ("a/b:free", "c", 0.9)
    assert (settings.kb.top_k, settings.kb.fallback_threshold) == (5, 0.25)
    assert [settings.kb.general, settings.kb.tech] == [Path("my/general.md"), Path("my/tech.md")]
    assert settings.kb.chroma_dir == Path("my/chroma")
    assert settings.source == file


def test_a_fallback_model_may_live_elsewhere() -> None:
    key = SecretStr("sk-one")
    near = Llm(base_url="http://a/v1", api_key=key, model="m", fallback_model="n").fallback
    far = Llm(base_url="http://a/v1", api_key=key, fallback_model="n", fallback_base_url="http://b/v1").fallback

    assert Llm().fallback is None
    assert near is not None
    assert (near.base_url, near.api_key, near.model) == ("http://a/v1", key, "n")
    assert far is not None
    assert (far.base_url, far.api_key.get_secret_value()) == ("http://b/v1", "")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KB_TOP_K", "many", r"environment KB_TOP_K: \[kb\] top_k: input should be a valid integer"),
        ("ALLO_SIP__PRT", "1", r"ALLO_SIP__PRT: \[sip\] prt: there is no such setting"),
        ("ALLO_SIP__PORT", "many", r"ALLO_SIP__PORT: \[sip\] port: input should be a valid integer"),
        ("ALLO_LANGUGE", "ru", r"ALLO_LANGUGE: there is no such setting"),
        ("ALLO_LANGUAGE", "de", r"ALLO_LANGUAGE: language: input should be 'ru' or 'en'"),
        ("ALLO_KB__TOP_K", "0", r"ALLO_KB__TOP_K: \[kb\] top_k: input should be greater than or equal to 1"),
        ("ALLO_SIP__ALLOW", "home", r"ALLO_SIP__ALLOW: \[sip\] allow"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=said) as caught:
        load()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sip]\nprt = 1\n", r"allo\.toml: \[sip\] prt: there is no such setting"),
        ("[telephone]\nport = 1\n", r"allo\.toml: telephone: there is no such setting"),
        ("[sip\n", r"allo\.toml: not valid TOML"),
        ("[web]\nport = 70000\n", r"\[web\] port: input should be less than or equal to 65535"),
    ],
)
def test_a_wrong_line_of_the_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "allo.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError, match=said):
        load(file)


def test_the_command_ends_with_one_line_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "nowhere.toml"

    assert main(["serve", "--config", str(missing)]) == 2
    said = f"allo: {missing}: can't be read: No such file or directory; see docs/settings.md\n"
    assert capsys.readouterr().err == said


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLO_ASTERISK__PASSWORD", "hunter2")

    assert "hunter2" not in repr(load())
