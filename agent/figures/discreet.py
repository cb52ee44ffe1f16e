"""What a log may show of others' words: of libraries nothing but their warnings, of faults not what an exception says.

Libraries write at `debug` what passes through them: SQL with its values, requests to models, events of Asterisk with a
caller's number. A ``KeyError`` or a validation error quotes what it was given. Where it broke is told, and by what kind
of fault; what was in it is not.
"""

import asyncio
import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

from agent.errors import AlloError

OURS = frozenset(["agent", "audio", "bench", "gateways", "kb", "telephony", "tests", "__main__"])
"""Our own packages: they write no words and no numbers, at any level."""
OPEN = (AlloError, OSError, AttributeError, TypeError, NameError, ImportError, MemoryError, RecursionError)
"""Faults whose text tells of programs and files, never of what a caller said; a ``KeyError``'s is the key itself."""
CLOSED = "(its text is not shown: it may hold a caller's words)"

log = logging.getLogger(__name__)

Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def harmless(record: logging.LogRecord) -> bool:
    """Whether a line may be written: ours, or a library's warning; its traceback is ours to format."""
    return record.levelno >= logging.WARNING or record.name.split(".", 1)[0] in OURS


def fault_text(raised: Raised) -> str:
    """The traceback of an exception, of its causes and of a whole group, without what may be a caller's."""
    kind, error, trace = raised
    if kind is None or error is None:
        return ""
    told = traceback.TracebackException(kind, error, trace, compact=True)
    _close(told, error)
    return "".join(told.format()).rstrip("\n")


def _close(told: Any, error: BaseException) -> None:
    """Take the texts out, here and in everything that it came from."""
    if not isinstance(error, OPEN) and str(error):
        told._str = CLOSED
    if told.__cause__ is not None and error.__cause__ is not None:
        _close(told.__cause__, error.__cause__)
    if told.__context__ is not None and error.__context__ is not None:
        _close(told.__context__, error.__context__)
    if isinstance(error, BaseExceptionGroup):
        told._str = f"{len(error.exceptions)} faults"
        for each, inner in zip(told.exceptions or (), error.exceptions, strict=False):
            _close(each, inner)


def of_loop(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An event loop's ``exception_handler``: its own one shows what a callback was given, and what a task returned."""
    error, task = context.get("exception"), context.get("task") or context.get("future")
    message = str(context.get("message", "a fault in the event loop")).split("(", 1)[0].split("<", 1)[0].strip()
    name = f" ({task.get_name()})" if isinstance(task, asyncio.Task) else ""
    log.error("%s%s", message, name, exc_info=error if isinstance(error, BaseException) else None)


def take_hooks() -> None:
    """What would be printed past the log (a thread's end, the program's) goes through it."""

    def thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit and args.exc_value is not None:
            log.error("a thread ended", exc_info=(args.exc_type, args.exc_value, args.exc_traceback))

    def program(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            log.critical("the program ended", exc_info=(kind, error, trace))

    def dropped(args: Any) -> None:
        log.error("a fault was dropped", exc_info=(args.exc_type, args.exc_value, args.exc_traceback))

    threading.excepthook, sys.excepthook, sys.unraisablehook = thread, program, dropped
