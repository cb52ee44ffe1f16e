import json
from pathlib import Path

import pytest

from agent.commands.clone_command import clone_voice
from agent.commands.main import main
from agent.errors import SettingsError, StartError
from agent.settings import Settings, Storage, Xtts
from agent.voices import voice_table
from agent.voices.cloned_voices import find_cloned, keep, list_cloned
from agent.voices.voice_samples import judge
from agent.voices.voice_table import one_voice, xtts_lacks
from audio.wav import read_mono, write_mono
from tests.fakes.recordings import RATE, record


@pytest.fixture
async def recordings(tmp_path: Path) -> Path:
    return await record(tmp_path / "recordings")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage=Storage(dir=tmp_path / "var"))


def test_a_clone_keeps_the_samples_to_itself(
    settings: Settings, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no model in a new folder, and mostly no library either: the voice is kept, and it is told what lacks."""
    lacks = xtts_lacks(settings)
    assert lacks
    assert clone_voice(settings, "irina", recordings) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "good" in said
    assert f"It can't speak yet: {lacks}." in said
    assert "consent" in said
    (voice,) = list_cloned(settings.storage.dir)
    assert (voice.name, voice.samples) == ("irina", 4)
    assert 12 < voice.seconds < 18
    assert voice.folder.stat().st_mode & 0o077 == 0
    kept = sorted(voice.folder.glob("*.wav"))
    assert [read_mono(path, RATE) for path in kept] == [read_mono(path, RATE) for path in sorted(recordings.iterdir())]
    about = json.loads((voice.folder / "voice.json").read_text())
    assert about["samples"][0]["from"] == "take 0.wav"
    assert about["samples"][0]["clipped"] == 0.0


def test_a_voice_is_not_overwritten_by_chance(settings: Settings, recordings: Path) -> None:
    samples = judge(list(recordings.iterdir())).usable
    keep(settings.storage.dir, "irina", samples, "2026-01-01", replace=False)
    with pytest.raises(StartError, match="already"):
        keep(settings.storage.dir, "irina", samples[:3], "2026-01-02", replace=False)
    keep(settings.storage.dir, "irina", samples[:3], "2026-01-02", replace=True)
    (voice,) = list_cloned(settings.storage.dir)
    assert (voice.samples, voice.made_at) == (3, "2026-01-02")


@pytest.mark.parametrize("name", ["", "../irina", "a b", ".x", "-x", "x" * 41])
def test_a_name_stays_in_its_folder(settings: Settings, recordings: Path, name: str) -> None:
    with pytest.raises(StartError, match="can't be a voice's name"):
        clone_voice(settings, name, recordings)
    assert find_cloned(settings.storage.dir, name) is None


def test_recordings_that_are_not_enough_are_told_and_nothing_is_written(
    settings: Settings, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in sorted(recordings.iterdir())[:2]:
        path.unlink()
    assert clone_voice(settings, "irina", recordings) == 1
    assert "2 of 2 recordings can be used, 3 are needed" in " ".join(capsys.readouterr().out.split())
    assert list_cloned(settings.storage.dir) == []
    with pytest.raises(StartError, match="no such folder; give one with 3 or more WAV files"):
        clone_voice(settings, "irina", recordings / "nowhere")
    (recordings / "none").mkdir()
    with pytest.raises(StartError, match="no WAV files"):
        clone_voice(settings, "irina", recordings / "none")


def test_what_is_wrong_with_recordings_stands_in_whole_lines(
    settings: Settings, recordings: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal of 80 columns too."""
    monkeypatch.setenv("COLUMNS", "80")
    (recordings / "nothing.wav").touch()
    (recordings / "page.wav").write_text("<html>no sound</html>")
    write_mono(recordings / "silent.wav", bytes(2 * 16_000 * 5), 16_000)
    assert clone_voice(settings, "irina", recordings, check=True) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "silent.wav: there is no sound in it" in lines
    assert "nothing.wav: not a PCM WAV file (the file is empty); convert it to 16-bit PCM" in lines
    assert any(line.startswith("page.wav: not a PCM WAV file (") for line in lines)
    assert len(lines) < 24


def test_a_damaged_description_is_told(settings: Settings, recordings: Path) -> None:
    folder = keep(settings.storage.dir, "irina", judge(list(recordings.iterdir())).usable, "", replace=False)
    for wrong in ("", "{}", '{"samples": 3}', "[]"):
        (folder / "voice.json").write_text(wrong)
        with pytest.raises(StartError, match="clone the voice again"):
            find_cloned(settings.storage.dir, "irina")


async def test_what_xtts_lacks_is_said_before_anything_starts(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voice_table, "XTTS_NEEDS", {"no_such_module": "coqui-tts"})
    assert xtts_lacks(settings) == "it needs coqui-tts: `.venv/bin/python -m pip install -e '.[xtts]'`"
    with pytest.raises(StartError, match="needs coqui-tts"):
        await one_voice("xtts", "irina", settings)
    monkeypatch.setattr(voice_table, "XTTS_NEEDS", {"json": "json"})
    with pytest.raises(StartError, match=r"models/xtts: no XTTS v2 model there.*allo models pull xtts-v2"):
        await one_voice("xtts", "irina", settings)
    (tmp_path / "model.pth").write_bytes(b"")
    here = settings.model_copy(update={"xtts": Xtts(model=str(tmp_path))})
    assert xtts_lacks(here) == ""
    with pytest.raises(SettingsError, match="allo voice clone"):
        await one_voice("xtts", "", here)


def test_the_command_and_the_list_of_voices(
    settings: Settings, recordings: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLO_STORAGE__DIR", str(settings.storage.dir))
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["voice", "clone", "irina", str(recordings), "--check"]) == 0
    assert list_cloned(settings.storage.dir) == []
    assert main(["voice", "clone", "irina", str(recordings)]) == 0
    capsys.readouterr()
    assert main(["voices"]) == 0
    said = capsys.readouterr().out
    assert "xtts:irina" in said
    assert "from 4 recordings" in said
