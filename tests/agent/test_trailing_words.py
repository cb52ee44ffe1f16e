"""A slight word at the end, «и», is rather heard than missed when a caller pauses."""

from pathlib import Path

import pytest

from agent.backends import stt_vosk
from agent.backends.stt_vosk import Vosk
from agent.backends.vosk_decoder import likeliest
from agent.judging import HUM_MS
from audio.frame import AudioFrame
from audio.wav import read_mono

SPEECH = Path(__file__).parents[1] / "speech"
MODEL = Path(__file__).parents[2] / "agent/models/vosk-demo-ru"


def said(*texts: tuple[str, float]) -> str:
    """The text chosen of these and how likely they are, logarithms."""
    return str(likeliest([{"text": text, "confidence": confidence} for text, confidence in texts])["text"])


@pytest.mark.parametrize(
    ("others", "chosen"),
    [
        ([("мне нужен датчик и", -104.4)], "мне нужен датчик и"),
        ([("мне нужны датчик", -101.0), ("мне нужен датчик и", -102.0)], "мне нужен датчик и"),
        ([("мне нужен датчик и", -106.0)], "мне нужен датчик"),  # far less likely
        ([("мне нужен", -100.5)], "мне нужен датчик"),
        ([("нужен и", -101.0)], "мне нужен датчик"),  # it lost a word
        ([("мне нужен датчик на", -101.0)], "мне нужен датчик"),  # two sounds are heard well enough
        ([], "мне нужен датчик"),
    ],
)
def test_a_word_of_one_sound_is_taken_where_it_is_nearly_as_likely(
    others: list[tuple[str, float]], chosen: str
) -> None:
    assert said(("мне нужен датчик", -100.0), *others) == chosen


def test_a_noise_does_not_become_a_word() -> None:
    assert said(("", -10.0), ("и", -11.0)) == ""


async def test_a_whole_question_is_heard_alike_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stt_vosk, "PEEK_MS", 10_000)  # however busy the machine is
    stt = Vosk(MODEL)
    ear = await stt.open(8000, lambda _transcript: None)
    pcm = read_mono(SPEECH / "ru/domain/espeak-f3_53.wav", 8000)
    for start in range(0, len(pcm) - 319, 320):
        ear.push(AudioFrame(pcm[start : start + 320], 8000, start // 2))

    heard = await ear.peek(trailing=True)
    assert heard.text == (await ear.peek()).text == "сколько стоит доставка"
    assert heard.hum < 8000 * HUM_MS // 1000
    await ear.close()
    await stt.close()
