import asyncio
import gc
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Literal

import pytest

from agent.call import Call
from agent.errors import StartError
from agent.figures import logs
from agent.figures.discreet import of_loop
from agent.figures.logs import CALL
from agent.settings import Log, Settings

log = logging.getLogger("telephony.test_logs")
NAME = "-".join(["iva", "nov"])
"""A caller's word; no line of a program that a traceback shows has it."""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    root.handlers[:], root.level = handlers, level
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    for name in ("telephony", "telephony.test_logs", "httpx", "aiosqlite"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_line_names_its_call(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(Log())
    log.info("before")
    token = logs.CALL.set("one")
    log.info("in it")
    log.info("call one: ended")
    logs.CALL.reset(token)
    before, inside, ended = written(capsys)
    assert before.endswith("INFO telephony.test_logs: before")
    assert inside.endswith("in it [call one]")
    assert ended.endswith("call one: ended")


@pytest.mark.parametrize("form", ["console", "json"])
def test_the_journal_is_told_how_grave_a_line_is(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: Literal["console", "json"]
) -> None:
    """Else all lines are of one priority, and ``journalctl -p warning`` shows none."""
    there = os.fstat(2)
    with os.fdopen(os.dup(2), "w") as error:
        monkeypatch.setattr(sys, "stderr", error)
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
        logs.set_up(Log(format=form))
        log.info("well")
        log.warning("hm")
        try:
            raise StartError("бывает")
        except StartError:
            log.exception("broken")
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:1")  # of whoever started us, and read by another
        logs.set_up(Log(format=form))
        log.warning("plain")
    *lines, plain = capfd.readouterr().err.splitlines()
    assert {line[:3] for line in lines[2:]} == {"<3>"}
    assert [line[:3] for line in lines[:3]] == ["<6>", "<4>", "<3>"]
    assert len(lines) > 3 or form == "json"
    assert not plain.startswith("<")
    if form == "json":
        assert json.loads(lines[1].removeprefix("<4>"))["message"] == "hm"


def test_json_has_a_field_for_everything(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(Log(format="json"))
    token = logs.CALL.set("one")
    try:
        raise StartError("бывает")
    except StartError:
        log.exception("it broke: %s", "here")
    logs.CALL.reset(token)
    (line,) = written(capsys)
    told = json.loads(line)
    assert told.pop("at").endswith("+00:00")
    assert "StartError: бывает" in told.pop("fault")
    assert told == {"level": "error", "module": "telephony.test_logs", "message": "it broke: here", "call": "one"}


def test_levels_change_while_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(Log(level="warning"))
    log.debug("one")
    logs.set_levels(Log(level="warning", levels={"telephony": "debug"}))
    log.debug("two")
    logs.set_levels(Log(level="warning"))
    log.debug("three")
    assert [line.split(": ")[1] for line in written(capsys)] == ["two"]


@pytest.mark.parametrize("level", ["info", "debug"])
def test_libraries_only_warn(level: Literal["info", "debug"], capsys: pytest.CaptureFixture[str]) -> None:
    """At debug they write what passes through them: values of SQL, questions to models, events with a number."""
    logs.set_up(Log(level=level, levels={"aiosqlite": "debug"}))
    for name in ("httpx", "aiosqlite", "websockets.client"):
        logging.getLogger(name).debug("+79161234567 спросил")
        logging.getLogger(name).info("INSERT ... ('+79161234567')")
        logging.getLogger(name).warning("a warning of %s", name)
    assert [line.split(": ")[1] for line in written(capsys)] == [
        f"a warning of {name}" for name in ("httpx", "aiosqlite", "websockets.client")
    ]


@pytest.mark.parametrize("format_", ["console", "json"])
def test_a_fault_tells_where_it_broke_and_not_what_was_said(
    format_: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up(Log(format=format_))
    known: dict[str, str] = {}
    try:
        try:
            known[NAME]
        except KeyError as error:
            faults = [ValueError(NAME), OSError(2, "no such file", "calls.sqlite"), StartError("port taken")]
            raise ExceptionGroup(NAME, faults) from error
    except ExceptionGroup:
        log.exception("it broke")
    told = "".join(written(capsys))
    assert NAME not in told
    for part in ("KeyError: ", "ValueError: ", "No such", "port taken", "3 faults", "in test_a_fault_tells"):
        assert part.lower() in told.lower(), told


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, pytest.importorskip("uvloop").new_event_loop])
def test_what_a_callback_was_given_is_not_in_the_log(
    new_loop: Callable[[], asyncio.AbstractEventLoop], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up(Log())

    def broken(word: str) -> None:
        raise LookupError(word)

    async def lost() -> None:
        raise LookupError(NAME)

    async def run() -> None:
        asyncio.get_running_loop().call_soon(broken, NAME)
        lost_one = asyncio.ensure_future(lost())
        await asyncio.wait((lost_one,))

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.get_loop().set_exception_handler(of_loop)
        runner.run(run())
        gc.collect()
    thread = threading.Thread(target=broken, args=(NAME,))
    thread.start()
    thread.join()
    told = "\n".join(written(capsys))
    assert NAME not in told
    for part in ("Exception in callback", "Task exception was never retrieved (Task-", "a thread ended"):
        assert part in told
    assert told.count("LookupError: (its text is not shown") == 3


def test_levels_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLO_LOG__LEVELS", "telephony=debug, kb = warning")
    assert Settings().log.levels == {"telephony": "debug", "kb": "warning"}


async def test_what_a_frame_sets_off_is_logged_for_its_own_call() -> None:
    """Frames may come in the context of whoever reads the wire, or keeps the clock, for all calls."""

    async def named() -> str:
        return CALL.get()

    call = object.__new__(Call)
    CALL.set("its own")
    call._context = copy_context()
    async with asyncio.TaskGroup() as call._tasks:
        CALL.set("of another call")
        begun = call._spawn(named())
    assert begun.result() == "its own"
