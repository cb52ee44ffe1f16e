"""The serial ports of a simulated modem: pseudo-terminals under the names that a kernel would give."""

import contextlib
import os
import tty
from pathlib import Path


class Wire:
    """One port, as a link ``path`` to a pseudo-terminal while it is plugged in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.master = -1
        self._slave = -1

    @property
    def plugged(self) -> bool:
        """Whether the port exists."""
        return self.master >= 0

    def plug(self) -> None:
        """Make the port, raw, as a modem's is."""
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        """The port is gone; whoever has it open reads an error."""
        if self.plugged:
            self.path.unlink(missing_ok=True)
            os.close(self.master)
            os.close(self._slave)
            self.master = self._slave = -1

    def read(self, most: int) -> bytes:
        """What the other side wrote, maybe nothing."""
        if not self.plugged:
            return b""
        with contextlib.suppress(BlockingIOError, OSError):
            return os.read(self.master, most)
        return b""

    def write(self, data: bytes) -> int:
        """How much of it the other side still had room for, bytes."""
        if not self.plugged:
            return 0
        with contextlib.suppress(BlockingIOError, OSError):
            return os.write(self.master, data)
        return 0
