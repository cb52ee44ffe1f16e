"""What ended calls leave is freed some seconds later, though nothing else of it would make Python look."""

import asyncio
import gc
import weakref

import pytest

from agent import garbage


class Held:
    """Held by itself alone."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def nobody_else_collects() -> object:
    gc.disable()
    yield
    gc.enable()


async def test_what_an_ended_call_left_is_freed_a_little_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "LATER_S", 0.05)
    freed = [asyncio.Event(), asyncio.Event()]
    sweep = garbage.Sweep()
    for gone in freed:  # the second one after the first sweep
        held = Held()
        weakref.finalize(held, gone.set)
        sweep.call_ended()
        sweep.call_ended()
        del held
        assert not gone.is_set()
        await asyncio.wait_for(gone.wait(), 5)
