"""A sealed recording says what was written, to who has the key; whatever is done to the file is noticed."""

import os
import wave
from io import BufferedReader
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from agent.record.sealed import (
    Head,
    SealedError,
    SealedFile,
    SealedWriter,
    UnfinishedError,
    key_id,
    mend,
    new_key,
    read_key,
)
from audio.wav import HEADER_BYTES, StereoWriter

KEY, OTHER = read_key(new_key()), read_key(new_key())
RATE = 8000
SECOND = RATE * 4
RECORD = 4 + SECOND + 16
"""A chunk in the file, bytes."""


def sound(pairs: int) -> bytes:
    return bytes(1 + place * 7 % 250 for place in range(pairs * 4))


def written(path: Path, pcm: bytes, close: bool = True) -> SealedWriter:
    writer = SealedWriter(path, RATE, KEY)
    for at in range(0, len(pcm), 5000):
        writer.write(pcm[at : at + 5000])
    if close:
        writer.close()
    return writer


def read(path: Path, *keys: bytes) -> bytes:
    with SealedFile(path, keys or (KEY,)) as file:
        return file.readall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "call.sealed"


@pytest.mark.parametrize("pairs", [0, 1, RATE - 1, RATE, RATE + 1, 3 * RATE, 3 * RATE + 77])
def test_it_holds_the_very_wav(path: Path, tmp_path: Path, pairs: int) -> None:
    pcm = sound(pairs)
    written(path, pcm)
    with StereoWriter(tmp_path / "plain.wav", RATE) as plain:
        plain.write(pcm)
    assert read(path) == (tmp_path / "plain.wav").read_bytes()
    assert pcm[:4000] not in path.read_bytes() or not pcm
    with BufferedReader(SealedFile(path, [OTHER, KEY])) as file, wave.open(file, "rb") as wav:
        assert (wav.getnchannels(), wav.getframerate(), wav.getnframes()) == (2, RATE, pairs)


@given(start=some.integers(0, 4 * SECOND), size=some.integers(0, SECOND * 2))
@settings(max_examples=40, deadline=None)
def test_any_range_of_it_can_be_read(tmp_path_factory: pytest.TempPathFactory, start: int, size: int) -> None:
    path = tmp_path_factory.mktemp("sealed") / "call.sealed"
    pcm = sound(3 * RATE + 5)
    written(path, pcm)
    with SealedFile(path, [KEY]) as file:
        whole = file.readall()
        file.seek(start)
        got = b""
        while len(got) < size and (piece := file.read(size - len(got))):
            got += piece
    assert got == whole[start : start + size]


@pytest.mark.parametrize("span", [(0, 10), (100, RATE + 5), (RATE * 2, RATE * 3), (RATE * 2 + 8, RATE * 9), (5, 5)])
def test_what_is_muted_is_silent_and_the_rest_as_it_was(path: Path, span: tuple[int, int]) -> None:
    pcm = sound(2 * RATE + 1000)
    writer = written(path, pcm, close=False)
    before = path.read_bytes()
    writer.silence(*span)
    writer.write(b"abcd")
    writer.close()
    start, end = (min(place * 4, len(pcm)) for place in span)
    assert read(path)[HEADER_BYTES:] == pcm[:start] + bytes(end - start) + pcm[end:] + b"abcd"
    # what stood there before can't be put back
    put_back = path.read_bytes()
    if len(before) > 100 and before != put_back[: len(before)]:
        path.write_bytes(before + put_back[len(before) :])
        with pytest.raises(SealedError, match="put back"):
            read(path)


def test_muting_twice_never_uses_a_nonce_twice(path: Path) -> None:
    writer = written(path, sound(RATE * 2), close=False)
    seen = {(0, 0)}
    for _ in range(3):
        writer.silence(0, 10)
        revision = int.from_bytes(path.read_bytes()[Head.parse(path.read_bytes()).place(0) :][:4], "little")
        assert (revision, 0) not in seen
        seen.add((revision, 0))
    writer.close()
    assert read(path)[HEADER_BYTES : HEADER_BYTES + 40] == bytes(40)


