"""When a recogniser that could not tell yet what was said is asked once more."""

from agent.turns import EndOfTurn, Endpointing, Lull, TurnTaker
from tests.agent.test_turns import RATE, frames, ms, run


def test_a_recogniser_that_is_behind_is_asked_again_a_little_later() -> None:
    taker = TurnTaker(RATE, Endpointing(end_silence_ms=900))
    run(taker, frames(500, True) + frames(120, False))

    taker.behind(ms(620))

    assert taker.undecided(ms(620)) == ms(100)
    assert run(taker, frames(80, False), start=ms(620)) == []
    assert run(taker, frames(20, False), start=ms(700)) == [Lull(ms(500))]


def test_a_new_pause_is_asked_about_at_once_though_the_recogniser_was_behind() -> None:
    taker = TurnTaker(RATE, Endpointing(end_silence_ms=900, lull_ms=20))
    run(taker, frames(500, True) + frames(20, False))

    taker.behind(ms(520))

    assert run(taker, frames(20, True) + frames(20, False), start=ms(520)) == [Lull(ms(540))]


def test_the_end_of_the_turn_does_not_wait_for_that() -> None:
    taker = TurnTaker(RATE, Endpointing(end_silence_ms=180))
    run(taker, frames(500, True) + frames(120, False))

    taker.behind(ms(620))

    assert taker.undecided(ms(620)) == ms(60)
    assert run(taker, frames(60, False), start=ms(620)) == [EndOfTurn(0, ms(500), ms(680), ms(500))]
