"""The admin page over a long call log: how soon a page of calls, a search, a call and the figures are there.

``python -m bench page``, or ``python -m bench.page [--calls 100000] [--storage DIR]``: makes a call log of so many
calls (kept in DIR and used again when it is there), serves it as the daemon does and asks over loopback HTTP, one
request after the other, then in Chromium.
"""

import argparse
import asyncio
import json
import random
import re
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from agent.desk.text_desk import new_texts
from agent.desk.web_desk import PresentCalls, new_desk, open_past
from agent.live import Live
from agent.ports import Health
from agent.settings import Settings, Storage
from agent.store import CallLog, Entry, open_log
from bench.page_browser import BROWSERS, browse
from bench.report import Row, spread, within
from gateways.admin import serve_admin
from gateways.pages import load_files

ROOT = Path(__file__).parents[1]
BATCH = 2000
"""Entries in one transaction."""
VISITS = 6
"""Of each browser in a round."""
ASIDE = sys.stderr
"""What is no row of a figure."""
HOST = "127.0.0.1"
KEY = "bench"
STATUSES = ("completed",) * 16 + ("transferred",) * 2 + ("failed", "abandoned")
UNKNOWN = "К сожалению, этого я не знаю. Соединить вас с оператором?"
SEARCHES = (
    "доставка",
    "сколько стоит",
    "гарантия два года",
    "разрывная машина",
    "ё",
    "килоньютон",
    "+7916",
    "оплата по счёту",
    "нетакогослова",
    "испытание на сжатие",
)


def texts() -> tuple[list[str], list[tuple[str, str]]]:
    """Questions of callers, and answers with their base, from the project's own."""
    tables = [ROOT / "tests/kb/questions_ru.tsv", ROOT / "tests/kb/unseen_ru.tsv"]
    lines = [line for table in tables for line in table.read_text(encoding="utf-8").splitlines()]
    asked = [line.split("\t")[0] for line in lines if line and not line.startswith("#")]
    answers = []
    for base in ("general", "tech"):
        markdown = (ROOT / f"kb/{base}.md").read_text(encoding="utf-8")
        sentences = [part.strip() for part in re.split(r"(?<=[.!?])\s+|\n", markdown)]
        answers += [(sentence, base) for sentence in sentences if len(sentence) > 30 and not sentence.startswith("#")]
    return asked, answers


def entries(calls: int, seed: int = 7) -> Iterator[Entry]:
    """The statements of a year's calls, as the journal writes them."""
    chance, (asked, answers) = random.Random(seed), texts()
    began = datetime(2026, 1, 1, tzinfo=UTC)
    for place in range(calls):
        at = began + timedelta(days=365) * (place / calls)
        yield from _call(f"call{place:07d}", at, chance, asked, answers)


def _call(
    call_id: str, at: datetime, chance: random.Random, asked: list[str], answers: list[tuple[str, str]]
) -> Iterator[Entry]:
    number = f"+7{chance.choice((495, 812, 916, 926))}{chance.randrange(10**7):07d}"
    yield (
        "INSERT INTO calls (id, line, number, called, language, started_at, status)"
        " VALUES (?, 'sip', ?, '100', 'ru', ?, 'active')",
        (call_id, number, at.isoformat(timespec="milliseconds")),
    )
    turns = "INSERT INTO turns (call_id, n, heard, said, said_heard, source, stages) VALUES (?, ?, ?, ?, ?, ?, ?)"
    for turn in range(1, chance.randint(1, 7)):
        said, source = chance.choice(answers) if chance.random() < 0.93 else (UNKNOWN, "")
        first = int(chance.lognormvariate(6.2, 0.35))
        stages = json.dumps({"speech_end": 0, "turn_end": first - 120, "first_packet": first, "heard": first + 4000})
        yield turns, (call_id, turn, chance.choice(asked), said, said, source, stages)
    ended = (at + timedelta(seconds=chance.lognormvariate(4, 0.8))).isoformat(timespec="milliseconds")
    end = "UPDATE calls SET ended_at = ?, status = ?, cause = 'caller' WHERE id = ?"
    yield end, (ended, chance.choice(STATUSES), call_id)


async def fill(log: CallLog, calls: int) -> None:
    """Write the calls, unless they are there."""
    known = (await log.read("SELECT count(*) AS n FROM calls"))[0]["n"]
    if known >= calls:
        return
    batch: list[Entry] = []
    for entry in entries(calls):
        batch.append(entry)
        if len(batch) >= BATCH:
            await log.write(batch)
            batch.clear()
    await log.write(batch)


