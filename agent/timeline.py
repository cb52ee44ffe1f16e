"""When who spoke in a recorded call, from its trace: what a player needs beside the recording."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal


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


def read_timeline(trace: Path | None) -> list[dict[str, Any]]:
    """The speeches of a call in the order of their beginnings; empty where there is no trace."""
    if trace is None:
        return []
    try:
        with trace.open(encoding="utf-8") as lines:
            return [asdict(speech) for speech in speeches(lines)]
    except (OSError, ValueError, KeyError, IndexError):
        return []  # no trace, or one of a call that broke off: the dialogue is shown without times


def speeches(lines: Iterable[str]) -> list[Speech]:
    """From the lines of a trace; raises ``ValueError`` or ``KeyError`` where they are none."""
    found: list[Speech] = []
    rate, since = 8000, -1
    for line in lines:
        note = json.loads(line)
        if isinstance(note, dict):
            rate = int(note["rate"])
        elif note[1] == "played":
            since = note[0] - note[3] if since < 0 and note[3] > 0 else since
        elif note[1] == "event" and note[2] == "CallerSaid":
            found.append(_caller(note[0], note[3], rate))
        elif note[1] == "event" and note[2] == "AgentSaid":
            if note[3]["said"]:
                found.append(_agent(since, note[0], note[3], rate))
            since = -1
    return sorted(found, key=lambda speech: speech.start_ms)


def _caller(at: int, said: dict[str, Any], rate: int) -> Speech:
    start, end = said["position"], said["reached"].get("speech_end", at)
    return Speech("caller", said["turn"], said["text"], said["text"], "", False, _ms(start, rate), _ms(end, rate))


def _agent(since: int, at: int, said: dict[str, Any], rate: int) -> Speech:
    start = at if since < 0 else since
    heard, source, cut = said["heard"], said["source"], bool(said["cut"])
    return Speech("agent", said["turn"], said["said"], heard, source, cut, _ms(start, rate), _ms(at, rate))


def _ms(position: int, rate: int) -> int:
    return position * 1000 // rate
