"""How long what is kept: recordings, words, calls, each by its own age; a caller's right to see it or have it gone.

Works on the files beside a running daemon. Every deletion leaves a line in ``deletions.jsonl``: what, how many, when;
never a number or a word.
"""

import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from agent.errors import RecordError
from agent.memory import CALLERS, forget, forget_older, key_of
from agent.record.caches import empty_caches, forget_answers, forget_log, forget_phrases
from agent.record.sealed import SUFFIX
from agent.record.vault import Vault
from agent.recording import TRACE_SUFFIX
from agent.settings import Settings

Kind = Literal["recordings", "words", "calls"]
Other = Literal["messages", "callers", "answers", "phrases"]
LOG = "deletions.jsonl"
"""The file in ``storage.dir``."""
LETTERS = "modem/sms.jsonl"
"""Messages, one JSON object a line."""
CALL_BACKS = "modem/call_backs.json"
"""Call-backs, a JSON array."""
REPORTS = "wrong_answers.tsv"
"""Reported answers, each with its call's id."""
BATCH = 200
"""Calls changed in one transaction: the daemon writes between them."""
WAIT_S = 10.0
"""How long another writer is waited for, seconds."""
SPOKEN = ("heard", "said", "said_heard", "passages")
"""Columns of a turn that hold words."""
EMPTY = {"passages": "[]"}
GONE = "deleted"
"""What stands where a recording was."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted at once; a line of the log."""

    at: str
    what: Kind | Other | Literal["caller", "page"]
    calls: int
    """How many calls it was of; of other things than calls and words: how many they were."""
    before: str = ""
    """Only calls that began before this; empty: those of one caller, or that a person chose."""


def prune(settings: Settings, now: datetime) -> list[Deletion]:
    """Delete what is older than ``[retention]`` says, oldest kind of wish first; raises ``RecordError``.

    What was deleted before something failed is noted.
    """
    return [_logged(settings, one) for one in _pruned(settings, now) if one.calls]


def _pruned(settings: Settings, now: datetime) -> Iterator[Deletion]:
    wishes: tuple[tuple[Kind, int], ...] = (
        ("calls", settings.retention.calls_days),
        ("words", settings.retention.words_days),
        ("recordings", settings.retention.recordings_days),
    )
    for what, days in wishes:
        if days:
            before = (now - timedelta(days=days)).isoformat(timespec="seconds")
            yield Deletion(_stamp(now), what, _clear(settings, what, before), before)
    kept = settings.retention
    others: tuple[tuple[Other, int, Callable[[Settings, datetime, timedelta], int]], ...] = (
        ("messages", kept.messages_days, _clear_messages),
        ("callers", kept.callers_days, _clear_callers),
        ("phrases", kept.cached_days, forget_phrases),
        ("answers", kept.cached_days, forget_answers),
    )
    for kind, days, clear in others:
        if days:
            before = (now - timedelta(days=days)).isoformat(timespec="seconds")
            yield Deletion(_stamp(now), kind, clear(settings, now, timedelta(days=days)), before)


def erase(settings: Settings, number: str, now: datetime) -> Deletion:
    """Delete everything of a caller: calls, files, what is remembered, messages, what caches may hold of the words.

    Raises ``RecordError``.
    """
    with _open(settings) as log:
        ids = [row["id"] for row in _of(log, number)]
        for some in _batches(ids):
            _delete(log, settings, some)
    storage = settings.storage.dir
    forget(storage / CALLERS, number)
    _keep_lines(storage / LETTERS, lambda line: not _names(_row(line), number))
    _keep_lines(storage / REPORTS, lambda line: not _is_of(line, ids))
    asked = _rows(storage / CALL_BACKS)
    kept = [row for row in asked if not _names(row, number)]
    if len(kept) < len(asked):
        _replace(storage / CALL_BACKS, json.dumps(kept, ensure_ascii=False, indent=1))
    done = _logged(settings, Deletion(_stamp(now), "caller", len(ids)))
    empty_caches(settings)  # last: Redis may be away
    return done


