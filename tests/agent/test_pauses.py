"""What a caller's pauses teach."""

import pytest

from agent.pauses import Pauses, Verdict

RATE = 8000


def ms(milliseconds: int) -> int:
    return milliseconds * RATE // 1000


def turn(pauses: Pauses, start: int, *gaps: int) -> int:
    """A turn of one second of speech with ``gaps`` in it, ms; returns where its speech ends."""
    pauses.began(start)
    for gap in gaps:
        pauses.went_on(ms(gap))
    end = start + ms(1000) + sum(map(ms, gaps))
    pauses.ended(end)
    return end


@pytest.mark.parametrize("verdict", ["complete", "unsure", "open"])
def test_a_stranger_is_waited_for_as_usual(verdict: Verdict) -> None:
    assert Pauses(RATE).stretched(ms(450), verdict) == ms(450)


@pytest.mark.parametrize(("usual", "then"), [(240, 192), (450, 360), (200, 180)])
def test_a_fluent_caller_is_answered_sooner_but_never_before_180_ms(usual: int, then: int) -> None:
    pauses = Pauses(RATE)
    for number in range(3):
        turn(pauses, ms(10_000 * number))

    assert pauses.stretched(ms(usual), "complete") == ms(then)
    assert pauses.stretched(ms(900), "open") == ms(900)


def test_one_pause_makes_a_fluent_caller_a_stranger_again() -> None:
    pauses = Pauses(RATE)
    for number in range(3):
        turn(pauses, ms(10_000 * number))
    turn(pauses, ms(40_000), 220)

    assert pauses.stretched(ms(450), "unsure") == ms(450)


def test_who_searched_for_words_once_is_given_time_wherever_the_end_is_in_doubt() -> None:
    pauses = Pauses(RATE)
    turn(pauses, 0, 400)
    assert pauses.stretched(ms(240), "complete") == ms(240)
    assert pauses.stretched(ms(530), "unsure") == ms(700)

    for number in range(1, 4):
        turn(pauses, ms(10_000 * number))
    assert pauses.stretched(ms(530), "unsure") == ms(424)


def test_a_caller_who_pauses_is_waited_for_longer_than_that() -> None:
    pauses = Pauses(RATE)
    turn(pauses, 0, 600, 120, 620)

    assert pauses.stretched(ms(450), "unsure") == ms(750)
    assert pauses.stretched(ms(240), "complete") == ms(240)


def test_what_was_learnt_makes_nobody_wait_longer_than_1050_ms() -> None:
    pauses = Pauses(RATE)
    turn(pauses, 0, 980, 990)

    assert pauses.stretched(ms(450), "unsure") == ms(1050)


def test_one_search_for_words_makes_another_in_the_same_turn_likely() -> None:
    pauses = Pauses(RATE)
    pauses.began(0)
    pauses.went_on(ms(500))

    assert pauses.stretched(ms(240), "complete") == ms(900)
    assert pauses.stretched(ms(450), "unsure") == ms(1050)
    pauses.went_on(ms(830))
    assert pauses.stretched(ms(240), "complete") == ms(980)
    pauses.went_on(ms(940))
    assert pauses.stretched(ms(240), "complete") == ms(1050)
    assert pauses.stretched(ms(450), "unsure") == ms(1050)


def test_a_breath_is_no_search_for_words_and_the_next_turn_begins_afresh() -> None:
    pauses = Pauses(RATE)
    pauses.began(0)
    pauses.went_on(ms(220))
    assert pauses.stretched(ms(240), "complete") == ms(240)
    pauses.went_on(ms(500))
    pauses.ended(ms(3000))

    pauses.began(ms(8000))
    assert pauses.stretched(ms(240), "complete") == ms(240)


def test_a_fluent_caller_who_stops_to_think_is_given_time() -> None:
    pauses = Pauses(RATE)
    for number in range(3):
        turn(pauses, ms(10_000 * number))
    pauses.began(ms(40_000))
    pauses.went_on(ms(400))

    assert pauses.stretched(ms(240), "complete") == ms(900)


def test_a_caller_who_goes_on_as_the_reply_begins_was_cut_short() -> None:
    pauses = Pauses(RATE)
    pauses.began(0)
    assert pauses.stretched(ms(1100), "open") == ms(1100)
    pauses.ended(ms(2000))
    pauses.began(ms(2000 + 1500))

    assert pauses.stretched(ms(1100), "open") == ms(1650)


def test_gaps_between_words_are_no_pauses() -> None:
    pauses = Pauses(RATE)
    for number in range(3):
        turn(pauses, ms(10_000 * number), 60, 80)

    assert pauses.stretched(ms(450), "unsure") == ms(360)


def test_a_turn_that_was_ended_too_soon_teaches_even_where_the_words_were_whole() -> None:
    pauses = Pauses(RATE)
    end = turn(pauses, 0)
    turn(pauses, end + ms(400))

    assert pauses.stretched(ms(240), "complete") == ms(550)


def test_a_reply_to_the_agent_is_no_continuation() -> None:
    pauses = Pauses(RATE)
    end = turn(pauses, 0)
    turn(pauses, end + ms(1500))

    assert pauses.stretched(ms(240), "complete") == ms(240)
