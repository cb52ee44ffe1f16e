import os
from pathlib import Path

import numpy as np
import pytest

from agent.backends.xtts_latents import KEPT, Latents, name_of, read, write


def latents(seed: int = 1) -> Latents:
    random = np.random.default_rng(seed)
    return Latents(
        random.standard_normal((1, 32, 64)).astype(np.float32), random.standard_normal((1, 512, 1)).astype(np.float32)
    )


def same(one: Latents | None, other: Latents) -> bool:
    return one is not None and np.array_equal(one.manner, other.manner) and np.array_equal(one.timbre, other.timbre)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.pth").write_bytes(bytes(3 << 20))
    return folder


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "speaker-1.latents"
    assert read(path) is None
    write(path, latents())
    assert same(read(path), latents())
    assert path.stat().st_mode & 0o077 == 0
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_damaged_file_counts_as_missing(tmp_path: Path) -> None:
    path = tmp_path / "speaker-1.latents"
    write(path, latents())
    whole = path.read_bytes()
    for wrong in (b"", whole[:100], whole[:-1], whole + b"0", whole[:200] + b"\0" + whole[201:]):
        path.write_bytes(wrong)
        assert read(path) is None


@pytest.mark.parametrize("content", [b"", b"\0\0", b"\x02\0\0\0[]", b"\x05\0\0\0[[2]]" + bytes(8), b"\x03\0\0\0[]x"])
def test_what_can_not_be_latents_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each layer says it in its own words
        Latents.parse(content)


def test_the_name_follows_samples_and_model(tmp_path: Path, model: Path) -> None:
    samples = [tmp_path / "01.wav", tmp_path / "02.wav"]
    for sample in samples:
        sample.write_bytes(sample.name.encode())
    names = {name_of(samples, model)}
    assert name_of(samples, model) in names
    samples[1].write_bytes(b"another recording")
    names.add(name_of(samples, model))
    with (model / "model.pth").open("r+b") as file:  # trained on
        file.seek(-1, os.SEEK_END)
        file.write(b"1")
    names.add(name_of(samples, model))
    names.add(name_of(samples[:1], model))
    assert len(names) == 4


def test_the_newest_few_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT + 3):
        path = tmp_path / f"speaker-{number}.latents"
        write(path, latents(number))
        os.utime(path, (number, number))
    write(tmp_path / "speaker-last.latents", latents())
    kept = sorted(path.name for path in tmp_path.glob("speaker-*"))
    assert kept == sorted([f"speaker-{number}.latents" for number in range(4, KEPT + 3)] + ["speaker-last.latents"])


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "speaker-1.latents").mkdir()
    with pytest.raises(OSError, match="speaker-1"):
        write(tmp_path / "speaker-1.latents", latents())
    assert [file.name for file in tmp_path.iterdir()] == ["speaker-1.latents"]