def export(settings: Settings, number: str, target: Path) -> int:
    """Write everything of a caller into a ZIP that people can read; how many calls. Raises ``RecordError``."""
    vault = Vault.of(settings)
    with _open(settings) as log:
        calls = [_whole(log, row) for row in _of(log, number)]
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
            target.chmod(0o600)
            packed.writestr("calls.json", json.dumps(calls, ensure_ascii=False, indent=1))
            packed.writestr("messages.json", json.dumps(_letters(settings, number), ensure_ascii=False, indent=1))
            for call in calls:
                for path in _files(settings, call["recording"], call["transcript"]):
                    if path.is_file() and not path.name.endswith(TRACE_SUFFIX):
                        _add(packed, path, vault)
    except ValueError as error:
        target.unlink(missing_ok=True)
        raise RecordError(f"{target}: not written: {error}") from None
    except OSError as error:
        target.unlink(missing_ok=True)
        raise RecordError(f"{target}: can't be written: {error.strerror}") from None
    return len(calls)


# ---------------------------------------------------------------- the call log


@contextmanager
def _open(settings: Settings) -> Iterator[sqlite3.Connection]:
    """The call log; raises ``RecordError`` for whatever goes wrong with it."""
    path = settings.storage.dir / "calls.sqlite"
    if not path.exists():
        raise RecordError(f"{path}: there is no call log; --config FILE names another [storage] dir")
    try:
        with closing(sqlite3.connect(path, timeout=WAIT_S)) as log:
            log.row_factory = sqlite3.Row
            log.execute("PRAGMA foreign_keys=ON")
            log.execute("PRAGMA secure_delete=ON")
            yield log
            forget_log(log)
    except sqlite3.Error as error:
        raise RecordError(f"{path}: the call log can't be changed: {error}") from error


def _clear(settings: Settings, what: Kind, before: str) -> int:
    """Delete one kind of old calls; how many had it."""
    had = {"calls": "1", "words": "transcript <> ''", "recordings": "recording <> ''"}[what]
    with _open(settings) as log:
        query = f"SELECT id FROM calls WHERE started_at < ? AND ended_at IS NOT NULL AND {had}"
        ids = [row["id"] for row in log.execute(query, (before,))]
        for some in _batches(ids):
            {"calls": _delete, "words": _silence, "recordings": _mute}[what](log, settings, some)
    if what != "recordings":
        _keep_lines(settings.storage.dir / REPORTS, lambda line: not _is_of(line, ids))
    return len(ids)


def _is_of(line: str, ids: Sequence[str]) -> bool:
    """Whether a reported answer is of one of these calls: its id is ``call-ID-TURN``."""
    return line.split("\t", 1)[0].removeprefix("call-").rpartition("-")[0] in ids


def _clear_messages(settings: Settings, now: datetime, age: timedelta) -> int:
    """Messages that are older, and call-backs that were due before and are over."""
    storage, before = settings.storage.dir, now - age
    lines = _lines(storage / LETTERS)
    kept = [line for line in lines if not _is_older(_row(line).get("at"), before)]
    if len(kept) < len(lines):
        _replace(storage / LETTERS, "".join(f"{line}\n" for line in kept))
    asked = _rows(storage / CALL_BACKS)
    waiting = [row for row in asked if row.get("state") == "waiting" or not _is_older(row.get("due"), before)]
    if len(waiting) < len(asked):
        _replace(storage / CALL_BACKS, json.dumps(waiting, ensure_ascii=False, indent=1))
    return len(lines) - len(kept) + len(asked) - len(waiting)


def _clear_callers(settings: Settings, now: datetime, age: timedelta) -> int:
    return forget_older(settings.storage.dir / CALLERS, (now - age).date().isoformat())


def _is_older(at: object, before: datetime) -> bool:
    """What says no time that can be read stays: nobody knows how old it is."""
    try:
        moment = datetime.fromisoformat(str(at))
    except ValueError:
        return False
    return (moment if moment.tzinfo else moment.astimezone()) < before


def _delete(log: sqlite3.Connection, settings: Settings, ids: Sequence[str]) -> None:
    _unlink(log, settings, ids, recordings=True, transcripts=True)
    with log:
        log.executemany("DELETE FROM calls WHERE id = ?", [(one,) for one in ids])


def _silence(log: sqlite3.Connection, settings: Settings, ids: Sequence[str]) -> None:
    """No word of these calls is left: the trace holds them too."""
    _unlink(log, settings, ids, recordings=False, transcripts=True)
    there = {row["name"] for row in log.execute("PRAGMA table_info(turns)")}
    sets = ", ".join(f"{column} = '{EMPTY.get(column, '')}'" for column in SPOKEN if column in there)
    with log:
        for one in ids:
            log.execute(f"UPDATE turns SET {sets} WHERE call_id = ?", (one,))
            log.execute("UPDATE events SET detail = '' WHERE call_id = ? AND kind = 'dtmf'", (one,))
            log.execute("UPDATE calls SET transcript = '', ended_at = ended_at WHERE id = ?", (one,))  # indexed anew


