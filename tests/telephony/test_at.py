"""The AT dialogue: answers, codes in their middle, noise."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.at import (
    Answer,
    AtDialogue,
    CallEntry,
    Event,
    Prompt,
    Unasked,
    parse_call,
    parse_calls,
    parse_registration,
    parse_signal,
    split_fields,
)

TALK = (
    b'AT+CSQ\r\r\n+CSQ: 21,99\r\n\r\nRING\r\n\r\n+CLIP: "+79161234567",145,,,,0\r\n\r\nOK\r\n'
    b'\r\n+CLCC: 1,1,4,0,0,"+79161234567",145\r\n\r\nVOICE CALL: BEGIN\r\n\xff\xfe\x00garbage\r\n+RXDTMF: 5\r\n'
    b"\r\nNO CARRIER\r\nMISSED_CALL: 09:12AM 79161234567\r\n"
)


def heard(chunks: list[bytes], command: str) -> list[Event]:
    dialogue = AtDialogue()
    dialogue.send(command)
    return [event for chunk in chunks for event in dialogue.feed(chunk)]


def test_codes_in_the_middle_of_an_answer_are_told_from_it() -> None:
    assert heard([TALK], "AT+CSQ") == [
        Unasked("RING"),
        Unasked("+CLIP", '"+79161234567",145,,,,0'),
        Answer("AT+CSQ", "OK", ("+CSQ: 21,99",)),
        Unasked("+CLCC", '1,1,4,0,0,"+79161234567",145'),
        Unasked("VOICE CALL", "BEGIN"),
        Unasked("+RXDTMF", "5"),
        Unasked("NO CARRIER"),
        Unasked("MISSED_CALL", "09:12AM 79161234567"),
    ]


@given(st.lists(st.integers(0, len(TALK)), max_size=30))
def test_any_split_gives_the_same_events(cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(TALK)]
    chunks = [TALK[a:b] for a, b in itertools.pairwise(borders)]
    assert heard(chunks, "AT+CSQ") == heard([TALK], "AT+CSQ")


@given(st.binary(max_size=400), st.integers(0, 400), st.sampled_from(["AT+CMGS=20", "ATA", "AT+CLCC"]))
def test_any_split_of_noise_gives_the_same_events(data: bytes, cut: int, command: str) -> None:
    assert heard([data[:cut], data[cut:]], command) == heard([data], command)


def test_a_million_fuzzed_bytes_raise_nothing() -> None:
    chance = random.Random(7600)
    pieces = (TALK, b"\r\n", b"OK\r\n", b"+CME ERROR: 10\r\n", b"> ", b'+CLCC: 1,"', b"\xff" * 9, b"+CREG: ,,,\r\n")
    dialogue, fed, seen = AtDialogue(), 0, 0
    while fed < 1_000_000:
        data = bytearray(chance.choice(pieces) if chance.random() < 0.7 else chance.randbytes(chance.randrange(200)))
        for _ in range(chance.randrange(4)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        if not dialogue.waiting:
            dialogue.send(chance.choice(("AT+CSQ", "ATA", "AT+CMGS=12", "AT+CLCC")))
        for event in dialogue.feed(bytes(data)):
            seen += 1
            if isinstance(event, Answer):
                parse_calls(event)
            elif isinstance(event, Unasked):
                parse_call(event.text)
                parse_registration(event.text)
                parse_signal(event.text)
                split_fields(event.text)
        fed += len(data)
    assert seen > 10_000


def test_no_carrier_ends_only_a_call_command() -> None:
    assert heard([b"NO CARRIER\r\n"], "ATA") == [Answer("ATA", "NO CARRIER")]
    assert heard([b"NO CARRIER\r\n+CSQ: 9,99\r\nOK\r\n"], "AT+CSQ") == [
        Unasked("NO CARRIER"),
        Answer("AT+CSQ", "OK", ("+CSQ: 9,99",)),
    ]


def test_a_message_prompt_comes_without_a_line_end() -> None:
    assert heard([b"AT+CMGS=20\r\r\n>"], "AT+CMGS=20") == [Prompt()]
    assert heard([b"> ", b"\r\n+CMGS: 4\r\n\r\nOK\r\n"], "AT+CMGS=20")[1:] == [
        Answer("AT+CMGS=20", "OK", ("+CMGS: 4",))
    ]


def test_a_late_answer_belongs_to_nobody() -> None:
    dialogue = AtDialogue()
    dialogue.send("AT+CSQ")
    dialogue.give_up()
    assert dialogue.feed(b"+CSQ: 3,99\r\nOK\r\n") == [Unasked("+CSQ", "3,99")]
    assert not dialogue.waiting


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    assert heard([b"x" * 100_000, b"\r\nRING\r\n"], "AT") == [Unasked("RING")]


@pytest.mark.parametrize("command", ["", "RING", "AT\r", "AT+CUSD=1,\u044f", "AT+CMGS\x1a"])
def test_what_is_no_command_is_refused(command: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        AtDialogue().send(command)


def test_one_command_at_a_time_and_no_secret_in_the_complaint() -> None:
    dialogue = AtDialogue()
    dialogue.send("AT+CPIN=4711")
    with pytest.raises(ValueError, match=r"^\+CPIN has not been answered yet$"):
        dialogue.send("AT")


def test_calls_are_read() -> None:
    assert parse_call('1,1,4,0,0,"+79161234567",145') == CallEntry(1, True, 4, True, "+79161234567")
    assert parse_call("2,0,0,0,0") == CallEntry(2, False, 0, True, "")
    assert parse_call('1,1,9,0,0,"1"') is parse_call("x") is parse_call("") is None


@pytest.mark.parametrize(
    ("text", "state"),
    [("1", 1), ("2,5", 5), ('1,"0A1B","01C2"', 1), ('2,1,"0A1B","01C2",7', 1), ("", None), ("x", None)],
)
def test_registration_is_read_asked_and_unasked(text: str, state: int | None) -> None:
    assert parse_registration(text) == state


def test_signal_is_read() -> None:
    assert [parse_signal(text) for text in ("0,99", "31,0", "99,99", "")] == [-113, -51, None, None]
