"""An answer found again in the answer heard undisturbed: sounds made from numbers, so that the truth is known."""

import numpy as np

from bench.turns.following import follow
from bench.turns.observation import Pcm, Places
from telephony.phone_script import FRAME, RATE

MS = RATE // 1000


def answer(frames: int, seed: int = 1) -> Pcm:
    """Something like speech: noise in syllables, never the same twice."""
    dice = np.random.default_rng(seed)
    time = np.arange(frames * FRAME) / RATE
    sound = dice.standard_normal(time.size) * (1.2 + np.sin(2 * np.pi * 4 * time)) * 3000
    return sound.astype("<i2").reshape(-1, FRAME)


def on_time(rows: Pcm, start: int = 0) -> Places:
    return start + np.arange(len(rows), dtype=np.int64) * FRAME


def test_an_undisturbed_answer_lacks_nothing() -> None:
    rows = answer(100)
    seen = follow(on_time(rows, 5000), rows, rows)
    assert (seen.silences, seen.missing_ms, seen.foreign.size) == ((), 0, 0)
    assert abs(seen.last - (5000 + rows.size)) < 10 * MS
    assert seen.reached == rows.size


def test_a_pause_is_found_with_its_length_and_nothing_is_lost() -> None:
    rows = answer(100)
    silent = np.zeros((15, FRAME), dtype="<i2")
    heard = np.concatenate((rows[:40], silent, rows[40:]))
    seen = follow(on_time(heard), heard, rows)
    (silence,) = seen.silences
    assert silence.extra == 300 * MS
    assert abs(silence.start - 40 * FRAME) < 5 * MS
    assert abs(silence.end - 55 * FRAME) < 5 * MS
    assert seen.missing_ms == 0


def test_a_packet_that_came_late_is_no_silence_of_the_agent() -> None:
    rows = answer(100)
    arrivals = on_time(rows)
    arrivals[40:43] = arrivals[43] - 1  # what was due while nobody sent comes at once
    seen = follow(arrivals, rows, rows)
    assert (seen.silences, seen.missing_ms) == ((), 0)
    assert seen.late == (60 * MS - 1,)


def test_a_short_part_between_two_pauses_is_found() -> None:
    rows = answer(100)
    silent = np.zeros((15, FRAME), dtype="<i2")
    heard = np.concatenate((rows[:40], silent, rows[40:52], silent, rows[52:]))
    seen = follow(on_time(heard), heard, rows)
    assert [silence.extra for silence in seen.silences] == [300 * MS, 300 * MS]
    assert seen.missing_ms == 0


def test_words_that_were_skipped_are_missing() -> None:
    rows = answer(100)
    heard = np.concatenate((rows[:40], rows[52:]))
    seen = follow(on_time(heard), heard, rows)
    assert seen.missing_before_ms == seen.missing_ms == 240


def test_going_back_a_little_loses_nothing() -> None:
    rows = answer(100)
    heard = np.concatenate((rows[:40], np.zeros((20, FRAME), dtype="<i2"), rows[30:]))
    seen = follow(on_time(heard), heard, rows)
    assert seen.missing_ms == 0
    assert len(seen.silences) == 1


def test_an_answer_that_stops_ends_where_it_was_last_audible() -> None:
    rows = answer(100)
    heard = np.concatenate((rows[:40], np.zeros((60, FRAME), dtype="<i2")))
    seen = follow(on_time(heard), heard, rows)
    assert abs(seen.last - 40 * FRAME) < 5 * MS
    assert (seen.missing_ms, seen.missing_before_ms) == (1200, 0)


def test_another_answer_is_foreign() -> None:
    rows, other = answer(100), answer(80, seed=2)
    heard = np.concatenate((rows[:40], other))
    seen = follow(on_time(heard), heard, rows)
    assert seen.foreign.size == 80
    assert seen.foreign[0] == 40 * FRAME
    assert seen.missing_ms == 1200


def test_words_that_another_answer_shares_are_not_this_one_going_on() -> None:
    rows, other = answer(200), answer(80, seed=2)
    heard = np.concatenate((rows[:40], other[:30], rows[35:45], other[30:]))
    seen = follow(on_time(heard), heard, rows)
    assert seen.reached == 40 * FRAME
    assert seen.foreign.size == 90


def test_an_answer_begins_later_than_its_reference() -> None:
    rows = np.concatenate((np.zeros((30, FRAME), dtype="<i2"), answer(60)))
    heard = np.concatenate((np.zeros((45, FRAME), dtype="<i2"), rows[30:]))
    seen = follow(on_time(heard), heard, rows)
    assert (seen.missing_ms, seen.silences, seen.foreign.size) == (0, (), 0)


def test_packets_cut_at_other_places_are_still_found() -> None:
    rows = answer(100)
    shifted = rows.reshape(-1)[37 : 37 + 99 * FRAME].reshape(-1, FRAME)
    seen = follow(on_time(shifted), shifted, rows)
    assert (seen.missing_before_ms, seen.foreign.size, seen.silences) == (0, 0, ())


def test_nothing_heard_is_everything_missing() -> None:
    rows = answer(50)
    seen = follow(on_time(rows), np.zeros_like(rows), rows)
    assert (seen.last, seen.reached, seen.missing_ms) == (0, 0, 1000)
