"""Audio given to a recogniser as a line would give it, only faster."""

import asyncio

from agent.ports import Recognizer, Transcript
from audio.frame import AudioFrame, frame_bytes


def frames(pcm: bytes, rate: int = 8000, position: int = 0) -> list[AudioFrame]:
    """PCM16 mono in 20 ms, the last one filled up with silence; ``position``: samples of the line before it."""
    size = frame_bytes(rate)
    pcm = pcm.ljust(-(-len(pcm) // size) * size, b"\0")
    return [AudioFrame(pcm[at : at + size], rate, position + at // 2) for at in range(0, len(pcm), size)]


async def push(ear: Recognizer, pcm: bytes, position: int = 0, rate: int = 8000) -> int:
    """Say ``pcm``; returns the position after the last frame."""
    for frame in frames(pcm, rate, position):
        ear.push(frame)
        position = frame.end
        await asyncio.sleep(0)
    return position


def ignore(_transcript: Transcript) -> None:
    """For tests that look at the final text only."""
