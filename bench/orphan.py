"""A process whose parent, one of ours, has ended: still ours to wait for (prctl(2), PR_SET_CHILD_SUBREAPER)."""

import ctypes
import os
import signal
import subprocess
import time

SUBREAPER = 36
"""``PR_SET_CHILD_SUBREAPER`` of ``linux/prctl.h``."""
POLL_S = 0.01


def inherit_orphans() -> None:
    """Processes whose parents end are this process's children from now on, as they would be systemd's."""
    if ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


class Orphan:
    """What of ``subprocess.Popen`` a user of ``DaemonProcess`` needs."""

    def __init__(self, pid: int) -> None:
        """``inherit_orphans`` was called before its parent ended."""
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status; None: it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status once it has ended; raises ``subprocess.TimeoutExpired``."""
        deadline = time.monotonic() + (timeout or 60.0)
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 60.0)
            time.sleep(POLL_S)
        return status

    def send_signal(self, number: int) -> None:
        """As its parent could."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)
