"""What is made of a call whose every sample is known."""

import numpy as np
import pytest

from bench.turns.measure import Finding, References, judge
from bench.turns.observation import Observation, Pcm
from bench.turns.scripts import Cue, Echo, Kind, Script, Span, Step
from telephony.phone_script import FRAME, RATE
from tests.bench.turns.test_following import answer

MS = RATE // 1000
CARRIER = "carrier.wav"
ANSWER = answer(200)
GREETING = answer(50, seed=7)
REFERENCES = References({CARRIER: ANSWER}, {"ru": GREETING})
SPEECH = (Span("speech", 0, 400 * MS, "раз"),)


def step(cue: Cue = "silent", spans: tuple[Span, ...] = SPEECH, wav: str = CARRIER) -> Step:
    return Step(wav, cue, spans)


def observed(kind: Kind, steps: list[Step], at_ms: list[int], wire: dict[int, Pcm]) -> Observation:
    """``at_ms``: when each step begins; ``wire``: millisecond -> packets that begin to be heard there."""
    script = Script("x", kind, "ru", "", tuple(steps), "rest", -99.0, 1, echo=Echo(-20, 50, 1))
    heard = np.zeros((600, FRAME), dtype="<i2")
    for at, rows in wire.items():
        heard[at // 20 : at // 20 + len(rows)] = rows
    places = np.arange(600, dtype=np.int64) * FRAME
    return Observation(script, places, heard, places, np.zeros_like(heard), tuple(at // 20 for at in at_ms))


def found(kind: Kind, steps: list[Step], at_ms: list[int], wire: dict[int, Pcm]) -> Finding:
    return judge(observed(kind, steps, at_ms, wire), REFERENCES)


def test_a_reply_is_timed_from_the_last_sample_to_the_first() -> None:
    seen = found("question", [step()], [2000], {0: GREETING, 2700: ANSWER})
    assert seen.values["reply_ms"] == pytest.approx(300, abs=1)
    assert not seen.failures


def test_no_reply_in_time_is_a_missed_end() -> None:
    seen = found("question", [step()], [2000], {0: GREETING, 5500: ANSWER})
    assert seen.values["missed"] == 1
    assert "reply_ms" not in seen.values


PAUSED = (
    Span("speech", 0, 400 * MS, "на"),
    Span("pause", 400 * MS, 1000 * MS),
    Span("speech", 1000 * MS, 1400 * MS, "сто"),
)


@pytest.mark.parametrize(("at_ms", "spoiled"), [(2900, 1), (3100, 1), (3500, 0)])
def test_speaking_into_a_pause_or_into_what_follows_it_is_a_false_cut_in(at_ms: int, spoiled: int) -> None:
    seen = found("hesitation", [step(spans=PAUSED)], [2000], {0: GREETING, at_ms: ANSWER[:20]})
    assert (seen.values["pauses"], seen.values["spoiled"], seen.values["cut_in"]) == (1, spoiled, spoiled)
    assert bool(seen.failures) == bool(spoiled)


def overlaid(kind: Kind, wire: dict[int, Pcm]) -> Finding:
    """A question until 2400 ms, its answer, a sound from 4000 to 4400 ms."""
    return found(kind, [step(), step("into", wav="other.wav")], [2000, 4000], {0: GREETING, **wire})


def test_an_answer_that_goes_on_was_not_stopped() -> None:
    seen = overlaid("backchannel", {2700: ANSWER})
    assert (seen.values["false_stop"], seen.values["lost"], seen.values["paused"]) == (0, 0, 0)


def test_a_pause_for_nothing_is_timed() -> None:
    seen = overlaid("backchannel", {2700: ANSWER[:70], 4500: ANSWER[70:]})
    assert seen.values["silent_ms"] == pytest.approx(400, abs=5)
    assert not seen.failures


def test_a_pause_that_lasts_too_long_is_a_failure() -> None:
    assert overlaid("backchannel", {2700: ANSWER[:70], 5200: ANSWER[70:]}).failures


def test_a_word_lost_by_a_pause_is_a_failure() -> None:
    seen = overlaid("backchannel", {2700: ANSWER[:70], 4500: ANSWER[80:]})
    assert seen.values["lost"] == 1


def test_an_answer_that_ends_there_was_stopped_falsely() -> None:
    assert overlaid("noise", {2700: ANSWER[:70]}).values["false_stop"] == 1


@pytest.mark.parametrize(("heard", "cut", "stopped"), [("Год. Два.", 0, 0), ("Год.", 1, 1), ("Год.", 0, 1)])
def test_an_answer_shorter_than_the_reference_was_whole_if_the_record_says_so(
    heard: str, cut: int, stopped: int
) -> None:
    call = observed(
        "backchannel", [step(), step("into", wav="other.wav")], [2000, 4000], {0: GREETING, 2700: ANSWER[:90]}
    )
    call.turns = [{"n": 1, "heard": "раз", "said": "Год. Два.", "said_heard": heard, "cut": cut}]
    assert judge(call, REFERENCES).values["false_stop"] == stopped


def test_an_answer_to_a_noise_is_a_false_stop_too() -> None:
    assert overlaid("noise", {2700: ANSWER, 7000: answer(60, seed=3)}).values["false_stop"] == 1


def test_an_interruption_is_timed_from_its_onset_to_the_last_sound() -> None:
    seen = overlaid("interruption", {2700: ANSWER[:70], 4700: answer(60, seed=3)})
    assert seen.values["taken"] == 1
    assert seen.values["stop_ms"] == pytest.approx(100, abs=5)
    assert seen.values["reply_ms"] == pytest.approx(300, abs=1)


def test_an_answer_that_goes_on_after_a_pause_was_not_interrupted() -> None:
    seen = overlaid("interruption", {2700: ANSWER[:70], 4700: ANSWER[70:]})
    assert seen.values["taken"] == 0
    assert seen.values["stop_ms"] == pytest.approx(100, abs=5)


@pytest.mark.parametrize(("said", "judged"), [("Год.", False), ("Месяц.", True)])
def test_an_interruption_that_is_answered_with_the_same_words_tells_nothing(said: str, judged: bool) -> None:
    wire = {0: GREETING, 2700: ANSWER[:70], 4700: answer(60, seed=3)}
    call = observed("interruption", [step(), step("into", wav="other.wav")], [2000, 4000], wire)
    call.turns = [
        {"n": 1, "heard": "раз", "said": "Год. Два.", "cut": 1},
        {"n": 2, "heard": "два", "said": said, "cut": 0},
    ]
    assert bool(judge(call, REFERENCES).void) != judged


def test_an_answer_that_was_over_before_tells_nothing() -> None:
    short = References({CARRIER: ANSWER[:60]}, REFERENCES.greetings)
    call = observed("interruption", [step(), step("into")], [2000, 5000], {0: GREETING, 2700: ANSWER[:60]})
    assert judge(call, short).void


def test_another_answer_than_the_reference_tells_nothing() -> None:
    assert overlaid("interruption", {2700: answer(100, seed=5)}).void


def test_turns_of_an_echo_call_are_counted_and_compared() -> None:
    seen = found(
        "echo", [step(), step()], [2000, 7000], {0: GREETING, 2700: ANSWER, 7700: ANSWER[:100], 10000: ANSWER[100:]}
    )
    assert (seen.values["turns"], seen.values["self_interrupted"]) == (3, 1)


def test_packets_that_come_late_are_told_apart_from_an_interruption() -> None:
    call = observed("echo", [step()], [2000], {0: GREETING, 2700: ANSWER})
    call.arrivals[200:204] = call.arrivals[204]
    seen = judge(call, REFERENCES)
    assert (seen.values["self_interrupted"], seen.values["late"], seen.values["late_ms"]) == (0, 1, 80)


@pytest.mark.parametrize("cut", [0, 1])
def test_of_an_answer_without_reference_the_record_tells_whether_it_was_cut(cut: int) -> None:
    call = observed("echo", [step()], [2000], {0: GREETING, 2700: answer(100, seed=5)})
    call.turns = [{"n": 0, "heard": "", "cut": 0}, {"n": 1, "heard": "раз", "cut": cut}]
    assert judge(call, REFERENCES).values["self_interrupted"] == cut


def test_an_echo_that_was_understood_as_words_is_a_failure() -> None:
    call = observed("echo", [step()], [2000], {0: GREETING, 2700: ANSWER})
    call.turns = [{"n": 1, "heard": "раз", "cut": 0}, {"n": 2, "heard": "два", "cut": 0}]
    assert judge(call, REFERENCES).failures


def test_a_call_that_broke_off_is_a_failure() -> None:
    call = observed("question", [step(), step()], [2000], {0: GREETING})
    assert judge(call, REFERENCES).failures
