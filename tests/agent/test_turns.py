"""Turn taking, by arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hints import Fading
from agent.pauses import Verdict
from agent.turns import (
    BargeIn,
    Decision,
    EndOfTurn,
    Endpointing,
    FalseStart,
    Interruption,
    LongSilence,
    Lull,
    Noise,
    SpeechStarted,
    Sustained,
    TurnTaker,
)
from audio.frame import AudioFrame

RATE = 8000
STEP = 160
SILENT = bytes(2 * STEP)


def ms(milliseconds: int) -> int:
    return milliseconds * RATE // 1000


def run(taker: TurnTaker, flags: list[bool], audible: bool = False, start: int = 0) -> list[Decision]:
    made = []
    for number, speech in enumerate(flags):
        frame = AudioFrame(SILENT, RATE, start + number * STEP)
        decision = taker.push(frame, speech, audible, busy=False)
        if decision is not None:
            made.append(decision)
    return made


def frames(milliseconds: int, speech: bool) -> list[bool]:
    return [speech] * (milliseconds // 20)


def test_a_turn_begins_at_its_onset_and_ends_after_the_quiet() -> None:
    taker = TurnTaker(RATE, Endpointing(end_silence_ms=400, min_speech_ms=100))

    made = run(taker, frames(200, False) + frames(1000, True) + frames(600, False))

    assert made == [SpeechStarted(ms(200)), Lull(ms(1200)), EndOfTurn(ms(200), ms(1200), ms(1600), ms(1000))]


def test_a_pause_shorter_than_the_limit_does_not_end_the_turn() -> None:
    taker = TurnTaker(RATE, Endpointing(end_silence_ms=400, adapt=False))

    made = run(taker, frames(500, True) + frames(380, False) + frames(500, True) + frames(400, False))

    assert [type(decision) for decision in made] == [SpeechStarted, Lull, Lull, EndOfTurn]


@pytest.mark.parametrize(("verdict", "end"), [("complete", 240), ("unsure", 400), ("open", 900)])
def test_how_finished_it_sounds_decides_how_long_to_wait(verdict: Verdict, end: int) -> None:
    taker = TurnTaker(RATE, Endpointing(end_silence_ms=400, complete_ms=240, open_ms=900))
    [_, lull] = run(taker, frames(500, True) + frames(120, False))
    assert isinstance(lull, Lull)

    taker.judged(lull.position, verdict)

    [ended] = run(taker, frames(1000, False), start=ms(620))
    assert isinstance(ended, EndOfTurn)
    assert ended.position - ended.end == ms(end)


def test_a_verdict_on_an_earlier_lull_is_stale() -> None:
    taker = TurnTaker(RATE, Endpointing(end_silence_ms=400, open_ms=900))
    [_, lull] = run(taker, frames(500, True) + frames(120, False) + frames(500, True))
    assert isinstance(lull, Lull)

    taker.judged(lull.position, "open")

    *_, ended = run(taker, frames(600, False), start=ms(1120))
    assert isinstance(ended, EndOfTurn)
    assert ended.position - ended.end == ms(400)


def test_a_click_is_not_speech() -> None:
    assert run(TurnTaker(RATE), frames(60, True) + frames(1000, False)) == [Noise(0)]


def test_speech_over_the_agent_pauses_then_takes_the_turn() -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, confirm_ms=320, guard_ms=0))

    made = run(taker, frames(600, True), audible=True)

    assert made == [SpeechStarted(0), Sustained(ms(220)), Interruption(0)]


def test_a_cough_over_the_agent_is_a_false_start() -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, confirm_ms=320, guard_ms=0))

    made = run(taker, frames(200, True) + frames(500, False), audible=True)

    assert made == [SpeechStarted(0), Lull(ms(200), over_agent=True), FalseStart(0)]


def test_a_word_over_the_agent_takes_the_turn_at_once() -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, confirm_ms=10_000, guard_ms=0))
    run(taker, frames(200, True), audible=True)
    taker.heard_words(ms(180))

    assert run(taker, frames(20, True), audible=True, start=ms(200)) == [Interruption(0)]


def test_a_backchannel_may_last_twice_as_long() -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, confirm_ms=400, guard_ms=0))
    run(taker, frames(300, True), audible=True)
    taker.heard_words(ms(280), backchannel=True)

    made = run(taker, frames(600, True), audible=True, start=ms(300))

    assert {type(decision) for decision in made[:-1]} == {Sustained}
    assert made[-1] == Interruption(0)
    assert run(taker, frames(20, False), start=ms(900)) == []


def test_more_words_after_a_backchannel_take_the_turn() -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, confirm_ms=400, guard_ms=0))
    run(taker, frames(260, True), audible=True)
    taker.heard_words(ms(240), backchannel=True)
    taker.heard_words(ms(260), backchannel=False)

    assert run(taker, frames(20, True), audible=True, start=ms(260)) == [Interruption(0)]


def test_a_dismissed_sound_is_over_at_once() -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, confirm_ms=600, guard_ms=0))
    [_, lull] = run(taker, frames(300, True) + frames(100, False), audible=True)
    assert isinstance(lull, Lull)

    taker.dismissed(lull.position)

    assert run(taker, frames(20, False), audible=True, start=ms(400)) == [FalseStart(0)]


def test_a_dismissal_is_stale_once_the_caller_went_on() -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, confirm_ms=600, guard_ms=0))
    [_, lull] = run(taker, frames(300, True) + frames(100, False) + frames(20, True), audible=True)
    assert isinstance(lull, Lull)

    taker.dismissed(lull.position)

    assert run(taker, frames(80, False), audible=True, start=ms(420)) == []


@pytest.mark.parametrize(("onset", "paused"), [(0, 300), (100, 300), (240, 360), (400, 520)])
def test_a_sound_right_after_the_agent_began_must_outlast_the_guard(onset: int, paused: int) -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, guard_ms=300))
    ends = []
    for number, speech in enumerate(frames(onset, False) + frames(600, True)):
        frame = AudioFrame(SILENT, RATE, number * STEP)
        if isinstance(taker.push(frame, speech, audible=True, busy=True), SpeechStarted):
            ends.append(frame.end)

    assert ends == [ms(paused)]


def test_a_sound_that_began_before_the_agent_is_no_echo() -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, guard_ms=300))
    run(taker, frames(40, True))

    assert run(taker, frames(80, True), audible=True, start=ms(40)) == [SpeechStarted(0)]


def test_a_firm_sentence_is_not_interrupted_and_what_is_said_after_it_counts() -> None:
    taker = TurnTaker(RATE, Endpointing(min_speech_ms=100))
    for number in range(50):
        frame = AudioFrame(SILENT, RATE, number * STEP)
        assert taker.push(frame, True, audible=True, busy=True, firm=True) is None

    assert run(taker, frames(100, True), start=ms(1000)) == [SpeechStarted(ms(1000))]


def test_a_caller_who_asked_for_time_gets_it() -> None:
    taker = TurnTaker(RATE, reprompt_s=2.0)
    run(taker, frames(20, False))

    taker.wait(ms(20), ms(30_000))

    assert run(taker, frames(32_000, False), start=ms(20)) == [LongSilence(ms(30_000)), LongSilence(ms(32_000))]


def test_changed_words_are_judged_again() -> None:
    taker = TurnTaker(RATE, Endpointing(end_silence_ms=400))
    run(taker, frames(500, True) + frames(120, False))

    taker.doubt()

    assert run(taker, frames(20, False), start=ms(620)) == [Lull(ms(500))]


def test_stale_words_do_not_take_the_turn() -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, confirm_ms=10_000, guard_ms=0))
    run(taker, frames(200, True), audible=True, start=ms(1000))
    taker.heard_words(ms(900))

    assert run(taker, frames(20, True), audible=True, start=ms(1200)) == []


def test_without_barge_in_the_agent_is_never_cut() -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(enabled=False))

    assert run(taker, frames(2000, True), audible=True) == []
    assert run(taker, frames(60, True), start=ms(2000)) == []
    assert run(taker, frames(20, True), audible=True, start=ms(2060)) == [Noise(ms(2000))]


def test_silence_of_both_sides_is_noticed_again_and_again() -> None:
    taker = TurnTaker(RATE, reprompt_s=2.0)

    made = run(taker, frames(4100, False))

    assert made == [LongSilence(ms(2000)), LongSilence(ms(4000))]


@given(st.lists(st.booleans(), max_size=300), st.lists(st.booleans(), max_size=300))
def test_every_ended_turn_had_begun_and_positions_never_go_back(flags: list[bool], audible: list[bool]) -> None:
    taker = TurnTaker(RATE)
    started = False
    newest = 0
    for number, speech in enumerate(flags):
        frame = AudioFrame(SILENT, RATE, number * STEP)
        heard = audible[number] if number < len(audible) else False
        match taker.push(frame, speech, heard, busy=False):
            case SpeechStarted(position) | Interruption(position):
                assert position <= frame.position
                started = True
            case EndOfTurn(start, end, position, voiced):
                assert started
                assert newest <= start < end <= position == frame.end
                assert voiced <= end - start
                started, newest = False, end
            case FalseStart():
                assert started
                started = False


@pytest.mark.parametrize("rate", [8000, 16000])
def test_times_do_not_depend_on_the_rate(rate: int) -> None:
    taker = TurnTaker(rate)
    step = rate // 50
    ends = []
    for number in range(100):
        frame = AudioFrame(bytes(2 * step), rate, number * step)
        decision = taker.push(frame, 10 <= number < 40, audible=False, busy=False)
        if isinstance(decision, EndOfTurn):
            ends.append(decision.position / rate)

    assert ends == [1.34]


def hinted(taker: TurnTaker, sounds: str, start: int = 0, wary: bool = False) -> list[Decision]:
    """Frames over the agent's speech: ``s`` a sound without a voice, ``#`` speech, ``.`` quiet."""
    made = []
    for number, kind in enumerate(sounds):
        frame = AudioFrame(SILENT, RATE, start + number * STEP)
        decision = taker.push(frame, kind == "#", audible=True, busy=True, wary=wary, sound=kind == "s")
        if decision is not None:
            made.append(decision)
    return made


