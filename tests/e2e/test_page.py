"""The admin page in a real browser, over a real daemon with a real call."""

import asyncio
import os
import re
import time
from importlib.resources import files
from pathlib import Path

import aiohttp
import pytest

from bench.daemon import DaemonProcess
from bench.wire import Plan, PlanItem
from gateways.guard import COOKIE
from tests.e2e.caller import Caller
from tests.e2e.facts import FIRST, path
from tests.gateways.browser import Page, chromium, open_page

SHOTS = Path("build/page")
KEY = "correct horse"
VIEWS = ("calls", "live", "figures", "knowledge", "chat", "health", "help", "paths")
SIZES = tuple((width, theme) for width in (375, 1280, 1920) for theme in ("light", "dark"))
AXE = """axe.run({resultTypes: ['violations']}).then((done) => done.violations.map((one) =>
  one.id + ': ' + one.nodes.map((node) => node.html).join(' ')))"""


PROBE = """(() => {
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      window.probe = new AnalyserNode(this.context, { fftSize: 2048 });
      connect.call(this, window.probe);
    }
    return connect.call(this, target, ...rest);
  };
})()"""
LOUD = """(() => { const wave = new Float32Array(2048); window.probe.getFloatTimeDomainData(wave);
  return Math.max(...wave) > 0.05; })()"""


@pytest.fixture(autouse=True)
def browser() -> None:
    """Without Chromium the tests are skipped; with ALLO_REQUIRE_ASTERISK=1 they fail."""
    if chromium() is None:
        if os.environ.get("ALLO_REQUIRE_ASTERISK") == "1":
            pytest.fail("ALLO_REQUIRE_ASTERISK=1, but Chromium is missing: apt-get install chromium")
        pytest.skip("Chromium is missing: apt-get install chromium, or make test does it")


async def choose(page: Page, language: str) -> None:
    """Whatever is loaded from now on speaks this language."""
    chosen = f"localStorage.setItem('language', '{language}')"
    await page.tell("Page.addScriptToEvaluateOnNewDocument", source=chosen)


async def sign_in(page: Page, daemon: DaemonProcess) -> None:
    """The browser gets the cookie as if it had given the key."""
    address = f"http://127.0.0.1:{daemon.web_port}"
    key = {"key": daemon.web_key}
    async with aiohttp.ClientSession() as http, http.post(f"{address}/api/session", json=key) as entered:
        token = entered.cookies[COOKIE].value
    await page.tell("Network.setCookie", name=COOKIE, value=token, url=address)


async def opened(page: Page, daemon: DaemonProcess, place: str, language: str = "ru") -> None:
    await choose(page, language)
    if (daemon.storage / "web.key").exists():
        await sign_in(page, daemon)
    await page.open(f"http://127.0.0.1:{daemon.web_port}/#/{place}")
    await page.until(f"document.querySelector('main').dataset.view === '{place}'")


@pytest.mark.timeout(120)
async def test_a_call_appears_live_then_in_the_table_opens_and_plays(daemon: DaemonProcess) -> None:
    async with open_page() as page:
        await page.tell("Page.addScriptToEvaluateOnNewDocument", source=PROBE)
        await opened(page, daemon, "live")
        assert "Сейчас никто не звонит" in await page.run("document.body.innerText")
        caller = Caller(Plan(daemon.uri, [[PlanItem(path(FIRST))]], user="+7916123"))
        await page.until("document.querySelector('.card h2')?.textContent.includes('7916123')")
        await page.click(".card button", "Слушать")
        await page.until(LOUD)
        heard = await page.until("document.querySelector('.card .caller:not(.partial)')?.textContent")
        assert "график" in heard
        await page.until("document.querySelector('.card .lag').textContent.match(/ответ за \\d+/)")
        await page.until("[...document.querySelectorAll('.card .words p')].at(-2).textContent.includes('[general]')")
        assert caller.report().ended_by == "caller"
        await page.until("document.querySelector('.card .turn').textContent === 'разговор окончен'")

        await page.click("nav a", "Звонки")
        await page.until("document.querySelector('.calls tbody tr')")
        await page.click("#q")
        await page.type("графику")
        assert "график" in await page.until("document.querySelector('.calls mark')?.textContent")
        await page.type(" слон")
        await page.until("document.querySelector('.empty h2')?.textContent === 'Ничего не нашлось'")
        await page.click("button", "Убрать фильтры")
        await page.click(".calls tbody td.question")

        await page.until("document.querySelector('.talk .caller')?.textContent.includes('график')")
        await page.click(".fall summary")
        assert "конец реплики" in await page.run("document.querySelector('.fall').innerText")
        await page.click(".found-in summary")
        assert "[general] Часы работы" in await page.run("document.querySelector('.found-in').innerText")
        await page.click(".talk .caller .at button")
        await page.until("document.querySelector('.player audio').currentTime > 1")
        assert "график" in await page.until("document.querySelector('.talk .caller.now')?.textContent")
        await page.until("document.querySelector('.talk .now .said')")
        await page.picture(SHOTS / "call-playing.png")
        await page.click(".player button", "Пауза")
        await page.click(".head button", "Прожить заново")
        await page.until("document.body.innerText.includes('Решения те же, бит в бит.')")
        await page.click("summary", "Решения и события")
        assert await page.run("document.querySelectorAll('.stories tr').length") > 5
        await page.run(files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + ";1")
        for width, theme in SIZES:
            await page.resize(width, 900, theme)
            assert await page.run("document.documentElement.scrollWidth <= innerWidth"), width
            await page.picture(SHOTS / f"call-{width}-{theme}.png", whole=True)
            assert width != 1280 or await page.run(AXE) == [], theme
        await page.resize(1280, 900)
        await page.click("button", "Ответ неверный")
        await page.click("#wrong-expected")
        await page.type("с 9 до 18")
        await page.picture(SHOTS / "call-wrong.png")
        await page.click("dialog button", "Сообщить")
        await page.until("document.querySelector('.toast')?.textContent.includes('добавлен')")
        await opened(page, daemon, "figures")
        await page.until("document.querySelector('.totals dd')?.textContent === '1'")
        assert page.faults == []


