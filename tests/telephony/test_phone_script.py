"""The scripted caller without a clock: frames in, frames out."""

from audio.level import silence, tone
from telephony.phone_script import FRAME, RATE, Item, Kind, Manners, Script

QUIET = silence(FRAME)
LOUD = tone(440, 20, RATE)
SPEECH = tone(300, 200, RATE)
TEN = 10


def hear(script: Script, frame: bytes, count: int) -> list[bytes]:
    return [script.step(frame) for _ in range(count)]


def test_waits_for_the_greeting_to_end_and_then_speaks() -> None:
    script = Script([Item("hello", SPEECH)], Manners(quiet_ms=600))
    assert script.first() == QUIET
    assert set(hear(script, QUIET, 20) + hear(script, LOUD, 50) + hear(script, QUIET, 29)) == {QUIET}
    out = hear(script, QUIET, 12)
    assert b"".join(out[:10]) == SPEECH
    assert out[10:] == [QUIET, QUIET]
    assert [(cue.kind, cue.end - cue.start) for cue in script.cues] == [(Kind.SAY, len(SPEECH) // 2)]
    assert bytes(script.sent)[2 * script.cues[0].start :][: len(SPEECH)] == SPEECH


def test_leaves_when_the_last_answer_has_ended() -> None:
    script = Script([Item("hello", SPEECH)], Manners(quiet_ms=600, patience_s=1))
    script.first()
    hear(script, LOUD, 5)
    hear(script, QUIET, 30 + TEN)
    assert not script.done
    hear(script, LOUD, 20)
    hear(script, QUIET, 29)
    assert not script.done
    hear(script, QUIET, 1)
    assert script.done
    assert hear(script, LOUD, 1) == [QUIET]


def test_speaks_without_a_greeting_when_patience_is_over() -> None:
    script = Script([Item("hello", SPEECH)], Manners(patience_s=2))
    script.first()
    assert set(hear(script, QUIET, 98)) == {QUIET}
    assert b"".join(hear(script, QUIET, 11))[640:] != silence(10 * FRAME)
    assert script.cues[0].start == 2 * RATE


def test_interrupts_so_long_after_the_far_side_began() -> None:
    script = Script([Item("wait", SPEECH, interrupt_after_s=1.0)], Manners())
    script.first()
    hear(script, QUIET, 10)
    began = script.position
    hear(script, LOUD, 80)
    (cue,) = script.cues
    assert cue.kind is Kind.INTERRUPT
    assert abs(cue.start - (began + RATE)) <= 2 * FRAME


def test_an_interruption_that_comes_too_late_is_plain_speech() -> None:
    script = Script([Item("wait", SPEECH, interrupt_after_s=5.0)], Manners(quiet_ms=300))
    script.first()
    hear(script, LOUD, 20)
    hear(script, QUIET, 20)
    assert [cue.kind for cue in script.cues] == [Kind.SAY]


def test_keys_are_given_once_in_their_place() -> None:
    script = Script([Item("a", SPEECH), Item("0", keys="0")], Manners(quiet_ms=200))
    script.first()
    hear(script, LOUD, 3)
    hear(script, QUIET, 15)
    assert script.due_keys() == ""
    hear(script, QUIET, 10)
    hear(script, LOUD, 3)
    hear(script, QUIET, 12)
    assert (script.due_keys(), script.due_keys()) == ("0", "")
    assert [cue.kind for cue in script.cues] == [Kind.SAY, Kind.KEYS]


def test_leaves_at_the_given_time_and_not_before() -> None:
    script = Script([], Manners(hangup_after_s=3, patience_s=1))
    script.first()
    hear(script, QUIET, 148)
    assert not script.done
    hear(script, QUIET, 3)
    assert script.done


def test_a_far_side_that_never_stops_is_not_waited_for_for_ever() -> None:
    script = Script([Item("a", SPEECH)], Manners(longest_s=2))
    script.first()
    hear(script, LOUD, 120)
    assert len(script.cues) == 1
