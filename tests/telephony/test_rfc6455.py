"""The client's side of a WebSocket, byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.rfc6455 import (
    BINARY,
    CLOSE,
    MOST_BYTES,
    PING,
    PONG,
    TEXT,
    Close,
    Incoming,
    Message,
    Opening,
    Ping,
    frame,
    masked,
)


def sent(opcode: int, payload: bytes, final: bool = True) -> bytes:
    """A frame as a server sends it."""
    size, first = len(payload), opcode | (0x80 if final else 0)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65536:
        return bytes((first, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload


def told(message: Message) -> bytes:
    match message:
        case bytes():
            return sent(BINARY, message)
        case str():
            return sent(TEXT, message.encode())
        case Ping():
            return sent(PING, message.payload)
    return sent(CLOSE, message.code.to_bytes(2, "big"))


MESSAGES = st.one_of(
    st.binary(max_size=400),
    st.text(max_size=200),
    st.builds(Ping, st.binary(max_size=125)),
    st.builds(Close, st.integers(1000, 4999)),
)


@given(st.lists(MESSAGES, max_size=8), st.integers(1, 700))
def test_messages_come_out_however_they_are_cut(messages: list[Message], step: int) -> None:
    wire = b"".join(told(message) for message in messages)
    incoming = Incoming()
    got = [message for at in range(0, len(wire), step) for message in incoming.push(wire[at : at + step])]
    assert got == messages


@pytest.mark.parametrize("size", [0, 1, 125, 126, 320, 65535, 65536, MOST_BYTES])
def test_all_three_forms_of_the_length(size: int) -> None:
    data = bytes(size)
    assert Incoming().push(sent(BINARY, data)) == [data]


def test_a_message_in_parts_with_a_ping_between() -> None:
    incoming = Incoming()
    wire = sent(TEXT, b"\xd0", final=False) + sent(PING, b"?") + sent(0, b"\xbf")
    assert incoming.push(wire) == [Ping(b"?"), "п"]
    assert incoming.push(sent(BINARY, bytes(320))) == [bytes(320)]


def test_a_pong_says_nothing_and_a_close_may_give_no_reason() -> None:
    assert Incoming().push(sent(PONG, b"x") + sent(CLOSE, b"")) == [Close(1005)]


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        (b"\x82\x81\0\0\0\0x", "mask"),
        (b"\xc2\x01x", "reserved"),
        (b"\x83\x01x", "opcode 3"),
        (b"\x80\x01x", "opcode 0"),
        (sent(BINARY, b"x", final=False) + sent(BINARY, b"y"), "opcode 2"),
        (sent(BINARY, b"x", final=False) + sent(BINARY, bytes(320)), "opcode 2"),
        (sent(PING, b"x", final=False), "control"),
        (sent(PING, bytes(126)), "control"),
        (b"\x8b\0", "control"),
        (b"\x82\x7f" + (MOST_BYTES + 1).to_bytes(8, "big"), "longer"),
        (sent(BINARY, bytes(MOST_BYTES), final=False) + sent(0, b"x"), "longer"),
        (sent(TEXT, b"\xff"), "utf-8"),
    ],
)
def test_what_breaks_the_protocol_is_named(wire: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Incoming().push(wire)


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_masking_twice_gives_it_back(payload: bytes, key: bytes) -> None:
    once = masked(payload, key)
    assert masked(once, key) == payload
    assert all(once[at] == payload[at] ^ key[at % 4] for at in range(len(payload)))


@pytest.mark.parametrize(("size", "head"), [(5, 2), (126, 4), (7680, 4), (65536, 10)])
def test_what_we_send_is_masked(size: int, head: int) -> None:
    payload = bytes(range(256)) * (size // 256 + 1)
    wire = frame(BINARY, payload[:size])
    assert (wire[0], wire[1] & 0x80, len(wire)) == (0x82, 0x80, head + 4 + size)
    assert masked(wire[head + 4 :], wire[head : head + 4]) == payload[:size]


# The example of RFC 6455, section 1.3.
OPENING = Opening("pbx:8088", "/media/1", "media", {"X-Key": "v"}, "dGhlIHNhbXBsZSBub25jZQ==")
CONSENT = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: media"
)


def test_the_opening_asks_as_the_standard_wants() -> None:
    lines = OPENING.serialize().decode().split("\r\n")
    assert lines[:2] == ["GET /media/1 HTTP/1.1", "Host: pbx:8088"]
    assert {"Sec-WebSocket-Protocol: media", "Sec-WebSocket-Version: 13", "X-Key: v"} <= set(lines)
    assert lines[-2:] == ["", ""]
    OPENING.check(CONSENT.encode())


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("101 Switching", "404 Not", "refuses"),
        ("HTTP/1.1 101 Switching Protocols", "", "refuses"),
        ("s3pPL", "t3pPL", "key"),
        (": media", ": chat", "subprotocol"),
        (": media", ": media\r\nSec-WebSocket-Extensions: permessage-deflate", "extension"),
    ],
)
def test_anything_but_consent_is_refused(old: str, new: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        OPENING.check(CONSENT.replace(old, new).encode())


def test_every_key_is_another() -> None:
    assert Opening.new("h", "/", "media", {}).key != Opening.new("h", "/", "media", {}).key