def test_the_consonant_before_a_voice_pauses_the_agent_already() -> None:
    taker = TurnTaker(RATE, Endpointing(), BargeIn(guard_ms=0))

    made = hinted(taker, "....sssss..####")
    taker.heard_words(15 * STEP)

    assert made == [SpeechStarted(4 * STEP)]
    assert hinted(taker, "#", 15 * STEP) == [Interruption(4 * STEP)]


@pytest.mark.parametrize("length", [5, 12, 50])
def test_a_sound_that_becomes_no_voice_holds_the_agent_for_a_moment_only(length: int) -> None:
    taker = TurnTaker(RATE, Endpointing(), BargeIn(guard_ms=0))

    made = hinted(taker, "...." + "s" * length + "." * 20)

    assert made == [SpeechStarted(4 * STEP), FalseStart(4 * STEP, voiced=False)]


def test_a_click_is_no_beginning_of_a_word() -> None:
    assert hinted(TurnTaker(RATE, Endpointing(), BargeIn(guard_ms=0)), "....sss....s..ss...") == []


def test_on_a_noisy_line_sounds_wait_longer_each_time() -> None:
    taker = TurnTaker(RATE, Endpointing(), BargeIn(guard_ms=0))
    minute = ("sssss" + "." * 20) * 120

    made = hinted(taker, minute)

    assert 2 <= sum(isinstance(one, SpeechStarted) for one in made) <= 4
    assert sum(isinstance(one, FalseStart) for one in made) == sum(isinstance(one, SpeechStarted) for one in made)
    assert SpeechStarted(len(minute) * STEP) in hinted(taker, "###", len(minute) * STEP)


