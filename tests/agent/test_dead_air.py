"""Nobody waits in silence."""

from agent.dead_air import DeadAir

RATE, STEP = 8000, 160


def wait(air: DeadAir, seconds: float, *, waiting: bool = True, audible: bool = False, pushed: int = 0) -> list[str]:
    """Alarms and when they came, in ms since this wait began."""
    alarms = [air.push(STEP, waiting, audible, pushed) for _ in range(round(seconds * 50))]
    return [f"{alarm} {number * 20}" for number, alarm in enumerate(alarms, 1) if alarm]


def test_an_answer_that_does_not_come_is_filled_once_and_then_given_up() -> None:
    assert wait(DeadAir(RATE), 3.6) == ["filler 900", "stalled 3500"]


def test_a_caller_has_waited_since_the_last_word() -> None:
    air = DeadAir(RATE)
    wait(air, 5, waiting=False)
    air.ended(before=RATE * 540 // 1000)
    wait(air, 0.02, waiting=False)

    assert wait(air, 3.6) == ["filler 900", "stalled 2960"]


def test_what_an_answer_ended_is_not_counted_again() -> None:
    air = DeadAir(RATE)
    air.ended(before=RATE)
    wait(air, 0.5)
    wait(air, 2, audible=True)

    assert wait(air, 3.6) == ["filler 900", "stalled 3500"]


def test_a_caller_who_is_not_waiting_hears_nothing() -> None:
    assert wait(DeadAir(RATE), 60, waiting=False) == []


def test_an_answer_that_sounds_is_no_silence_however_long() -> None:
    assert wait(DeadAir(RATE), 60, audible=True) == []


def test_a_filler_does_not_stop_the_watch() -> None:
    air = DeadAir(RATE)
    assert wait(air, 0.9) == ["filler 900"]
    air.filled(pushed=8000)

    assert wait(air, 1.0, audible=True, pushed=8000) == []
    assert wait(air, 2.0, pushed=8000) == ["stalled 1600"]


def test_an_answer_after_the_filler_does() -> None:
    air = DeadAir(RATE)
    wait(air, 0.9)
    air.filled(pushed=8000)

    assert wait(air, 30, audible=True, pushed=9000) == []


def test_a_late_second_sentence_is_filled_too() -> None:
    air = DeadAir(RATE)
    wait(air, 5, audible=True, pushed=40_000)

    assert wait(air, 1, pushed=40_000) == ["filler 900"]
