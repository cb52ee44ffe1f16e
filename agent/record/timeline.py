"""When who spoke in a recorded call, word by word, from its trace: what a player needs beside the recording."""

import json
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

FRAMES_S = 50
"""Frames of a call in a second."""
Words = tuple[tuple[int, int], ...]
"""(Characters of the text before a word, milliseconds at which it begins), rising."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A stretch of the recording in which one side spoke."""

    who: Literal["caller", "agent"]
    turn: int
    """Number of the turn; 0 for what the agent said unasked."""
    text: str
    """What was understood of the caller, or given to the voice."""
    heard: str
    """What of it reached the caller; the whole text where the caller spoke."""
    source: str
    """``general``, ``tech`` or empty."""
    cut: bool
    start_ms: int
    """Where it begins in the recording, milliseconds."""
    end_ms: int
    """Where it ends, milliseconds."""
    words: Words = ()
    """When its words begin; empty where nobody knows."""


def read_timeline(trace: Path | None) -> list[dict[str, Any]]:
    """The speeches of a call in the order of their beginnings; empty where there is no trace."""
    if trace is None:
        return []
    try:
        with trace.open(encoding="utf-8") as lines:
            return [asdict(speech) for speech in speeches(lines)]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return []  # no trace, or one of a call that broke off: the dialogue is shown without times


def speeches(lines: Iterable[str]) -> list[Speech]:
    """From the lines of a trace; raises like a careless reader where they are none."""
    story, before = _Story(), list[Speech]()
    for line in lines:
        note = json.loads(line)
        if not isinstance(note, dict):
            story.take(*note)
        elif "begin" in note:  # the call went on in another process, which counted from there
            before += story.found
            story = _Story(story.rate, begin=int(note["begin"]))
        else:
            story.rate = int(note["rate"])
    return sorted(before + story.found, key=lambda speech: speech.start_ms)


@dataclass(slots=True)
class _Story:
    """What was read so far."""

    rate: int = 8000
    begin: int = 0
    """Where in the recording its positions begin, samples."""
    found: list[Speech] = field(default_factory=list)
    since: int = -1
    """Where the agent began to sound; -1: it is silent."""
    played: list[tuple[int, int]] = field(default_factory=list)
    """(The mouth's count, position) wherever its pace changed, rising."""
    pace: tuple[int, int, int] = (0, 0, 0)
    """The newest note of it: position, count, samples played with each frame from there."""
    spoken: list[tuple[str, int, list[list[int]]]] = field(default_factory=list)
    """Sentences since the agent's last speech: text, start, marks."""
    words: list[list[Any]] = field(default_factory=list)
    """Words since the caller's last speech: text, start, end."""

    def take(self, at: int, kind: str, *values: Any) -> None:
        """One line of the trace."""
        if kind == "played":
            self._pace(at, *values)
        elif kind == "spoken":
            self.spoken.append((values[0], values[1], values[2]))
        elif kind == "words":
            self.words += values[0]
        elif kind == "event" and values[0] == "CallerSaid":
            self._caller(at, values[1])
        elif kind == "event" and values[0] == "AgentSaid":
            self._agent(at, values[1])

    def _pace(self, at: int, count: int, delta: int) -> None:
        if self.since < 0 and delta > 0:
            self.since = at - delta
        self.pace = (at, count, delta)
        self.played += [(count - delta, at - self.rate // FRAMES_S), (count, at)]

    def _caller(self, at: int, said: dict[str, Any]) -> None:
        words, self.words = self.words, []
        known = _found(said["text"], [(text, start) for text, start, _ in words])
        start, end = said["position"], said["reached"].get("speech_end", at)
        self._add("caller", said, said["text"], (start, end), known)

    def _agent(self, at: int, said: dict[str, Any]) -> None:
        spoken, self.spoken = self.spoken, []
        start, self.since = (at if self.since < 0 else self.since), -1
        if said["said"]:
            self._add("agent", said, said["said"], (start, at), self._heard(said["said"], spoken, at))

    def _add(
        self, who: Literal["caller", "agent"], said: dict[str, Any], text: str, span: tuple[int, int], words: Words
    ) -> None:
        heard, cut = said.get("heard", text), bool(said.get("cut"))
        start, end = (_ms(self.begin + place, self.rate) for place in span)
        times = tuple((offset, _ms(self.begin + place, self.rate)) for offset, place in words if place < span[1])
        speech = Speech(who, said["turn"], text, heard, said.get("source", ""), cut, start, end, times)
        self.found.append(speech)

    def _heard(self, said: str, spoken: list[tuple[str, int, list[list[int]]]], until: int) -> Words:
        """Where in the recording each word of the agent began."""
        words: list[tuple[int, int]] = []
        cursor = 0
        for text, start, marks in spoken:
            at = said.find(text, cursor)
            if at >= 0:
                cursor = at + len(text)
                words += [(at + done, self._place(start + sample, until)) for sample, done in marks or [[0, 0]]]
        return tuple(words)

    def _place(self, count: int, until: int) -> int:
        """Position at which the mouth's count was ``count``; ``until`` where it never was."""
        at, reached, delta = self.pace
        known = (
            [*self.played, (reached + delta * max(0, until - at) * FRAMES_S // self.rate, until)]
            if delta
            else self.played
        )
        index = bisect_left(known, (count + 1, 0))
        if index >= len(known):
            return until
        if not index:
            return known[0][1]
        (low, low_at), (high, high_at) = known[index - 1], known[index]
        return low_at + (count - low) * (high_at - low_at) // max(1, high - low)


def _found(text: str, words: list[tuple[str, int]]) -> Words:
    """Words where they stand in ``text``; those that do not are passed over."""
    places: list[tuple[int, int]] = []
    cursor = 0
    for word, start in words:
        at = text.find(word, cursor)
        if at >= 0:
            places.append((at, start))
            cursor = at + len(word)
    return tuple(places)


def _ms(position: int, rate: int) -> int:
    return position * 1000 // rate
