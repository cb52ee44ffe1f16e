"""A disk that refuses for a while: what can be written later is, and what can't is told."""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.errors import StartError
from agent.record.patient_files import PatientSound, PatientTexts, refuses
from agent.settings import Settings, Storage
from agent.store import open_log
from agent.tables import new_answer_cache
from audio.wav import HEADER_BYTES, StereoWriter, read_channels
from tests.fakes.line import stamp

RATE = 8000
FULL = Path("/proc")
"""A file system that has no room and takes no file, whoever asks."""
SECOND = stamp(5, 2 * RATE)
"""A second of both sides."""


class Disk:
    """A recording on a disk that is full whenever it is told to be."""

    def __init__(self, path: Path) -> None:
        self.path, self.full = path, False
        self.notes: list[str] = []

    def opened(self) -> "Disk":
        self._look()
        self._file = StereoWriter(self.path, RATE)
        return self

    def write(self, interleaved: bytes) -> None:
        self._look()
        self._file.write(interleaved)

    def silence(self, start: int, end: int) -> None:
        self._look()
        self._file.silence(start, end)

    def close(self) -> None:
        self._look()
        self._file.close()

    def _look(self) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")


def seconds(disk: Disk) -> list[int]:
    """The first sample of each second of the left side."""
    (left, right), rate = read_channels(disk.path, (RATE,))
    assert rate == RATE
    assert left == right
    return [int.from_bytes(left[at : at + 2], "little") for at in range(0, len(left), 2 * RATE)]


SOUND = int.from_bytes(SECOND[:2], "little")


def record(disk: Disk, full: str) -> list[int]:
    """Seconds of sound, a letter each: ``f`` while the disk is full."""
    sound = PatientSound(disk.opened, RATE, disk.notes.append)
    for letter in full:
        disk.full = letter == "f"
        sound.write(SECOND)
    disk.full = False
    sound.close()
    return seconds(disk)


def test_a_gap_is_silence_of_its_length_and_told(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "call.wav")

    assert record(disk, "..fff.ff..") == [SOUND, SOUND, 0, 0, 0, SOUND, 0, 0, SOUND, SOUND]
    assert disk.notes[-1] == "incomplete: silent from 2 to 5 s, 6 to 8 s: No space left on device"


def test_a_file_that_can_not_be_made_at_first_is_made_later(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "call.wav")
    disk.full = True

    assert record(disk, "ff.") == [0, 0, SOUND]
    assert disk.notes[-1].startswith("incomplete: silent from 0 to 2 s")


def test_nothing_is_told_of_a_disk_that_takes_everything(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "call.wav")

    assert record(disk, "...") == [SOUND] * 3
    assert disk.notes == []


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process may grow beyond ``size`` bytes (setrlimit(2)); Python ignores the signal."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_written_in_part_is_not_written_twice(tmp_path: Path) -> None:
    writer = StereoWriter(tmp_path / "call.wav", RATE)
    half = HEADER_BYTES + len(SECOND) // 2
    with room_for(half), pytest.raises(OSError, match="File too large"):
        writer.write(SECOND)
    assert (tmp_path / "call.wav").stat().st_size == half
    writer.write(SECOND)
    writer.close()
    (left, _), _ = read_channels(tmp_path / "call.wav", (RATE,))
    assert len(left) == 2 * RATE


def test_texts_wait_for_the_disk_in_their_order(tmp_path: Path) -> None:
    folder, texts = tmp_path / "later", PatientTexts()
    one, two = folder / "one.txt", folder / "two.txt"
    texts.append(one, "a\n")
    texts.append(two, "x\n")
    texts.append(one, "b\n")
    assert texts.waiting == 6
    texts.retry()
    assert texts.waiting == 6
    folder.mkdir()
    texts.append(one, "c\n")
    assert one.read_text(encoding="utf-8") == "a\nb\nc\n"
    texts.retry()
    assert two.read_text(encoding="utf-8") == "x\n"
    assert texts.waiting == 0


async def test_a_call_log_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    path.write_bytes(b"no call log " * 400)
    with pytest.raises(StartError, match="move the file away"):
        await open_log(path)


@pytest.mark.skipif(not FULL.exists(), reason="needs Linux's /proc, a disk without room")
async def test_a_call_log_that_can_not_be_opened_yet_is_opened_with_the_first_write(tmp_path: Path) -> None:
    kept, path = tmp_path / "kept.sqlite", tmp_path / "calls.sqlite"
    await (await open_log(kept)).close()
    path.symlink_to(FULL / "version")
    log = await open_log(path)
    try:
        assert await log.read("SELECT * FROM calls") == []
        path.unlink()
        kept.rename(path)
        entry = "INSERT INTO calls (id, line, number, called, language, started_at, status) VALUES (?,?,?,?,?,?,?)"
        await log.write([(entry, ("1", "sip", "", "", "ru", "2026", "active"))])
        assert [row["id"] for row in await log.read("SELECT id FROM calls")] == ["1"]
    finally:
        await log.close()


@pytest.mark.skipif(not FULL.exists(), reason="needs Linux's /proc, a disk without room")
def test_without_a_disk_answers_are_not_kept_and_all_the_same_given(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError):
        new_answer_cache(Settings(storage=Storage(dir=tmp_path / "file" / "var")))
    assert new_answer_cache(Settings(storage=Storage(dir=FULL))) is None


def test_a_usual_disk_refuses_nothing_and_one_without_room_everything(tmp_path: Path) -> None:
    assert not refuses(tmp_path)
    assert not refuses(tmp_path / "not there")
    assert refuses(FULL / "version") == FULL.exists()


def test_what_is_muted_is_silent_before_and_after_it_is_written(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "call.wav")
    sound = PatientSound(disk.opened, RATE, disk.notes.append)
    sound.write(SECOND)
    sound.silence(0, 1)
    sound.silence(2 * RATE, 3 * RATE)
    for _ in range(3):
        sound.write(SECOND)
    disk.full = True
    sound.silence(3 * RATE, 3 * RATE + 1)
    disk.full = False
    sound.close()
    assert seconds(disk) == [0, SOUND, 0, 0]
    assert disk.notes == []


def test_a_recording_that_goes_on_counts_from_where_it_was_left(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "call.wav")

    def earlier() -> Disk:
        disk.opened().write(SECOND * 2)
        return disk

    sound = PatientSound(earlier, RATE, disk.notes.append, begin=2 * RATE)
    sound.write(SECOND)
    sound.silence(0, RATE)
    disk.full = True
    sound.write(SECOND)
    disk.full = False
    sound.close()
    assert seconds(disk) == [SOUND, SOUND, 0, 0]
    assert disk.notes == ["incomplete: silent from 3 to 4 s: No space left on device"]
