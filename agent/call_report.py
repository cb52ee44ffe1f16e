"""``allo calls``: the call log for a person at a terminal."""

import json
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
}
"""Stages after the end of the caller's speech, in order, as they are shown."""


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
    (console or Console()).print(Group(_head(calls[0]), *map(_turn, turns), *map(_event, events)))


def waterfall(stages: Mapping[str, int]) -> list[tuple[str, int, str]]:
    """Rows of name, milliseconds since the end of the caller's speech, and a bar from the stage before to this one."""
    reached = [(name, stages[key]) for key, name in NAMES.items() if key in stages]
    whole = max((at for _, at in reached), default=0) or 1
    rows, before = [], 0
    for name, at in reached:
        start, end = before * WIDTH // whole, max(at * WIDTH // whole, before * WIDTH // whole + 1)
        rows.append((name, at, " " * start + "█" * (end - start)))
        before = at
    return rows


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
        text.append(said[len(heard) :], style="strike dim")
        text.append("  (not heard)")
    for name, at, bar in waterfall(json.loads(turn["stages"])):
        text.append(f"\n       {name:<15}{at:>6} ms  ")
        text.append(bar, style="cyan")
    return text.append("\n")


def _event(event: Mapping[str, Sequence[Any]]) -> Text:
    return Text(f"     {str(event['at'])[11:19]}  {event['kind']} {event['detail']}".rstrip(), style="dim")
