"""Chromium, driven over its DevTools protocol: no driver program and no library beyond the HTTP client we have.

https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import base64
import itertools
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
)
GONE = ("navigated", "context was destroyed", "was collected", "Cannot find context", "default execution context")
"""What the protocol says, in so many words, when a page went away under a question."""
WAIT_S = 15.0
"""Longest wait for something on a page, seconds."""


def chromium() -> str | None:
    """The browser's path, where this machine has one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Reloaded(RuntimeError):  # noqa: N818 - an event, not a fault
    """The page that was asked is another one by now."""


class Page:
    """One page of a browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Use ``open_page``."""
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.faults: list[str] = []
        """What the page wrote to its console as an error, and exceptions that nobody caught."""

    async def listen(self) -> None:
        """Take the browser's messages until it goes away."""
        async for message in self._socket:
            news = json.loads(message.data)
            if "id" in news:
                self._answers.pop(news["id"]).set_result(news)
            elif news["method"] == "Runtime.exceptionThrown":
                self.faults.append(json.dumps(news["params"]["exceptionDetails"], ensure_ascii=False))
            elif news["method"] == "Log.entryAdded" and news["params"]["entry"]["level"] == "error":
                self.faults.append(news["params"]["entry"]["text"])

    async def tell(self, method: str, **values: Any) -> dict[str, Any]:
        """One command; raises ``RuntimeError`` when the browser refuses it, ``Reloaded`` when the page went away."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": values})
        news = await asyncio.wait_for(answer, WAIT_S)
        if "error" in news:
            gone = any(word in news["error"].get("message", "") for word in GONE)
            raise (Reloaded if gone else RuntimeError)(f"{method}: {news['error']}")
        return dict(news["result"])

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited."""
        done = await self.tell("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(f"{script}: {done['exceptionDetails']}")
        return done["result"].get("value")

    async def open(self, url: str) -> None:
        """Go there; what the page needs may still be on its way."""
        await self.tell("Page.navigate", url=url)

    async def until(self, script: str) -> Any:
        """The value of an expression as soon as it is true; raises ``TimeoutError`` with what the page shows."""
        poll = (
            "new Promise((done) => { const look = () => { let value = null;"
            f" try {{ value = ({script}); }} catch (error) {{ value = null; }}"
            " value ? done(value) : requestAnimationFrame(look); }; look(); })"
        )
        try:
            async with asyncio.timeout(WAIT_S):
                while True:
                    with suppress(Reloaded):  # another page is on its way: look there
                        return await self.run(poll)
        except TimeoutError:
            raise TimeoutError(f"never true: {script}\n{await self.run('document.body.innerText')}") from None

    async def click(self, selector: str, text: str = "") -> None:
        """Press the first element of ``selector`` that holds ``text``, with a mouse, where it stands."""
        every = f"[...document.querySelectorAll({json.dumps(selector)})]"
        found = f"{every}.find((e) => e.textContent.includes({json.dumps(text)}))"
        box = (
            f"(() => {{ const e = {found}; e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect();"
        )
        at = await self.until(f"{box} return r.width && [r.x + r.width / 2, r.y + r.height / 2]; }})()")
        for kind in ("mousePressed", "mouseReleased"):
            await self.tell("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", clickCount=1)

    async def type(self, text: str) -> None:
        """Into the focused field, a letter at a time."""
        for letter in text:
            await self.tell("Input.insertText", text=letter)

    async def type_at_once(self, text: str) -> None:
        """Into the focused field, as from the clipboard."""
        await self.tell("Input.insertText", text=text)

    async def resize(self, width: int, height: int, theme: str = "light") -> None:
        """The size of the window, and which theme the system has; nothing moves on the way there."""
        await self.tell(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        system = {"prefers-color-scheme": theme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in system.items()]
        await self.tell("Emulation.setEmulatedMedia", features=features)

    async def picture(self, path: Path, *, whole: bool = False) -> None:
        """A screenshot, of the window or of the whole page."""
        shot = await self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))


@asynccontextmanager
async def open_page(*switches: str) -> AsyncIterator[Page]:
    """A browser of its own with one page; it is gone afterwards."""
    program = chromium()
    if program is None:
        raise RuntimeError("there is no Chromium here: apt-get install chromium")
    with TemporaryDirectory(prefix="allo-chromium-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program, *SWITCHES, *switches, f"--user-data-dir={profile}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "TMPDIR": profile},  # what it leaves behind goes with the profile
        )  # fmt: skip
        try:
            async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as tasks:
                drain = tasks.create_task(_Output(process).drain())
                socket = await http.ws_connect(await _address(http, Path(profile)), max_msg_size=0)
                page = Page(socket)
                listening = tasks.create_task(page.listen())
                for domain in ("Page", "Runtime", "Log"):
                    await page.tell(f"{domain}.enable")
                yield page
                listening.cancel()
                await socket.close()
                process.terminate()
                await drain
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


class _Output:
    """What Chromium says goes nowhere, but must be read."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def drain(self) -> None:
        assert self._process.stderr is not None
        while await self._process.stderr.read(65536):
            continue


async def _address(http: aiohttp.ClientSession, profile: Path) -> str:
    """Chromium writes its port into its profile; the page's own address is listed there."""
    port_file = profile / "DevToolsActivePort"
    async with asyncio.timeout(WAIT_S):
        while True:
            lines = await asyncio.to_thread(_lines, port_file)
            if lines:
                async with http.get(f"http://127.0.0.1:{lines[0]}/json/list") as reply:
                    pages = [page for page in await reply.json() if page["type"] == "page"]
                if pages:
                    return str(pages[0]["webSocketDebuggerUrl"])
            await asyncio.sleep(0.02)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
