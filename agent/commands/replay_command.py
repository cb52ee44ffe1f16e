"""``allo replay``: yesterday's call under today's house, side by side."""

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.errors import StartError
from agent.furnish import furnish
from agent.record.sealed import SUFFIX
from agent.record.vault import Vault
from agent.recording import TRACE_SUFFIX
from agent.replaying.recorded import Recorded
from agent.replaying.replay import Pair, Replayed, Row, compare, replay
from agent.replaying.replay_line import Tape
from agent.replaying.virtual_time import play
from agent.settings import Settings
from agent.store import open_log

LOCAL_VOICES = ("auto", "espeak", "piper")
"""Voices that speak in this process."""

Engines = Literal["recorded", "today"]


@dataclass(frozen=True, slots=True)
class Case:
    """A call to be replayed."""

    name: str
    tape: Tape
    recorded: Recorded | None
    muted: bool = False
    """Parts of its recording were silenced: what was said there is not heard again."""


def replay_command(
    settings: Settings, what: str, engines: Engines | None, save: Path | None, *, as_json: bool = False
) -> int:
    """Replay a call of the log or a WAV and print both stories; 0: the same (or nothing to compare), 1: they differ."""
    case = asyncio.run(find(settings, what))
    if engines == "recorded" and case.recorded is None:
        raise StartError(f"replay: {what}: there is no trace beside the recording; use --engines today")
    by_trace = case.recorded is not None and engines != "today"
    result = play(run(settings, case, by_trace))
    if save is not None:
        _save(save, result.trace)
    then = case.recorded.story if case.recorded else []
    pairs = compare(then, result.story)
    if as_json:
        sys.stdout.write(json.dumps(as_rows(case, result, pairs), ensure_ascii=False) + "\n")
        return 1 if _differences(case, pairs) else 0
    return show(case, result, pairs, Console())


def _save(path: Path, trace: Sequence[str]) -> None:
    try:
        path.write_text("\n".join(trace) + "\n", encoding="utf-8")
    except OSError as error:
        raise StartError(f"--save {path}: can't be written: {error.strerror}") from None


async def run(settings: Settings, case: Case, by_trace: bool) -> Replayed:
    """Replay one case, by engines of this process alone; without a trace the knowledge base answers."""
    async with AsyncExitStack() as stack:
        house, _ = await furnish(offline(settings), stack)
        return await replay(case.tape, house, case.recorded if by_trace else None)


def offline(settings: Settings) -> Settings:
    """Without what is asked over a socket: on a clock that jumps it would always be late."""
    voices = tuple(entry for entry in settings.tts.engine if entry.partition(":")[0] in LOCAL_VOICES) or ("auto",)
    same_first = voices[0] == settings.tts.engine[0]
    tts = settings.tts.model_copy(update={"engine": voices, "voice": settings.tts.voice if same_first else ""})
    stt = settings.stt.model_copy(update={"engine": ("vosk",)})
    return settings.model_copy(update={"llm": type(settings.llm)(), "tts": tts, "stt": stt})


async def find(settings: Settings, what: str) -> Case:
    """A WAV file by its path, or a call of the log by the beginning of its id; raises ``StartError``."""
    path, muted = Path(what), False
    if path.suffix.lower() not in (".wav", SUFFIX):
        try:
            path, muted = await recording_of(settings, what), await _muted(settings, what)
        except StartError as error:
            raise StartError(f"replay: {error}") from None
    trace = path.with_name(path.stem + TRACE_SUFFIX)
    try:
        with Vault.of(settings).open(path) as file:
            tape = Tape.read(file, str(path))
        if not tape.seconds:
            raise StartError(f"replay: {path}: there is no sound in it")
        return Case(path.name, tape, Recorded.read(trace) if trace.exists() else None, muted)
    except OSError as error:
        raise StartError(f"replay: {error.filename or path}: can't be read: {error.strerror or error}") from None
    except ValueError as error:
        raise StartError(f"replay: {error}") from None


async def recording_of(settings: Settings, call_id: str) -> Path:
    """The file of a call's recording, by the beginning of its id; raises ``StartError``."""
    rows = await _read(settings, "SELECT id, recording FROM calls WHERE substr(id, 1, ?) = ?", call_id)
    if len(rows) != 1:
        raise StartError(f"{call_id}: {'more than one call' if rows else 'no such call'}; see `allo calls`")
    if not rows[0]["recording"]:
        raise StartError(f"{call_id}: this call was not recorded; set [recording] enabled = true for the next")
    return settings.storage.dir / "calls_log" / str(rows[0]["recording"])


async def _muted(settings: Settings, call_id: str) -> bool:
    return bool(
        await _read(settings, "SELECT 1 FROM events WHERE kind = 'muted' AND substr(call_id, 1, ?) = ?", call_id)
    )


async def _read(settings: Settings, statement: str, call_id: str) -> list[dict[str, Any]]:
    """Rows of the call log for the beginning of an id."""
    path = settings.storage.dir / "calls.sqlite"
    if not path.exists():
        raise StartError(f"{path}: there is no call log yet; it is made by `allo serve`")
    log = await open_log(path)
    try:
        return await log.read(statement, (len(call_id), call_id))
    finally:
        await log.close()


def show(case: Case, result: Replayed, pairs: Sequence[Pair], console: Console) -> int:
    """Print the story, then and now; 1 when it differs."""
    table = Table(box=None, pad_edge=False)
    table.add_column("at", justify="right", no_wrap=True)
    table.add_column("then" if case.recorded else "")
    table.add_column("now")
    for pair in pairs:
        row = pair.now or pair.then or [0]
        style = "" if pair.same or case.recorded is None else "bold yellow"
        cells = (_text(pair.then), "=" if pair.same else _text(pair.now))
        table.add_row(f"{row[0] / case.tape.rate:.2f} s", *map(escape, cells), style=style)
    console.print(table)
    differ = _differences(case, pairs)
    verdict = "" if case.recorded is None else f"{differ} differences; " if differ else "the same, bit for bit; "
    speed = result.audio_s / max(result.took_s, 1e-9)
    console.print(
        f"{case.name}: {verdict}{result.audio_s:.1f} s in {result.took_s:.2f} s, {speed:.0f} x real time", markup=False
    )
    if case.muted:
        console.print("parts of this recording are muted (card numbers, keys): what was said there is not heard again")
    sys.stdout.flush()
    return 1 if differ else 0


def as_rows(case: Case, result: Replayed, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Both stories for the page."""
    rows = [
        {
            "at_ms": (pair.now or pair.then or [0])[0] * 1000 // case.tape.rate,
            "then": _text(pair.then) if case.recorded else None,
            "now": _text(pair.now),
            "same": pair.same or case.recorded is None,
        }
        for pair in pairs
    ]
    differ, audio_s, took_s = _differences(case, pairs), round(result.audio_s, 1), round(result.took_s, 2)
    return {"rows": rows, "differ": differ, "compared": case.recorded is not None, "audio_s": audio_s, "took_s": took_s}


def _differences(case: Case, pairs: Sequence[Pair]) -> int:
    return sum(not pair.same for pair in pairs) if case.recorded else 0


def _text(row: Row | None) -> str:
    """A line of a story for a person."""
    if row is None:
        return "-"
    values = row[3] if len(row) > 3 and isinstance(row[3], dict) else {}
    shown = " ".join(f"{key}={value}" for key, value in values.items() if value not in ("", {}, [], False))
    return f"{row[2]} {shown}".strip()
