import numpy as np
import pytest

from agent.ports import WordStart
from agent.voices.voice_take import by_letters, is_noise, resumed, told, words_of
from agent.voices.word_borders import Borders, Spoken, borders
from tests.agent.voices import SENTENCE
from tests.fakes.speaking import spoken


@pytest.mark.parametrize(("voice", "speed_wpm"), [("ru+f3", 140), ("ru+m6", 190), ("ru+croak", 165)])
async def test_words_of_another_voice_are_found(voice: str, speed_wpm: int) -> None:
    pcm, words = await spoken(SENTENCE, 22050, "ru", 165)
    model = Spoken(pcm, 22050, tuple(words))
    heard, truth = await spoken(SENTENCE, 24000, voice, speed_wpm)
    whole = borders(heard, 24000, model)
    assert whole.next_word == -1
    assert whole.into_last == 1.0
    errors = [abs(found - true) / 24000 for (_, found), (_, true) in zip(whole.words, truth, strict=True)]
    assert np.median(errors) <= 0.02
    assert max(errors) <= 0.1
    for share in (0.3, 0.6):
        end = int(len(heard) // 2 * share)
        part = borders(heard[: end * 2], 24000, model)
        begun = [place for place, sample in truth if sample < end - 24000 // 20]
        assert [place for place, _ in part.words][: len(begun)] == begun
        assert len(part.words) - len(begun) <= 1


def test_silence_and_nothing_have_no_words() -> None:
    model = Spoken(bytes(44100), 22050, ((0, 0),))
    assert borders(b"", 8000, model) == Borders((), 0, 0.0)
    assert borders(bytes(100), 8000, Spoken(b"", 22050, ())) == Borders((), -1, 0.0)


def test_a_voices_own_word_times_are_taken_where_all_are_there() -> None:
    text = "раз два три"
    marks = [WordStart(0, 0), WordStart(4, 800), WordStart(8, 1600)]
    assert told(text, marks, 1000) == Borders(((0, 0), (4, 800)), 8, 0.0)
    assert told(text, marks, 2000) == Borders(((0, 0), (4, 800), (8, 1600)), -1, 0.0)
    assert told(text, [marks[0], marks[2]], 2000) is None
    assert told(text, [], 2000) is None


def test_by_letters_each_letter_takes_as_long() -> None:
    found = by_letters("раз два три", 6 * 800, 8000, 0.1)
    assert found.words == ((0, 0), (4, 2400))
    assert found.next_word == 8
    assert found.into_last == pytest.approx(1.0)  # the word is over, the next one would begin later
    assert by_letters("раз", 8000, 8000, 0.1) == Borders(((0, 0),), -1, 1.0)


@pytest.mark.parametrize(
    ("into", "given", "expected"),
    [
        (0.5, 900, (1000, 4)),  # held: the word is dropped and said anew
        (0.95, 1200, (1500, 8)),  # as good as said
        (0.5, 1200, (1200, 4)),  # it was begun already: said again
        (0.85, 1200, (1500, 8)),  # most of it was heard
    ],
)
def test_where_the_next_voice_goes_on(into: float, given: int, expected: tuple[int, int]) -> None:
    assert resumed(Borders(((0, 0), (4, 1000)), 8, into), given, 1500, "раз два три") == expected


def test_at_the_end_nothing_is_left_to_say() -> None:
    assert resumed(Borders(((0, 0), (4, 1000)), -1, 1.0), 900, 1500, "раз два") == (1500, 7)
    assert resumed(Borders((), 3, 0.0), 100, 1500, "раз два") == (100, 3)


def test_words_of_a_text() -> None:
    text = "Кто-то, «да» — 25 кг!"
    assert [text[place:][:2] for place in words_of(text)] == ["Кт", "да", "25", "кг"]


async def test_noise_is_told_from_speech() -> None:
    pcm, _ = await spoken("Шесть штук, сшитых из шёлка", 24000)
    loud = np.clip(np.frombuffer(pcm, dtype="<i2").astype(int) * 4, -32768, 32767).astype("<i2").tobytes()
    assert not any(is_noise(loud[place : place + 4800]) for place in range(0, len(loud) - 4800, 4800))
    assert is_noise(np.random.default_rng(1).integers(0, 256, 4800, dtype=np.uint8).tobytes())
    assert is_noise(loud[1:4800] + b"\0") or is_noise(loud[9601:14400] + b"\0")  # shifted by a byte
