"""The SIP line against SIPp, an independent SIP stack, by the scenarios of ``tests/e2e/sipp``."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from agent.ports import Refusal
from bench.ports import free_block, free_port
from tests.telephony.sip_house import EchoDoor, house

SCENARIOS = Path(__file__).parents[1] / "e2e" / "sipp"
SIPP = shutil.which("sipp")
REQUIRED = os.environ.get("ALLO_REQUIRE_ASTERISK") == "1"

pytestmark = pytest.mark.skipif(
    SIPP is None and not REQUIRED, reason="sipp is not installed: apt-get install sip-tester, or make test does it"
)


async def sipp(port: int, scenario: str, tmp_path: Path, *options: str) -> tuple[int, str]:
    """Run one scenario against the port; exit status (0: every call as written) and what SIPp said."""
    assert SIPP is not None, "sipp is not installed and ALLO_REQUIRE_ASTERISK=1: apt-get install sip-tester"
    errors = tmp_path / "errors"
    command = [SIPP, f"127.0.0.1:{port}", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-s", "100", "-nostdin"]
    command += ["-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(free_port()), "-mp", str(free_block(200))]
    command += ["-timeout", "30", "-trace_err", "-error_file", str(errors), *(options or ("-m", "1"))]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, cwd=tmp_path
    )
    return await process.wait(), errors.read_text() if errors.exists() else ""


async def _passes(port: int, scenario: str, tmp_path: Path, *options: str) -> None:
    status, said = await sipp(port, scenario, tmp_path, *options)
    assert status == 0, f"{scenario}: SIPp ended with {status}: {said[:2000]}"


@pytest.mark.parametrize("scenario", ["basic", "hold", "timer", "options"])
@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_scenario(scenario: str, transport: str, tmp_path: Path) -> None:
    async with house() as (_, door, port):
        await _passes(port, scenario, tmp_path, "-m", "1", "-t", transport)
        await door.until(lambda: len(door.ends) == (0 if scenario == "options" else 1))
        assert set(door.ends) <= {"caller"}


async def test_cancel(tmp_path: Path) -> None:
    async with house(EchoDoor(answers=False)) as (source, door, port):
        await _passes(port, "cancel", tmp_path)
        assert len(door.lines) == 1
        assert source.calls == 0


async def test_busy(tmp_path: Path) -> None:
    door = EchoDoor()
    door.refusal = Refusal("busy", 5)
    async with house(door) as (_, _, port):
        await _passes(port, "busy", tmp_path)


async def test_forbidden(tmp_path: Path) -> None:
    async with house(allow=["192.0.2.0/24"]) as (_, door, port):
        await _passes(port, "forbidden", tmp_path)
        assert door.lines == []


async def test_refer(tmp_path: Path) -> None:
    async with house() as (_, door, port):
        await _passes(port, "refer", tmp_path)
        await door.until(lambda: door.ends == ["transfer"] and door.moved == [True])


async def test_our_bye(tmp_path: Path) -> None:
    async with house() as (_, door, port):
        caller = asyncio.create_task(_passes(port, "remote_bye", tmp_path))
        await door.until(lambda: door.frames >= 10)
        await door.lines[0].hangup()
        await caller
        await door.until(lambda: door.ends == ["agent"])


@pytest.mark.timeout(60)
async def test_a_hundred_calls_twenty_at_once(tmp_path: Path) -> None:
    async with house() as (source, door, port):
        await _passes(port, "basic", tmp_path, "-m", "100", "-r", "20", "-l", "20")
        await door.until(lambda: len(door.ends) == 100)
        assert source.calls == 0
