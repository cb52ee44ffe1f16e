"""Files that may change while the daemon runs: looked at before each turn, used from then on, refused when broken."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from agent.errors import AlloError

log = logging.getLogger(__name__)
T = TypeVar("T")
Stamp = tuple[tuple[str, int, int], ...]


class Watched(Generic[T]):
    """A value that is made of files, made anew when one of them changes. A look costs microseconds."""

    def __init__(self, files: Callable[[T], Iterable[Path]], make: Callable[[], T]) -> None:
        """``make`` raises ``AlloError`` for files that can't be used: passed on now, later the old value stays."""
        self._files, self._make = files, make
        self._value = make()
        self._stamp = self._look()
        self.fault = ""
        """What is wrong with the files as they are now; empty: they are in use."""

    @property
    def current(self) -> T:
        """The value of the files as they are, or as they were before they were broken."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            self._renew()
        return self._value

    def _renew(self) -> None:
        try:
            self._value = self._make()
        except AlloError as error:
            self.fault = str(error)
            log.error("%s; the texts and settings of before stay in use", error)
        else:
            self.fault = ""
            log.info("changed files are in use from now on")

    def _look(self) -> Stamp:
        return tuple(stamp_of(path) for path in self._files(self._value))


def stamp_of(path: Path) -> tuple[str, int, int]:
    """What of a file differs when it was written anew."""
    try:
        status = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), status.st_mtime_ns, status.st_size