def changed(data: bytes, what: str) -> bytes:
    head = Head.parse(data).place(0)
    first, second = data[head : head + RECORD], data[head + RECORD : head + 2 * RECORD]
    match what:
        case "a bit":
            return data[:-900] + bytes([data[-900] ^ 1]) + data[-899:]
        case "header":
            return data[:20] + bytes([data[20] ^ 1]) + data[21:]
        case "swapped":
            return data[:head] + second + first + data[head + 2 * RECORD :]
        case "one left out":
            return data[:head] + data[head + RECORD :]
        case "first twice":
            return data[:head] + first + first + data[head + 2 * RECORD :]
        case "last left out":
            return data[: head + 2 * RECORD] + data[-(8 + 4 + 49 + 16) :]
    raise AssertionError(what)


@pytest.mark.parametrize("what", ["a bit", "header", "swapped", "one left out", "first twice", "last left out"])
def test_whatever_is_done_to_the_file_is_noticed(path: Path, what: str) -> None:
    written(path, sound(RATE * 3))
    path.write_bytes(changed(path.read_bytes(), what))
    with pytest.raises(SealedError, match=r"damaged|put back|cut off"):
        read(path)


def test_chunks_of_another_recording_do_not_fit(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.sealed"
    written(path, sound(RATE * 2))
    written(other, sound(RATE * 2))
    head = Head.parse(path.read_bytes()).place(0)
    data, strange = path.read_bytes(), other.read_bytes()[head : head + RECORD]
    path.write_bytes(data[:head] + strange + data[head + RECORD :])
    with pytest.raises(SealedError):
        read(path)


@pytest.mark.parametrize("left", [60, 61 + RECORD // 2, 40 + 2 * RECORD, 40 + 2 * RECORD + 3000])
def test_a_crash_costs_less_than_a_second(path: Path, left: int) -> None:
    pcm = sound(RATE * 5)
    written(path, pcm)
    os.truncate(path, left)
    with pytest.raises(UnfinishedError, match="no end"):
        read(path)
    assert mend(path, [KEY])
    assert not mend(path, [KEY])
    kept = (left - 40) // RECORD * SECOND
    with SealedFile(path, [KEY]) as file:
        assert file.mended
        assert file.readall()[HEADER_BYTES:] == pcm[:kept]


def test_a_chunk_torn_while_it_was_muted_is_silent_after_the_crash(path: Path) -> None:
    pcm = sound(RATE * 3)
    written(path, pcm)
    data = bytearray(path.read_bytes()[: 40 + 3 * RECORD])
    data[40 + RECORD + 100 : 40 + RECORD + 200] = bytes(100)
    path.write_bytes(data)
    assert mend(path, [KEY])
    assert read(path)[HEADER_BYTES:] == pcm[:SECOND] + bytes(SECOND) + pcm[2 * SECOND :]


def test_what_was_changed_is_not_mended(path: Path) -> None:
    written(path, sound(RATE * 3))
    data = changed(path.read_bytes(), "a bit")
    path.write_bytes(data)
    with pytest.raises(SealedError):
        read(path)
    assert not mend(path, [KEY])
    assert path.read_bytes() == data


def test_a_file_names_its_key(path: Path) -> None:
    written(path, sound(10))
    with pytest.raises(SealedError, match=f"key {key_id(KEY).hex()}, which is not here"):
        read(path, OTHER)
    assert key_id(KEY) != key_id(OTHER)
    assert KEY[:8] not in path.read_bytes()


@pytest.mark.parametrize("text", ["", "secret", "AAAA", "ключ"])
def test_what_is_no_key_is_told_without_saying_it(text: str) -> None:
    with pytest.raises(SealedError, match="allo privacy new-key") as told:
        read_key(text)
    assert not text or text not in str(told.value)
