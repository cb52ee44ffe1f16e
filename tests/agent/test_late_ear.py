"""A recogniser that is there later than the first caller."""

import asyncio

import pytest

from agent.errors import HearingError, StartError
from agent.late_ear import LateStt
from agent.ports import SpeechToText
from tests.fakes.engines import FakeStt


async def test_an_ear_opens_as_soon_as_there_is_one() -> None:
    there = asyncio.Event()

    async def load() -> SpeechToText:
        await there.wait()
        return FakeStt({})

    late = LateStt(asyncio.ensure_future(load()))
    gone, stays = (asyncio.ensure_future(late.open(8000, lambda _: None)) for _ in range(2))
    await asyncio.sleep(0)
    assert (late.name, late.inner) == ("loading", None)
    gone.cancel()  # one caller hangs up, the others still wait
    there.set()
    assert await stays is not None
    assert (await late.loaded()).name == late.name != "loading"
    await late.close()


async def test_callers_are_helped_before_a_recogniser_that_can_not_be_loaded_ends_the_daemon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agent.late_ear.GIVE_UP_S", 0.01)

    async def load() -> SpeechToText:
        raise StartError("no model")

    late = LateStt(asyncio.ensure_future(load()))
    with pytest.raises(HearingError, match="no model"):
        await late.open(8000, lambda _: None)
    with pytest.raises(StartError, match="no model"):
        await late.loaded()
    await late.close()


async def test_a_house_that_closes_does_not_wait_for_it() -> None:
    late = LateStt(asyncio.ensure_future(asyncio.Event().wait()))  # type: ignore[arg-type] # never there
    await late.close()
    assert late.inner is None
