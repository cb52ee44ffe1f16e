"""Speech for programs: a text as sound, a sound as text, with the same voice and recogniser that callers meet."""

import asyncio

import numpy as np

from agent.house import House
from agent.ports import WordStart
from agent.sentences import SentenceCutter
from audio.frame import FRAME_MS, SAMPLE_BYTES, AudioFrame, frame_bytes

PAUSE_MS = 120
"""Silence between two sentences, milliseconds."""
PIECE_S = 10
"""A recording is heard in pieces of at least this length, cut where it is quietest, seconds."""
LONGEST_PIECE_S = 20
"""And of at most this length, seconds."""
STEP_FRAMES = 20
"""Frames given to the recogniser at once."""
STEP_S = 0.016
"""Rest after them: a file is heard 25 times faster than it was spoken, and callers' speech goes before it, seconds."""


class Spoken:
    """Implements ``gateways.desk.Speech``."""

    def __init__(self, house: House) -> None:
        """``house`` is everybody's."""
        self._house = house

    async def say(self, text: str, rate: int, pace: float) -> bytes:
        """PCM16 mono at ``rate`` Hz; raises ``VoiceError``."""
        cutter = SentenceCutter()
        sentences = [*cutter.feed(text), *cutter.flush()]
        pause = bytes(rate * PAUSE_MS // 1000 * SAMPLE_BYTES)
        return pause.join([await self._voiced(sentence, rate, pace) for sentence in sentences])

    async def hear(self, pcm: bytes, rate: int) -> str:
        """The words in PCM16 mono at 8000 or 16000 Hz; raises ``HearingError``."""
        ear = await self._house.stt.open(rate, lambda _partial: None)
        texts, position = [], 0
        try:
            for piece in pieces(pcm, rate):
                for at in range(0, len(piece), frame_bytes(rate)):
                    frame = piece[at : at + frame_bytes(rate)].ljust(frame_bytes(rate), b"\0")
                    ear.push(AudioFrame(frame, rate, position))
                    position += len(frame) // SAMPLE_BYTES
                    if position // (len(frame) // SAMPLE_BYTES) % STEP_FRAMES == 0:
                        await asyncio.sleep(STEP_S)
                texts.append((await ear.finish()).text)
        finally:
            await ear.close()
        return " ".join(text for text in texts if text)

    async def _voiced(self, sentence: str, rate: int, pace: float) -> bytes:
        made = self._house.voice.speech(self._house.words(sentence), rate, pace)
        return b"".join([part async for part in made if not isinstance(part, WordStart)])


def pieces(pcm: bytes, rate: int) -> list[bytes]:
    """Cut PCM16 mono into pieces that a recogniser takes in one go, at the quietest 20 ms of each last half."""
    frame, found = frame_bytes(rate), []
    least, most = PIECE_S * 1000 // FRAME_MS * frame, LONGEST_PIECE_S * 1000 // FRAME_MS * frame
    while len(pcm) > most:
        samples = np.frombuffer(pcm[least:most], dtype="<i2").astype(np.float32).reshape(-1, frame // SAMPLE_BYTES)
        cut = least + (int(np.square(samples).mean(axis=1).argmin()) + 1) * frame
        found.append(pcm[:cut])
        pcm = pcm[cut:]
    return [*found, pcm] if pcm else found
