"""Log lines: for people or as JSON, each with the call that it is about; levels may change while the daemon runs."""

import json
import logging
import os
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

from agent.figures.discreet import OURS, Raised, fault_text, harmless, take_hooks
from agent.settings import Log

CALL: ContextVar[str] = ContextVar("call", default="")
"""The call that the running task belongs to; empty outside calls."""
PEOPLE = "%(asctime)s %(levelname)s %(name)s: %(message)s%(call)s"

PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))
"""Level -> the journal's priority, syslog(3)."""


def set_up(settings: Log) -> None:
    """Write to standard error from now on, in the settings' format and from their levels on."""
    out = logging.StreamHandler(sys.stderr)
    lines = JsonLines() if settings.format == "json" else ForPeople(PEOPLE)
    out.setFormatter(ForJournal(lines) if journal_reads() else lines)
    out.addFilter(_with_call)
    out.addFilter(harmless)
    take_hooks()
    logging.basicConfig(handlers=[out], force=True)
    set_levels(settings)


def set_levels(settings: Log) -> None:
    """Obey ``level`` and ``levels``; a module that is named no longer follows the others again."""
    logging.getLogger().setLevel(settings.level.upper())
    known = [logger for logger in logging.Logger.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    for logger in known:
        # a library's lines below a warning are never written (``harmless``): so they need not be made
        logger.setLevel(logging.NOTSET if logger.name.split(".", 1)[0] in OURS else logging.WARNING)
    for name, level in settings.levels.items():
        logging.getLogger(name).setLevel(level.upper())


class ForPeople(logging.Formatter):
    """A line for people, a fault below it."""

    def formatException(self, ei: Raised) -> str:  # noqa: N802 - the name is the library's
        """Without what may be a caller's."""
        return fault_text(ei)


class ForJournal(logging.Formatter):
    """Each line with its priority before it (sd-daemon(3)), so that ``journalctl -p warning`` finds it."""

    def __init__(self, lines: logging.Formatter) -> None:
        """``lines``: how they look behind the priority, which the journal takes away."""
        super().__init__()
        self._lines = lines

    def format(self, record: logging.LogRecord) -> str:
        """The line, or the lines of a fault."""
        mark = next(f"<{priority}>" for level, priority in PRIORITIES if record.levelno >= level)
        return mark + self._lines.format(record).replace("\n", f"\n{mark}")


def journal_reads() -> bool:
    """Whether standard error goes to systemd's journal (systemd.exec(5), ``JOURNAL_STREAM``)."""
    try:
        out = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):  # it is none of the system's
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{out.st_dev}:{out.st_ino}"


class JsonLines(logging.Formatter):
    """One JSON object a line: ``at``, ``level``, ``module``, ``message``; ``call`` and ``fault`` where there are."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "module": record.name,
            "message": record.getMessage(),
        }
        if CALL.get():
            line["call"] = CALL.get()
        if record.exc_info:
            line["fault"] = fault_text(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _with_call(record: logging.LogRecord) -> bool:
    """Name the call at the end of a line for people, unless the line does so itself."""
    call = CALL.get()
    record.call = f" [call {call}]" if call and call not in record.getMessage() else ""
    return True
