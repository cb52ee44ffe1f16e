"""Recognition by Vosk (Kaldi): one model for the house, one recogniser for each call.

Decoding runs in a few threads (the C library releases the GIL; see ``decoding``), one job at a time for a call and
in blocks cut by position, so that a call hears the same however far behind the decoder is; the event loop only
collects frames and hands results on.

Vosk has an endpoint of its own (0.5 s of silence in the demo models). It is obeyed, because its decoder slows down
when it is not, but decides nothing here: its pieces are joined, and the utterance is over at ``finish``.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import vosk

from agent.backends.decoding import DecodingThreads, Urgency
from agent.backends.places import Places
from agent.backends.vosk_decoder import BLOCK_FRAMES, UNKNOWN, Decoder, Heard, native_rate, read_grammar
from agent.backends.vosk_decoder import grammar as limits
from agent.errors import HearingError, StartError
from agent.ports import Transcript, Word
from audio.frame import FRAME_MS, AudioFrame

log = logging.getLogger(__name__)
STEP_FRAMES = 2 * BLOCK_FRAMES
"""Frames that wait until they are decoded while the caller goes on: to look more often costs, and nobody needs it."""
LATE_S = 5
"""Audio waiting for the decoder, seconds, from which on the machine is too slow and the log says so."""
PEEK_S = 6
"""Audio of the utterance that is kept for a peek, seconds."""
PEEK_TAIL_MS = 1600
"""A peek decodes at least this much again, from the beginning of a word; what lies before is taken as heard so far."""
PEEK_LEAD_MS = 80
"""Audio before that word that is decoded with it: word times are as fine as the network's steps."""
PEEK_MS = 80
"""A peek that would take longer on this machine is not tried, milliseconds."""
LOOK_AHEAD_MS = 350
"""The decoder's own words may be so far behind what it was fed, milliseconds; 210 are the demo models' network's."""
PEEK_QUEUE = 4
"""With so many jobs before it, of callers who have finished or paused, it would come too late."""
PEEK_SOONER = 0.7
"""What a peek took is taken for so much less each time that none is tried: it may have been a busy moment."""
MOST_WAITING_S = 60
"""Audio that may wait; beyond it the oldest is dropped and counted, seconds."""


class Vosk:
    """The recognition engine over one Vosk model folder."""

    def __init__(self, folder: Path, threads: int = 1, grammar: Path | None = None) -> None:
        """Read the model (0.05 s for the demo models, seconds for large ones: see ``load``); raises ``StartError``.

        ``grammar``: a file of phrases, see ``read_grammar``.
        """
        if not folder.is_dir():
            raise StartError(f"{folder}: no such model folder; see `allo models list`, then `allo models pull NAME`")
        phrases = read_grammar(grammar, folder) if grammar is not None else []
        vosk.SetLogLevel(-1)
        try:
            self._model = vosk.Model(str(folder.resolve()))
        except Exception:  # vosk raises the bare class; its reason is on standard error
            raise StartError(f"{folder}: not a whole Vosk model; pull it again with `allo models pull NAME`") from None
        self._grammar = limits(phrases, self._knows, grammar) if grammar is not None else ""
        self._name = f"vosk {folder.name}"
        self._native = native_rate(folder)
        self._threads = DecodingThreads(threads, "vosk")

    @classmethod
    async def load(cls, folder: Path, threads: int = 1, grammar: Path | None = None) -> "Vosk":
        """The same off the event loop."""
        return await asyncio.to_thread(cls, folder, threads, grammar)

    @property
    def name(self) -> str:
        """Engine and model."""
        return self._name

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> "VoskRecognizer":
        """A fresh recogniser for audio at ``rate`` Hz (0.1 ms)."""
        fed_rate = rate if self._native is None or rate >= self._native else self._native
        decoder = Decoder(self._model, rate, fed_rate, self._grammar)
        return VoskRecognizer(decoder, self._threads, rate, on_partial)

    def _knows(self, word: str) -> bool:
        return int(self._model.vosk_model_find_word(word)) >= 0

    async def close(self) -> None:
        """End the threads; recognisers still open finish their running step first."""
        await asyncio.to_thread(self._threads.close)