def test_a_sound_in_the_agents_first_moments_is_nothing() -> None:
    taker = TurnTaker(RATE, Endpointing(), BargeIn(guard_ms=300))

    assert hinted(taker, "sssss" + "." * 20) == []


def test_hints_can_be_ignored() -> None:
    taker = TurnTaker(RATE, Endpointing(), BargeIn(guard_ms=0, hint=False))

    assert hinted(taker, "sssss" + "." * 20) == []


def test_nothing_is_decided_before_it_is_said_to_be_possible() -> None:
    """Frames that come together are late by nothing: what hangs on one of them was foretold."""
    taker, undecided = TurnTaker(RATE, Endpointing(end_silence_ms=400)), list[int]()
    flags = frames(60, False) + frames(400, True) + frames(420, False)
    for number, speech in enumerate(flags):
        frame = AudioFrame(SILENT, RATE, number * STEP)
        decision = taker.push(frame, speech, audible=False, busy=False)
        if isinstance(decision, Lull | EndOfTurn):
            assert 0 < undecided[-1] <= STEP
        undecided.append(taker.undecided(frame.end))
        if isinstance(decision, Lull):
            assert undecided[-1] == ms(40), "the recogniser's answer may end the turn"

    assert undecided[:7] == [ms(200)] * 3 + [ms(180), ms(160), ms(140), ms(120)]
    assert undecided[7:28] == [ms(100)] * 16 + [ms(80), ms(60), ms(40), ms(20), ms(40)]
    assert undecided[-2:] == [ms(200)] * 2


def loud(dbfs: float) -> bytes:
    """20 ms of a square wave."""
    return np.full(STEP, 32767 * 10 ** (dbfs / 20), "<i2").tobytes()


def fades(levels: list[float], drop_db: int = 14, voice: bool = True) -> list[int]:
    """Milliseconds at which a voice of these levels, one for each 20 ms, was found to die away."""
    fading = Fading(drop_db)
    found = [fading.push(AudioFrame(loud(level), RATE, ms(1000 + 20 * n)), voice) for n, level in enumerate(levels)]
    return [fade.position * 1000 // RATE - 1000 for fade in found if fade]


def test_a_voice_that_dies_away_is_noticed_once() -> None:
    assert fades([-20.0] * 20 + [-30.0, -36.0, -40.0, -44.0]) == [440]


def test_a_steady_voice_and_a_pause_are_none() -> None:
    assert fades([-20.0, -26.0, -31.0] * 10) == []
    assert fades([-20.0] * 10 + [-60.0] * 10, voice=False) == []
    assert fades([-20.0] * 10 + [-60.0] * 10, drop_db=0) == []


def test_syllables_are_not_asked_about_more_often_than_each_100_ms() -> None:
    assert fades([-20.0, -40.0] * 15) == [40, 160, 280, 400, 520]
