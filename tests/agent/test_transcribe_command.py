import io
import json
import wave
from pathlib import Path

import numpy as np
import pytest

from agent.commands.main import main
from agent.commands.transcribe_command import RATE, spans, transcribe_command
from agent.errors import SettingsError, StartError
from agent.settings import parse
from audio.frame import AudioFrame, frame_bytes
from audio.level import silence
from audio.resample import resample
from audio.wav import read_mono, write_mono

SPEECH = Path(__file__).parent.parent / "speech" / "ru" / "domain"
SAID = "сколько стоит доставка"


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """The sentence, two seconds of nothing, the sentence."""
    sentence = read_mono(SPEECH / "espeak-f3_53.wav")
    write_mono(tmp_path / "two.wav", sentence + silence(16_000) + sentence, 8000)
    return tmp_path / "two.wav"


def test_utterances_with_their_times(wav: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    assert transcribe_command(parse({}, None), wav, out=out) == 0
    lines = out.getvalue().splitlines()
    assert [line.partition("  ")[2] for line in lines] == [SAID, SAID]
    assert lines[0].startswith("00:00.")
    assert "vosk vosk-demo-ru: 6 words" in capsys.readouterr().err


def test_a_stereo_file_of_a_studio_is_heard(tmp_path: Path) -> None:
    left = np.frombuffer(resample(read_mono(SPEECH / "espeak-f3_53.wav"), 8000, 44_100), "<i2")
    with wave.open(str(tmp_path / "studio.wav"), "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(44_100)
        wav.writeframes(np.stack([left, left // 3], axis=1).astype("<i2").tobytes())
    out = io.StringIO()
    assert transcribe_command(parse({}, None), tmp_path / "studio.wav", out=out) == 0
    assert SAID in out.getvalue()


def test_json_for_machines_from_the_command_line(wav: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", str(wav), "--json", "--engine", "vosk"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["text"] for row in rows] == [SAID, SAID]
    assert rows[1]["start_s"] > rows[0]["end_s"]
    first = rows[1]["words"][0]
    assert rows[1]["start_s"] <= first["start_s"] < first["end_s"] <= rows[1]["end_s"]


def test_what_cannot_be_heard_is_told(tmp_path: Path, wav: Path) -> None:
    with pytest.raises(StartError, match=r"nowhere\.wav"):
        transcribe_command(parse({}, None), tmp_path / "nowhere.wav")
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(StartError, match=r"text\.wav"):
        transcribe_command(parse({}, None), tmp_path / "text.wav")
    with pytest.raises(SettingsError, match=r"\[stt\] engine"):
        transcribe_command(parse({}, None), wav, "google")
    (tmp_path / "none.wav").touch()
    with pytest.raises(StartError, match=r"none\.wav: not a PCM WAV file \(the file is empty\)"):
        transcribe_command(parse({}, None), tmp_path / "none.wav")
    write_mono(tmp_path / "short.wav", b"", 8000)
    with pytest.raises(StartError, match=r"short\.wav: there is no sound in it"):
        transcribe_command(parse({}, None), tmp_path / "short.wav")
    with pytest.raises(StartError, match=r"can't be read: Is a directory"):
        transcribe_command(parse({}, None), tmp_path)
    write_mono(tmp_path / "quiet.wav", silence(16_000), 8000)
    assert transcribe_command(parse({}, None), tmp_path / "quiet.wav", out=io.StringIO()) == 1


class Marks:
    """A detector for which loud frames are speech."""

    sound = False

    def push(self, pcm: bytes) -> bool:
        return any(pcm)


def test_spans_have_a_lead_and_do_not_overlap() -> None:
    size = frame_bytes(RATE)
    marks = "." * 50 + "x" * 10 + "." * 20 + "x" * 10 + "." * 40 + "xx" + "." * 5
    frames = [AudioFrame((b"\1" if mark == "x" else b"\0") * size, RATE, n * 320) for n, mark in enumerate(marks)]
    assert list(spans(frames, Marks())) == [(35, 125), (125, 137)]
