import errno
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from audio.level import comfort_noise, dbfs, tone
from audio.wav import StereoWriter, interleave, read_mono, repair, write_mono


def frames_of(path: Path) -> tuple[int, bytes]:
    with wave.open(str(path), "rb") as wav:
        assert (wav.getnchannels(), wav.getsampwidth()) == (2, 2)
        return wav.getframerate(), wav.readframes(wav.getnframes())


def test_a_recording_closes_into_a_plain_wav(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    left, right = tone(440.0, 40, 8000), comfort_noise(320, -30.0)
    with StereoWriter(path, 8000) as writer:
        writer.write(interleave(left[:320], right[:320]))
        writer.write(interleave(left[320:], right[320:]))
        assert writer.samples == 320
    assert frames_of(path) == (8000, interleave(left, right))
    assert not repair(path)


def test_interleave_pads_the_shorter_side() -> None:
    pairs = np.frombuffer(interleave(b"\1\0\2\0\3\0", b"\7\0"), dtype="<i2").reshape(-1, 2)
    assert pairs.tolist() == [[1, 7], [2, 0], [3, 0]]


def test_a_killed_process_loses_nothing_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "killed.wav"
    script = (
        "import os, signal, sys; from pathlib import Path; from audio.wav import StereoWriter;"
        "w = StereoWriter(Path(sys.argv[1]), 8000); [w.write(bytes([i, 0, 1, 0]) * 160) for i in range(50)];"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert killed.returncode == -9
    assert repair(path)
    rate, data = frames_of(path)
    assert (rate, len(data)) == (8000, 50 * 160 * 4)
    assert data[-640:] == bytes([49, 0, 1, 0]) * 160
    assert not repair(path)


@pytest.mark.parametrize("torn", [1, 3])
def test_a_torn_pair_is_cut_off(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "torn.wav"
    writer = StereoWriter(path, 16000)
    writer.write(bytes(range(8)))
    with path.open("ab") as file:
        file.write(b"x" * torn)
    assert repair(path)
    assert frames_of(path) == (16000, bytes(range(8)))
    writer.close()


def test_repair_leaves_other_files_alone(tmp_path: Path) -> None:
    for name, content in (("short", b"RIFF"), ("text", b"nothing of ours " * 10)):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError, match=name):
            repair(path)
        assert path.read_bytes() == content


def test_a_full_disk_is_an_os_error_and_closes() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the number is checked below
        StereoWriter(full, 8000)
    assert caught.value.errno == errno.ENOSPC


def test_split_pairs_are_refused(tmp_path: Path) -> None:
    with StereoWriter(tmp_path / "x.wav", 8000) as writer, pytest.raises(ValueError, match="3 bytes"):
        writer.write(b"abc")


def test_reading_mixes_and_changes_the_rate(tmp_path: Path) -> None:
    stereo = tmp_path / "stereo.wav"
    voice = tone(440.0, 500, 16000, -12.0)
    with StereoWriter(stereo, 16000) as writer:
        writer.write(interleave(voice, voice))
    assert len(read_mono(stereo, 8000)) == 8000
    assert dbfs(read_mono(stereo, 8000)) == pytest.approx(-12.0, abs=0.2)
    mono = tmp_path / "mono.wav"
    write_mono(mono, voice, 16000)
    assert read_mono(mono, 16000) == voice


def test_reading_names_the_file_that_is_no_wav(tmp_path: Path) -> None:
    junk, wide, empty = tmp_path / "junk.wav", tmp_path / "wide.wav", tmp_path / "empty.wav"
    junk.write_bytes(b"not a wav at all, only a line of text")
    empty.write_bytes(b"")
    with wave.open(str(wide), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(3)
        wav.setframerate(8000)
        wav.writeframes(bytes(30))
    slow = tmp_path / "slow.wav"
    write_mono(slow, bytes(8), 1)
    faults = ((junk, "not a PCM WAV"), (empty, "not a PCM WAV"), (wide, "24-bit"), (slow, "1 samples per second"))
    for path, words in faults:
        with pytest.raises(ValueError, match=words) as caught:
            read_mono(path)
        assert str(path) in str(caught.value)
