"""Speaking with the agent from the page: a real browser whose microphone plays a recording."""

import re
from pathlib import Path
from typing import Any

from agent.backends.stt_vosk import Vosk
from audio.frame import AudioFrame
from audio.wav import read_channels, read_mono, write_mono
from bench.daemon import DaemonProcess
from tests.e2e.facts import FIRST, RUSSIAN, path
from tests.e2e.test_page import LOUD, PROBE, SHOTS, browser, opened
from tests.gateways.browser import open_page

__all__ = ["browser"]  # the fixture skips without Chromium

MICROPHONE = "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"
MODELS = Path(__file__).parents[2] / "agent" / "models"
RATE = 48_000
SECOND = "espeak-f3_53"


def microphone(folder: Path, *parts: tuple[float, str]) -> tuple[str, ...]:
    """Chromium's switches for a microphone that says recordings after so many seconds of quiet, once."""
    spoken = b"".join(bytes(int(quiet * RATE) * 2) + read_mono(Path(path(name)), RATE) for quiet, name in parts)
    file = folder / "microphone.wav"
    write_mono(file, spoken + bytes(30 * RATE * 2), RATE)
    return (*MICROPHONE, f"--use-file-for-fake-audio-capture={file}%noloop")


async def test_a_spoken_question_is_answered_aloud_and_interrupted(daemon: DaemonProcess, tmp_path: Path) -> None:
    async with open_page(*microphone(tmp_path, (3.0, FIRST), (2.5, SECOND))) as page:
        await page.tell("Page.addScriptToEvaluateOnNewDocument", source=PROBE)
        await opened(page, daemon, "chat")
        await page.click(".talking button", "Поговорить")
        await page.until(LOUD)  # the greeting left the loudspeaker
        await page.until("document.querySelector('.chat .caller:not(.partial)')?.textContent.includes('график')")
        await page.until("document.querySelector('.chat .agent .base')")
        await page.until("document.querySelectorAll('.chat .caller:not(.partial)').length === 2")
        await page.until("document.querySelectorAll('.chat .agent').length === 3")
        await page.until(LOUD)
        await page.picture(SHOTS / "talk.png")
        await page.click(".talking button", "Положить трубку")
        await page.until("document.querySelector('.chat a[href^=\"#/call/\"]')")
        assert page.faults == []
    daemon.wait_for(lambda: bool(daemon.rows("SELECT 1 FROM calls WHERE ended_at IS NOT NULL")), 5, "in the log")

    call, turns = daemon.rows("SELECT * FROM calls")[0], daemon.rows("SELECT * FROM turns ORDER BY n")
    greeting, first, second = turns
    assert (call["line"], call["status"]) == ("page", "completed")
    assert greeting["cut"] == first["cut"] == 1
    assert re.search(RUSSIAN[FIRST], first["said"])
    assert first["said"].startswith(first["said_heard"])
    assert 0 < len(first["said_heard"]) < len(first["said"])
    assert re.search(RUSSIAN[SECOND], second["said"])
    assert re.search(r"понедель.*пятниц", await understood(daemon, call))


async def test_a_microphone_that_is_refused_is_explained_and_keys_and_volume_are_there(daemon: DaemonProcess) -> None:
    async with open_page("--use-fake-device-for-media-stream", "--deny-permission-prompts") as page:
        await opened(page, daemon, "chat")
        assert await page.run("document.querySelectorAll('.keypad button:disabled').length") == 12
        await page.click(".talking button", "Поговорить")
        await page.until("document.querySelector('.note')?.textContent.includes('разрешите микрофон')")
        assert await page.run("document.querySelector('.talking button').textContent") == "Поговорить"


async def test_a_key_reaches_the_call(daemon: DaemonProcess) -> None:
    async with open_page(*MICROPHONE) as page:
        await opened(page, daemon, "chat")
        await page.click(".talking button", "Поговорить")
        await page.until("!document.querySelector('.keypad button').disabled")
        await page.click(".keypad button", "5")
        await page.run("document.querySelector('#loudness').value = 0.5")
        await page.run("document.querySelector('#loudness').dispatchEvent(new Event('input'))")
        assert await page.run("localStorage.getItem('loudness')") == "0.5"
        pressed = "SELECT detail FROM events WHERE kind = 'dtmf'"
        await page.until("document.querySelector('.chat .agent')")
        await page.click(".talking button", "Положить трубку")
        await page.until("document.querySelector('.chat a[href^=\"#/call/\"]')")
        assert page.faults == []
    daemon.wait_for(lambda: [row["detail"] for row in daemon.rows(pressed)] == ["5"], 5, "pressed")


async def understood(daemon: DaemonProcess, call: dict[str, Any]) -> str:
    """What the recogniser makes of the agent's side, as the browser played it."""
    sides, rate = read_channels(daemon.storage / "calls_log" / call["recording"], (8000,))
    stt = await Vosk.load(MODELS / "vosk-demo-ru")
    ear = await stt.open(rate, lambda _: None)
    for position in range(0, len(sides[1]) // 2 - 159, 160):
        ear.push(AudioFrame(sides[1][position * 2 : position * 2 + 320], rate, position))
    text = (await ear.finish()).text
    await ear.close()
    await stt.close()
    return text