class VoskRecognizer:
    """The ear of one call. All its methods belong to the event loop's thread."""

    def __init__(
        self, decoder: Decoder, threads: DecodingThreads, rate: int, on_partial: Callable[[Transcript], None]
    ) -> None:
        self._decoder: Decoder | None = decoder
        self._threads = threads
        self._rate = rate
        self._on_partial = on_partial
        self._waiting: deque[AudioFrame] = deque()
        self._waiting_samples = 0
        self._places = Places()
        self._decoded = 0
        """Position up to which the words are known, but for what the decoder looks ahead."""
        self._running: asyncio.Future[Heard] | None = None
        self._concluding = asyncio.Lock()
        self._words: list[Word] = []
        self._pieces: list[dict[str, Any]] = []
        """Vosk's final results of the present utterance."""
        self._fresh: list[Word] = []
        self._utterance: deque[AudioFrame] = deque(maxlen=PEEK_S * 1000 // FRAME_MS)
        self._pace = 0.0
        """Milliseconds that a peek takes for a millisecond of audio."""
        self._shown = ""
        self._failed = False
        self._late = False
        self.dropped = 0
        """Samples that were never decoded because the machine was too slow."""

    def push(self, frame: AudioFrame) -> None:
        """Take one frame; never blocks."""
        if self._decoder is None:
            return
        self._utterance.append(frame)
        self._waiting.append(frame)
        self._waiting_samples += frame.samples
        if self._waiting_samples > LATE_S * self._rate:
            self._behind()
        if len(self._waiting) >= STEP_FRAMES and self._running is None and not self._concluding.locked():
            self._step()

    async def peek(self, trailing: bool = False) -> Transcript:
        """Everything said so far, the words that the decoder still looks ahead for included.

        ``trailing``: a slight word at the end is rather heard than missed, and it is not told how sure the words are.
        Where that would take too long, what the decoder has by now.
        """
        decoder = self._decoder
        if decoder is None:
            raise HearingError("the recogniser of this call is closed")
        words, start = self._begun()
        tail = self._since(start)
        if self._threads.before(Urgency.PAUSE) >= PEEK_QUEUE or self._pace * len(tail) * FRAME_MS > PEEK_MS:
            self._pace *= PEEK_SOONER
            self._catch_up()
            reached = max(self._decoded - LOOK_AHEAD_MS * self._rate // 1000, 0)
            return replace(self._transcript(self._fresh), position=reached)
        pcm = b"".join(frame.pcm for frame in tail)
        loop, threads = asyncio.get_running_loop(), self._threads.at(Urgency.PAUSE, object())
        began = loop.time()
        heard, took_s = await loop.run_in_executor(threads, _timed, partial(decoder.peek, pcm, trailing))
        took_s = min(took_s, loop.time() - began)  # in a replay, where no time passes, none is refused
        self._pace = took_s * 1000 / max(len(tail) * FRAME_MS, 1)
        texts = " ".join([_text(words), *(piece["text"] for piece in heard.pieces)]).split()
        text = " ".join(word for word in texts if word != UNKNOWN)
        reached = tail[-1].end if tail else self._places.end
        return Transcript(text, False, reached, confidence=_confidence(heard.pieces), hum=heard.hum)

    def _begun(self) -> tuple[list[Word], int]:
        """Words that are taken as heard, and the position from which a peek decodes again."""
        if not self._utterance:
            return [], 0
        latest = self._utterance[-1].end - PEEK_TAIL_MS * self._rate // 1000
        words = [*self._words, *self._fresh]
        for word in reversed(words):
            if word.start <= latest and word.start < word.end:
                return [known for known in words if known.start < word.start], (
                    word.start - PEEK_LEAD_MS * self._rate // 1000
                )
        return [], 0

    def _since(self, start: int) -> list[AudioFrame]:
        """Frames of the utterance that end behind ``start``, a position."""
        tail = list(takewhile(lambda frame: frame.end > start, reversed(self._utterance)))
        tail.reverse()
        return tail

    def _catch_up(self) -> None:
        """The caller paused: what waits is decoded before that of callers who talk."""
        if self._running is not None:
            self._threads.hurry(self, Urgency.PAUSE)
        elif len(self._waiting) >= BLOCK_FRAMES and not self._concluding.locked():
            self._step(Urgency.PAUSE)

    async def finish(self) -> Transcript:
        """Everything heard since the last ``finish``; raises ``HearingError`` when the decoder failed."""
        self._utterance.clear()
        async with self._concluding:
            self._threads.hurry(self)
            await self._idle()
            if self._decoder is None:
                raise HearingError("the recogniser of this call is closed")
            if self._places.fed or self._waiting:
                self._run(self._decoder.conclude, Urgency.END, len(self._waiting))
            await self._idle()
            return self._take()

    async def close(self) -> None:
        """Wait for the running step, then free the recogniser; harmless when closed."""
        decoder, self._decoder = self._decoder, None
        self._waiting.clear()
        await self._idle()
        del decoder

    async def _idle(self) -> None:
        """Wait until no step runs."""
        while self._running is not None:
            await asyncio.wait([self._running])

    def _step(self, urgency: Urgency = Urgency.GOING_ON) -> None:
        if self._decoder is not None:
            whole = len(self._waiting) - len(self._waiting) % BLOCK_FRAMES
            self._run(self._decoder.step, urgency, whole)

    def _run(self, work: Callable[[bytes], Heard], urgency: Urgency, count: int) -> None:
        """Give the ``count`` oldest frames to the pool; one job at a time, so Vosk sees the frames in order."""
        frames = [self._waiting.popleft() for _ in range(count)]
        for frame in frames:
            self._waiting_samples -= frame.samples
            self._places.add(frame)
        pcm = b"".join(frame.pcm for frame in frames)
        try:
            self._running = asyncio.get_running_loop().run_in_executor(self._threads.at(urgency, self), work, pcm)
        except RuntimeError:  # the pool is shut down: the house is closing
            self._failed = True
            return
        self._running.add_done_callback(self._stepped)

    def _stepped(self, done: asyncio.Future[Heard]) -> None:
        self._running = None
        if done.cancelled() or done.exception():
            if not self._failed and not done.cancelled():
                log.error("vosk could not decode audio of a call; this utterance is lost")
            self._failed = True
            return
        heard, self._decoded = done.result(), self._places.end
        for piece in heard.pieces:
            self._words += self._words_of(piece, "result", "text")
        self._pieces += heard.pieces
        if self._decoder is None:
            return
        self._fresh = self._words_of(heard.partial, "partial_result", "partial")
        if not self._concluding.locked():
            self._show(self._fresh)
            if len(self._waiting) >= STEP_FRAMES:
                self._step()

    def _show(self, fresh: list[Word]) -> None:
        """Hand a partial transcript on when its words changed."""
        transcript = self._transcript(fresh)
        if transcript.text and transcript.text != self._shown:
            self._shown = transcript.text
            self._on_partial(transcript)

    def _transcript(self, fresh: list[Word]) -> Transcript:
        words = (*self._words, *fresh)
        return Transcript(_text(words), False, self._places.end, words)

    def _take(self) -> Transcript:
        words, self._words, self._fresh, self._shown = tuple(self._words), [], [], ""
        pieces, failed, self._pieces, self._failed = self._pieces, self._failed, [], False
        self._places.forget()
        if failed:
            raise HearingError("vosk could not decode this utterance; the next one starts afresh")
        return Transcript(_text(words), True, self._places.end, words, _confidence(pieces))

    def _words_of(self, result: dict[str, Any], timed: str, plain: str) -> list[Word]:
        """Vosk's words with line positions; a model without word boundaries gives the text alone."""
        found = result.get(timed)
        if found is None:
            end = self._places.end
            return [Word(text, end, end) for text in result.get(plain, "").split() if text != UNKNOWN]
        return [
            Word(word["word"], self._place(word["start"]), self._place(word["end"]))
            for word in found
            if word["word"] != UNKNOWN
        ]

    def _place(self, seconds: float) -> int:
        return self._places.position(round(seconds * self._rate))

    def _behind(self) -> None:
        if not self._late:
            self._late = True
            log.warning("recognition is more than %d s behind: too many calls or too large a model here", LATE_S)
        while self._waiting_samples > MOST_WAITING_S * self._rate:
            oldest = self._waiting.popleft()
            self._waiting_samples -= oldest.samples
            self.dropped += oldest.samples


def _timed(work: Callable[[], Heard]) -> tuple[Heard, float]:
    """What ``work`` brings, and how long it took by itself, seconds: those before it in the queue are not its fault."""
    began = time.perf_counter()
    heard = work()
    return heard, time.perf_counter() - began


def _confidence(pieces: Iterable[dict[str, Any]]) -> float:
    """The mean of Vosk's ``conf`` over the words of final results; 1 where there is none."""
    known = [float(word["conf"]) for piece in pieces for word in piece.get("result", ()) if "conf" in word]
    return sum(known) / len(known) if known else 1.0


def _text(words: Iterable[Word]) -> str:
    return " ".join(word.text for word in words)