def _mute(log: sqlite3.Connection, settings: Settings, ids: Sequence[str]) -> None:
    _unlink(log, settings, ids, recordings=True, transcripts=False)
    with log:
        log.executemany(
            "UPDATE calls SET recording = '', recording_note = ? WHERE id = ?", [(GONE, one) for one in ids]
        )


def _of(log: sqlite3.Connection, number: str) -> list[sqlite3.Row]:
    """Ended calls of a number, however it was signalled."""
    key = key_of(number)
    if not key:
        raise RecordError("that is no number of a caller")
    rows = log.execute("SELECT * FROM calls WHERE ended_at IS NOT NULL ORDER BY started_at").fetchall()
    return [row for row in rows if key_of(row["number"]) == key]


def _whole(log: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    turns = log.execute("SELECT * FROM turns WHERE call_id = ? ORDER BY n", (row["id"],)).fetchall()
    events = log.execute("SELECT * FROM events WHERE call_id = ? ORDER BY at", (row["id"],)).fetchall()
    return {**dict(row), "turns": [dict(turn) for turn in turns], "events": [dict(event) for event in events]}


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


# ---------------------------------------------------------------- files


def _unlink(
    log: sqlite3.Connection, settings: Settings, ids: Sequence[str], recordings: bool, transcripts: bool
) -> None:
    for one in ids:
        row = log.execute("SELECT recording, transcript FROM calls WHERE id = ?", (one,)).fetchone()
        for path in _files(settings, row["recording"], row["transcript"]):
            trace = path.name.endswith(TRACE_SUFFIX)  # it holds words, and is of no use without its recording
            if trace or (transcripts if path.suffix == ".txt" else recordings):
                with suppress(FileNotFoundError):
                    path.unlink()


def _files(settings: Settings, recording: str, transcript: str) -> Iterator[Path]:
    folder = settings.storage.dir / "calls_log"
    if recording:
        yield folder / Path(recording).name
        yield folder / f"{Path(recording).stem}{TRACE_SUFFIX}"
    if transcript:
        yield folder / Path(transcript).name


def _add(packed: zipfile.ZipFile, path: Path, vault: Vault) -> None:
    """A file as a person can read it: sealed recordings are opened."""
    if path.suffix != SUFFIX:
        packed.write(path, path.name)
        return
    with vault.open(path) as sound, packed.open(f"{path.stem}.wav", "w") as plain:
        shutil.copyfileobj(sound, plain)


def _letters(settings: Settings, number: str) -> list[dict[str, Any]]:
    """Messages and call-backs of a number."""
    storage = settings.storage.dir
    rows = [*map(_row, _lines(storage / LETTERS)), *_rows(storage / CALL_BACKS)]
    return [row for row in rows if _names(row, number)]


def _rows(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else []


def _keep_lines(path: Path, wanted: Callable[[str], bool]) -> None:
    lines = _lines(path)
    kept = [line for line in lines if wanted(line)]
    if len(kept) < len(lines):
        _replace(path, "".join(f"{line}\n" for line in kept))


def _replace(path: Path, text: str) -> None:
    """In one step, so that nobody reads a half."""
    fresh = path.with_name(path.name + ".part")
    fresh.write_text(text, encoding="utf-8")
    shutil.copymode(path, fresh)
    fresh.replace(path)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def _row(line: str) -> dict[str, Any]:
    """A line of JSON; nothing where it is none."""
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _names(row: dict[str, Any], number: str) -> bool:
    """Whether any field is this number, however it is written."""
    return any(isinstance(value, str) and key_of(value) == key_of(number) for value in row.values())


def note_deletion(settings: Settings, calls: int, now: datetime) -> None:
    """A person deleted calls on the page; raises ``OSError``."""
    if calls:
        _logged(settings, Deletion(_stamp(now), "page", calls))


def _logged(settings: Settings, deletion: Deletion) -> Deletion:
    with (settings.storage.dir / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(asdict(deletion)) + "\n")
    return deletion


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds")
