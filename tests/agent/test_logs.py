import asyncio
import json
import logging
from collections.abc import Iterator
from contextvars import copy_context

import pytest

from agent.call import Call
from agent.figures import logs
from agent.figures.logs import CALL
from agent.settings import Log, Settings

log = logging.getLogger("telephony.test_logs")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    for name in ("telephony", "telephony.test_logs", *logs.CHATTY):
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


def test_json_has_a_field_for_everything(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(Log(format="json"))
    token = logs.CALL.set("one")
    try:
        raise ValueError("бывает")
    except ValueError:
        log.exception("it broke: %s", "here")
    logs.CALL.reset(token)
    (line,) = written(capsys)
    told = json.loads(line)
    assert told.pop("at").endswith("+00:00")
    assert "ValueError: бывает" in told.pop("fault")
    assert told == {"level": "error", "module": "telephony.test_logs", "message": "it broke: here", "call": "one"}


def test_levels_change_while_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(Log(level="warning"))
    log.debug("one")
    logs.set_levels(Log(level="warning", levels={"telephony": "debug"}))
    log.debug("two")
    logs.set_levels(Log(level="warning"))
    log.debug("three")
    assert [line.split(": ")[1] for line in written(capsys)] == ["two"]


def test_libraries_are_quiet_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(Log())
    logging.getLogger("httpx").info("a request")
    logs.set_levels(Log(level="debug"))
    logging.getLogger("httpx").info("another")
    assert [line.split(": ")[1] for line in written(capsys)] == ["another"]


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
