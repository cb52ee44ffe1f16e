"""Sums over the call log for the page of figures: how many calls, how long, how quick the replies, what was asked."""

from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Error as SqliteError
from typing import Any

import aiosqlite

from agent.errors import RecordError
from agent.store import read_only

ASKED_MOST = 12
"""Questions in each list."""

RANGE = "started_at >= :since AND started_at <= :until"
DAY = "date(started_at, :shift)"

STATEMENTS = {
    "days": f"""
        SELECT {DAY} AS day, status, count(*) AS calls, round(sum(coalesce(seconds, 0))) AS seconds
        FROM calls WHERE {RANGE} GROUP BY day, status ORDER BY day""",
    "hours": f"""
        SELECT CAST(strftime('%H', started_at, :shift) AS INTEGER) AS hour, count(*) AS calls
        FROM calls WHERE {RANGE} GROUP BY hour ORDER BY hour""",
    "durations": f"""
        SELECT CASE WHEN seconds < 15 THEN 0 WHEN seconds < 30 THEN 15 WHEN seconds < 60 THEN 30
          WHEN seconds < 120 THEN 60 WHEN seconds < 300 THEN 120 ELSE 300 END AS from_s, count(*) AS calls
        FROM calls WHERE {RANGE} AND seconds IS NOT NULL GROUP BY from_s ORDER BY from_s""",
    "latency": f"""
        WITH replies AS (
          SELECT {DAY} AS day, json_extract(stages, '$.first_packet') AS ms
          FROM calls JOIN turns ON call_id = id WHERE {RANGE} AND heard <> '' AND stages LIKE '%first_packet%'),
        ranked AS (
          SELECT day, ms, row_number() OVER (PARTITION BY day ORDER BY ms) AS place,
            count(*) OVER (PARTITION BY day) AS n FROM replies)
        SELECT day, max(n) AS replies, max(CASE WHEN place = (n + 1) / 2 THEN ms END) AS p50,
          max(CASE WHEN place = (n * 95 + 99) / 100 THEN ms END) AS p95
        FROM ranked GROUP BY day ORDER BY day""",
    "reply": f"""
        WITH ranked AS (
          SELECT json_extract(stages, '$.first_packet') AS ms, count(*) OVER () AS n,
            row_number() OVER (ORDER BY json_extract(stages, '$.first_packet')) AS place
          FROM calls JOIN turns ON call_id = id WHERE {RANGE} AND heard <> '' AND stages LIKE '%first_packet%')
        SELECT max(n) AS replies, max(CASE WHEN place = (n + 1) / 2 THEN ms END) AS p50,
          max(CASE WHEN place = (n * 95 + 99) / 100 THEN ms END) AS p95
        FROM ranked""",
    "engines": f"""
        WITH spoken AS (
          SELECT length(said_heard) AS letters,
            json_extract(stages, '$.heard') - json_extract(stages, '$.first_packet') AS ms
          FROM calls JOIN turns ON call_id = id WHERE {RANGE} AND said_heard <> '')
        SELECT
          (SELECT round(coalesce(sum(julianday(ended_at) - julianday(answered_at)), 0) * 86400) FROM calls
            WHERE {RANGE}) AS stt_s,
          (SELECT round(coalesce(sum(letters) * (sum(CASE WHEN ms > 0 THEN ms END) / 1000.0
            / sum(CASE WHEN ms > 0 THEN letters END)), 0))
            FROM spoken) AS tts_s""",
    "asked": f"""
        SELECT heard AS question, count(*) AS times, sum(said = :unanswered) AS unanswered, max(call_id) AS call_id
        FROM calls JOIN turns ON call_id = id WHERE {RANGE} AND heard <> ''
        GROUP BY heard ORDER BY times DESC, heard LIMIT {ASKED_MOST}""",
    "unanswered": f"""
        SELECT heard AS question, count(*) AS times, max(call_id) AS call_id
        FROM calls JOIN turns ON call_id = id WHERE {RANGE} AND heard <> '' AND said = :unanswered
        GROUP BY heard ORDER BY times DESC, heard LIMIT {ASKED_MOST}""",
}


@dataclass(frozen=True, slots=True)
class Span:
    """Which calls are summed up."""

    date_from: str
    """First moment of the start, UTC, as in the call log."""
    date_to: str
    """Last moment."""
    offset_min: int = 0
    """What the reader's clock is ahead of UTC, minutes: days and hours are the reader's."""


class Figures:
    """Sums up on a connection of its own: this takes longer than a page."""

    def __init__(self, db: aiosqlite.Connection, unanswered: str) -> None:
        """Use ``open_figures``."""
        self._db, self._unanswered = db, unanswered

    async def sums(self, span: Span) -> dict[str, list[dict[str, Any]]]:
        """All figures of a span, each a list of rows; raises ``RecordError``."""
        return {name: await self._read(statement, span) for name, statement in STATEMENTS.items()}

    async def close(self) -> None:
        """Close the file."""
        await self._db.close()

    async def _read(self, statement: str, span: Span) -> list[dict[str, Any]]:
        values = {
            "since": span.date_from,
            "until": span.date_to or "9",
            "shift": f"{span.offset_min:+d} minutes",
            "unanswered": self._unanswered,
        }
        try:
            async with self._db.execute(statement, values) as cursor:
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
        except SqliteError as error:
            raise RecordError(f"the call log can't be read: {error}") from error


async def open_figures(path: Path, unanswered: str) -> Figures:
    """Of the call log at ``path``; ``unanswered`` is what the agent says when it does not know."""
    return Figures(await aiosqlite.connect(read_only(path), uri=True), unanswered)