async def test_a_call_is_hung_up_and_deleted_from_the_page(daemon: DaemonProcess) -> None:
    async with open_page() as page:
        await opened(page, daemon, "live", "en")
        caller = Caller(Plan(daemon.uri, [[]], hangup_after_s=30))
        await page.click(".card button", "Hang up")
        await page.click("dialog button", "Hang up")
        assert caller.report().ended_by == "far side"
        await page.until("document.querySelector('.card .turn').textContent === 'the call is over'")

        await page.click("nav a", "Calls")
        await page.until("document.querySelector('.calls .status.completed')")
        await page.click(".head button", "Delete")
        await page.click("dialog button", "Cancel")
        assert daemon.rows("SELECT count(*) AS n FROM calls") == [{"n": 1}]
        await page.click(".head button", "Delete")
        await page.click("dialog button", "Delete")
        await page.until("document.querySelector('.empty')?.textContent.includes('No calls yet')")
        assert page.faults == []
    assert daemon.rows("SELECT count(*) AS n FROM calls") == [{"n": 0}]
    assert list((daemon.storage / "calls_log").iterdir()) == []


async def test_an_open_page_neither_holds_the_daemon_up_nor_misses_its_return(daemon: DaemonProcess) -> None:
    async with open_page() as page:
        await opened(page, daemon, "live")
        await page.until("document.querySelector('.link.on')")
        began = time.monotonic()
        assert await asyncio.to_thread(daemon.stop) == 0
        assert time.monotonic() - began < 3
        await page.until("!document.querySelector('.link.on')")
        await asyncio.to_thread(daemon.start)
        await page.until("document.querySelector('.link.on')")


async def test_the_address_that_is_printed_at_the_first_start_opens_the_page_once(daemon: DaemonProcess) -> None:
    [address] = re.findall(r"page +(http\S+#/calls\?key=\S+)", daemon.log)
    async with open_page() as page:
        await choose(page, "en")
        await page.open(address)
        await page.until("document.querySelector('.empty')?.textContent.includes('No calls yet')")
        assert daemon.web_key not in await page.run("location.href")
        assert await page.run("fetch('/logs').then((reply) => reply.status)") == 200
    await asyncio.to_thread(daemon.stop)
    await asyncio.to_thread(daemon.start)
    assert daemon.log.count(daemon.web_key) == 1


async def test_the_agent_answers_in_writing(daemon: DaemonProcess) -> None:
    async with open_page() as page:
        await opened(page, daemon, "chat")
        for question, answer in (
            ("какая гарантия", "24 месяца"),
            ("повторите", "24 месяца"),
            ("оператор", "перешёл бы"),
        ):
            await page.click("#ask")
            await page.type(question)
            await page.click("form.ask button")
            await page.until(f"[...document.querySelectorAll('.chat p')].at(-1).textContent.includes('{answer}')")
        assert page.faults == []


@pytest.mark.timeout(120)
async def test_every_view_fits_is_accessible_and_asks_for_the_key_once(launch) -> None:  # type: ignore[no-untyped-def]
    daemon = launch({"WEB__API_KEY": KEY})
    axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + ";1"
    async with open_page() as page:
        await choose(page, "ru")
        await page.open(f"http://127.0.0.1:{daemon.web_port}/")
        await page.click("#key")
        await page.type("wrong")
        await page.click("dialog button")
        await page.until("document.querySelector('.alarm').textContent.length > 5")
        await page.click("#key")
        await page.type(KEY)
        await page.click("dialog button")
        await page.until("document.querySelector('main').dataset.view === 'calls'")
        page.faults.clear()  # Chromium notes every 401 as an error
        found = []
        await page.run(axe)
        for view in VIEWS:
            await opened(page, daemon, view)
            for width, theme in SIZES:
                await page.resize(width, 900, theme)
                assert await page.run("document.documentElement.scrollWidth <= innerWidth"), (view, width)
                await page.picture(SHOTS / f"{view}-{width}-{theme}.png")
                if width == 1280:
                    found += [f"{view} {theme}: {fault}" for fault in await page.run(AXE)]
        assert found == []
        assert page.faults == []
        await opened(page, daemon, "health")
        await page.run("window.before = true")
        await page.click(".tools button", "Выйти")  # the page is loaded anew
        await page.until("!window.before && document.querySelector('main').dataset.view === 'health'")
        await page.click("nav a", "Звонки")
        await page.until("document.querySelector('#key')")
    assert not re.search(KEY, daemon.log)
