"""What `allo call` reads from its command line and says when it can't."""

import argparse
from pathlib import Path

import pytest

from audio.level import tone
from audio.wav import write_mono
from telephony import phone, phone_command
from telephony.phone_address import target
from telephony.phone_command import add_arguments, run
from telephony.phone_script import RATE, Item


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_items_keep_their_order(tmp_path: Path) -> None:
    wav = tmp_path / "a.wav"
    write_mono(wav, tone(440, 100, RATE), RATE)
    args = parse("sip:a@b", "--say", "привет", "--play", str(wav), "--interrupt", "стоп", "--dtmf", "0#")
    said: list[tuple[str, str]] = []

    def speak(text: str, language: str) -> bytes:
        said.append((text, language))
        return b"\1\0"

    items = phone_command._items(args, speak)
    assert items == [
        Item("привет", b"\1\0"),
        Item("a.wav", tone(440, 100, RATE)),
        Item("стоп", b"\1\0", interrupt_after_s=1.0),
        Item("0#", keys="0#"),
    ]
    assert said == [("привет", "ru"), ("стоп", "ru")]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["sip:a@127.0.0.1", "--play", "missing.wav"], "missing.wav: can't be read"),
        (["sip:a@127.0.0.1", "--dtmf", "12x"], "keys are 0-9"),
        (["sip:a@127.0.0.1", "--say", "a"], "no voice"),
        (["127.0.0.1"], "is no SIP address"),
        (["sip:a@no-such-host.invalid"], "can't be reached"),
    ],
)
def test_faults_are_one_line(words: list[str], fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    if not phone.installed() and len(words) == 1:
        pytest.skip("pjsua2 is not installed for this Python")
    assert run(parse(*words)) == 2
    said = capsys.readouterr().err
    assert fault in said
    assert said.count("\n") == 1


def test_a_missing_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(phone, "pj", None)
    assert run(parse("sip:a@127.0.0.1")) == 2
    assert ".[phone]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:allo@127.0.0.1", ("127.0.0.1", 5060)),
        ("sip:allo@127.0.0.1:5070;transport=tcp", ("127.0.0.1", 5070)),
        ("<sip:10.0.0.1>", ("10.0.0.1", 5060)),
        ("sip:a@[::1]:5080", ("::1", 5080)),
        ("tel:123", ("", 0)),
        ("allo", ("", 0)),
    ],
)
def test_target_of_a_uri(uri: str, expected: tuple[str, int]) -> None:
    assert target(uri) == expected
