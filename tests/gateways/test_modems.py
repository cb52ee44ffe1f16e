"""The GSM lines on the page's API, over real sources whose modems are simulated or missing."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.desk.gsm_desk import GsmLines, gsm_lines
from agent.settings import Modem
from telephony.clock import MediaClock
from telephony.modem_callbacks import CallBackBook
from telephony.modem_line import sources
from telephony.modem_mail import MailBox, Message
from telephony.simulated.sim7600 import Sim7600
from telephony.switchboard import Switchboard
from tests.gateways.conftest import Office

UP_S = 5.0


def two_modems(folder: Path) -> GsmLines:
    lines = gsm_lines(sources(Modem(count=2), MediaClock(), folder))
    assert lines is not None
    return lines


async def test_messages_and_call_backs_are_shown_and_searched(office: Office, tmp_path: Path) -> None:
    none = await office.web.get("/api/modems")
    assert (none.status, (await none.json())["lines"]) == (200, {})

    folder = tmp_path / "modem"
    for number, text in (("+79161234567", "раз"), ("900", "Два"), ("+79161234567", "три")):
        MailBox(folder).add(Message("2026-11-21T10:00:00+00:00", "in", number, text))
    office.desk.modems = two_modems(folder)
    shown = await (await office.web.get("/api/modems?count=2")).json()
    assert [message["text"] for message in shown["messages"]] == ["Два", "три"]
    assert shown["call_backs"] == []
    assert shown["lines"]["modem2"]["state"] == "looking for the modem"
    assert shown["lines"]["modem1"]["on_air"] is False
    for words, texts in (("два", ["Два"]), ("1234567", ["раз", "три"]), ("916 три", ["три"]), ("слон", [])):
        found = await (await office.web.get("/api/modems", params={"q": words})).json()
        assert [message["text"] for message in found["messages"]] == texts
    assert (await office.web.get("/api/modems?count=0")).status == 422
    assert gsm_lines([]) is None


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("modem1/messages", {"number": "+79161234567", "text": "да"}, 503),
        ("modem9/messages", {"number": "+79161234567", "text": "да"}, 404),
        ("modem1/messages", {"number": "AT+CFUN", "text": "да"}, 422),
        ("modem1/messages", {"number": "+79161234567", "text": " "}, 422),
        ("modem1/code", {"code": '*100#",15;+CFUN=0'}, 422),
        ("modem1/code", {"code": "*100#"}, 503),
    ],
)
async def test_what_can_not_be_done_is_explained(
    office: Office, tmp_path: Path, path: str, body: dict[str, str], status: int
) -> None:
    assert (await office.web.post(f"/api/modems/{path}", json=body)).status in (404, 422)
    office.desk.modems = two_modems(tmp_path / "modem")

    reply = await office.web.post(f"/api/modems/{path}", json=body)

    assert (reply.status, reply.content_type) == (status, "application/problem+json")
    if status == 503:
        assert "looking for the modem" in (await reply.json())["detail"]


async def test_a_call_back_is_given_up_once(office: Office, tmp_path: Path) -> None:
    folder = tmp_path / "modem"
    book = CallBackBook(folder)
    row = book.add("+79161234567", datetime.now(UTC) + timedelta(hours=1), "доставка", "modem1")
    office.desk.modems = two_modems(folder)

    assert (await office.web.delete(f"/api/call-backs/{row.id}")).status == 200

    (kept,) = json.loads((folder / "call_backs.json").read_text(encoding="utf-8"))
    assert kept["state"] == "cancelled"
    assert book.waiting("modem1", frozenset({"modem1"})) == [row], "the other book is another process"
    again = await office.web.delete(f"/api/call-backs/{row.id}")
    assert (again.status, "given up already" in await again.text()) == (404, True)
    assert (await office.web.delete("/api/call-backs/none")).status == 404


async def test_a_modem_sends_and_asks_and_its_signal_is_noted(office: Office, tmp_path: Path) -> None:
    sim = Sim7600(tmp_path / "dev")
    sim.start()
    settings = Modem(ports=(f"{sim.at.path}|{sim.pcm.path}",))
    found = sources(settings, MediaClock(), tmp_path / "modem")
    lines = office.desk.modems = gsm_lines(found)
    assert lines is not None
    board = Switchboard(found, 1, lambda _line: asyncio.sleep(0))
    running = [asyncio.create_task(board.run(lambda: None))]
    try:
        async with asyncio.timeout(UP_S):
            while not (await lines.rows(1, ""))["lines"]["modem"]["on_air"]:  # noqa: ASYNC110 - the modem sets itself up
                await asyncio.sleep(0.02)
        running.append(asyncio.create_task(lines.watch()))
        sent = await office.web.post("/api/modems/modem/messages", json={"number": "+79161234567", "text": "Ждём вас"})
        assert (sent.status, await sent.json()) == (200, {"sent": True})
        assert "Ждём вас".encode("utf-16-be").hex().upper() in sim.modem.sent[0].upper()
        said = await (await office.web.post("/api/modems/modem/code", json={"code": "*100#"})).json()
        assert said["text"]
        shown = await (await office.web.get("/api/modems")).json()
        assert [(row["way"], row["text"]) for row in shown["messages"]] == [("out", "Ждём вас")]
        assert [signal for _, signal in shown["signal"]["modem"]] == [shown["lines"]["modem"]["signal_dbm"]]
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        sim.stop()
