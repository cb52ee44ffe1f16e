"""Firefox, driven over WebDriver BiDi, which it speaks itself: https://w3c.github.io/webdriver-bidi/"""

import asyncio
import itertools
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

PREFERENCES = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "media.autoplay.block-webaudio": False,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "browser.shell.checkDefaultBrowser": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
"""A microphone that hums, no questions to anybody, and no calls home."""
WAIT_S = 15.0
"""Longest wait for an answer or for something on a page, seconds."""


def firefox() -> str | None:
    """The browser's path, where this machine has one."""
    return shutil.which("firefox-esr") or shutil.which("firefox")


class FirefoxPage:
    """One page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Use ``open_firefox``."""
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._context = ""
        self.faults: list[str] = []
        """What the page wrote to its console as an error, and exceptions that nobody caught."""

    async def listen(self) -> None:
        """Take the browser's messages until it goes away."""
        async for message in self._socket:
            news = json.loads(message.data)
            if news.get("id") in self._answers:
                self._answers.pop(news["id"]).set_result(news)
            elif news.get("method") == "log.entryAdded" and news["params"]["level"] == "error":
                self.faults.append(str(news["params"]["text"]))

    async def begin(self) -> None:
        """Take the page that is open."""
        await self.tell("session.new", capabilities={})
        await self.tell("session.subscribe", events=["log.entryAdded"])
        self._context = (await self.tell("browsingContext.getTree"))["contexts"][0]["context"]

    async def tell(self, method: str, **values: Any) -> dict[str, Any]:
        """One command; raises ``RuntimeError`` when the browser refuses it."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": values})
        news = await asyncio.wait_for(answer, WAIT_S)
        if "error" in news:
            raise RuntimeError(f"{method}: {news['error']}: {news.get('message', '')}")
        return dict(news["result"])

    async def open(self, url: str) -> None:
        """Go there and wait until it is loaded."""
        await self.tell("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression (a number, a text, true or false); a promise is awaited."""
        target = {"context": self._context}
        done = await self.tell(
            "script.evaluate", expression=script, target=target, awaitPromise=True, userActivation=True
        )
        if done["type"] != "success":
            raise RuntimeError(f"{script}: {done['exceptionDetails']['text']}")
        return done["result"].get("value")

    async def until(self, script: str) -> Any:
        """The value of an expression as soon as it is true; raises ``TimeoutError`` with what the page shows."""
        poll = (
            "new Promise((done) => { const look = () => { let value = null;"
            f" try {{ value = ({script}); }} catch (error) {{ value = null; }}"
            " value ? done(value) : setTimeout(look, 20); }; look(); })"
        )
        try:
            return await self.run(poll)
        except TimeoutError:
            raise TimeoutError(f"never true: {script}\n{await self.run('document.body.innerText')}") from None


@asynccontextmanager
async def open_firefox() -> AsyncIterator[FirefoxPage]:
    """A browser of its own with one page; it is gone afterwards."""
    program = firefox()
    if program is None:
        raise RuntimeError("there is no Firefox here: apt-get install firefox-esr")
    with TemporaryDirectory(prefix="allo-firefox-", ignore_cleanup_errors=True) as profile:
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
        await asyncio.to_thread((Path(profile) / "user.js").write_text, "\n".join(lines), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            program, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            address = await asyncio.wait_for(_address(process), WAIT_S)
            async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as tasks:
                drain = tasks.create_task(_drain(process))
                socket = await http.ws_connect(f"{address}/session", max_msg_size=0)
                page = FirefoxPage(socket)
                listening = tasks.create_task(page.listen())
                await page.begin()
                yield page
                listening.cancel()
                await socket.close()
                process.terminate()
                await drain
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    """Firefox says it among other things."""
    assert process.stderr is not None
    async for line in process.stderr:
        if found := re.search(rb"WebDriver BiDi listening on (ws://\S+)", line):
            return found[1].decode()
    raise RuntimeError("Firefox ended before it listened")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    while await process.stderr.read(65536):
        continue
