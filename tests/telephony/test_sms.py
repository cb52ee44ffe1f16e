"""Short messages: known PDUs, both alphabets, long ones in parts."""

import contextlib
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.simulated.messages import deliver
from telephony.sms import PLAIN, Assembly, Piece, parse_deliver, submit


def delivered(pdu: str, number: bytes = b"\x0b\x91\x97\x61\x21\x43\x65\xf7") -> str:
    """A submitted PDU as the other side's modem would give it: a deliver with a sender and a time."""
    data = bytes.fromhex(pdu)[1:]
    after = 4 + (data[2] + 1) // 2
    coding, body = data[after + 1], data[after + 3 :]
    head = bytes((data[0] & 0x40 | 4,)) + number + bytes((0, coding))
    return (b"\0" + head + bytes.fromhex("62111131412521") + body).hex()


def test_a_published_example_is_read() -> None:
    """The well-known example PDU of a Nokia phone: «How are you?»."""
    piece = parse_deliver("07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07")
    assert (piece.number, piece.text) == ("+31641600986", "How are you?")
    assert piece.sent == datetime(2002, 8, 26, 19, 37, 41, tzinfo=UTC)


def test_a_published_example_is_written() -> None:
    """«hellohello» to +46708251358, the classic SMS-SUBMIT example."""
    (pdu,) = submit("+46708251358", "hellohello", 0)
    assert pdu.hexadecimal == "0011000B916407281553F80000AA0AE8329BFD4697D9EC37"
    assert pdu.length == 23


TEXTS = st.one_of(st.text(st.sampled_from(PLAIN.replace("\x1b", "") + "^{}\\[~]|€"), min_size=1, max_size=700),
                  st.text(st.characters(codec="utf-8"), min_size=1, max_size=400))  # fmt: skip


@given(TEXTS, st.integers(0, 255), st.randoms())
def test_what_is_written_is_read_again(text: str, reference: int, chance: random.Random) -> None:
    pdus = submit("+79161234567", text, reference)
    pieces = list(enumerate(parse_deliver(delivered(pdu.hexadecimal)) for pdu in pdus))
    chance.shuffle(pieces)
    assembly = Assembly()
    whole = [done for place, piece in pieces if (done := assembly.take(piece, place)) is not None]
    assert [piece.text for piece, _ in whole] == [text]
    assert whole[0][0].number == "+79161234567"
    assert whole[0][1] == tuple(range(len(pdus)))


@given(st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF), min_size=1, max_size=300))
def test_what_the_simulated_network_delivers_is_read(text: str) -> None:
    pieces = [parse_deliver(pdu) for pdu in deliver("+79161234567", text, datetime(2026, 11, 21, 18, 5, 9, tzinfo=UTC))]
    assert "".join(piece.text for piece in pieces) == text
    assert {(piece.number, piece.sent) for piece in pieces} == {
        ("+79161234567", datetime(2026, 11, 21, 18, 5, 9, tzinfo=UTC))
    }


@pytest.mark.parametrize(
    ("text", "parts"), [("a" * 160, 1), ("a" * 161, 2), ("я" * 70, 1), ("я" * 71, 2), ("€" * 81, 2)]
)
def test_parts_are_no_more_than_needed(text: str, parts: int) -> None:
    assert len(submit("112", text, 1)) == parts


@given(st.binary(max_size=200))
def test_noise_is_refused_by_a_value_error_only(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse_deliver(data.hex()), Piece)


@pytest.mark.parametrize(
    ("number", "text"), [("", "a"), ("+7x", "a"), ("1" * 21, "a"), ("112", ""), ("112", "я" * 20_000)]
)
def test_what_can_not_be_sent_is_refused(number: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"number|text"):
        submit(number, text, 0)


def test_unfinished_messages_are_not_kept_for_ever() -> None:
    assembly = Assembly()
    for reference in range(1000):
        assert assembly.take(Piece("1", "a", None, reference, 1, 2), reference) is None
    assert assembly.take(Piece("1", "b", None, 999, 2, 2), 1000) == (Piece("1", "ab", None), (999, 1000))
    assert assembly.take(Piece("1", "b", None, 0, 2, 2), 1001) is None
