"""``allo service`` into another root, judged by systemd's own tools."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.commands.main import main
from agent.commands.service_command import DROPPED, UNITS
from agent.errors import SettingsError
from agent.settings import load
from agent.settings_file import with_credentials

ANALYZE = shutil.which("systemd-analyze") or ""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "etc/allo").mkdir(parents=True)
    (tmp_path / "etc/allo/allo.toml").write_text('language = "en"\n', encoding="utf-8")
    return tmp_path


def service(what: str, machine: Path) -> int:
    return main(["service", what, "--root", str(machine)])


def test_installed_units_start_this_very_program(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert service("install", machine) == 0
    said = capsys.readouterr().out
    for name in UNITS:
        path = machine / "etc/systemd/system" / name
        assert str(path) in said
        text = path.read_text(encoding="utf-8")
        assert "/opt/allo" not in text or str(sys.executable).startswith("/opt/allo")
    unit = (machine / "etc/systemd/system/allo.service").read_text(encoding="utf-8")
    assert f"ExecStart={Path(sys.executable).with_name('allo')} serve --config /etc/allo/allo.toml" in unit
    assert (machine / "var/lib/allo/kb/general.md").read_text(encoding="utf-8").startswith("# О компании")
    assert (machine / "var/lib/allo/prompts/ru/phrases.toml").is_file()
    assert (machine / "etc/allo/credentials").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".service")])
def test_a_made_up_user_has_a_home(name: str) -> None:
    """Without one the recogniser's library can't be imported: "Could not determine home directory"."""
    lines = (Path(__file__).parents[2] / "systemd" / name).read_text(encoding="utf-8").splitlines()
    assert {"DynamicUser=yes", "StateDirectory=allo", "Environment=HOME=%S/allo"} <= set(lines)


def test_what_a_person_has_changed_stays(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service("install", machine)
    own = machine / "var/lib/allo/kb/general.md"
    own.write_text("# Мы\nМы продаём пироги.\n", encoding="utf-8")
    assert service("install", machine) == 0
    assert "пироги" in own.read_text(encoding="utf-8")
    assert "as it was" in capsys.readouterr().out


def test_uninstalled_is_gone_but_for_records_and_settings(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert service("status", machine) == 1
    assert "allo service install" in capsys.readouterr().out
    service("install", machine)
    assert service("status", machine) == 0
    assert service("uninstall", machine) == 0
    assert list((machine / "etc/systemd/system").iterdir()) == []
    assert list((machine / "etc/udev/rules.d").iterdir()) == []
    assert (machine / "var/lib/allo/kb").is_dir()
    assert (machine / "etc/allo/allo.toml").is_file()


def test_settings_that_are_not_there_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert service("install", tmp_path) == 2
    assert "etc/allo/allo.toml" in capsys.readouterr().err


def judged(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ANALYZE, *words], check=False, capture_output=True, text=True)


@pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is missing: sudo apt-get install systemd")
def test_systemd_finds_no_fault_and_little_exposure(machine: Path) -> None:
    service("install", machine)
    folder = machine / "etc/systemd/system"
    faults = judged("verify", *(str(folder / name) for name in UNITS)).stderr
    assert [line for line in faults.splitlines() if "allo" in line] == []
    for name in ("allo.service", "allo-backup.service", "allo-retention.service"):
        exposed = judged("security", "--offline=true", "--threshold=20", str(folder / name))
        assert exposed.returncode == 0, exposed.stdout.splitlines()[-1]


def test_a_cloned_voice_may_compile_and_nobody_else(machine: Path) -> None:
    settings, dropped = machine / "etc/allo/allo.toml", machine / "etc/systemd/system" / DROPPED
    service("install", machine)
    assert not dropped.exists()
    settings.write_text('[tts]\nengine = "xtts:anna, espeak"\n', encoding="utf-8")
    service("install", machine)
    assert "MemoryDenyWriteExecute=no" in dropped.read_text(encoding="utf-8").splitlines()
    settings.write_text('[stt]\nengine = "whisper, vosk"\n', encoding="utf-8")
    service("install", machine)
    assert dropped.exists()
    settings.write_text("", encoding="utf-8")
    service("install", machine)
    assert not dropped.exists()


@pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is missing: sudo apt-get install systemd")
def test_with_a_cloned_voice_the_fence_stands_too(machine: Path) -> None:
    (machine / "etc/allo/allo.toml").write_text('[tts]\nengine = "xtts:anna"\n', encoding="utf-8")
    service("install", machine)
    folder = machine / "etc/systemd/system"
    faults = judged("verify", str(folder / "allo.service")).stderr
    assert [line for line in faults.splitlines() if "allo" in line] == []
    whole = (folder / "allo.service").read_text(encoding="utf-8").replace("[Install]", _settings_of(folder / DROPPED))
    (machine / "allo.service").write_text(whole, encoding="utf-8")  # offline it reads no drop-ins of its own
    exposed = judged("security", "--offline=true", "--threshold=20", str(machine / "allo.service"))
    assert exposed.returncode == 0, exposed.stdout.splitlines()[-1]
    assert "MemoryDenyWriteExecute=" in "".join(line for line in exposed.stdout.splitlines() if "✗" in line)


def _settings_of(drop_in: Path) -> str:
    return drop_in.read_text(encoding="utf-8").partition("[Service]")[2] + "\n[Install]"


def test_a_credential_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "allo_web.api_key").write_text("from systemd\n", encoding="utf-8")
    (tmp_path / "other").write_text("of another service", encoding="utf-8")
    settings = tmp_path / "allo.toml"
    settings.write_text('[web]\napi_key = "in the file"\nport = 9001\n', encoding="utf-8")
    assert load(settings).web.api_key.get_secret_value() == "from systemd"
    assert load(settings).web.port == 9001
    monkeypatch.setenv("ALLO_WEB__API_KEY", "from the environment")
    assert load(settings).web.api_key.get_secret_value() == "from the environment"


@pytest.mark.parametrize(("name", "content"), [("allo_key", b"x"), ("allo_llm.api_key", b"\xff\xfe")])
def test_a_credential_that_is_none_is_named(
    name: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingsError, match=name):
        with_credentials({})


def test_a_restart_where_no_service_runs_is_refused(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert service("restart", machine) == 2
    assert "does not run here" in capsys.readouterr().err
