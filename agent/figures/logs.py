"""Log lines: for people or as JSON, each with the call that it is about; levels may change while the daemon runs."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

from agent.settings import Log

CALL: ContextVar[str] = ContextVar("call", default="")
"""The call that the running task belongs to; empty outside calls."""
PEOPLE = "%(asctime)s %(levelname)s %(name)s: %(message)s%(call)s"
CHATTY = ("httpx", "httpx2", "openai", "pymorphy3")
"""Libraries that would write a line for every question."""


def set_up(settings: Log) -> None:
    """Write to standard error from now on, in the settings' format and from their levels on."""
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(JsonLines() if settings.format == "json" else logging.Formatter(PEOPLE))
    out.addFilter(_with_call)
    logging.basicConfig(handlers=[out], force=True)
    set_levels(settings)


def set_levels(settings: Log) -> None:
    """Obey ``level`` and ``levels``; a module that is named no longer follows the others again."""
    logging.getLogger().setLevel(settings.level.upper())
    known = [logger for logger in logging.Logger.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    for logger in known:
        if logger.name not in CHATTY:
            logger.setLevel(logging.NOTSET)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if settings.level == "debug" else logging.WARNING)
    for name, level in settings.levels.items():
        logging.getLogger(name).setLevel(level.upper())


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
            line["fault"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _with_call(record: logging.LogRecord) -> bool:
    """Name the call at the end of a line for people, unless the line does so itself."""
    call = CALL.get()
    record.call = f" [call {call}]" if call and call not in record.getMessage() else ""
    return True
