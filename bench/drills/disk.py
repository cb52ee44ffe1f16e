"""The disk is full for a minute under calls, then read-only: calls go on, the operator is told, all is well after.

The storage lies on an ext4 image of its own (root and loop devices are needed). Full: a file takes every free block,
again and again. Read-only: the kernel is told of an error on that file system, which is mounted ``errors=remount-ro``.
"""

import contextlib
import os
import sqlite3
import subprocess
import tempfile
import threading
import time
import urllib.request
import wave
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.doctor.visit import disk_at
from bench.daemon import DaemonProcess
from bench.drills.common import say, wait_for
from bench.drills.engines import BAR_MS, answered_after, script
from bench.ports import HOST
from bench.report import Row
from bench.speech import questions
from bench.wire import Plan, PlanItem, WireReport, place

AT_ONCE = 5
FULL_S, SHORT_S, TAIL_S = 60.0, 8.0, 16.0
IMAGE_MB = 64
AGAIN_S = 0.2
"""How often what became free is taken again while the disk is full, seconds."""


class Disk:
    """A small file system of its own, mounted while entered; raises ``RuntimeError`` where that can't be."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="allo-disk-"))
        self.root = self._folder / "mounted"
        self._image = self._folder / "image"
        self._filling = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Disk":
        self.root.mkdir()
        with self._image.open("wb") as file:
            file.truncate(IMAGE_MB << 20)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._image))
        self.mount()
        return self

    def __exit__(self, *_: object) -> None:
        self.free()
        self.unmount()
        self._image.unlink()
        self.root.rmdir()
        self._folder.rmdir()

    def mount(self) -> None:
        """Mount it, whole again after ``break_down``."""
        _run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.root))

    def unmount(self) -> None:
        """Nobody uses it any more."""
        with contextlib.suppress(RuntimeError):
            _run("umount", str(self.root))

    def mend(self) -> None:
        """After a break-down: unmounted, checked, mounted."""
        self.unmount()
        subprocess.run(["fsck.ext4", "-y", str(self._image)], capture_output=True, check=False)
        self.mount()

    def fill(self) -> None:
        """Take all room from now on until ``free``."""
        self._filling.set()
        self._thread = threading.Thread(target=self._fill, daemon=True)
        self._thread.start()

    def free(self) -> None:
        """Give it back."""
        self._filling.clear()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            (self.root / "filler").unlink(missing_ok=True)

    def break_down(self) -> None:
        """The kernel meets an error on this file system, and on no other."""
        device = os.stat(self.root).st_dev
        name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        if not name.startswith("loop"):
            raise RuntimeError(f"{self.root} lies on {name}, which is no loop device")
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("drill\n", encoding="ascii")

    def _fill(self) -> None:
        while self._filling.is_set():
            with contextlib.suppress(OSError), (self.root / "filler").open("ab", buffering=0) as file:
                for size in (1 << 16, 1 << 10, 1):
                    with contextlib.suppress(OSError):
                        while self._filling.is_set():
                            file.write(bytes(size))
            time.sleep(AGAIN_S)


def _run(*words: str) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise RuntimeError(f"{words[0]} is missing: apt-get install e2fsprogs mount") from None
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()} (root and loop devices are needed)")


@dataclass(slots=True)
class Seen:
    """What the calls under a full disk showed."""

    reports: list[WireReport] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    """Who told the operator meanwhile, and what."""
    calls: list[dict[str, Any]] = field(default_factory=list)
    """The records of these calls."""
    short: list[str] = field(default_factory=list)
    """Recordings that are shorter than their call, or can't be read."""
    silent_notes: int = 0
    """Recordings with a gap of which the record does not tell."""
    turns: int = 0
    """Turns in the call log."""
    healed_s: float = float("inf")
    """Room is back -> nothing waits any more, seconds."""
    after: str = ""
    """How the next call was recorded."""
    trouble: list[str] = field(default_factory=list)


def disk(short: bool) -> list[Row]:
    """A minute, or some seconds; then the read-only disk."""
    with Disk() as place_of_records:
        seen = full(place_of_records, SHORT_S if short else FULL_S)
        place_of_records.mend()
        broken = read_only(place_of_records)
    return [row_of_full(seen, SHORT_S if short else FULL_S), _broken_row(broken)]


