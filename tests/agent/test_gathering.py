"""A call that gets its frames together, as from Asterisk, lives through the same as one that gets each in time."""

import json
from collections import deque
from collections.abc import AsyncIterator, Callable

import pytest

from agent.ports import LineEvent
from agent.replay import compare
from audio.frame import AudioFrame
from tests.agent.test_replay import SCRIPTS, Taped
from tests.fakes.line import FakeLine


class Gathered:
    """Hands frames over as rarely as the call allows."""

    def __init__(self, events: AsyncIterator[LineEvent], tick: Callable[[], None]) -> None:
        self._events, self._tick = events, tick
        self._come = deque[LineEvent]()
        self.sizes: list[int] = []

    def __aiter__(self) -> "Gathered":
        return self

    async def __anext__(self) -> LineEvent:
        return await anext(self._events)

    async def until(self, take: Callable[[AudioFrame], bool], gather: Callable[[], int]) -> LineEvent | None:
        while True:
            while self._come:
                event = self._come.popleft()
                if not isinstance(event, AudioFrame):
                    return event
                self._tick()
                if take(event):
                    return None
            await self._wait(gather())

    async def _wait(self, count: int) -> None:
        """A key or the end brings with it what has come before it."""
        self.sizes.append(count)
        while count > 0:
            event = await anext(self._events)
            self._come.append(event)
            count = count - 1 if isinstance(event, AudioFrame) else 0


class GatheredLine(FakeLine):
    """Its mouth plays a frame with each frame that is handed over."""

    async def answer(self) -> AsyncIterator[LineEvent]:
        tick = self.mouth.tick
        self.mouth.tick = lambda: None  # type: ignore[method-assign]
        self.gathered = Gathered(await super().answer(), tick)
        return self.gathered


@pytest.mark.parametrize("name", ["question", "interruption", "hesitation", "cough and backchannel", "slow model"])
def test_nothing_is_decided_otherwise_or_later(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script, minds = SCRIPTS[name]
    single = Taped(script, minds)
    monkeypatch.setattr("tests.agent.test_call.FakeLine", GatheredLine)
    together = Taped(script, minds)

    assert isinstance(together.line, GatheredLine)
    assert {1, 2, 10} <= set(together.line.gathered.sizes)
    assert decisions(together.lines) == decisions(single.lines)


@pytest.mark.parametrize("name", SCRIPTS)
def test_its_replay_is_the_same_bit_for_bit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script, minds = SCRIPTS[name]
    monkeypatch.setattr("tests.agent.test_call.FakeLine", GatheredLine)
    scene = Taped(script, minds)

    recorded, replayed = scene.again()

    assert len(recorded.story) >= 3
    assert [pair for pair in compare(recorded.story, replayed.story) if not pair.same] == []


def decisions(lines: list[str]) -> list[object]:
    rows = [json.loads(line) for line in lines[1:]]
    return [row for row in rows if row[1] == "decision"]
