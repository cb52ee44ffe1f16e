"""A recorded call lived again, faster than real time: the same core, the caller's audio from the recording.

With a trace, the engines say what they said then, at the same places (``agent.replaying.recorded``), and the story
must come out the same, bit for bit; a difference is the work of what was changed since: turn taking, prompts, settings.
Without a trace, or when asked for, today's engines answer, each at once.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from agent.call import Call
from agent.events import CallEvent
from agent.house import House
from agent.replaying.recorded import Recorded, RecordedAnswers, RecordedStt, RecordedTurnModel, RecordedVoice
from agent.replaying.replay_line import ReplayFarEnd, ReplayLine, Tape
from agent.trace import Note, written

Row = list[Any]
"""A line of a trace: position, kind, values."""
STORY = ("decision", "event")
"""Kinds of lines that a replay is judged by."""


@dataclass(frozen=True, slots=True, repr=False)
class Replayed:
    """What came of a replay; too long for a ``repr``, which asyncio makes of every result."""

    story: list[Row]
    """Decisions and events, in order."""
    trace: list[str]
    """The replay's own trace."""
    audio_s: float
    """Length of the call, seconds."""
    took_s: float
    """Time that the replay needed, seconds."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The same place in both stories."""

    then: Row | None
    now: Row | None

    @property
    def same(self) -> bool:
        """Bit for bit."""
        return self.then == self.now


class _Sink:
    """Takes the replay's trace and notices where it leaves the recorded one."""

    def __init__(self, recorded: Recorded | None) -> None:
        self.lines: list[str] = []
        self.story: list[Row] = []
        self._recorded = recorded

    def __call__(self, note: Note) -> None:
        line = written(note)
        self.lines.append(line)
        row = json.loads(line)
        if not isinstance(row, list) or row[1] not in STORY:
            return
        then = self._recorded.story if self._recorded else []
        if self._recorded and row != (then[len(self.story)] if len(self.story) < len(then) else None):
            self._recorded.followed = False
        self.story.append(row)


async def replay(
    tape: Tape, house: House, recorded: Recorded | None = None, observe: Callable[[CallEvent], None] | None = None
) -> Replayed:
    """Run a tape through ``house``, on a ``VirtualLoop``; with ``recorded`` its engines answer, else the house's."""
    began = time.perf_counter()
    if recorded is not None:
        house = as_recorded(house, recorded)
        tape = tape.first(_length(recorded.story))
    line, sink = ReplayLine(tape, recorded, "replay"), _Sink(recorded)
    house = replace(
        house,
        new_far_end=lambda: ReplayFarEnd(line),
        new_recording=lambda _caller: None,
        new_trace=lambda _caller: sink,
        observe=lambda _id, event: observe(event) if observe else None,
    )
    await Call(line, house).run()
    return Replayed(sink.story, sink.lines, tape.seconds, time.perf_counter() - began)


def _length(story: list[Row]) -> int | None:
    """Samples of the caller in the call, since a recording may end with more of the agent's; None: nothing is known.

    Of a process that was killed: up to the newest line that it wrote.
    """
    return int(story[-1][0]) if story else None


def as_recorded(house: House, recorded: Recorded) -> House:
    """The house with the engines of the recorded call."""
    return replace(
        house,
        stt=RecordedStt(recorded),
        voice=RecordedVoice(recorded, house.voice),
        answers=RecordedAnswers(recorded, house.answers),
        turn_model=RecordedTurnModel(recorded) if recorded.notes["sound"] else house.turn_model,
        turns=house.turns.with_model if _had_model(recorded) else house.turns,
    )


def _had_model(recorded: Recorded) -> bool:
    """A language model answered the recorded call, which is why it listened as it did; in a replay there is none."""
    then = recorded.head.get("turns", {})
    pairs = (("lull_ms", "lull_llm_ms"), ("fade_db", "fade_llm_db"))
    return all(beside in then and then.get(alone) == then[beside] for alone, beside in pairs)


def compare(then: list[Row], now: list[Row]) -> list[Pair]:
    """Both stories side by side: equal rows meet, what lies between them pairs up in order."""
    old, new = [json.dumps(row) for row in then], [json.dumps(row) for row in now]
    pairs: list[Pair] = []
    for _, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        pairs += [Pair(one, other) for one, other in zip_longest(then[i:i_end], now[j:j_end])]
    return pairs
