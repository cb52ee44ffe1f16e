import asyncio
import time

import pytest

from telephony.clock import CATCH_UP, PERIOD, MediaClock, until_met


class Leg:
    def __init__(self) -> None:
        self.times: list[float] = []
        self.periods: list[int] = []
        self.until = 0
        self.reached = asyncio.Event()

    def tick(self, periods: int) -> None:
        self.times.append(asyncio.get_running_loop().time())
        self.periods.append(periods)
        if sum(self.periods) >= self.until:
            self.reached.set()

    async def wait(self, count: int) -> None:
        self.until = count
        self.reached.clear()
        async with asyncio.timeout(10):
            await self.reached.wait()


class Broken:
    def __init__(self) -> None:
        self.calls = 0

    def tick(self, periods: int) -> None:
        self.calls += 1
        raise RuntimeError("broken leg")


async def test_deadlines_do_not_drift() -> None:
    clock, leg = MediaClock(), Leg()
    start = asyncio.get_running_loop().time()
    clock.add(leg)
    await leg.wait(25)
    clock.discard(leg)
    assert sum(leg.periods) == 25
    assert leg.times[-1] >= start + 25 * PERIOD - 0.001
    for number, when in enumerate(leg.times, start=1):
        assert when >= start + number * PERIOD - 0.0015


async def test_runs_only_while_a_leg_is_registered() -> None:
    clock, one, two = MediaClock(), Leg(), Leg()
    assert not clock.running
    clock.add(one)
    clock.add(two)
    clock.add(two)
    assert (clock.running, clock.legs) == (True, 2)
    await two.wait(2)
    clock.discard(one)
    assert clock.running
    clock.discard(two)
    clock.discard(two)
    assert (clock.running, clock.legs) == (False, 0)
    clock.add(one)
    await one.wait(3)
    clock.discard(one)


@pytest.mark.parametrize(("stall_periods", "swallows"), [(3, False), (12, True)])
async def test_a_stall_is_caught_up_boundedly(stall_periods: int, swallows: bool) -> None:
    clock, leg = MediaClock(), Leg()
    clock.add(leg)
    start = asyncio.get_running_loop().time()
    await leg.wait(2)
    time.sleep(stall_periods * PERIOD)  # noqa: ASYNC251 - the stall itself is under test
    before = len(leg.periods)
    await leg.wait(sum(leg.periods) + stall_periods)
    assert len(leg.periods) - before <= CATCH_UP + 2
    assert (clock.lost > 0) == swallows
    passed = (leg.times[-1] - start) / PERIOD
    assert abs(sum(leg.periods) - passed) <= 1.1
    clock.discard(leg)


async def test_a_leg_can_tell_ticks_that_are_made_up() -> None:
    clock, seen = MediaClock(), list[bool]()

    class Watching(Leg):
        def tick(self, periods: int) -> None:
            seen.append(clock.behind)
            super().tick(periods)

    leg = Watching()
    clock.add(leg)
    await leg.wait(1)
    time.sleep(4 * PERIOD)  # noqa: ASYNC251 - the stall itself is under test
    made_up = len(seen)
    await leg.wait(sum(leg.periods) + 4)
    clock.discard(leg)

    assert seen[made_up : made_up + 4] == [True] * 4
    assert not clock.behind


async def test_a_raising_leg_is_removed_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    clock, bad, good = MediaClock(), Broken(), Leg()
    clock.add(bad)
    clock.add(good)
    await good.wait(3)
    assert bad.calls == 1
    assert clock.legs == 1
    assert [record.message for record in caplog.records] == ["a media leg failed and was taken off the clock"]
    clock.discard(good)


async def test_a_leg_removed_within_a_tick_is_not_ticked() -> None:
    clock, victim = MediaClock(), Leg()
    rounds = 0

    class Remover:
        def tick(self, periods: int) -> None:
            nonlocal rounds
            rounds += 1
            clock.discard(victim)

    remover, witness = Remover(), Leg()
    clock.add(remover)
    clock.add(victim)
    clock.add(witness)
    await witness.wait(2)
    assert victim.periods == []
    assert rounds == 2
    clock.discard(remover)
    clock.discard(witness)


@pytest.mark.parametrize("gather", range(1, 11))
def test_those_who_gather_alike_meet_at_one_tick(gather: int) -> None:
    met = {tick + until_met(tick, gather) for tick in range(60)}

    assert all(1 <= until_met(tick, gather) <= gather for tick in range(60))
    assert len({tick % gather for tick in met}) == 1


def test_silent_callers_and_those_who_speak_never_have_the_same_tick() -> None:
    silent, speaking = ({tick + until_met(tick, gather) for tick in range(60)} for gather in (10, 6))

    assert not silent & speaking
