"""``kill -9`` of the daemon in mid-answer, Asterisk line, again and again: how soon the same caller is spoken to.

``python -m bench.drills.kill [TIMES] [SEED]`` prints the rows. One daemon is launched after the other on one storage,
as systemd would, each 50 ms after the death of the one before it (``Restart=always`` without delay).
"""

import compileall
import random
import re
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.asterisk import SUITE, behind, caller_uri
from bench.daemon import ROOT, DaemonProcess
from bench.live_caller import LiveCall, LiveCallers, wait_for
from bench.report import HEAD, Row, percentile
from bench.speech import wav
from tests.asterisk.install import why_not
from tests.asterisk.pbx import Pbx

SEED = 8
RESTART_S = 0.05
"""From the death of a daemon to the next one, seconds; systemd takes about as long."""
MOMENT_S = (0.3, 9.0)
"""The daemon is killed so long after its answer began to be heard, seconds: the answer takes twelve."""
START_S, KILL_S = 2.0, 3.5
"""The bars: from the start of the new process, and from the kill, to the first sound."""
QUESTION, AGAIN = wav("ru", "espeak-f3_53"), wav("ru", "espeak-f3_17")
"""«сколько стоит доставка», «ещё раз пожалуйста»"""


@dataclass(frozen=True, slots=True)
class Kill:
    """What came of one; times in seconds."""

    start_s: float
    kill_s: float
    remembered: bool
    """«ещё раз» was answered with what had been asked before the kill."""
    left: int
    """Channels and bridges afterwards."""


def run(times: int, seed: int = SEED) -> list[Row]:
    """Kill so many times; needs the Asterisk of the tests, else raises ``RuntimeError``."""
    if why_not(SUITE):
        raise RuntimeError(f"Asterisk 22: {why_not(SUITE)}")
    moments = random.Random(seed)
    compiled()
    with Pbx(SUITE) as pbx:
        daemon = DaemonProcess(behind(pbx))
        daemon.environment["ALLO_PROMPTS__DIR"] = str(brief(daemon.storage))
        try:
            daemon.start()
            kills = [_kill(daemon, pbx, moments.uniform(*MOMENT_S)) for _ in range(times)]
            daemon.stop()
            trouble = daemon.trouble
        finally:
            daemon.kill()
            daemon.remove()
    return _rows(kills, len(trouble))


def compiled() -> None:
    """Have the program compiled, as ``make install`` does for a service, which may not."""
    for room in ("agent", "audio", "gateways", "kb", "telephony"):
        compileall.compile_dir(ROOT / room, quiet=2)


def brief(storage: Path) -> Path:
    """The prompts with a greeting that is soon over."""
    folder = storage / "prompts"
    shutil.copytree(ROOT / "prompts", folder)
    phrases = folder / "ru/phrases.toml"
    text = phrases.read_text(encoding="utf-8")
    phrases.write_text(re.sub("(?m)^greeting = .*$", 'greeting = "Здравствуйте!"', text), encoding="utf-8")
    return folder


def again(daemon: DaemonProcess) -> float:
    """Launch the daemon anew on its storage; when that was, as ``time.time``."""
    daemon.killed = False
    daemon.launch()
    return time.time()


def asks(call: LiveCall) -> float:
    """A caller who was greeted asks; when the answer began, as ``time.time``."""
    wait_for(lambda: call.speech_after(0) is not None and call.quiet_for() > 0.9, 20, "greeted")
    call.say(QUESTION)
    wait_for(lambda: not call.saying, 5, "asked")
    said = time.time()
    wait_for(lambda: call.speech_after(said) is not None, 8, "answered")
    return said


def _kill(daemon: DaemonProcess, pbx: Pbx, moment_s: float) -> Kill:
    daemon.wait_for(lambda: daemon.health().get("lines") == {"asterisk": "up"}, 15, "connected to Asterisk")
    with LiveCallers(caller_uri(pbx)) as callers:
        (call,) = callers.calls
        asks(call)
        time.sleep(moment_s)
        killed = time.time()
        daemon.kill()
        time.sleep(RESTART_S)
        started = again(daemon)
        # what the dead one had sent is still played for a moment: only sound after the start counts
        wait_for(lambda: call.speech_after(started) is not None, 15, "spoken to again")
        spoken = call.speech_after(started) or 0.0
        remembered = _remembers(daemon, call)
    daemon.wait_for_records(10)
    pbx.emptied(5)
    return Kill(spoken - started, spoken - killed, remembered, pbx.channels() + pbx.bridges())


def _remembers(daemon: DaemonProcess, call: LiveCall) -> bool:
    """The answer that was owed comes; the caller cuts in with «ещё раз», and hears it once more."""
    if not _says(daemon, '"said": "Доставка по Москве', 20):
        return False
    call.say(AGAIN)
    wait_for(lambda: not call.saying, 5, "asked again")
    return _says(daemon, "Повторяю. Доставка по Москве", 12)


def _says(daemon: DaemonProcess, words: str, within_s: float) -> bool:
    """Whether the answer under way comes to have these words on record."""
    try:
        daemon.wait_for(lambda: words in daemon.rows("SELECT saying FROM held")[0]["saying"], within_s, "saying it")
    except RuntimeError:
        return False
    return True


def _rows(kills: list[Kill], trouble: int) -> list[Row]:
    starts, dead = [kill.start_s for kill in kills], [kill.kill_s for kill in kills]
    remembered, left = sum(kill.remembered for kill in kills), sum(kill.left for kill in kills)
    measured = (
        f"speech after start p50 {percentile(starts, 0.5):.2f}, worst {max(starts):.2f} s; after kill"
        f" p50 {percentile(dead, 0.5):.2f}, worst {max(dead):.2f} s; {remembered} remembered; {left} left in Asterisk;"
        f" {trouble} errors"
    )
    met = max(starts) <= START_S and max(dead) <= KILL_S and remembered == len(kills) and not left and not trouble
    bar = f"<= {START_S} s after start, <= {KILL_S} s after kill, all remember, nothing left"
    return [Row("kill", "kill -9 in mid-answer, Asterisk 22", bar, measured, len(kills), met)]


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:3]] or [3]
    print("\n".join((*HEAD, *(row.markdown() for row in run(*given)))))
