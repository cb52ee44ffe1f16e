"""How soon the table of calls stands in a real browser: from the navigation's beginning until 50 rows are painted."""

import asyncio
from contextlib import suppress

from bench.report import percentile
from tests.gateways.browser import WAIT_S, Page, Reloaded, chromium, open_page

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


async def browse(base: str, key: str, rounds: int) -> None:
    """Print a line for a browser that was never here and one for a browser that was."""
    if chromium() is None:
        print("first page in Chromium: there is none here (apt-get install chromium)")
        return
    async with open_page() as page:
        await page.tell("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        await page.tell("Network.enable")
        await page.open(f"{base}/")
        await page.until("document.readyState === 'complete'")
        body = f"JSON.stringify({{key: '{key}'}})"
        how = f"{{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: {body}}}"
        await page.run(f"fetch('/api/session', {how}).then((reply) => reply.status)")
        for kind, fresh in (("first page, new browser", True), ("first page, known to it", False)):
            took = [await _visit(page, base, number, fresh) for number in range(rounds)]
            print(f"{kind:22} n {len(took):4}  p50 {percentile(took, 0.5):7.1f}  p95 {percentile(took, 0.95):7.1f} ms")


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
