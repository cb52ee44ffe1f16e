"""What caches may hold of callers' words: answers that repeat a question, and sentences as sound.

Neither says whose words they were, so an erasure takes them all: answers are asked for again, sentences made again.
Retention takes those that are older than words may be: by when an answer was made, a sentence last said.
Vectors stay: they are kept by digests, and no word can be read out of them.
"""

import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

from agent.answer_cache import ANSWERS
from agent.errors import RecordError
from agent.settings import Settings

WAIT_S = 10.0
"""How long another process may keep the file, seconds."""

IN_REDIS = "allo:cache:answer:*"
"""Keys of answers, as ``agent.backends.cache_redis`` and ``agent.answer_cache`` make them."""
NEVER = datetime.min.replace(tzinfo=UTC)


def empty_caches(settings: Settings) -> None:
    """Answers, here or in Redis, and phrases; raises ``RecordError``. Blocks."""
    forget_phrases(settings)
    forget_answers(settings)


def forget_phrases(settings: Settings, now: datetime = NEVER, age: timedelta | None = None) -> int:
    """Remove sentences that were last said so long before ``now``, without an ``age`` all; how many."""
    gone = 0
    for phrase in (settings.storage.dir / "phrases").glob("*.p*"):
        with suppress(FileNotFoundError):
            if age is None or phrase.stat().st_mtime < (now - age).timestamp():
                phrase.unlink()
                gone += 1
    return gone


def forget_answers(settings: Settings, now: datetime = NEVER, age: timedelta | None = None) -> int:
    """Remove answers that were made so long before ``now``, without an ``age`` all; how many of those here.

    A Redis forgets old ones by itself (``agent.tables.new_answer_cache``). Raises ``RecordError``.
    """
    answers, gone = settings.storage.dir / ANSWERS, 0
    try:
        if answers.exists():
            with closing(sqlite3.connect(answers, timeout=WAIT_S)) as file:
                file.execute("PRAGMA secure_delete=ON")
                gone = _forget(file, (now - age).astimezone(UTC) if age else None)
                forget_log(file)
    except sqlite3.Error as error:
        raise RecordError(f"{answers}: can't be emptied: {error}; remove the file while Allo is stopped") from None
    if age is None and (url := settings.redis.url.get_secret_value()):
        _empty_redis(url)
    return gone


def _forget(file: sqlite3.Connection, before: datetime | None) -> int:
    dated = any(column == "at" for _, column, *_ in file.execute("PRAGMA table_info(answers)"))  # else: an older Allo's
    with file:
        if before is None or not dated:
            return file.execute("DELETE FROM answers").rowcount
        return file.execute("DELETE FROM answers WHERE at < ?", (f"{before:%Y-%m-%d %H:%M:%S}",)).rowcount


def forget_log(file: sqlite3.Connection) -> None:
    """Empty the write-ahead log too: it holds the pages as they were before (best effort, while others read)."""
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _empty_redis(url: str) -> None:
    try:
        from redis import Redis  # noqa: PLC0415 - an extra
        from redis.exceptions import RedisError  # noqa: PLC0415
    except ImportError:
        raise RecordError(
            "[redis] url is set and redis is missing; `.venv/bin/python -m pip install -e '.[redis]'`"
        ) from None
    try:
        with Redis.from_url(url, socket_timeout=WAIT_S) as redis:
            for key in redis.scan_iter(IN_REDIS):
                redis.delete(key)
    except (RedisError, OSError, ValueError) as error:
        raise RecordError(f"[redis] url: answers can't be removed: {type(error).__name__}; run it again") from None
