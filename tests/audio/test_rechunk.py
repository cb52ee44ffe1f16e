import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.rechunk import Rechunker


@given(st.lists(st.binary(max_size=900), max_size=30), st.integers(min_value=1, max_value=640))
def test_any_split_gives_the_same_frames(parts: list[bytes], size: int) -> None:
    whole = b"".join(parts)
    rechunker = Rechunker(size)
    pieces = [piece for part in parts for piece in rechunker.push(part)]
    assert all(len(piece) == size for piece in pieces)
    assert pieces == [whole[i : i + size] for i in range(0, len(whole) - size + 1, size)]
    rest = whole[len(pieces) * size :]
    assert rechunker.pending == len(rest)
    assert rechunker.flush() == (rest.ljust(size, b"\0") if rest else b"")
    assert rechunker.flush() == b""


def test_a_whole_frame_passes_uncopied() -> None:
    frame = bytes(range(256)) + bytes(64)
    assert Rechunker(320).push(frame)[0] is frame


def test_clear_forgets_the_rest() -> None:
    rechunker = Rechunker(4)
    rechunker.push(b"abc")
    rechunker.clear()
    assert rechunker.push(b"wxyz") == [b"wxyz"]


def test_a_piece_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 bytes"):
        Rechunker(0)
