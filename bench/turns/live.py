"""Scripts over SIP in real time, several at once, by a process of its own: no daemon waits for the callers' Python.

The process is ``python -m bench.turns.live`` with a plan as JSON on standard input; what it saw it pickles into a
file that only this module reads back.
"""

import json
import pickle
import selectors
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audio.wav import read_mono
from bench.daemon import ROOT, DaemonProcess
from bench.ear_sounds import Samples
from bench.rtp_wire import now_ns, receive
from bench.turns import scripts
from bench.turns.caller import Caller
from bench.turns.leg import Leg
from bench.turns.observation import Observation
from bench.turns.scripts import Script
from telephony.phone_script import RATE

APART_NS = 70_000_000
"""Between two INVITEs at least: nothing starts in step."""
LONGEST_S = 150.0
"""No call is longer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the callers' process is told."""

    uri: str
    scripts: str
    """File with the scripts."""
    sounds: str
    """Folder with their WAVs."""
    example: str
    """File with the agent's voice as numpy samples, for echoes; empty: there are none."""
    at_once: int
    """Calls at the same time."""
    user: str
    """The callers are called so, and by the place of their script."""
    seen: str
    """File to write."""


class LiveRunner:
    """Rings a running daemon."""

    def __init__(self, daemon: DaemonProcess, folder: Path, at_once: int = 6) -> None:
        """``folder``: where the scripts' WAVs lie. ``at_once``: calls at the same time."""
        self._daemon, self._folder, self._at_once = daemon, folder, at_once
        self._runs = 0
        self.example: Samples | None = None
        """How the agent sounds; calls with an echo need it."""
        self.late = 0
        """Frames that left our side too late, of all runs so far."""

    def run(self, chosen: Sequence[Script]) -> list[Observation]:
        """Play all of them; raises ``RuntimeError`` when the callers' process fails or the daemon complains."""
        self._runs += 1
        user = f"turns{self._runs}-"
        with tempfile.TemporaryDirectory(prefix="allo-turns-") as given:
            folder = Path(given)
            scripts.save(list(chosen), folder / "scripts.json")
            example = ""
            if self.example is not None:
                example = str(folder / "example.npy")
                np.save(example, self.example)
            plan = Plan(
                self._daemon.uri,
                str(folder / "scripts.json"),
                str(self._folder),
                example,
                self._at_once,
                user,
                str(folder / "seen"),
            )
            _in_a_process(plan, 60 + LONGEST_S * (1 + len(chosen) / self._at_once))
            late, observations = pickle.loads((folder / "seen").read_bytes())
        self.late += late
        self._add_records(observations, [f"{user}{number}" for number in range(len(chosen))])
        return list(observations)

    def _add_records(self, observations: list[Observation], users: list[str]) -> None:
        daemon = self._daemon
        daemon.wait_for_records(30)
        daemon.wait_for(
            lambda: not daemon.rows("SELECT id FROM calls WHERE ended_at IS NULL"), 10, "done with its record"
        )
        if daemon.trouble:
            raise RuntimeError("the daemon's log has errors: " + "; ".join(daemon.trouble[:3]))
        ids = {row["number"]: row["id"] for row in daemon.rows("SELECT id, number FROM calls")}
        for seen, user in zip(observations, users, strict=True):
            call = ids.get(user, "")
            seen.turns = daemon.rows(
                "SELECT n, heard, said, said_heard, cut FROM turns WHERE call_id = ? ORDER BY n", call
            )
            seen.events = daemon.rows("SELECT kind, detail FROM events WHERE call_id = ? ORDER BY rowid", call)


def _in_a_process(plan: Plan, timeout_s: float) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.turns.live"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the callers' process failed: {done.stderr[-1000:]}")


def call_all(plan: Plan) -> tuple[int, list[Observation]]:
    """In the callers' process: how many frames left too late, and what was seen of each script, in their order."""
    chosen = scripts.load(Path(plan.scripts))
    example = np.load(plan.example) if plan.example else None
    waiting = deque(enumerate(chosen))
    seen: dict[int, Observation] = {}
    late = 0
    live: dict[int, Leg] = {}
    next_at = 0
    with selectors.SelectSelector() as selector:  # its timeout is finer than epoll's whole milliseconds
        while waiting or live:
            if waiting and len(live) < plan.at_once and now_ns() >= next_at:
                number, script = waiting.popleft()
                live[number] = _leg(plan, number, script, example, selector)
                next_at = now_ns() + APART_NS
            _turn(selector, list(live.values()))
            for number in [number for number, leg in live.items() if leg.side.over]:
                leg = live.pop(number)
                selector.unregister(leg.side.sip)
                selector.unregister(leg.side.rtp)
                seen[number] = leg.close()
                late += leg.late
    return late, [seen[number] for number in sorted(seen)]


def _leg(plan: Plan, number: int, script: Script, example: Samples | None, selector: selectors.BaseSelector) -> Leg:
    sounds = {step.wav: read_mono(Path(plan.sounds) / step.wav, RATE) for step in script.steps}
    leg = Leg(plan.uri, script, Caller(script, sounds, example), f"{plan.user}{number}")
    selector.register(leg.side.sip, selectors.EVENT_READ, (leg, leg.side.take))
    selector.register(leg.side.rtp, selectors.EVENT_READ, (leg, leg.on_rtp))
    return leg


def _turn(selector: selectors.BaseSelector, legs: list[Leg]) -> None:
    now = now_ns()
    for leg in legs:
        if leg.side.wake <= now and not leg.side.over:
            leg.tick(now)
    wake = min((leg.side.wake for leg in legs), default=now + APART_NS)
    for key, _ in selector.select(min(max(0, wake - now_ns()), APART_NS) / 1e9):
        _drain(key.fileobj, *key.data)


def _drain(port: Any, leg: Leg, take: Callable[[bytes, int], None]) -> None:
    while not leg.side.over:
        got = receive(port)
        if got is None:
            return
        take(*got)


def main() -> int:
    """Plan as JSON in, observations into its file."""
    plan = Plan(**json.load(sys.stdin))
    Path(plan.seen).write_bytes(pickle.dumps(call_all(plan)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