async def measure(folder: Path, calls: int, rounds: int) -> dict[str, list[float]]:
    """What each kind of request took, milliseconds."""
    async with AsyncExitStack() as stack:
        log = await open_log(folder / "calls.sqlite")
        stack.push_async_callback(log.close)
        began = time.perf_counter()
        await fill(log, calls)
        size = (folder / "calls.sqlite").stat().st_size / 1e6
        print(
            f"call log of {calls} calls: {size:.0f} MB, made or found in {time.perf_counter() - began:.1f} s",
            file=ASIDE,
        )
        settings, present = Settings(storage=Storage(dir=folder)), PresentCalls()
        desk = new_desk(settings, lambda: Health(ready=True, version="bench"), present.feed)
        desk.key = KEY
        desk.calls = await open_past(settings, log, stack)
        desk.live, desk.texts = present, new_texts(Live(settings, stack), settings, stack)
        runner = await serve_admin(HOST, 0, desk)
        stack.push_async_callback(runner.cleanup)
        base = f"http://{HOST}:{runner.addresses[0][1]}"
        return await ask(base, calls, rounds) | await browse(base, KEY, rounds * VISITS)


async def ask(base: str, calls: int, rounds: int) -> dict[str, list[float]]:
    """One request after the other, as a person's browser does."""
    last = calls // 50
    kinds: dict[str, list[str]] = {
        "first page": ["/logs"],
        "page in the middle": [f"/logs?page={last // 2}"],
        "last page": [f"/logs?page={last}"],
        "by duration": ["/logs?sort=-seconds", "/logs?sort=seconds&page=40"],
        "status and date": ["/logs?status=failed&date_from=2026-06-01&date_to=2026-06-30"],
        "search": [f"/logs?q={words}" for words in SEARCHES],
        "search as typed": [f"/logs?q={'испытание на сжатие'[:length]}" for length in range(1, 20)],
        "search with filters": [f"/logs?q={words}&status=completed&date_from=2026-03-01" for words in SEARCHES],
        "search by duration": [f"/logs?q={words}&sort=-seconds" for words in SEARCHES],
        "a call": [f"/logs/call{place:07d}" for place in range(0, calls, max(1, calls // 20))],
        "figures of a month": ["/api/figures?date_from=2026-06-01&date_to=2026-06-30"],
        "figures of a year": ["/api/figures"],
    }
    took: dict[str, list[float]] = {}
    async with aiohttp.ClientSession(headers={"X-API-Key": KEY}) as http:
        for kind, paths in kinds.items():
            again = 1 if kind.startswith("figures") else rounds
            took[kind] = [await _one(http, base + path.replace("+", "%2B")) for _ in range(again) for path in paths]
    return took


async def _one(http: aiohttp.ClientSession, url: str) -> float:
    began = time.perf_counter()
    async with http.get(url) as reply:
        body = await reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{url}: {reply.status}: {body[:300]!r}")
    return (time.perf_counter() - began) * 1000


def page(calls: int = 100_000, rounds: int = 5, storage: Path | None = None) -> list[Row]:
    """First page, search and weight."""
    with TemporaryDirectory(prefix="allo-page-") as own:
        folder = storage or Path(own)
        (folder / "calls_log").mkdir(parents=True, exist_ok=True)
        took = asyncio.run(measure(folder, calls, rounds))
    for kind, times in took.items():
        print(f"{kind:26} n {len(times):4}  {spread(times)}", file=ASIDE)
    packed = sum(len(file.packed) for file in load_files().kept.values()) / 1000
    many = f"{calls:,} calls in the log"
    searched = [time for kind, times in took.items() if kind.startswith("search") for time in times]
    first = [
        Row(f"page-{kind}", f"first page of calls painted, {kind} browser, {many}", "p95 <= 300 ms", spread(times),
            len(times), within(times, 0.95, 300))
        for kind in BROWSERS if (times := took[f"{kind} browser"])
    ]  # fmt: skip
    return [
        *first,
        Row(
            "page-search",
            f"search, {many}",
            "p95 <= 100 ms",
            spread(searched),
            len(searched),
            within(searched, 0.95, 100),
        ),
        Row("page-weight", "all files of the page, gzip", "<= 250 kB", f"{packed:.0f} kB", 1, packed <= 250),
    ]


def main() -> None:
    """See the head of this file."""
    arguments = argparse.ArgumentParser(prog="python -m bench.page")
    arguments.add_argument("--calls", type=int, default=100_000)
    arguments.add_argument("--storage", type=Path)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    for row in page(given.calls, given.rounds, given.storage):
        print(row.markdown())


if __name__ == "__main__":
    main()
