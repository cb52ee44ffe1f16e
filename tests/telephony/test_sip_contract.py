"""The SIP line keeps the contract of every line."""

import asyncio

import pytest

from agent.settings import Sip
from bench.ports import free_block, free_port
from telephony.clock import MediaClock
from telephony.sip_line import SipSource
from tests.asterisk.door import Door
from tests.contract import CLAUSES, Clause, hold_to


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
async def test_the_sip_line(clause: Clause) -> None:
    door, clock, ready, port, rtp = Door(), MediaClock(), asyncio.Event(), free_port(), free_block(200)
    source = SipSource(Sip(host="127.0.0.1", port=port, rtp_ports=(rtp, rtp + 199)), clock)
    running = asyncio.create_task(source.run(door, ready.set))
    async with asyncio.timeout(3):
        await ready.wait()
    try:
        await hold_to(clause, port, door.guest)
    finally:
        running.cancel()
        await asyncio.gather(running, *door.tasks, return_exceptions=True)
    assert len(door.guests) == 1
    assert clock.legs == 0
