"""The GSM line keeps the contract of every line."""

from pathlib import Path
from typing import cast

import pytest

from telephony.simulated.profile import Profile
from tests.asterisk.softphone import Softphone
from tests.contract import CLAUSES, Clause, frames_come_in_real_time_without_gaps
from tests.fakes.sim7600 import Caller, plugged_in, unexplained

AWKWARD = Profile(
    chopped=True, chatty=True, clip=False, reports=False, begins=False, ends=False, pcm_ready_ms=200, off_wants_one=True
)
"""Tells as little as a modem may, in pieces, and talks in between."""


HARD = {"the_agent_may_hang_up", "the_caller_may_hang_up"}
"""Clauses that an awkward modem makes harder."""
CASES = [(clause, Profile()) for clause in CLAUSES] + [(each, AWKWARD) for each in CLAUSES if each.__name__ in HARD]


@pytest.mark.parametrize(("clause", "profile"), CASES, ids=lambda it: getattr(it, "__name__", ""))
async def test_the_modem_line(clause: Clause, profile: Profile, tmp_path: Path) -> None:
    async with plugged_in(tmp_path, profile) as (sim, _, door):
        sim.ring()
        guest = await door.guest()
        await guest.answered.wait()
        await clause(cast("Softphone", Caller(sim)), guest)
    assert len(door.guests) == 1
    assert sim.down_lost == 0
    if clause is not frames_come_in_real_time_without_gaps:  # there the modem's own clock stands still for a second
        assert unexplained(sim) == []
