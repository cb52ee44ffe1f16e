"""How soon the table of calls stands in a real browser: from the navigation's beginning until 50 rows are painted."""

import asyncio
from contextlib import suppress

from tests.gateways.browser import WAIT_S, Page, Reloaded, open_page

ROWS = 50
"""Calls on a page."""
LOOK = "new Promise((done) => setTimeout(() => done(window.painted || 0), 100))"
"""Looks rarely: ``Page.until`` looks in each frame, and so makes the browser draw them all."""
WATCH = f"""
window.painted = 0;
new MutationObserver(() => {{
  if (!window.painted && document.querySelectorAll("main tbody tr").length >= {ROWS}) {{
    window.painted = -1;
    requestAnimationFrame(() => setTimeout(() => {{ window.painted = performance.now(); }}));
  }}
}}).observe(document, {{ childList: true, subtree: true }});
"""
"""``performance.now`` counts from the navigation's beginning (High Resolution Time, 4)."""


BROWSERS = {"new": True, "known": False}
"""One that was never here, and one that was."""


async def browse(base: str, key: str, rounds: int) -> dict[str, list[float]]:
    """How long each kind of browser took, milliseconds; raises ``RuntimeError`` without Chromium."""
    took: dict[str, list[float]] = {}
    async with open_page() as page:
        await page.tell("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        await page.tell("Network.enable")
        await page.open(f"{base}/")
        await page.until("document.readyState === 'complete'")
        body = f"JSON.stringify({{key: '{key}'}})"
        how = f"{{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: {body}}}"
        await page.run(f"fetch('/api/session', {how}).then((reply) => reply.status)")
        for kind, fresh in BROWSERS.items():
            took[f"{kind} browser"] = [await _visit(page, base, number, fresh) for number in range(rounds)]
    return took


async def _visit(page: Page, base: str, number: int, fresh: bool) -> float:
    await page.open("about:blank")
    await page.until("location.href === 'about:blank'")
    if fresh:
        await page.tell("Network.clearBrowserCache")
    await page.open(f"{base}/?visit={number}#/calls")
    async with asyncio.timeout(WAIT_S):
        took = 0.0
        while not took:
            with suppress(Reloaded):
                took = max(0.0, float(await page.run(LOOK)))
    return took
