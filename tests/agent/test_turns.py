"""Turn taking, by arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    TurnTaker,
    Verdict,
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
    taker = TurnTaker(RATE, Endpointing(end_silence_ms=400))

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
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, confirm_ms=320))

    made = run(taker, frames(600, True), audible=True)

    assert made == [SpeechStarted(0), Interruption(0)]


def test_a_cough_over_the_agent_is_a_false_start() -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, confirm_ms=320))

    made = run(taker, frames(200, True) + frames(500, False), audible=True)

    assert made == [SpeechStarted(0), FalseStart(0)]


def test_a_word_over_the_agent_takes_the_turn_at_once() -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, confirm_ms=10_000))
    run(taker, frames(200, True), audible=True)
    taker.heard_words(ms(180))

    assert run(taker, frames(20, True), audible=True, start=ms(200)) == [Interruption(0)]


def test_stale_words_do_not_take_the_turn() -> None:
    taker = TurnTaker(RATE, barge_in=BargeIn(pause_ms=120, confirm_ms=10_000))
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

    assert ends == [1.2]
