"""Two clocks that jitter, the same for the same seed."""

from bench.turns.core import Ticks

FRAMES = 3000


def test_an_unsteady_clock_ticks_as_often_as_a_steady_one() -> None:
    for seed in range(20):
        ticks = Ticks(seed)
        due = [ticks.due() for _ in range(FRAMES)]

        assert abs(sum(due) - FRAMES) <= 10
        assert 0 in due
        assert any(often > 1 for often in due)
        assert due.count(1) > 0.8 * FRAMES


def test_it_is_the_same_in_every_run() -> None:
    one, other = Ticks(3), Ticks(3)

    assert [one.due() for _ in range(FRAMES)] == [other.due() for _ in range(FRAMES)]
