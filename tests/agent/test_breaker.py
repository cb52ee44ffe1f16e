"""When a failing server is left alone, and when it is tried again."""

from agent.breaker import FAILURES, LONGEST_S, PAUSE_S, Breaker, RetryBudget


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert breaker.admit()
        breaker.failed()
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not() -> None:
    breaker = Breaker(Clock())
    for _ in range(3):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.admit()
    assert not opened(Clock()).admit()


def test_one_question_at_a_time_tries_an_open_one() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += PAUSE_S
    assert breaker.admit()
    assert not breaker.admit()
    breaker.released()
    assert breaker.admit()
    breaker.succeeded()
    assert not breaker.open
    assert all(breaker.admit() for _ in range(5))


def test_each_failed_trial_doubles_the_pause_up_to_a_limit() -> None:
    clock = Clock()
    breaker = opened(clock)
    pauses = []
    for _ in range(6):
        began = clock.now
        while not breaker.admit():
            clock.now += 1
        pauses.append(clock.now - began)
        breaker.failed()
    assert pauses == [PAUSE_S, 2 * PAUSE_S, 4 * PAUSE_S, 8 * PAUSE_S, LONGEST_S, LONGEST_S]


def test_second_tries_are_earned_by_first_ones() -> None:
    budget = RetryBudget()
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
    for _ in range(5):
        budget.earn()
    assert [budget.take(), budget.take()] == [True, False]
