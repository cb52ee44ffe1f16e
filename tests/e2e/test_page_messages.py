"""The GSM lines on the page, in a real browser over a real daemon whose modem is simulated."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from bench.daemon import DaemonProcess
from bench.modem import behind
from telephony.modem_callbacks import CallBackBook
from telephony.simulated.sim7600 import Sim7600
from tests.e2e.conftest import Launch
from tests.e2e.test_page import AXE, SHOTS, SIZES, browser, opened
from tests.gateways.browser import open_page

__all__ = ["browser"]
SHOWN = "document.querySelector('.threads')?.innerText"


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim7600]:
    modem = Sim7600(tmp_path / "dev")
    modem.start()
    yield modem
    modem.stop()


@pytest.mark.timeout(60)
async def test_messages_are_read_found_and_answered_and_a_call_back_given_up(
    launch: Launch, sim: Sim7600, tmp_path: Path
) -> None:
    storage = tmp_path / "var"
    CallBackBook(storage / "modem").add("+79031112233", datetime.now(UTC) + timedelta(hours=1), "сроки", "modem")
    daemon = launch(behind(sim), storage=storage)
    daemon.wait_for(lambda: daemon.health()["lines"]["modem"].startswith("up; registered"), 8, "up")
    sim.text("Вы сегодня работаете?")
    async with open_page() as page:
        await opened(page, daemon, "messages")
        await page.until(f"{SHOWN}.includes('Вы сегодня работаете?')")
        await page.until("/Сигнал .71 дБм/.test(document.querySelector('.lines .card').innerText)")
        await page.click(".thread button", "Ответить")
        await page.type_at_once("Да, до <b>шести</b>.")
        await page.click("aside button.main", "Отправить")
        await page.until(f"{SHOWN}.includes('Да, до <b>шести</b>.')")
        assert "Да, до".encode("utf-16-be").hex().upper() in sim.modem.sent[0].upper()
        await page.click(".lines .code button", "Узнать")
        await page.until("/\\d/.test(document.querySelector('.said-code').textContent)")
        await page.run(files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + ";1")
        for width, theme in SIZES:
            await page.resize(width, 900, theme)
            assert await page.run("document.documentElement.scrollWidth <= innerWidth"), width
            await page.picture(SHOTS / f"messages-{width}-{theme}.png", whole=True)
            assert width != 1280 or await page.run(AXE) == [], theme
        await page.resize(1280, 900)
        await page.click("aside .rows button", "Отменить")
        await page.click("dialog button", "Отменить")
        await page.until("document.querySelector('.toast')?.textContent.includes('отменён')")
        await page.until("document.querySelector('aside').innerText.includes('Никто не ждёт звонка')")
        await page.click(".letters .search")
        await page.type("слон")
        await page.until("document.querySelector('.threads .empty')")
        assert page.faults == []
    (row,) = json.loads((storage / "modem/call_backs.json").read_text(encoding="utf-8"))
    assert row["state"] == "cancelled"


async def test_without_a_modem_the_page_says_what_to_do(daemon: DaemonProcess) -> None:
    async with open_page() as page:
        await opened(page, daemon, "messages", "en")
        assert "ALLO_MODEM__ENABLED=true" in await page.run("document.querySelector('.empty').innerText")
        await page.picture(SHOTS / "messages-none.png")
        assert page.faults == []
