"""A daemon with somebody who is told of it, as systemd is: it may be followed by a process that it starts itself."""

import os
import signal
import socket
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from bench.daemon import DaemonProcess
from bench.orphan import Orphan, inherit_orphans

COMES_S = 60.0
"""Longest wait for the next process, seconds."""
_NUMBERS = count()


class Supervised(DaemonProcess):
    """``NOTIFY_SOCKET`` of sd_notify(3), and ``MAINPID=`` obeyed."""

    def __init__(
        self, settings: Mapping[str, object] | None = None, language: str = "ru", storage: Path | None = None
    ) -> None:
        """See ``DaemonProcess``."""
        super().__init__(settings, language, storage)
        inherit_orphans()
        name = f"allo-notify-{os.getpid()}-{next(_NUMBERS)}"
        self._told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._told.bind(f"\0{name}")
        self.environment["NOTIFY_SOCKET"] = f"@{name}"
        self.said: list[str] = []
        """All lines so far."""

    def hear(self) -> None:
        """Read what was told."""
        while True:
            try:
                self.said += self._told.recv(4096).decode().split("\n")
            except BlockingIOError:
                return

    def restart(self) -> float:
        """SIGUSR1; when its process has ended and the next one is the daemon: the moment of the end, ``time.time``."""
        before = self.process
        if before is None:
            raise RuntimeError("the daemon was not started")
        self.hear()
        self.said.clear()
        os.kill(self.pid, signal.SIGUSR1)
        deadline = time.monotonic() + COMES_S
        while before.poll() is None:
            self.hear()
            if time.monotonic() > deadline:
                raise RuntimeError(f"no other process after {COMES_S:.0f} s:\n{self.log[-3000:]}")
            time.sleep(0.002)
        ended = time.time()
        self.hear()
        next_one = next((int(line[8:]) for line in self.said if line.startswith("MAINPID=")), None)
        if next_one is None:
            raise RuntimeError(f"it left without a next one:\n{self.log[-3000:]}")
        self.process = Orphan(next_one)
        return ended

    def remove(self) -> None:
        """See ``DaemonProcess``."""
        self._told.close()
        super().remove()
