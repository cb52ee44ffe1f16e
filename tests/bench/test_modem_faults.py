"""A short run of the thousand calls: faults at random steps, every record closed, nothing left over."""

from bench.modem_faults import live_through


async def test_calls_with_faults_are_all_closed_and_leave_nothing() -> None:
    door, hung, left, threads = await live_through(20, 10, seed=11)
    assert door.begun == door.closed
    assert door.begun > 5
    assert "no end" not in door.causes
    assert (hung, left, threads) == (0, 0, 0)
