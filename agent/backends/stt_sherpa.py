"""Recognition by sherpa-onnx in a worker process: the best open Russian telephone models, T-one and GigaAM, and others.

All calls share one model; each utterance has a stream of its own there. When the process dies the utterances that were
going on are heard again from their beginning (``streamed_ear``).
"""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.backends.decoding import Urgency
from agent.backends.streamed_ear import Feed, Hearing, Said, Show, StreamedEar
from agent.backends.worker import Worker, WorkerError
from agent.errors import HearingError, StartError
from agent.ports import Transcript
from agent.settings import Sherpa

CHUNK_MS = 240
"""Audio that is decoded together, milliseconds."""
BEHIND_MS = 300
"""What was pushed is decoded but for so much of its end, milliseconds: the networks look ahead."""
PEEK_S = 0.4
"""A peek may take so long, seconds."""
AGAIN_S = 3.0
"""A process that died may take so long to be back, seconds."""
MOST_S = 300
"""A piece is no longer than this, seconds."""
FACTORY = "agent.backends.sherpa_child:load"


class SherpaStt:
    """The recognition engine over one worker process."""

    def __init__(self, worker: Worker, folder: Path) -> None:
        """``worker`` is running; see ``load``."""
        self._worker, self._name = worker, f"sherpa {folder.name}"
        self._numbers = itertools.count()

    @classmethod
    async def load(cls, sherpa: Sherpa, folder: Path) -> "SherpaStt":
        """Start the worker and have it read the model in ``folder``; raises ``StartError``."""
        arguments = {"folder": str(folder), "kind": find_kind(folder, sherpa.kind), "threads": sherpa.threads}
        worker = Worker(FACTORY, arguments, f"sherpa {folder.name}")
        await worker.start()
        return cls(worker, folder)

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
        return StreamedEar(self._listen, rate, on_partial, most_s=MOST_S, peek_s=PEEK_S)

    async def close(self) -> None:
        """End the process."""
        await self._worker.close()

    async def _listen(self, feed: Feed, show: Show) -> Hearing:
        """One stream over one piece of audio; see ``streamed_ear.Listen``."""
        number, seen, over, answered = next(self._numbers), 0, False, 0
        try:
            await self._worker.until_ready(AGAIN_S)
            while not over:
                pcm = await feed.more(seen, CHUNK_MS, answered)
                seen += len(pcm) // 2
                over = feed.ended and seen >= feed.samples
                asked = feed.asked > answered and seen >= feed.samples
                answered = feed.asked if asked else answered
                what, urgency = _wish(over=over, asked=asked)
                hearing = await self._told(number, feed.rate, what, pcm, urgency)
                if what == "push":
                    hearing = Hearing(hearing.words, max(seen - BEHIND_MS * feed.rate // 1000, 0))
                else:
                    hearing = Hearing(hearing.words, seen)
                show(hearing)
            return hearing
        except WorkerError as error:
            raise HearingError(str(error)) from None
        finally:
            if not over:
                self._worker.tell({"stream": number, "rate": feed.rate, "what": "drop"})

    async def _told(self, number: int, rate: int, what: str, pcm: bytes, urgency: Urgency) -> Hearing:
        request: dict[str, Any] = {"stream": number, "rate": rate, "what": what}
        reply, _ = await self._worker.one(request, pcm, urgency)
        return Hearing(tuple(Said(*word) for word in reply["words"]))


def _wish(*, over: bool, asked: bool) -> tuple[str, Urgency]:
    if over:
        return "end", Urgency.END
    return ("peek", Urgency.PAUSE) if asked else ("push", Urgency.GOING_ON)


def find_kind(folder: Path, kind: str) -> str:
    """What the model is, by its files and the name of its folder, as its makers call them; raises ``StartError``."""
    if not folder.is_dir():
        raise StartError(
            f"[sherpa] model: {folder}: no such folder; see `allo models list`, then `allo models pull NAME`"
        )
    if kind != "auto":
        return kind
    name = folder.name.lower()
    streaming = "streaming" in name
    if any(folder.glob("joiner*.onnx")):
        return "transducer" if streaming else "offline-transducer"
    if not any(folder.glob("*.onnx")):
        raise StartError(f"{folder}: not a model of sherpa-onnx; it has no .onnx file")
    if re.search(r"(^|[-_ ])t-?one([-_ ]|$)", name):
        return "t-one"
    if streaming:
        return "zipformer-ctc" if "zipformer" in name else "nemo-ctc"
    return "offline-ctc"
