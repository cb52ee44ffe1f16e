"""Health on the page, in a real browser: what the daemon tells is shown, also what the page knows nothing of."""

import pytest

from agent.ports import Health
from tests.gateways.browser import chromium, open_page
from tests.gateways.conftest import KEPT, Office

ANSWERS = {
    "models": {"big": "failing", "small": {"state": "ok", "since": "2026-11-21T10:00:00+00:00"}},
    "cost_limits": {"month": {"state": "over", "words": "1000 of 1000 roubles"}, "day": {"state": "ok"}},
    "warnings": ["recordings are <b>not</b> encrypted"],
    "fault": None,
    "nothing": {},
}
SHOWN = "document.querySelector('main').innerText"
ALARMS = "[...document.querySelectorAll('main .alarm')].map((e) => e.innerText).join(' / ')"


@pytest.mark.skipif(chromium() is None, reason="Chromium is missing: apt-get install chromium")
async def test_unknown_parts_limits_and_warnings_are_shown(office: Office) -> None:
    engines = {"stt": "vosk", "ears": {"state": "open", "why": "the server is away"}}
    health = Health(ready=True, version="1", lines={"sip": "up", "modem": "no network"}, answers=ANSWERS)
    object.__setattr__(health, "engines", engines)  # a shape of tomorrow
    office.desk.health = lambda: health
    async with open_page() as page:
        await page.tell("Page.addScriptToEvaluateOnNewDocument", source="localStorage.setItem('language', 'en')")
        await page.open(f"{office.web.make_url('/')}#/health?key={KEPT.replace(' ', '%20')}")
        await page.until("document.querySelector('main').dataset.view === 'health'")
        shown, alarms = await page.run(SHOWN), await page.run(ALARMS)
    for words in ("cost limits", "1000 of 1000 roubles", "ears", "the server is away", "vosk", "November 21, 2026"):
        assert words in shown
    assert "nothing" not in shown
    for words in ("recordings are <b>not</b> encrypted", "over", "no network", "open", "does not answer"):
        assert words in alarms
    assert "vosk" not in alarms
