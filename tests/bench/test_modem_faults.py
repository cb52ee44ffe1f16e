"""A short run of the thousand calls: faults at random steps, every record closed, nothing left over."""

import pytest

from bench.modem_faults import live_through


@pytest.mark.timeout(60)  # some faults take seconds to be over, and which ones meet depends on the machine
async def test_calls_with_faults_are_all_closed_and_leave_nothing() -> None:
    got = await live_through(20, 10, seed=11)
    assert got.truthful, (got.door.begun, got.door.closed, got.door.causes, got.rings)
    assert got.door.begun > 5
    assert len(got.rings) + got.unreachable == 20
    assert (got.hung, got.left_over) == (0, 0)
