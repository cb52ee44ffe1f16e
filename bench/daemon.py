"""The real daemon as a process: own ports on loopback, own storage, everything by environment."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.orphan import Orphan
from bench.ports import HOST, free_block, free_port

ROOT = Path(__file__).parents[1]
POLL_S = 0.01
START_S = 30.0
"""Longest wait for readiness; the bench measures the real time."""

TROUBLE = re.compile(r"\b(ERROR|CRITICAL)\b|^Traceback|Task exception was never|was never awaited", re.MULTILINE)
"""What must not stand in a daemon's log."""


class DaemonProcess:
    """``allo serve``; use as a context manager, or ``start`` and ``stop``."""

    program = "agent"
    """The module that is run with ``serve``."""

    def __init__(
        self, settings: Mapping[str, object] | None = None, language: str = "ru", storage: Path | None = None
    ) -> None:
        """``settings`` are named as in the environment without its prefix: ``{"CALLS__MAX": 1}``."""
        self._own_storage = storage is None
        self.storage = storage or Path(tempfile.mkdtemp(prefix="allo-"))
        self.sip_port, self.web_port = free_port(), free_port()
        first = free_block(400)
        values: dict[str, object] = {
            "LANGUAGE": language,
            "SIP__HOST": HOST,
            "SIP__PORT": self.sip_port,
            "SIP__RTP_PORTS": f"{first},{first + 399}",
            "WEB__PORT": self.web_port,
            "STORAGE__DIR": self.storage,
            **(settings or {}),
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ALLO_") and k != "OPENAI_API_KEY"}
        self.environment = kept | {f"ALLO_{name}": str(value) for name, value in values.items()}
        self.process: subprocess.Popen[bytes] | Orphan | None = None
        self.started_at = 0.0
        self.killed = False
        self.arguments: tuple[str, ...] = ()
        """More words behind ``serve``."""
        self.expected = ""
        """Error lines of the log that hold this text are no trouble: the test provoked them."""
        self._log = self.storage / "daemon.log"

    @property
    def uri(self) -> str:
        """Whom to ring."""
        return f"sip:allo@{HOST}:{self.sip_port}"

    @property
    def web_key(self) -> str:
        """The key of its page, where the settings name none."""
        return (self.storage / "web.key").read_text(encoding="ascii").strip()

    @property
    def pid(self) -> int:
        """Process id; raises ``RuntimeError`` when it does not run."""
        if self.process is None:
            raise RuntimeError("the daemon was not started")
        return self.process.pid

    @property
    def log(self) -> str:
        """Everything that it has written to its standard output and error so far."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    @property
    def trouble(self) -> list[str]:
        """Lines of the log that tell of an error."""
        lines = [line for line in self.log.splitlines() if TROUBLE.search(line)]
        return [line for line in lines if not self.expected or self.expected not in line]

    def launch(self) -> None:
        """Start the process without waiting."""
        with self._log.open("ab") as log:
            self.started_at = time.monotonic()
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.program, "serve", *self.arguments],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start(self) -> float:
        """Start and wait until ``/health`` says 200; return how long that took, seconds."""
        self.launch()
        self.wait_for(lambda: self.health().get("http") == 200, START_S, "ready")
        return time.monotonic() - self.started_at

    def stop(self, timeout_s: float = 40.0) -> int:
        """SIGTERM and wait; return the exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"the daemon did not end within {timeout_s} s of SIGTERM:\n{self.log[-3000:]}") from None

    def kill(self) -> None:
        """As a crash would; harmless when it has ended."""
        if self.process is not None and self.process.poll() is None:
            self.killed = True
            self.process.kill()
            self.process.wait()

    def remove(self) -> None:
        """Delete its storage, when it was made here."""
        if self._own_storage:
            shutil.rmtree(self.storage, ignore_errors=True)

    def health(self) -> dict[str, Any]:
        """What ``/health`` says, and the HTTP status as ``http``; empty when nobody listens."""
        url = f"http://{HOST}:{self.web_port}/health"
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                return {**json.load(reply), "http": reply.status}
        except urllib.error.HTTPError as error:
            with error:
                return {"http": error.code}
        except OSError:
            return {}

    def wait_for(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Poll ``condition`` until it is true; raises ``RuntimeError`` with the log when it is not in time."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if self.process is None or self.process.poll() is not None:
                raise RuntimeError(f"the daemon ended while waiting for {what}:\n{self.log[-3000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"not {what} within {timeout_s} s:\n{self.log[-3000:]}")
            time.sleep(POLL_S)

    def wait_for_records(self, timeout_s: float = 5.0) -> None:
        """Wait until no call is in progress and every one is on record with all that belongs to it."""
        open_or_not = "SELECT count(*) AS calls, count(ended_at) AS ended FROM calls"

        def done() -> bool:
            (row,) = self.rows(open_or_not)
            return self.health().get("calls") == 0 and row["calls"] == row["ended"] > 0

        self.wait_for(done, timeout_s, "done with all calls and their records")

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Ask the call log."""
        db = sqlite3.connect(f"file:{self.storage / 'calls.sqlite'}?mode=ro", uri=True)
        db.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in db.execute(statement, values)]
        finally:
            db.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            self.remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.stop()
        finally:
            self.kill()
            self.remove()
