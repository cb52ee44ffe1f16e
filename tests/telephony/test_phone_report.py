"""Figures from two tracks whose times are known."""

import json

from hypothesis import given
from hypothesis import strategies as st

from audio.level import silence, tone
from telephony.phone_report import CallReport, Track, TurnFigures, measure, table
from telephony.phone_script import FRAME, RATE, Cue, Kind

ONSET_MS = 2
"""A tone begins at zero: its first audible sample comes a little later."""


def at(*parts: int | tuple[int]) -> bytes:
    """Milliseconds of silence (int) and of tone (one-tuple), in turn."""
    sounds = [tone(440, part[0], RATE) if isinstance(part, tuple) else silence(part * RATE // 1000) for part in parts]
    return b"".join(sounds)


def cue(kind: Kind, start_ms: int, end_ms: int) -> Cue:
    return Cue("x", kind, start_ms * RATE // 1000, end_ms * RATE // 1000)


def near(value: float | None, expected: float, tolerance: float = ONSET_MS) -> bool:
    return value is not None and abs(value - expected) <= tolerance


def test_greeting_and_reply() -> None:
    sent = at(2000, 300, (400,), 300, 4000)
    heard = at(120, (800,), 2700 - 920 + 450, (500,), 3000)
    first, (turn,) = measure(sent, heard, [cue(Kind.SAY, 2000, 3000)])
    assert near(first, 120)
    assert near(turn.reply_ms, 450)
    assert turn.stop_ms is None


def test_nothing_heard_is_none_and_not_zero() -> None:
    first, (turn,) = measure(at(100, (100,), 900), at(1000), [cue(Kind.SAY, 100, 200)])
    assert (first, turn.reply_ms) == (None, None)


def test_a_quiet_hiss_is_not_audible() -> None:
    hiss = b"\x08\x00\xf8\xff" * (RATE // 2)
    assert measure(hiss, hiss, []) == (None, ())


def test_interruption_stops_the_far_side_for_good() -> None:
    sent = at(1000, (800,), 3000)
    heard = at(0, (1240,), 1800 - 1240 + 500, (700,), 1000)
    _, (turn,) = measure(sent, heard, [cue(Kind.INTERRUPT, 1000, 1800)])
    assert near(turn.stop_ms, 240, 1)
    assert near(turn.reply_ms, 500)


def test_a_pause_between_two_sentences_is_not_a_stop() -> None:
    sent = at(1000, (1500,), 3000)
    heard = at(0, (1100,), 300, (200,), 2500)
    _, (turn,) = measure(sent, heard, [cue(Kind.INTERRUPT, 1000, 2500)])
    assert near(turn.stop_ms, 600, 1)


def test_a_far_side_that_talks_on_is_measured_to_its_end() -> None:
    sent = at(1000, (400,), 3000)
    heard = at(0, (3400,), 1000)
    _, (turn,) = measure(sent, heard, [cue(Kind.INTERRUPT, 1000, 1400)])
    assert near(turn.stop_ms, 2400, 1)
    assert turn.reply_ms is None


def test_silent_already_when_interrupted() -> None:
    sent = at(1000, (400,), 3000)
    heard = at(0, (900,), 1200, (500,), 1000)
    _, (turn,) = measure(sent, heard, [cue(Kind.INTERRUPT, 1000, 1400)])
    assert turn.stop_ms == 0
    assert near(turn.reply_ms, 700)


def test_each_reply_belongs_to_its_own_item() -> None:
    sent = at(0, (500,), 1500, (500,), 3000)
    heard = at(2900, (300,), 1000)
    _, turns = measure(sent, heard, [cue(Kind.SAY, 0, 500), cue(Kind.SAY, 2000, 2500)])
    assert turns[0].reply_ms is None
    assert near(turns[1].reply_ms, 400)


@given(st.integers(0, 3000), st.integers(1, 150))
def test_the_grid_of_frames_does_not_matter(delay: int, length: int) -> None:
    heard = silence(delay) + tone(440, 20 * length, RATE)
    first, _ = measure(b"", heard + silence(FRAME), [])
    assert near(first, delay * 1000 / RATE, ONSET_MS + 1)


def test_report_as_json_and_as_a_table() -> None:
    report = CallReport("sip:a@b", "phone", 4.0, 90.0, 7.5, (TurnFigures("hi", "say", 1.0, 512.4),))
    assert json.loads(json.dumps(report.as_json()))["turns"][0]["reply_ms"] == 512.4
    text = table(report)
    assert "512 ms" in text
    assert "ended by: phone" in text


def test_runs_of_sound_bridge_short_silences() -> None:
    heard = Track(at(0, (500,), 100, (400,), 1000, (300,), 500))
    (first, last), (again, end) = heard.runs(300)
    assert near(first, 0)
    assert near(last, 1000)
    assert near(again, 2000)
    assert near(end, 2300)
    assert Track(silence(FRAME)).runs(300) == []