@contextmanager
def daemon_on(place_of_records: Disk) -> Iterator[DaemonProcess]:
    """Its records lie on the disk that is harmed, its log elsewhere."""
    settings = {"STORAGE__DIR": place_of_records.root / "var", "SHUTDOWN__GRACE_S": 1}
    with DaemonProcess(settings) as daemon:
        daemon.expected = "the call log can't be"
        yield daemon


def full(place_of_records: Disk, seconds: float, tail_s: float = TAIL_S) -> Seen:
    """Calls before, during and after a full disk; they end so long after it was full for ``seconds``."""
    seen = Seen()
    with daemon_on(place_of_records) as daemon:
        callers = _Callers(daemon, seconds + tail_s)
        wait_for(lambda: daemon.health().get("calls") == AT_ONCE, 20)
        time.sleep(3)
        place_of_records.fill()
        time.sleep(seconds)
        seen.told = told(daemon, place_of_records.root / "var")
        place_of_records.free()
        freed = time.monotonic()
        if wait_for(lambda: not daemon.health().get("records"), 10) < float("inf"):
            seen.healed_s = time.monotonic() - freed
        seen.reports = callers.reports()
        wait_for(lambda: _rows(place_of_records, "SELECT count(ended_at) = count(*) AS d FROM calls")[0]["d"] == 1, 10)
        seen.calls = _rows(place_of_records, "SELECT * FROM calls")
        seen.turns = _rows(place_of_records, "SELECT count(*) AS n FROM turns WHERE heard <> ''")[0]["n"]
        _judge_recordings(place_of_records, seen)
        seen.after = _next_call(daemon, place_of_records)
        seen.trouble = daemon.trouble
        say("\n".join(line for line in daemon.log.splitlines() if " WARNING " in line or " ERROR " in line)[-3000:])
    return seen


class _Callers(threading.Thread):
    """Five calls of so many seconds."""

    def __init__(self, daemon: DaemonProcess, seconds: float) -> None:
        super().__init__(daemon=True)
        calls = [script(number, 30) for number in range(AT_ONCE)]
        self._plan = Plan(daemon.uri, calls, apart_ms=300, hangup_after_s=seconds, user="disk", quiet_ms=1200)
        self._reports: list[WireReport] = []
        self.start()

    def run(self) -> None:
        """See ``threading.Thread``."""
        self._reports = place(self._plan, timeout_s=300)

    def reports(self) -> list[WireReport]:
        """When the last has ended."""
        self.join()
        return self._reports


def told(daemon: DaemonProcess, storage: Path) -> dict[str, str]:
    """What an operator finds out now, by health, figures, log and doctor; empty words: nothing."""
    url = f"http://{HOST}:{daemon.web_port}/metrics"
    with urllib.request.urlopen(url, timeout=5) as reply:
        figures = reply.read().decode()
    waiting = [line for line in figures.splitlines() if line.startswith("allo_records_waiting ") and line[-2:] != " 0"]
    finding = disk_at(storage)
    logged = [line for line in daemon.log.splitlines() if "the call log can't be" in line]
    return {
        "health": str(daemon.health().get("records", "")),
        "metrics": "".join(waiting),
        "log": logged[0] if logged else "",
        "doctor": "" if finding.state == "ok" else finding.result,
    }


