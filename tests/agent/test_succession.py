import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import StartError
from agent.succession import LEAVING, LOADED, Predecessor, Successor, command


@pytest.mark.parametrize("words", [["-m", "agent", "serve"], ["-m", "agent", "serve", "--after", "4"]])
def test_the_next_process_is_started_as_this_one_was(words: list[str]) -> None:
    assert command(words, 7) == ["-m", "agent", "serve", "--after", "7"]


YOUNGER = """
import asyncio, socket, sys
from agent.succession import Predecessor
line = socket.socket(fileno=int(sys.argv[-1]))
asyncio.run(Predecessor(line).gone())
print("taken over", flush=True)
"""
OLDER = f"""
import asyncio, os
from agent.succession import Successor
async def main():
    successor = await Successor.start(("-c", {YOUNGER!r}))
    await successor.loaded()
    print("loaded", flush=True)
    successor.leave()
    await asyncio.sleep(0.3)
    print("leaves", flush=True)
    os._exit(0)
asyncio.run(main())
"""


def test_the_younger_one_begins_when_the_older_one_is_gone() -> None:
    told = subprocess.run([sys.executable, "-c", OLDER], check=True, capture_output=True, text=True, timeout=15)
    assert told.stdout.split("\n") == ["loaded", "leaves", "taken over", ""]


async def test_one_that_ends_while_it_loads_is_named_with_its_status() -> None:
    successor = await Successor.start(("-c", "raise SystemExit(3)"))
    with pytest.raises(StartError, match="ended with status 3"):
        await successor.loaded()
    successor.give_up()


async def test_one_that_takes_too_long_is_ended() -> None:
    successor = await Successor.start(("-c", "import signal; signal.pause()"))
    with pytest.raises(StartError, match="not ready after 0 s"):
        await successor.loaded(0.05)
    successor.give_up()
    with pytest.raises(ProcessLookupError):
        os.kill(successor.pid, signal.SIGTERM)


async def test_an_older_one_that_ends_without_a_word_hands_nothing_over() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        waiting = asyncio.ensure_future(Predecessor(theirs).gone())
        assert await asyncio.to_thread(ours.recv, 1) == LOADED
    with pytest.raises(StartError, match="without handing its calls over"):
        await waiting


async def test_a_parent_that_is_still_there_is_waited_for() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        ours.send(LEAVING)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await Predecessor(theirs).gone()


BOTH = """
import asyncio, os, signal, socket, sys
from pathlib import Path
from agent.leaving import Leave, leave
from agent.succession import LOADED, Predecessor

async def younger(line):
    signal.signal(signal.SIGTERM, lambda *_: print("told to end", flush=True))
    if sys.argv[1] == "dies":
        line.send(LOADED)
        return
    await Predecessor(line).gone()
    print("taken over", flush=True)

async def older(asked, stopping):
    async def flush():
        await asyncio.sleep(0.3)
        if sys.argv[1] == "late":
            stopping.set()
    asked.set()
    how = Leave(stopping, lambda: print("closed", flush=True), flush, Path(sys.argv[2]))
    leaving = asyncio.ensure_future(leave(asked, how))
    if sys.argv[1] == "early":
        await asyncio.sleep(0.02)
        stopping.set()
        while not asked.is_set():
            await asyncio.sleep(0.2)
            asked.set()
        await asyncio.sleep(0.2)
        print("goes on", flush=True)
        leaving.cancel()
        return
    await leaving

async def main():
    if "--after" in sys.argv:
        await younger(socket.socket(fileno=int(sys.argv[-1])))
    else:
        await older(asyncio.Event(), asyncio.Event())
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("stop", "told"),
    [
        ("never", ["closed", "taken over"]),
        ("early", ["goes on"]),  # SIGTERM while the next one loads: there is no next one
        ("late", ["closed", "told to end", "taken over"]),  # the next one is the daemon already: it obeys
        ("dies", ["closed"]),  # in the last moment: systemd starts another one
    ],
)
def test_who_is_stopped_in_mid_restart_is_not_followed(stop: str, told: list[str], tmp_path: Path) -> None:
    line = [sys.executable, "-c", BOTH, stop, str(tmp_path / "alive")]
    environment = os.environ | {"NOTIFY_SOCKET": "@nobody-listens"}
    done = subprocess.run(line, check=True, capture_output=True, text=True, timeout=15, env=environment)
    assert done.stdout.split() == " ".join(told).split(), done.stderr
