"""``allo calls`` and ``allo calls show``: the call log for a person at a terminal."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from agent.errors import StartError
from agent.settings import Settings
from agent.store import CallLog, open_log

WIDTH = 40
"""Columns of a turn's waterfall."""
NAMES = {
    "turn_end": "turn over",
    "transcript": "words known",
    "passages": "passages",
    "first_token": "first token",
    "first_sentence": "first sentence",
    "first_audio": "first audio",
    "first_packet": "first packet",
}
"""Stages from the end of the caller's speech to the first sound of the reply, as they are shown."""
SUMMED = ("speculation", "paused", "interruption", "resumed")
"""Kinds of events that are counted below a call instead of being listed."""


async def show_calls(settings: Settings, last: int, console: Console | None = None) -> None:
    """The newest ``last`` calls, a row each."""
    log = await _open(settings)
    try:
        rows = await log.read("SELECT * FROM calls ORDER BY started_at DESC LIMIT ?", (last,))
    finally:
        await log.close()
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "started", "line", "caller", "status", "cause"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        cells = (row["id"][:12], row["started_at"][:19], row["line"], row["number"], row["status"], row["cause"])
        table.add_row(*map(escape, cells))
    (console or Console()).print(table if rows else "No calls yet.")


async def show_call(settings: Settings, call_id: str, console: Console | None = None) -> None:
    """One call: its turns, what of them was heard, and where the time of each reply went."""
    log = await _open(settings)
    try:
        calls = await log.read("SELECT * FROM calls WHERE substr(id, 1, ?) = ?", (len(call_id), call_id))
        if len(calls) != 1:
            raise StartError(
                f"calls: {call_id}: {'no such call' if not calls else 'more than one call'}; see `allo calls`"
            )
        turns = await log.read("SELECT * FROM turns WHERE call_id = ? ORDER BY n", (calls[0]["id"],))
        events = await log.read("SELECT * FROM events WHERE call_id = ? ORDER BY at", (calls[0]["id"],))
    finally:
        await log.close()
    listed = [event for event in events if event["kind"] not in SUMMED]
    parts = [
        _head(calls[0]),
        *map(_turn, turns),
        *map(_event, listed),
        Text("\n" + summary(turns, events), style="bold"),
    ]
    (console or Console()).print(Group(*parts))


def waterfall(stages: Mapping[str, int]) -> list[tuple[str, int, str]]:
    """Rows of name, milliseconds since the end of the caller's speech, and a bar from the stage before to this one.

    In the order of time: what a reply begun on a guess was ready with stands before the end of the turn.
    """
    reached = sorted(((NAMES[key], at) for key, at in stages.items() if key in NAMES), key=lambda row: row[1])
    whole = max((at for _, at in reached), default=0) or 1
    rows, before = [], 0
    for name, at in reached:
        start = min(max(0, before) * WIDTH // whole, WIDTH - 1)
        rows.append((name, at, " " * start + "█" * max(1, max(0, at) * WIDTH // whole - start)))
        before = at
    return rows


def summary(turns: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]) -> str:
    """How quick the replies of a call were, what came of guesses, who was interrupted."""
    times = [json.loads(turn["stages"]).get("first_packet") for turn in turns]
    firsts = sorted(at for at in times if at is not None)
    noted = {kind: [str(event["detail"]) for event in events if event["kind"] == kind] for kind in SUMMED}
    misses = [detail.split() for detail in noted["speculation"] if detail.startswith("miss")]
    wasted = sum(int(words[1]) for words in misses if len(words) > 1 and words[1].isdecimal())
    hits = _count(len(noted["speculation"]) - len(misses), "hit", "hits")
    return "\n".join(
        [
            _count(len(firsts), "reply", "replies") + (_spread(firsts) if firsts else ""),
            f"speculation: {hits}, {_count(len(misses), 'miss', 'misses')}, {_count(wasted, 'token', 'tokens')} wasted",
            f"the caller paused the agent {_count(len(noted['paused']), 'time', 'times')}: "
            f"{_count(len(noted['interruption']), 'interruption', 'interruptions')}, {len(noted['resumed'])} resumed",
        ]
    )


def _spread(ordered: Sequence[int]) -> str:
    """Nearest-rank median and 95th percentile of sorted times."""
    half, most = (ordered[max(0, math.ceil(share * len(ordered)) - 1)] for share in (0.5, 0.95))
    return f", first packet p50 {half} ms, p95 {most} ms after the caller's last sound"


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


async def _open(settings: Settings) -> CallLog:
    return await open_log(_existing(settings.storage.dir / "calls.sqlite"))


def _existing(path: Path) -> Path:
    if not path.exists():
        raise StartError(f"calls: {path}: there is no call log yet; it is made by `allo serve`")
    return path


def _head(call: Mapping[str, Any]) -> Text:
    lines = [f"call {call['id']}  {call['line']}  from {call['number'] or '(withheld)'}"]
    lines.append(f"{call['started_at'][:19]} - {(call['ended_at'] or 'now')[:19]}  {call['status']} {call['cause']}")
    if call["recording"]:
        lines.append(f"recording {call['recording']} {call['recording_note']}".rstrip())
    return Text("\n".join(lines) + "\n")


def _turn(turn: Mapping[str, Any]) -> Text:
    text = Text()
    if turn["heard"]:
        text.append(f"{turn['n']:>3}  > {turn['heard']}\n", style="bold")
    source = f"[{turn['source']}] " if turn["source"] else ""
    heard, said = turn["said_heard"], turn["said"]
    text.append(f"     < {source}{heard}")
    if said != heard and said.startswith(heard):
        rest = said[len(heard) :]
        text.append(" " * (len(rest) - len(rest.lstrip())) + f"(not heard: {rest.strip()})", style="dim")
    stages = json.loads(turn["stages"])
    for name, at, bar in waterfall(stages):
        text.append(f"\n       {name:<15}{at:>6} ms  ")
        text.append(bar, style="cyan" if at <= stages.get("turn_end", at) else "yellow")
    if "heard" in stages:
        text.append(f"\n       {'heard':<15}{stages['heard']:>6} ms  (to the end)")
    return text.append("\n")


def _event(event: Mapping[str, Any]) -> Text:
    return Text(f"     {str(event['at'])[11:19]}  {event['kind']} {event['detail']}".rstrip(), style="dim")
