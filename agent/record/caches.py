"""What caches may hold of callers' words: answers that repeat a question, and sentences as sound. Emptied as a whole.

Neither says whose words they were, so an erasure takes them all: answers are asked for again, sentences made again.
Vectors stay: they are kept by digests, and no word can be read out of them.
"""

import sqlite3
from contextlib import closing, suppress

from agent.answer_cache import ANSWERS
from agent.errors import RecordError
from agent.settings import Settings

WAIT_S = 10.0
"""How long another process may keep the file, seconds."""

IN_REDIS = "allo:cache:answer:*"
"""Keys of answers, as ``agent.backends.cache_redis`` and ``agent.answer_cache`` make them."""


def empty_caches(settings: Settings) -> None:
    """Answers, here or in Redis, and phrases; raises ``RecordError``. Blocks."""
    storage = settings.storage.dir
    for phrase in (storage / "phrases").glob("*.p*"):
        with suppress(FileNotFoundError):
            phrase.unlink()
    answers = storage / ANSWERS
    try:
        if answers.exists():
            with closing(sqlite3.connect(answers, timeout=WAIT_S)) as file:
                file.execute("PRAGMA secure_delete=ON")
                with file:
                    file.execute("DELETE FROM answers")
                forget_log(file)
    except sqlite3.Error as error:
        raise RecordError(f"{answers}: can't be emptied: {error}; remove the file while Allo is stopped") from None
    if url := settings.redis.url.get_secret_value():
        _empty_redis(url)


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
