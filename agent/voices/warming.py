"""What the agent says most often is synthesised before it is asked for: the commonest sentences of the call log."""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from agent.errors import VoiceError
from agent.sentences import SentenceCutter
from agent.speak import Voice
from agent.store import read_only

log = logging.getLogger(__name__)

NEWEST = 5000
"""Turns of the call log that are counted, the newest ones."""
TWICE = 2
"""A sentence that was said less often is not worth it."""
WAIT_S = 5.0
"""How long to wait before looking again whether the house is empty, seconds."""


def commonest(path: Path, count: int) -> list[str]:
    """The sentences said most often in the newest turns of the call log, most often first; blocks on the disk."""
    newest = "SELECT said FROM turns WHERE said <> '' ORDER BY rowid DESC LIMIT ?"
    try:
        with closing(sqlite3.connect(read_only(path), uri=True)) as db:
            rows = db.execute(newest, (NEWEST,)).fetchall()
    except sqlite3.Error as error:
        log.warning("%s: can't be read, so nothing is synthesised ahead: %s", path, error)
        return []
    counted = Counter(sentence for (said,) in rows for sentence in _sentences(str(said)))
    return [sentence for sentence, times in counted.most_common(count) if times >= TWICE]


async def warm(voice: Voice, texts: Iterable[str], rate: int, empty: Callable[[], bool]) -> None:
    """Have ``texts``, as words, in the voice's cache at ``rate``, one after the other, while the house is ``empty``.

    Ends when the voice fails: then there is no use in asking it for more.
    """
    for text in texts:
        while not empty():  # noqa: ASYNC110 - nobody waits for this, and calls need not tell
            await asyncio.sleep(WAIT_S)
        try:
            async for _ in voice.speech(text, rate):
                pass
        except VoiceError as error:
            log.warning("sentences are not synthesised ahead: %s", error)
            return


def _sentences(said: str) -> list[str]:
    cutter = SentenceCutter()
    return cutter.feed(said) + cutter.flush()
