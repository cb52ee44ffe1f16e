"""Recordings of one speaker as people hand them in, good and bad: spoken by espeak-ng, 22,050 Hz."""

from pathlib import Path

import numpy as np

from agent.backends.tts_espeak import Espeak
from audio.level import comfort_noise, silence
from audio.wav import write_mono

RATE = 22_050
TEXTS = (
    "Здравствуйте, меня зовут Ирина, я отвечаю на звонки нашей компании.",
    "Гарантия на испытательную машину двадцать четыре месяца, доставка по Москве бесплатная.",
    "Если вам нужен оператор, скажите об этом, и я сразу соединю вас с человеком.",
    "Мы работаем с понедельника по пятницу с девяти до восемнадцати часов.",
)


async def speech(text: str, voice: str = "ru") -> bytes:
    """PCM16 mono at ``RATE``."""
    espeak = await Espeak.load("ru", voice)
    pcm = b"".join([made async for made in espeak.synthesize(text) if isinstance(made, bytes)])
    return louder(pcm, 0.7)


def louder(pcm: bytes, factor: float) -> bytes:
    samples = np.frombuffer(pcm, "<i2").astype(np.float64) * factor
    return bytes(np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes())


def noisy(pcm: bytes, dbfs: float) -> bytes:
    noise = np.frombuffer(comfort_noise(len(pcm) // 2, dbfs), "<i2").astype(int)
    return bytes(np.clip(np.frombuffer(pcm, "<i2").astype(int) + noise, -32768, 32767).astype("<i2").tobytes())


def slow(pcm: bytes) -> bytes:
    """Twice as much silence as speech."""
    return silence(len(pcm) // 2) + pcm + silence(len(pcm) // 2)


async def record(folder: Path, voice: str = "ru") -> Path:
    """A folder of good ones."""
    return _written(folder, [await speech(text, voice) for text in TEXTS])


def _written(folder: Path, takes: list[bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, pcm in enumerate(takes):
        write_mono(folder / f"take {number}.wav", pcm, RATE)
    return folder
