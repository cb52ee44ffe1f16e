"""Sounds that are no voice, in a pause of the caller: a consonant, a hum, a noise."""

import pytest

from agent.pauses import Verdict
from agent.turns import Decision, EndOfTurn, Endpointing, Lull, SpeechStarted, TurnTaker
from audio.frame import AudioFrame
from tests.agent.test_turns import RATE, SILENT, STEP, frames, ms, run


def sounds(taker: TurnTaker, *parts: tuple[int, bool, bool], start: int = 0) -> list[Decision]:
    """Feed stretches of (milliseconds, voice, sound without a voice)."""
    made, position = [], start
    for length, speech, sound in parts:
        for _ in range(length // 20):
            decision = taker.push(AudioFrame(SILENT, RATE, position), speech, False, busy=False, sound=sound)
            position += STEP
            made += [decision] if decision is not None else []
    return made


def test_a_consonant_at_the_end_of_a_pause_puts_the_end_off() -> None:
    taker = TurnTaker(RATE, Endpointing(end_silence_ms=400, adapt=False))

    # «с», its closure, and then the vowel
    went_on = sounds(taker, (500, True, False), (360, False, False), (120, False, True), (40, False, False))
    went_on += run(taker, frames(500, True) + frames(400, False), start=ms(1020))

    assert went_on == [
        SpeechStarted(0),
        Lull(ms(500)),
        Lull(ms(1520)),
        EndOfTurn(0, ms(1520), ms(1920), ms(1000)),
    ]


@pytest.mark.parametrize(
    ("hum_ms", "verdict", "ends_ms"),
    [
        (300, "open", 500 + 600 + 300 + 1100),  # «про … ммм … захваты»: the wait begins anew
        (60, "open", 500 + 1100),  # a click
        (300, "unsure", 500 + 540),
        (900, "open", 1100 + 820),  # a noise: known as one after so long
    ],
)
def test_a_hum_in_an_open_pause_is_waited_out(hum_ms: int, verdict: Verdict, ends_ms: int) -> None:
    taker = TurnTaker(RATE, Endpointing(adapt=False))

    made = sounds(taker, (500, True, False), (120, False, False))
    assert taker.judged(ms(500), verdict)
    made += sounds(taker, (480, False, False), (hum_ms, False, True), (2000, False, False), start=ms(620))

    [ended] = [decision for decision in made if isinstance(decision, EndOfTurn)]
    assert ended.position == ms(ends_ms)


@pytest.mark.parametrize(("until_consonant_ms", "went_on"), [(700, True), (1200, False)])
def test_the_consonant_that_follows_a_hum_does_not_end_the_turn(until_consonant_ms: int, went_on: bool) -> None:
    taker = TurnTaker(RATE, Endpointing(adapt=False))

    made = sounds(taker, (500, True, False), (120, False, False))
    assert taker.judged(ms(500), "open")
    hum = ((680, False, False), (300, False, True), (until_consonant_ms, False, False))
    made += sounds(taker, *hum, (60, False, True), (500, True, False), start=ms(620))

    assert (not any(isinstance(decision, EndOfTurn) for decision in made)) is went_on


@pytest.mark.parametrize("after", [0, 200])
def test_a_noise_without_a_voice_puts_it_off_for_a_moment_only(after: int) -> None:
    taker = TurnTaker(RATE, Endpointing(end_silence_ms=400, adapt=False))

    made = sounds(taker, (500, True, False), (after, False, False), (3000, False, True))

    ended = [decision for decision in made if isinstance(decision, EndOfTurn)]
    assert [one.position for one in ended] == [ms(900) if not after else ms(1020)]
