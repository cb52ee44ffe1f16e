"""A voice that goes on after the last word understood, «эээ» or a word that was missed: the turn waits for the rest."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.backends import stt_vosk
from agent.backends.stt_vosk import Vosk
from agent.backends.vosk_decoder import hum
from agent.judging import HUM_MS, LONG_HUM_MS, after_hum
from agent.pauses import Verdict
from agent.ports import Transcript
from audio.frame import AudioFrame
from audio.wav import read_mono
from tests.agent.test_call import GREETING_S, WHOLE, Scene
from tests.fakes.engines import FakeEar
from tests.fakes.line import Leaves, Says

RATE = 8000
SPEECH = Path(__file__).parents[1] / "speech"
MODEL = Path(__file__).parents[2] / "agent/models/vosk-demo-ru"


@pytest.mark.parametrize(
    ("verdict", "hum_ms", "found"),
    [
        ("complete", 0, "complete"),
        ("complete", HUM_MS, "complete"),
        ("complete", HUM_MS + 10, "unsure"),
        ("open", HUM_MS + 10, "open"),
        ("complete", LONG_HUM_MS + 10, "unsure"),
        ("unsure", LONG_HUM_MS + 10, "open"),
    ],
)
def test_who_hums_after_the_words_is_given_time(verdict: Verdict, hum_ms: int, found: Verdict) -> None:
    assert after_hum(verdict, hum_ms) == found


def sound(*parts: tuple[float, int]) -> bytes:
    """A steady voice: dBFS and milliseconds of each part."""
    times = [np.arange(ms * RATE // 1000) / RATE for _, ms in parts]
    waves = [np.sin(2 * np.pi * 150 * time) * 10 ** (level / 20) for (level, _), time in zip(parts, times, strict=True)]
    return np.rint(np.concatenate(waves) * 32767).astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("parts", "end_ms", "hums_ms"),
    [
        ([(-20, 600), (-80, 200)], 600, 0),
        ([(-20, 600), (-26, 200), (-80, 100)], 600, 200),  # «эээ»
        ([(-20, 600), (-45, 200), (-80, 100)], 600, 0),  # the room, or the end of a vowel
        ([(-20, 600)], 700, 0),
        ([], 0, 0),
    ],
)
def test_a_hum_is_a_voice_as_loud_as_the_words(parts: list[tuple[float, int]], end_ms: int, hums_ms: int) -> None:
    assert hum(sound(*parts) if parts else b"", RATE, end_ms * RATE // 1000) == hums_ms * RATE // 1000


async def test_a_voice_that_hums_is_heard_to_do_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stt_vosk, "PEEK_MS", 10_000)  # however busy the machine is
    stt = Vosk(MODEL)
    ear = await stt.open(RATE, lambda _transcript: None)
    words = np.frombuffer(read_mono(SPEECH / "ru/domain/espeak-f3_53.wav", RATE), dtype="<i2").astype(np.float64)
    words = words[: np.flatnonzero(np.abs(words) > 1000)[-1]]
    vowel = words[-800:-480]  # of «доставка», held on
    pcm = np.rint(np.concatenate([words, np.tile(vowel, 12), np.zeros(800)])).astype("<i2").tobytes()
    for start in range(0, len(pcm) - 319, 320):
        ear.push(AudioFrame(pcm[start : start + 320], RATE, start // 2))

    assert (await ear.peek(trailing=True)).hum > RATE * HUM_MS // 1000
    await ear.close()
    await stt.close()


def test_in_a_call_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def humming(ear: FakeEar, trailing: bool = False) -> Transcript:
        return replace(await peek(ear, trailing), hum=RATE * (LONG_HUM_MS + 20) // 1000)

    peek = FakeEar.peek
    monkeypatch.setattr(FakeEar, "peek", humming)
    ask = GREETING_S + 1
    scene = Scene([Says(ask, "когда вы работаете"), Leaves(ask + 6)])

    assert scene.heard[1:] == ["Мы работаем с девяти.", "Обед в час."]
    assert scene.speaks_from(ask + 1) - (ask + 1) >= 0.53 > WHOLE
