import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.figures.supervision import (
    ALIVE,
    BARRIER,
    BEATS,
    READY,
    TAKEN_S,
    notify,
    period_s,
    show_signs_of_life,
    succeeded_by,
)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket on which a service manager listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def test_what_is_told_arrives(manager: socket.socket) -> None:
    assert notify(READY, "STATUS=calls: 2")
    assert manager.recv(1000) == b"READY=1\nSTATUS=calls: 2"


def test_an_abstract_address_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"allo-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        assert notify(READY)
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/nonexistent/notify", "vsock:2:1234"])
def test_nobody_listens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not notify(READY)


@pytest.mark.parametrize(
    ("microseconds", "pid", "period"),
    [("", "", None), ("3000000", "", 3 / BEATS), ("3000000", "1", None), ("soon", "", None)],
)
def test_the_watchdog_says_how_often(
    microseconds: str, pid: str, period: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.setenv("WATCHDOG_PID", pid or str(os.getpid()))
    assert period_s() == period


async def test_signs_of_life_come_while_the_loop_turns(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    signs = asyncio.ensure_future(show_signs_of_life())
    heard = [await asyncio.to_thread(manager.recv, 100) for _ in range(3)]
    signs.cancel()
    assert heard == [ALIVE.encode()] * 3


async def test_without_a_watchdog_nothing_is_sent(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    await show_signs_of_life()
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(100)


def test_the_sender_stays_until_its_successor_is_known(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Thread(target=succeeded_by, args=(4711,))
    told.start()
    assert manager.recv(100) == b"MAINPID=4711"
    said, files, _, _ = socket.recv_fds(manager, 100, 1)
    assert said == BARRIER.encode()
    assert told.is_alive()
    os.close(files[0])
    told.join(TAKEN_S / 2)
    assert not told.is_alive()
