"""Sentences on their way to the line: ahead of time, filled, slower, louder, and heard to the word."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backends.tts_espeak import Espeak
from agent.errors import VoiceError
from agent.language.verbalise import verbalise
from agent.playout import Heard, Playout
from agent.ports import Effect, Manner, Sentence, WordStart
from agent.speak import BREATH_MS, Speaker, adjusted, amplified
from agent.voices.phrases import Phrases
from audio.level import dbfs, tone
from tests.fakes.line import STEP, FakeMouth, stamp

BREATH = BREATH_MS * 8
RATE = 8000


class Gates:
    """A voice whose sentences wait to be let through: half of the audio at ``open``, the rest at ``finish``."""

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        self.known = known
        self.asked: list[tuple[str, float]] = []
        self.gates: dict[str, asyncio.Queue[int]] = {}

    def gate(self, text: str) -> asyncio.Queue[int]:
        return self.gates.setdefault(text, asyncio.Queue())

    async def speech(self, text: str, rate: int, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        self.asked.append((text, pace))
        yield WordStart(0, 0)
        while samples := await self.gate(text).get():
            if samples < 0:
                raise VoiceError("lost")
            yield stamp(len(text), samples)

    def ready(
        self, text: str, rate: int, pace: float = 1.0, *, anyhow: bool = False
    ) -> tuple[bytes | WordStart, ...] | None:
        as_it_is = anyhow or pace == 1.0
        return (WordStart(0, 0), stamp(len(text), STEP)) if text in self.known and as_it_is else None


async def settle() -> None:
    """Let every task run until all wait."""
    for _ in range(20):
        await asyncio.sleep(0)


class Desk:
    """A speaker, its mouth, and a script of sentences that comes piece by piece."""

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        self.mouth = FakeMouth()
        self.playout = Playout(self.mouth)
        self.voice = Gates(known)
        self.speaker = Speaker(self.playout, self.voice, lambda text: text, RATE)
        self.script: asyncio.Queue[Sentence | None] = asyncio.Queue()
        self.first_audio_at: list[int] = []

    async def _sentences(self) -> AsyncGenerator[Sentence, None]:
        while sentence := await self.script.get():
            yield sentence

    def begin(self) -> "asyncio.Task[Heard]":
        saying = self.speaker.say(self._sentences(), lambda: self.first_audio_at.append(self.playout.pushed))
        return asyncio.ensure_future(saying)

    async def play(self, frames: int) -> None:
        for _ in range(frames):
            self.mouth.tick()
            self.speaker.tick()
            await settle()


async def test_a_filler_is_said_while_the_first_sentence_is_thought_of() -> None:
    desk = Desk(("Так.",))
    saying = desk.begin()
    await settle()
    assert desk.speaker.fill("Так.")
    assert desk.playout.pushed == STEP + BREATH
    assert desk.first_audio_at == []

    desk.script.put_nowait(Sentence("Ответ готов."))
    desk.script.put_nowait(None)
    desk.voice.gate("Ответ готов.").put_nowait(STEP)
    desk.voice.gate("Ответ готов.").put_nowait(0)
    await desk.play(10)

    heard = await saying
    assert heard == Heard("Так. Ответ готов.", "Так. Ответ готов.", complete=True, samples=STEP)
    assert desk.first_audio_at == [STEP + BREATH]
    assert desk.mouth.played == STEP + BREATH + STEP


async def test_a_filler_is_said_while_a_sentence_is_being_made_and_stands_before_it() -> None:
    desk = Desk(("Так.",))
    saying = desk.begin()
    desk.script.put_nowait(Sentence("Первое слово."))
    desk.script.put_nowait(None)
    await settle()
    assert desk.voice.asked == [("Первое слово.", 1.0)]  # opened, no audio yet
    assert desk.speaker.fill("Так.")
    desk.voice.gate("Первое слово.").put_nowait(STEP)
    await settle()
    assert not desk.speaker.fill("Так.")  # it sounds already
    desk.voice.gate("Первое слово.").put_nowait(0)
    await desk.play(10)
    heard = await saying
    assert heard.text == "Так. Первое слово."
    assert heard.complete


async def test_a_filler_between_two_sentences_and_none_after_the_last() -> None:
    desk = Desk(("Так.",))
    saying = desk.begin()
    desk.script.put_nowait(Sentence("Раз."))
    for samples in (STEP, 0):
        desk.voice.gate("Раз.").put_nowait(samples)
    await desk.play(3)
    assert desk.speaker.fill("Так.")
    assert desk.playout.pushed == STEP + STEP + BREATH
    desk.script.put_nowait(Sentence("Два."))
    for samples in (STEP, 0):
        desk.voice.gate("Два.").put_nowait(samples)
    desk.script.put_nowait(None)
    await settle()
    assert desk.playout.pushed == STEP + STEP + BREATH + STEP
    assert not desk.speaker.fill("Так.")
    await desk.play(12)
    assert (await saying).text == "Раз. Так. Два."
    assert not desk.speaker.fill("Так.")


async def test_no_filler_for_a_waiting_sentence_an_unknown_phrase_or_a_dead_reply() -> None:
    desk = Desk(("Так.",))
    assert not desk.speaker.fill("Так.")  # nobody speaks
    saying = desk.begin()
    await settle()
    assert not desk.speaker.fill("Неизвестно.")
    desk.script.put_nowait(Sentence("Раз."))
    desk.voice.gate("Раз.").put_nowait(STEP * 3)
    desk.voice.gate("Раз.").put_nowait(0)
    desk.script.put_nowait(Sentence("Два."))
    await settle()
    assert not desk.speaker.fill("Так.")  # the next one is at hand, it waits for its turn
    desk.playout.clear()
    assert not desk.speaker.fill("Так.")
    saying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saying
    assert not desk.speaker.fill("Так.")
    assert desk.playout.pushed == desk.mouth.played


async def test_a_failed_voice_ends_the_wait_for_it() -> None:
    desk = Desk(("Так.",))
    saying = desk.begin()
    desk.script.put_nowait(Sentence("Раз."))
    desk.voice.gate("Раз.").put_nowait(-1)
    with pytest.raises(VoiceError):
        await saying
    assert not desk.speaker.fill("Так.")


async def test_fixed_texts_may_be_firm() -> None:
    desk = Desk()
    saying = asyncio.ensure_future(desk.speaker.say_all([Sentence("Запись.", firm=True), "Раз."]))
    for text in ("Запись.", "Раз."):
        for samples in (STEP * 3, 0):
            desk.voice.gate(text).put_nowait(samples)
    await settle()
    seen = []
    for _ in range(12):
        seen.append(desk.playout.firm)
        await desk.play(1)
    assert seen == [True] * 3 + [False] * 9
    assert (await saying).text == "Запись. Раз."


async def test_texts_that_are_firm_by_themselves_are_firm_wherever_they_are_said() -> None:
    desk = Desk()
    speaker = Speaker(desk.playout, desk.voice, str, RATE, firm="Запись.".__eq__)
    saying = asyncio.ensure_future(speaker.say_all(["Запись."]))
    desk.voice.gate("Запись.").put_nowait(STEP)
    await settle()
    assert desk.playout.firm
    saying.cancel()
    await asyncio.wait([saying])


async def test_the_manner_reaches_the_voice_and_the_ear() -> None:
    desk = Desk(("Так.",))
    desk.speaker.manner = Manner(0.8, 6.0)
    saying = desk.begin()
    await settle()
    assert desk.speaker.fill("Так.")
    desk.script.put_nowait(Sentence("Десять букв"))
    desk.script.put_nowait(None)
    for samples in (STEP, 0):
        desk.voice.gate("Десять букв").put_nowait(samples)
    await desk.play(10)
    await saying
    assert desk.voice.asked == [("Десять букв", 0.8)]
    assert desk.mouth.wire[0] == round(len("Так.") * 10 ** (6 / 20))
    assert desk.mouth.wire[-3:].count(round(len("Десять букв") * 10 ** (6 / 20))) == 1


# ------------------------------------------------------------- the real voice


@pytest.fixture
async def real(tmp_path: Path) -> Phrases:
    return Phrases(await Espeak.load("ru"), tmp_path / "phrases", 1)


def russian(text: str) -> str:
    return verbalise(text, "ru")


async def test_what_was_heard_is_exact_to_the_word(real: Phrases) -> None:
    written = "Пресс на 100 кН стоит 1 450 000 рублей, срок 24 месяца."
    parts = [part async for part in real.speech(russian(written), RATE)]
    starts = {russian(written)[p.offset :].split()[0]: p.sample for p in parts if isinstance(p, WordStart)}
    for word, heard in [
        ("на", "Пресс"),
        ("сто", "Пресс на"),
        ("килоньютонов", "Пресс на"),
        ("стоит", "Пресс на 100 кН"),
        ("тысяч", "Пресс на 100 кН стоит"),
        ("рублей,", "Пресс на 100 кН стоит 1 450 000"),
        ("срок", "Пресс на 100 кН стоит 1 450 000 рублей"),
        ("четыре", "Пресс на 100 кН стоит 1 450 000 рублей, срок"),
    ]:
        mouth = FakeMouth()
        playout = Playout(mouth)
        saying = asyncio.ensure_future(Speaker(playout, real, russian, RATE).say_all([written]))
        await settle()
        mouth.played = starts[word]
        assert playout.clear().text == heard
        saying.cancel()
        await asyncio.wait([saying])


async def test_a_word_less_one_sample_was_not_heard(real: Phrases) -> None:
    parts = [part async for part in real.speech("Раз, два, три.", RATE)]
    starts = [part.sample for part in parts if isinstance(part, WordStart)]
    mouth = FakeMouth()
    speech = Playout(mouth).begin()
    speech.open_sentence("Раз, два, три.")
    for part in parts:
        if isinstance(part, WordStart):
            speech.mark(len("Раз, два, три."[: part.offset].rstrip()), part.sample)
        else:
            speech.push(part)
    for played, heard in [(starts[1] - 1, ""), (starts[1], "Раз"), (starts[2] - 1, "Раз"), (starts[2], "Раз, два")]:
        mouth.played = played
        assert speech.heard.text == heard


async def test_a_prepared_sentence_is_at_hand(real: Phrases) -> None:
    speaker = Speaker(Playout(FakeMouth()), real, russian, RATE)
    await speaker.prepare("Цена 5 кН.")
    assert real.ready("Цена пять килоньютонов.", RATE)
    speaker.manner = Manner(pace=0.8)
    assert not real.ready("Цена пять килоньютонов.", RATE, 0.8)
    await speaker.prepare("Цена 5 кН.")
    assert real.ready("Цена пять килоньютонов.", RATE, 0.8)


async def test_a_way_out_is_said_by_heart_whatever_the_voice_does() -> None:
    """The caller asked for a slower voice, and then no voice can be had."""
    desk = Desk(("Соединяю с оператором.",))
    desk.speaker.manner = Manner(pace=0.8)
    assert desk.speaker.by_heart("Этого никто не говорил.") is None
    known = desk.speaker.by_heart("Соединяю с оператором.")
    assert known is not None
    saying = asyncio.ensure_future(desk.speaker.say_known("Соединяю с оператором.", known))
    await desk.play(10)
    assert (await saying).text == "Соединяю с оператором."
    assert desk.voice.asked == []
    assert desk.mouth.played == STEP


# ------------------------------------------------------------------ manner


def walk(effects: str) -> Manner:
    manner = Manner()
    names: dict[str, Effect] = {"s": "slower", "f": "faster", "l": "louder", "q": "quieter", "r": "repeat"}
    for letter in effects:
        manner = adjusted(manner, names[letter])
    return manner


@pytest.mark.parametrize(
    ("effects", "manner"),
    [
        ("", Manner()),
        ("r", Manner()),
        ("s", Manner(0.8)),
        ("ss", Manner(0.65)),
        ("sss", Manner(0.65)),
        ("ssf", Manner(0.8)),
        ("sf", Manner()),
        ("f", Manner(1.15)),
        ("fffff", Manner(1.3)),
        ("l", Manner(gain_db=6)),
        ("lll", Manner(gain_db=12)),
        ("lq", Manner()),
        ("qqqq", Manner(gain_db=-12)),
        ("sl", Manner(0.8, 6)),
    ],
)
def test_wishes_go_step_by_step(effects: str, manner: Manner) -> None:
    assert walk(effects) == manner


def test_louder_is_louder_by_so_much_and_quieter_too() -> None:
    sound = tone(440, 200, 8000, -20)
    assert dbfs(amplified(sound, 6)) == pytest.approx(-14, abs=0.1)
    assert dbfs(amplified(sound, -6)) == pytest.approx(-26, abs=0.1)


@given(st.lists(st.integers(-32768, 32767), max_size=50), st.sampled_from([-12.0, -6.0, 6.0, 12.0]))
def test_a_gain_never_wraps_and_keeps_the_order_of_samples(samples: list[int], gain: float) -> None:
    pcm = np.array(sorted(samples), dtype="<i2").tobytes()
    louder = np.frombuffer(amplified(pcm, gain), dtype="<i2").astype(int)
    assert (np.diff(louder) >= 0).all()
    assert all(np.sign(one) in {0, np.sign(other)} for one, other in zip(louder, sorted(samples), strict=True))


async def test_speech_at_full_gain_keeps_its_shape(real: Phrases) -> None:
    parts = [part async for part in real.speech("Здравствуйте, слушаю вас.", RATE)]
    plain = b"".join(part for part in parts if isinstance(part, bytes))
    loud = amplified(plain, 12.0)
    one, other = (np.frombuffer(pcm, dtype="<i2").astype(float) for pcm in (plain, loud))
    assert dbfs(loud) > dbfs(plain) + 6
    assert np.corrcoef(one, other)[0, 1] > 0.9
    assert np.abs(other).max() <= 32767
    assert (np.abs(other) == 32767).mean() < 0.001  # bent, not cut flat
