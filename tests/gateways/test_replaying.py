"""A call lived again from the page: a real recording, a real process."""

from pathlib import Path

import pytest

from agent.errors import RecordError
from agent.replaying.apart import replayed
from agent.settings import Settings, Storage
from tests.gateways.conftest import Office


async def test_what_can_not_be_replayed_is_explained_as_on_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="replay"):
        await replayed(Settings(storage=Storage(dir=tmp_path)), "--save=x", "recorded")


async def test_one_replay_at_a_time_of_a_call_that_exists(office: Office) -> None:
    call_id = await office.hold("100", "да", "Нет.")
    asked: list[tuple[str, str]] = []

    async def again(call: str, engines: str) -> dict[str, object]:
        asked.append((call, engines))
        second = await office.web.post(f"/logs/{call_id}/replay")
        assert (second.status, second.headers["Retry-After"]) == (409, "5")
        return {"rows": [], "differ": 0}

    office.desk.replay = again

    assert (await office.web.post("/logs/nobody/replay")).status == 404
    assert (await office.web.post(f"/logs/{call_id}/replay?engines=x")).status == 422
    reply = await office.web.post(f"/logs/{call_id}/replay?engines=today")
    assert await reply.json() == {"rows": [], "differ": 0}
    assert asked == [(call_id, "today")]
