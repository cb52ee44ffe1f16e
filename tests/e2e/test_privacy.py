"""Real calls of a daemon that keeps of them what it may: sealed, without cards and keys, only after the notice."""

import asyncio
import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import wave
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from agent.backends.tts_espeak import Espeak
from agent.record.sealed import SUFFIX, new_key
from agent.settings import HOUSE, Settings
from agent.tables import new_recogniser
from audio.frame import AudioFrame, frame_bytes
from audio.level import tone
from audio.resample import resample
from audio.wav import read_mono, write_mono
from bench.daemon import DaemonProcess
from bench.wire import Plan, PlanItem, place
from tests.e2e.conftest import Launch
from tests.e2e.facts import FIRST, path

RATE = 8000
NOTICE = "Разговор записывается."
DIGITS = "четыре два семь шесть один шесть ноль ноль один два три четыре пять шесть семь восемь"
CARD = f"номер карты {DIGITS}"


async def spoken(text: str) -> bytes:
    voice = await Espeak.load("ru", "ru+f3")
    pieces = [piece async for piece in voice.synthesize(text)]
    return resample(b"".join(piece for piece in pieces if isinstance(piece, bytes)), voice.rate, RATE)


async def understood(pcm: bytes) -> str:
    """What the recogniser makes of 8 kHz PCM."""
    stt = await new_recogniser("vosk", Settings())
    ear = await stt.open(RATE, lambda _: None)
    size = frame_bytes(RATE)
    for start in range(0, len(pcm) - size + 1, size):
        ear.push(AudioFrame(pcm[start : start + size], RATE, start // 2))
        if start % (size * 50) == 0:
            await asyncio.sleep(0.002)  # it hears as fast as it can, not as fast as we can read
    heard = await ear.finish()
    await ear.close()
    await stt.close()
    return heard.text


def keys() -> bytes:
    """«5», twice, as a telephone sends it in the audio."""
    both = np.frombuffer(tone(770, 120, RATE, -15), "<i2") + np.frombuffer(tone(1336, 120, RATE, -15), "<i2")
    return bytes(np.concatenate([both, np.zeros(800)]).astype("<i2").tobytes() * 2)


def loudest(pcm: bytes, hz: int) -> float:
    """Largest part of a 20 ms frame's full scale that lies at ``hz``."""
    frames = np.frombuffer(pcm[: len(pcm) // 320 * 320], "<i2").reshape(-1, 160) / 32768
    sine = np.exp(2j * np.pi * hz * np.arange(160) / RATE)
    return float(np.abs(frames @ sine).max() / 160)


def fetch(daemon: DaemonProcess, where: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{daemon.web_port}{where}", headers={"X-API-Key": daemon.web_key, **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def allo(daemon: DaemonProcess, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "agent", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=daemon.environment)


@pytest.fixture
def private(launch: Launch, tmp_path: Path) -> DaemonProcess:
    prompts = tmp_path / "prompts"
    shutil.copytree(HOUSE / "prompts", prompts)
    phrases = prompts / "ru" / "phrases.toml"
    text = phrases.read_text(encoding="utf-8")
    phrases.write_text(text.replace('notice = ""', f'notice = "{NOTICE}"'), encoding="utf-8")
    settings = {
        "PROMPTS__DIR": prompts,
        "PRIVACY__REDACT": "true",
        "RECORDING__ENCRYPT": "true",
        "RECORDING__KEY": new_key(),
        "RECORDING__NOTICE_FIRST": "true",
        "LIMITS__MACHINES": "hang up",
    }
    return launch(settings)


@pytest.mark.timeout(120)
def test_a_card_number_is_nowhere_and_the_recording_is_sealed(private: DaemonProcess, tmp_path: Path) -> None:
    write_mono(tmp_path / "card.wav", asyncio.run(spoken(CARD)), RATE)
    write_mono(tmp_path / "keys.wav", keys(), RATE)
    assert DIGITS in asyncio.run(understood(read_mono(tmp_path / "card.wav", RATE)))
    question, card, pressed = path(FIRST), str(tmp_path / "card.wav"), str(tmp_path / "keys.wav")
    items = [PlanItem(question), PlanItem(card, interrupt_after_s=0.8), PlanItem(pressed, interrupt_after_s=0.5)]
    place(Plan(private.uri, [items], hangup_after_s=21), 55)
    private.wait_for_records()
    (row,) = private.rows("SELECT id, recording, recording_note FROM calls")
    told = {(each["kind"], each["detail"]) for each in private.rows("SELECT kind, detail FROM events")}
    assert {("notice", "heard to its end"), ("muted", "card")} <= told
    heard = [each["heard"] for each in private.rows("SELECT heard FROM turns WHERE n > 0 ORDER BY n")]
    assert any("[карта]" in text for text in heard), heard

    file = private.storage / "calls_log" / row["recording"]
    assert file.suffix == SUFFIX
    assert b"RIFF" not in file.read_bytes()
    status, whole = fetch(private, f"/logs/{row['id']}/recording")
    assert status == 200
    assert fetch(private, f"/logs/{row['id']}/recording", {"Range": "bytes=100-40099"}) == (206, whole[100:40100])
    assert fetch(private, f"/logs/{row['id']}/recording", {"Range": "bytes=999999999-"})[0] == 416
    status, drawn = fetch(private, f"/logs/{row['id']}/peaks?columns=50")
    assert status == 200
    assert max(json.loads(drawn)["agent"]) > 100

    with wave.open(BytesIO(whole)) as wav:
        pairs = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)
    caller, agent = pairs[:, 0].tobytes(), pairs[:, 1].tobytes()
    text = asyncio.run(understood(caller))
    assert "график" in text
    assert not {"четыре", "два", "семь", "шесть", "ноль"} & set(text.split()), text
    assert loudest(read_mono(tmp_path / "keys.wav", RATE), 1336) > 0.1
    assert loudest(caller, 1336) < 0.05
    assert max(np.frombuffer(agent, "<i2")) > 3000

    saved = tmp_path / "saved.wav"
    done = allo(private, "privacy", "audio", row["id"][:8], "-o", str(saved))
    assert done.returncode == 0, done.stderr
    assert saved.read_bytes() == whole
    again = allo(private, "replay", row["id"][:8], "--engines", "today")
    assert "muted" in again.stdout, again.stderr


def test_who_leaves_before_the_end_of_the_notice_is_not_kept(private: DaemonProcess) -> None:
    place(Plan(private.uri, [[]], hangup_after_s=0.7), 30)
    private.wait_for_records()
    (row,) = private.rows("SELECT recording, recording_note FROM calls")
    assert row == {"recording": "", "recording_note": "not kept: the notice was not heard to its end"}
    assert [each.suffix for each in (private.storage / "calls_log").iterdir()] == [".txt"]
    assert private.rows("SELECT detail FROM events WHERE kind = 'notice'") == [{"detail": "not heard to its end"}]
    a_fax_is_hung_up_on(private)


def a_fax_is_hung_up_on(private: DaemonProcess) -> None:
    fax = private.storage / "fax.wav"
    write_mono(fax, tone(2100, 3000, RATE), RATE)
    (report,) = place(Plan(private.uri, [[PlanItem(str(fax), interrupt_after_s=0.3)]], hangup_after_s=12), 30)
    private.wait_for_records()
    assert report.ended_by == "far side"
    assert private.rows("SELECT detail FROM events WHERE kind = 'suspect'") == [{"detail": "fax"}]
