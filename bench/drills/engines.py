"""Model, recogniser and voice are killed, hung and slowed at random while people call: each turn gets its word."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice

from bench.daemon import DaemonProcess
from bench.drills.common import say
from bench.drills.servers import Harm, Victim, url
from bench.drills.starved import Starved
from bench.report import Row, percentile
from bench.speech import questions
from bench.wire import Plan, PlanItem, WireReport, place

LONG_S = 600.0
"""How long each crew of engines is harmed; six of them make an hour, seconds."""
BAR_MS = 4000
"""From the end of a turn to a word that is an answer or a way out, milliseconds."""
STARVED_MS = 400
"""A thread of the daemon that stood in line for a processor so long while an answer was due, milliseconds: the row
says so. The bar stays what it is."""
WORD_MS = 1200
"""Shorter sounds are fillers («секундочку»), no answer, milliseconds."""
QUIET_MS = 3000
"""The callers wait so long in silence before they ask the next thing: a filler is followed by something."""
AT_ONCE, APART_MS = 5, 1500
"""Callers of a batch, and the time between two of them, milliseconds."""
TURNS = 3
INTO_GREETING_S = 1.5
SEED = 8


@dataclass(frozen=True, slots=True)
class Crew:
    """Which engines a daemon has."""

    name: str
    ears: str
    voice: str
    alone: bool
    """Nothing local stands behind them."""


CREWS = (
    Crew("openai+wyoming", "wyoming", "openai", alone=False),
    Crew("openai+wyoming alone", "wyoming", "openai", alone=True),
    Crew("yandex", "yandex", "yandex", alone=False),
    Crew("yandex alone", "yandex", "yandex", alone=True),
    Crew("openai realtime+wyoming", "openai", "wyoming", alone=False),
    Crew("openai realtime+wyoming alone", "openai", "wyoming", alone=True),
)
SHORT = CREWS[1:3]


@dataclass(slots=True)
class Told:
    """What the callers of one crew met."""

    waits_ms: list[float] = field(default_factory=list)
    """From the end of each turn to the first word, milliseconds; infinity: none came."""
    missed: list[str] = field(default_factory=list)
    """Where to look for the turns that missed the bar: the call, the turn."""
    starved: int = 0
    """Of these, those in whose time the machine kept the daemon waiting for ``STARVED_MS``."""
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)


def engines(short: bool) -> list[Row]:
    """An hour of calls, or a minute."""
    told = {crew.name: hold(crew, 1.0 if short else LONG_S) for crew in (SHORT if short else CREWS)}
    return [_row(name, one) for name, one in told.items()]


def hold(crew: Crew, seconds: float, at_once: int = AT_ONCE, turns: int = TURNS) -> Told:
    """Batches of calls for so long, at least one, while everything that is not local is being harmed."""
    told, chance = Told(), random.Random(SEED)
    with _victims(crew) as victims, DaemonProcess(settings(crew, victims)) as daemon:
        machine = Starved(daemon.pid)
        harms = [Harm(victim, SEED + n, (2, 8), (2, 8)) for n, victim in enumerate(victims)]
        until, batch = time.monotonic() + seconds, 0
        try:
            while batch == 0 or time.monotonic() < until:
                told_now = _batch(daemon, chance, f"b{batch}x", at_once, turns)
                for report in told_now:
                    _judge(told, report, crew.name, machine)
                batch += 1
                say(f"engines: {crew.name}: {len(told.waits_ms)} turns, {len(told.missed)} missed")
        finally:
            for harm in harms:
                harm.end()
            machine.end()
        told.faults = [f"{harm._victim.kind} {fault}" for harm in harms for fault in harm.done]
        daemon.wait_for_records(15)
        told.trouble = [line for line in daemon.trouble if "agent.call: call" not in line and " stt: " not in line]
        if told.missed:
            say("\n".join(line for line in daemon.log.splitlines() if "WARNING" in line or "ERROR" in line)[-6000:])
    return told


def settings(crew: Crew, victims: tuple[Victim, Victim, Victim]) -> dict[str, object]:
    """What the daemon is told of these servers."""
    llm, ears, voice = victims
    behind = ("", "") if crew.alone else (", vosk", ", espeak")
    own: dict[str, object] = {
        "STT__ENGINE": crew.ears + behind[0],
        "TTS__ENGINE": crew.voice + behind[1],
        "LLM__BASE_URL": f"{url(llm)}/v1",
        "LLM__MODEL": "drill",
        "LLM__CACHE": "false",
        "YANDEX__API_KEY": "drill",
        "YANDEX__TTS_HTTP_ADDRESS": "",
        "SHUTDOWN__GRACE_S": 1,
    }
    for victim in (ears, voice):
        address = f"tcp://127.0.0.1:{victim.port}" if "wyoming" in victim.kind else url(victim)
        own |= {
            "openai_ears": {"OPENAI__BASE_URL": f"{address}/v1"},
            "openai_voice": {"OPENAI__BASE_URL": f"{address}/v1"},
            "yandex_ears": {"YANDEX__STT_ADDRESS": address},
            "yandex_voice": {"YANDEX__TTS_ADDRESS": address},
            "wyoming_ears": {"WYOMING__STT_ADDRESS": address},
            "wyoming_voice": {"WYOMING__TTS_ADDRESS": address},
        }[victim.kind]
    return own


@contextmanager
def _victims(crew: Crew) -> Iterator[tuple[Victim, Victim, Victim]]:
    victims = (Victim("llm"), Victim(f"{crew.ears}_ears"), Victim(f"{crew.voice}_voice"))
    with ExitStack() as stack:
        for victim in victims:
            stack.callback(victim.kill)
            victim.start()
        yield victims


def _batch(daemon: DaemonProcess, chance: random.Random, user: str, at_once: int, turns: int) -> list[WireReport]:
    calls = [script(chance.randrange(12), turns) for _ in range(at_once)]
    plan = Plan(daemon.uri, calls, apart_ms=APART_MS, user=user, patience_s=12, quiet_ms=QUIET_MS)
    return place(plan, timeout_s=300)


def script(start: int, turns: int) -> list[PlanItem]:
    """The first question cuts the greeting short, to save time."""
    wavs = islice(cycle(questions()), start, start + turns)
    return [PlanItem(wav, None if number else INTO_GREETING_S) for number, wav in enumerate(wavs)]


def _judge(told: Told, report: WireReport, crew: str, machine: Starved) -> None:
    if report.status != 200:
        told.refused += 1
        return
    for number, (_, end) in enumerate(report.asked_ms):
        limit = report.asked_ms[number + 1][0] if number + 1 < len(report.asked_ms) else float("inf")
        wait = answered_after(report.heard_ms, end, limit)
        told.waits_ms.append(wait)
        if wait > BAR_MS:
            begin = report.answered_ns + int(end * 1e6)
            kept = machine.ms(begin, begin + BAR_MS * 1_000_000)
            told.starved += kept >= STARVED_MS
            where = f"{crew}: turn {number + 1}, {wait:.0f} ms, call ended by {report.ended_by}"
            told.missed.append(f"{where}; waited {kept:.0f} ms for a processor")
            say(f"engines: missed: {told.missed[-1]}: asked {report.asked_ms}, heard {report.heard_ms}")


def answered_after(heard_ms: list[list[float]], end: float, limit: float) -> float:
    """From ``end`` to the first run of speech that is no filler, milliseconds; infinity when there is none.

    Speech that was under way when the turn ended and goes on for as long answers too: the caller was cut into.
    """
    for first, last in heard_ms:
        begins = max(first, end)
        if begins < limit and last - begins >= WORD_MS:
            return begins - end
    return float("inf")


def _row(name: str, told: Told) -> Row:
    worst = max(told.waits_ms, default=float("inf"))
    counts = {fault: sum(one.endswith(fault) for one in told.faults) for fault in ("killed", "hung", "slowed")}
    did = ", ".join(f"{count} times {fault}" for fault, count in counts.items())
    p95 = percentile(told.waits_ms, 0.95) if told.waits_ms else worst
    measured = (
        f"p95 {p95:.0f}, worst {worst:.0f} ms, {len(told.missed)} missed, {told.starved} of them while the machine let "
        f"the daemon wait {STARVED_MS} ms and more for a processor; servers {did}; "
        f"{told.refused} calls refused, {len(told.trouble)} errors in the log"
    )
    met = bool(told.waits_ms) and not told.missed and not told.refused and not told.trouble
    what = f"model, recogniser and voice harmed at random: end of turn -> answer or a way out ({name})"
    return Row(f"drill-engines-{name.replace(' ', '-')}", what, "<= 4 s", measured, len(told.waits_ms), met)
