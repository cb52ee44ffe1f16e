"""Call-backs: noted on the disk, made when due, given up in the end, whatever restarts."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.errors import RecordError
from telephony.modem_callbacks import (
    GIVE_UP,
    KEPT,
    TRIES,
    WAITING_MOST,
    CallBack,
    CallBackBook,
    CallBacks,
    Dialled,
    allowed,
)
from telephony.simulated.profile import Profile
from tests.fakes.sim7600 import plugged_in

NUMBER = "+79161234567"


def now() -> datetime:
    return datetime.now(UTC)


def only(folder: Path) -> CallBack:
    """The one that is on the disk."""
    (row,) = CallBackBook(folder).rows
    return row


def test_the_book_outlives_the_daemon_and_holds_one_call_back_for_a_number(tmp_path: Path) -> None:
    book = CallBackBook(tmp_path)
    book.add(NUMBER, now() + timedelta(minutes=10), "первый", "modem")
    later = book.add(NUMBER, now() + timedelta(minutes=20), "второй", "modem")
    other = book.add("+78005553535", now(), "", "modem2")
    again = CallBackBook(tmp_path)
    assert again.rows == [later, other]
    both = frozenset({"modem", "modem2"})
    assert again.waiting("modem", both) == [later]
    assert again.waiting("modem2", both) == [other]
    assert again.waiting("modem", frozenset({"modem"})) == [other, later], "a modem that is no more has an heir"
    again.put(replace(other, state="done"))
    assert CallBackBook(tmp_path).waiting("modem2", both) == []


def test_the_book_does_not_grow_for_ever_and_bears_a_broken_file(tmp_path: Path) -> None:
    (tmp_path / "call_backs.json").write_text('[{"id": "x"', encoding="utf-8")
    book = CallBackBook(tmp_path)
    assert book.rows == []
    assert (tmp_path / "call_backs.bad").exists()
    book._rows = {str(n): CallBack(str(n), "1", now().isoformat(), "", "m", "", "done") for n in range(KEPT + 9)}
    for number in range(WAITING_MOST):
        book._rows[f"w{number}"] = CallBack(f"w{number}", str(number), now().isoformat(), "", "m", "")
    with pytest.raises(RecordError, match="waiting already"):
        book.add(NUMBER, now(), "", "m")
    book.add("7", now(), "", "m")
    assert len(json.loads((tmp_path / "call_backs.json").read_text(encoding="utf-8"))) == KEPT + WAITING_MOST


@pytest.mark.parametrize(
    ("number", "fits"), [("+79161234567", True), ("+74951234567", False), ("88005553535", True), ("", False)]
)
def test_only_numbers_of_the_patterns_are_called(number: str, fits: bool) -> None:
    assert allowed(number, ("+79*", "8800???????")) is fits
    assert not allowed(number, ())


def test_what_the_disk_does_not_take_is_not_promised(tmp_path: Path) -> None:
    book = CallBackBook(tmp_path)
    first = book.add(NUMBER, now(), "", "m")
    (tmp_path / "call_backs.new").mkdir()
    with pytest.raises(RecordError, match="can't be kept"):
        book.add("+78005553535", now(), "", "m")
    assert book.rows == [first]
    with pytest.raises(RecordError, match="can't be kept"):
        book.put(replace(first, state="done"))
    assert book.rows[0].state == "done", "else it would be made again and again"


class Dialler:
    """Dials nobody; says what became of it and tells when it was asked."""

    def __init__(self, *said: Dialled) -> None:
        self._said = list(said)
        self.dialled: list[tuple[str, str]] = []
        self.done = asyncio.Event()

    async def __call__(self, number: str, why: str) -> Dialled:
        self.dialled.append((number, why))
        return self._said.pop(0)


async def tried(folder: Path, row: CallBack, dial: Dialler, patterns: tuple[str, ...] = ("+7*",)) -> CallBack:
    """What stands on the disk after one look at a book with this row."""
    book = CallBackBook(folder)
    book._keep([row])
    backs = CallBacks(book, patterns, "modem")
    running = asyncio.create_task(backs.run(dial))
    try:
        async with asyncio.timeout(5):
            while only(folder) == row or only(folder).note == "being called":  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.005)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return only(folder)


def due(ago: timedelta = timedelta(0), tries: int = 0) -> CallBack:
    return CallBack("id", NUMBER, (now() - ago).isoformat(), "Вы просили.", "modem", "", tries=tries)


async def test_it_is_made_when_due_and_its_end_is_noted(tmp_path: Path) -> None:
    dial = Dialler(Dialled("answered", "answered: call c1"))
    row = await tried(tmp_path, due(), dial)
    assert (row.state, row.tries, row.note) == ("done", 1, "answered: call c1")
    assert dial.dialled == [(NUMBER, "Вы просили.")]


async def test_nobody_answers_and_it_is_tried_again_later_and_then_given_up(tmp_path: Path) -> None:
    row = await tried(tmp_path, due(), Dialler(Dialled("unanswered", "not answered")))
    assert (row.state, row.tries) == ("waiting", 1)
    assert timedelta(minutes=2) < row.at - now() <= timedelta(minutes=3)
    row = await tried(tmp_path, due(tries=TRIES - 1), Dialler(Dialled("unanswered", "not answered")))
    assert (row.state, row.tries, row.note) == ("failed", TRIES, "not answered")


async def test_a_busy_line_is_no_try_but_has_a_deadline(tmp_path: Path) -> None:
    row = await tried(tmp_path, due(), Dialler(Dialled("busy", "busy: there is a call already")))
    assert (row.state, row.tries) == ("waiting", 0)
    row = await tried(tmp_path, replace(due(GIVE_UP + timedelta(minutes=1)), note="busy: all the time"), Dialler())
    assert (row.state, row.note) == ("failed", "busy: all the time")


async def test_a_daemon_that_was_away_too_long_says_so(tmp_path: Path) -> None:
    row = await tried(tmp_path, due(GIVE_UP + timedelta(hours=3)), Dialler())
    assert (row.state, row.note) == ("failed", "Allo or its modem was not there at that time")


async def test_a_number_that_may_be_called_no_more_is_not(tmp_path: Path) -> None:
    row = await tried(tmp_path, due(), Dialler(), ("+1*",))
    assert row.state == "failed"
    assert "[modem] call_back" in row.note


def test_who_could_not_be_rung_at_all_is_offered_no_call_back(tmp_path: Path) -> None:
    backs = CallBacks(CallBackBook(tmp_path), ("*",), "modem", ("+79*",))
    assert backs.may("+79161234567")
    assert not backs.may("+78091234567")


async def test_a_caller_is_called_back_over_the_modem_after_his_call(tmp_path: Path) -> None:
    async with plugged_in(tmp_path, Profile(alert_ms=50, pick_up_ms=50), call_back="+7*") as (sim, source, door):
        sim.ring(NUMBER)
        guest = await door.guest()
        await guest.answered.wait()
        assert guest.line.ways == {"text", "call"}  # type: ignore[attr-defined]
        in_a_second = now() + timedelta(seconds=1)
        await guest.line.call_back(in_a_second, "Вы просили перезвонить.")  # type: ignore[attr-defined]
        sim.hang_up()
        again = await door.guest(1, 9)
        assert now() >= in_a_second.replace(microsecond=0)
        assert f"ATD{NUMBER};" in sim.modem.asked
        assert again.line.caller.purpose == "Вы просили перезвонить."
        assert guest.line.caller.purpose is None
        await again.until(lambda: len(again.pcm) > 3200, 5)
        sim.hang_up()
        await asyncio.wait_for(again.over.wait(), 5)
        assert source.call_backs.rows[0].state == "done"
        assert (source.figures.calls_in, source.figures.calls_out, source.figures.on_air) == (1, 1, True)
