"""A call that gets its frames together, as from Asterisk, lives through the same as one that gets each in time."""

import json
from collections import deque
from collections.abc import AsyncIterator, Callable

import pytest

from agent.ports import LineEvent
from agent.replaying.replay import compare
from audio.frame import AudioFrame
from audio.together import Together
from tests.agent.test_replay import SCRIPTS, Taped
from tests.fakes.line import FakeLine


class Gathered:
    """Hands frames over as rarely as the call allows."""

    def __init__(self, events: AsyncIterator[LineEvent], tick: Callable[[], None], rests: Callable[[], bool]) -> None:
        self._events, self._tick, self._rests = events, tick, rests
        self._come = deque[LineEvent]()
        self._fresh = False
        self.sizes: list[int] = []
        self.at_once = 0
        """Frames that were taken all together."""

    def __aiter__(self) -> "Gathered":
        return self

    async def __anext__(self) -> LineEvent:
        return await anext(self._events)

    async def until(
        self, take: Callable[[AudioFrame], bool], gather: Callable[[], int], together: Together | None = None
    ) -> LineEvent | None:
        while True:
            if self._fresh and together is not None:
                self._tell(together)
            while self._come:
                event = self._come.popleft()
                if not isinstance(event, AudioFrame):
                    return event
                self._tick()
                if take(event):
                    return None
            await self._wait(gather())

    def interrupt(self) -> None:
        """Nothing: here all that was set off is done between two frames."""

    def _tell(self, together: Together) -> None:
        """What came together and was not begun with, as a leg tells it that has a mouth at rest or one that plays."""
        self._fresh = False
        frames = [event for event in self._come if isinstance(event, AudioFrame)]
        if frames:
            together.expect([frame.pcm for frame in frames])
        if len(frames) > 1 and self._rests() and together.take(frames):
            self.at_once += len(frames)
            self._come = deque(event for event in self._come if not isinstance(event, AudioFrame))

    async def _wait(self, count: int) -> None:
        """A key or the end brings with it what has come before it."""
        self.sizes.append(count)
        while count > 0:
            event = await anext(self._events)
            self._come.append(event)
            self._fresh = True
            count = count - 1 if isinstance(event, AudioFrame) else 0


class GatheredLine(FakeLine):
    """Its mouth plays a frame with each frame that is handed over."""

    async def answer(self) -> AsyncIterator[LineEvent]:
        tick = self.mouth.tick
        self.mouth.tick = lambda: None  # type: ignore[method-assign]
        self.gathered = Gathered(await super().answer(), tick, lambda: not self.mouth.waiting)
        return self.gathered


@pytest.mark.parametrize("name", ["question", "interruption", "hesitation", "cough and backchannel", "slow model"])
def test_nothing_is_decided_otherwise_or_later(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script, minds = SCRIPTS[name]
    single = Taped(script, minds)
    monkeypatch.setattr("tests.agent.test_call.FakeLine", GatheredLine)
    together = Taped(script, minds)

    assert isinstance(together.line, GatheredLine)
    assert {2, 10} <= set(together.line.gathered.sizes)
    assert together.line.gathered.at_once >= 20
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