def _rows(place_of_records: Disk, statement: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(f"file:{place_of_records.root}/var/calls.sqlite?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(statement)]


def _judge_recordings(place_of_records: Disk, seen: Seen) -> None:
    for call, report in zip(seen.calls, seen.reports, strict=True):
        path = place_of_records.root / "var/calls_log" / str(call["recording"])
        try:
            with wave.open(str(path)) as wav:
                length_s = wav.getnframes() / wav.getframerate()
        except (OSError, EOFError, wave.Error) as error:
            seen.short.append(f"{path.name}: {error}")
            continue
        lasted_s = report.packets * 0.02
        if length_s < lasted_s - 2:
            seen.short.append(f"{path.name}: {length_s:.0f} of {lasted_s:.0f} s")
        seen.silent_notes += not call["recording_note"]


def _next_call(daemon: DaemonProcess, place_of_records: Disk) -> str:
    (report,) = place(Plan(daemon.uri, [[PlanItem(questions()[0], 1.0)]], user="after"))
    query = "SELECT * FROM calls WHERE number = 'after0' AND ended_at <> ''"
    wait_for(lambda: bool(_rows(place_of_records, query)), 5)
    (call,) = _rows(place_of_records, query)
    answered = report.turns[0]["reply_ms"] is not None
    return "well" if answered and call["recording"] and not call["recording_note"] else f"{answered} {call}"


@dataclass(slots=True)
class Broken:
    """What a disk showed that became read-only in mid-call."""

    answered: int = 0
    """Calls that were answered and whose caller got replies, of two: one under way, one after."""
    told: dict[str, str] = field(default_factory=dict)
    started_anew: str = ""
    """What a daemon did that was started on the read-only disk; ``answers`` is well."""
    trouble: list[str] = field(default_factory=list)


def read_only(place_of_records: Disk) -> Broken:
    """A call under way when the disk breaks, one after that, and a start on the broken disk."""
    seen = Broken()
    with daemon_on(place_of_records) as daemon:
        threading.Timer(6, place_of_records.break_down).start()
        script = [PlanItem(wav) for wav in questions()[:2]]
        for _ in range(2):
            (report,) = place(Plan(daemon.uri, [script], user="broken"))
            seen.answered += replied(report)
        seen.told = told(daemon, place_of_records.root / "var")
        seen.trouble = daemon.trouble
        daemon.kill()
    try:
        with daemon_on(place_of_records) as daemon:
            (report,) = place(Plan(daemon.uri, [script], user="anew"))
            kept = bool(daemon.health().get("records"))
            seen.started_anew = "answers" if replied(report) and kept else "says nothing of it"
            seen.trouble += daemon.trouble
    except RuntimeError as error:
        seen.started_anew = str(error)[-300:].replace("\n", " ")
    return seen


def replied(report: WireReport) -> bool:
    """Whether each turn of a call got its answer in time."""
    waits = [answered_after(report.heard_ms, end, float("inf")) for _, end in report.asked_ms]
    return report.status == 200 and bool(waits) and max(waits) <= BAR_MS


def _waits(report: WireReport) -> list[float]:
    """For their answer, of turns that ended long enough before the call did, milliseconds."""
    last = report.packets * 20 - BAR_MS - 1000
    return [answered_after(report.heard_ms, end, float("inf")) for _, end in report.asked_ms if end < last]


def row_of_full(seen: Seen, seconds: float) -> Row:
    """Its row."""
    waits = [wait for report in seen.reports for wait in _waits(report)]
    silent = sum(wait > BAR_MS for wait in waits)
    lost = sum(report.lost for report in seen.reports)
    silence = [name for name, words in seen.told.items() if not words]
    measured = (
        f"{sum(report.status == 200 for report in seen.reports)} answered, {silent} of {len(waits)} turns without a "
        f"reply, {lost} packets lost; {len(seen.calls)} records, {seen.turns} turns in them; recordings cut short: "
        f"{len(seen.short)}, gaps not named: {seen.silent_notes}; told by all but {', '.join(silence) or 'nobody'}; "
        f"written {seen.healed_s:.1f} s after there was room; next call {seen.after}; {len(seen.trouble)} other errors"
    )
    met = not silent and not lost and len(seen.calls) == AT_ONCE and seen.turns >= len(waits) > 0 and not seen.short
    met = met and not seen.silent_notes and not silence and seen.healed_s < 5 and seen.after == "well"
    what = f"disk full for {seconds:.0f} s under {AT_ONCE} calls"
    bar = "calls go on; records say what is missing; all is well after"
    return Row("drill-disk-full", what, bar, measured, len(waits), met and not seen.trouble)


def _broken_row(seen: Broken) -> Row:
    silence = [name for name, words in seen.told.items() if not words]
    measured = (
        f"{seen.answered} of 2 calls answered in full; told by all but {', '.join(silence) or 'nobody'}; "
        f"started anew on it: {seen.started_anew}; {len(seen.trouble)} other errors"
    )
    met = seen.answered == 2 and not silence and seen.started_anew == "answers" and not seen.trouble
    what = "disk read-only in mid-call, and at the next start"
    return Row("drill-disk-read-only", what, "calls go on; the operator is told", measured, 2, met)
