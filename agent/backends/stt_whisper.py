"""Recognition by faster-whisper (CTranslate2) in a worker process that all calls share.

Whisper hears whole pieces, not streams. While a caller talks, the utterance so far is heard again from time to time,
and the words on which two hearings agree are shown; when the caller pauses or has finished, it is heard at once. Each
time costs about the same (Whisper always looks at 30 s), so the times grow apart where the machine is slow or busy.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from agent.backends.agreement import Agreement
from agent.backends.decoding import Urgency
from agent.backends.plain_words import plain_words, without_inventions
from agent.backends.streamed_ear import Feed, Hearing, Said, Show, StreamedEar
from agent.backends.worker import Worker, WorkerError
from agent.errors import HearingError, StartError
from agent.ports import Transcript
from agent.settings import Whisper
from audio.level import dbfs

FIRST_MS, SHARE = 1000, 3.0
"""Audio between two hearings, milliseconds; and at least so many times what the last one took."""
BUSY = 2
"""With so many requests waiting nothing is heard that nobody waits for."""
MOST_S = 24
"""A piece is no longer than this, seconds: Whisper looks at 30."""
PEEK_S, FINISH_S = 1.5, 10.0
"""How long a peek and the text of an utterance may take, seconds."""
AGAIN_S = 3.0
"""A process that died may take so long to be back, seconds."""
QUIET_DB, QUIET_MS = 25.0, 1500
"""What follows the last hearing is silence when it is so much quieter than all, dB, and no longer, milliseconds."""
FACTORY = "agent.backends.whisper_child:load"
FILES = ("model.bin", "tokenizer.json")
"""Of a model; without the second the library would try to download one."""
ADVICE = "give the folder of a CTranslate2 model, or see `allo models list`, then `allo models pull NAME`"


class WhisperStt:
    """The recognition engine over one worker process."""

    def __init__(self, worker: Worker, folder: Path, language: str, hints: Sequence[str]) -> None:
        """``worker`` is running; see ``load``. ``language``: ``ru``, ``en``; empty: whichever it is."""
        self._hints = ", ".join(hints)
        self._worker, self._name, self._language = worker, f"whisper {folder.name}", language

    @classmethod
    async def load(cls, whisper: Whisper, folder: Path, language: str, hints: Sequence[str] = ()) -> "WhisperStt":
        """Start the worker and have it read the model in ``folder``; raises ``StartError``.

        ``hints``: terms that are likely.
        """
        arguments = {
            "folder": str(folder),
            "device": whisper.device,
            "compute_type": whisper.compute_type,
            "threads": whisper.threads,
        }
        for name in FILES:
            if not (folder / name).is_file():
                raise StartError(f"[whisper] model: {folder / name}: not there; {ADVICE}")
        worker = Worker(FACTORY, arguments, f"whisper {folder.name}")
        await worker.start()
        return cls(worker, folder, "" if whisper.detect_language else language, hints)

    @property
    def name(self) -> str:
        """Engine and model."""
        return self._name

    @property
    def waiting(self) -> int:
        """Requests of all calls that the process has not begun."""
        return self._worker.waiting

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> StreamedEar:
        """A fresh recogniser for audio at ``rate`` Hz."""
        return StreamedEar(self._listen, rate, on_partial, most_s=MOST_S, finish_s=FINISH_S, peek_s=PEEK_S)

    async def close(self) -> None:
        """End the process."""
        await self._worker.close()

    async def _listen(self, feed: Feed, show: Show) -> Hearing:
        """One piece of audio; see ``streamed_ear.Listen``."""
        agreement, heard, answered, wait_ms = Agreement(), Hearing(), 0, FIRST_MS
        loop = asyncio.get_running_loop()
        try:
            await self._worker.until_ready(AGAIN_S)
            while True:
                await feed.more(heard.reached, wait_ms, answered)
                asked, answered = feed.asked > answered, feed.asked
                if feed.ended and _told_already(feed, heard):
                    return heard
                if not (asked or feed.ended) and self._worker.waiting >= BUSY:
                    await feed.more(feed.samples, wait_ms, answered)
                    continue
                ended, began = feed.ended, loop.time()
                heard = await self._hear(feed, _urgency(asked=asked, ended=ended))
                if ended:
                    return heard
                wait_ms = max(FIRST_MS, int(SHARE * (loop.time() - began) * 1000))
                agreement.take(heard.words)
                show(heard if asked else replace(heard, words=agreement.words))
        except WorkerError as error:
            raise HearingError(str(error)) from None

    async def _hear(self, feed: Feed, urgency: Urgency) -> Hearing:
        samples = feed.samples
        best = urgency is not Urgency.GOING_ON
        request = {"rate": feed.rate, "language": self._language, "hints": self._hints, "best": best}
        reply, _ = await self._worker.one(request, feed.since(0), urgency)
        words = without_inventions(plain_words(reply["text"]))
        found = "" if self._language else reply["language"]
        return Hearing(_spread(words, samples), samples, confidence=reply["confidence"], language=found)


def _told_already(feed: Feed, heard: Hearing) -> bool:
    """The caller only was silent since."""
    rest = feed.since(heard.reached)
    if not heard.reached or len(rest) // 2 > QUIET_MS * feed.rate // 1000:
        return False
    return not rest or dbfs(rest) < dbfs(feed.since(0)) - QUIET_DB


def _urgency(*, asked: bool, ended: bool) -> Urgency:
    if ended:
        return Urgency.END
    return Urgency.PAUSE if asked else Urgency.GOING_ON


def _spread(words: list[str], samples: int) -> tuple[Said, ...]:
    """It tells no times: the words are taken to be spread over the piece by their letters."""
    letters = sum(len(word) + 1 for word in words)
    said, before = [], 0
    for word in words:
        after = before + len(word) + 1
        said.append(Said(word, samples * before // letters, samples * after // letters))
        before = after
    return tuple(said)
