"""The GSM lines on the page's API."""

from pathlib import Path

from agent.settings import Modem
from agent.web_desk import modem_rows
from telephony.clock import MediaClock
from telephony.modem_line import sources
from telephony.modem_mail import MailBox, Message
from tests.gateways.conftest import Office


async def test_messages_and_call_backs_are_shown_and_no_line_is_explained(office: Office, tmp_path: Path) -> None:
    missing = await office.web.get("/api/modems")
    assert (missing.status, "[modem] enabled" in await missing.text()) == (404, True)

    folder = tmp_path / "modem"
    for text in ("раз", "два", "три"):
        MailBox(folder).add(Message("2026-11-21T10:00:00+00:00", "in", "+79161234567", text))
    office.desk.modems = modem_rows(sources(Modem(count=2), MediaClock(), folder))
    shown = await (await office.web.get("/api/modems?count=2")).json()
    assert [message["text"] for message in shown["messages"]] == ["два", "три"]
    assert shown["call_backs"] == []
    assert shown["lines"]["modem2"]["state"] == "looking for the modem"
    assert shown["lines"]["modem1"]["on_air"] is False
    assert (await office.web.get("/api/modems?count=0")).status == 422
    assert modem_rows([]) is None
