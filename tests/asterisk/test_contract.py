"""The Asterisk line keeps the contract of every line: by WebSocket on 22, by RTP on 16."""

import pytest

from tests.asterisk.door import Door, serving
from tests.asterisk.pbx import Pbx
from tests.contract import CLAUSES, Clause, hold_to


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
async def test_the_asterisk_line(pbx: Pbx, clause: Clause) -> None:
    door = Door()
    async with serving(pbx.url, door):
        await hold_to(clause, pbx.sip_port, door.guest)
    assert len(door.guests) == 1
