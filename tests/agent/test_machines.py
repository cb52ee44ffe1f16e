"""Machines that ring are recognised; no person of the test recordings is."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.events import CallEnded, CallerSaid, CallEvent, Noted
from agent.machines import Kind, Machines, Rules
from agent.ports import Transcript, Word
from agent.settings import Settings, Turns
from agent.tables import new_recogniser
from audio.frame import AudioFrame, frame_bytes
from audio.level import comfort_noise, tone
from audio.single_tone import SingleTone
from audio.wav import read_mono
from tests.agent.test_call import GREETING_S, WORDS, Scene
from tests.fakes.line import Says

SPEECH = Path(__file__).parents[1] / "speech"
RATE = 8000
SIZE = frame_bytes(RATE)


def quiet(ms: int) -> bytes:
    return comfort_noise(RATE * ms // 1000, -60.0)


def fed(rules: Rules, pcm: bytes) -> list[Kind]:
    found = (rules.frame(pcm[at : at + SIZE]) for at in range(0, len(pcm) - SIZE + 1, SIZE))
    return [kind for kind in found if kind]


def words(text: str, start_ms: int, each_ms: int = 300, gap_ms: int = 50) -> tuple[Word, ...]:
    def times() -> Iterator[Word]:
        at = start_ms * 8
        for word in text.split():
            yield Word(word, at, at + each_ms * 8)
            at += (each_ms + gap_ms) * 8

    return tuple(times())


OTHERS = [(1000, 500), (1100, 250), (1100, 900), (425, 999), (2000, 3000), (2100, 900)]


@pytest.mark.parametrize("off", [-30, 0, 30])
@pytest.mark.parametrize("level", [-12.0, -30.0])
def test_a_calling_fax(off: int, level: float) -> None:
    beep = tone(1100 + off, 500, RATE, level) + quiet(3000)
    assert fed(Rules(RATE, outgoing=False), quiet(1230) + beep) == []
    assert fed(Rules(RATE, outgoing=False), quiet(1230) + beep * 3)[:1] == ["fax"]


def test_after_a_minute_nobody_is_a_fax() -> None:
    beep = tone(1100, 500, RATE, -20.0) + quiet(3000)
    assert fed(Rules(RATE, outgoing=False), quiet(61_000) + beep * 4) == []


def test_frames_may_come_together() -> None:
    tones = tone(1100, 5000, RATE, -20.0)
    apart, together = SingleTone(RATE), SingleTone(RATE)
    one_by_one = [hertz for at in range(0, len(tones), SIZE) for hertz in apart.push(tones[at : at + SIZE])]
    at_once = [hertz for at in range(0, len(tones), 7 * SIZE) for hertz in together.push(tones[at : at + 7 * SIZE])]
    assert one_by_one == at_once[: len(one_by_one)]
    assert all(abs(hertz - 1100) < 38 for hertz in at_once)


def test_a_called_fax() -> None:
    assert fed(Rules(RATE, outgoing=False), quiet(800) + tone(2100, 2600, RATE))[:1] == ["fax"]


@pytest.mark.parametrize(("hertz", "ms"), OTHERS)
def test_other_tones_are_no_fax(hertz: int, ms: int) -> None:
    assert fed(Rules(RATE, outgoing=False), (tone(hertz, ms, RATE) + quiet(3000)) * 3) == []


def test_the_beep_of_an_answering_machine_that_we_ring() -> None:
    greeting = words("оставьте ваше сообщение после сигнала и мы вам перезвоним", 500)
    for outgoing, expected in ((True, ["answering machine"]), (False, [])):
        rules = Rules(RATE, outgoing=outgoing)
        assert rules.heard(greeting) is None
        assert fed(rules, quiet(400) + tone(1000, 400, RATE) + quiet(1500)) == expected
    assert fed(Rules(RATE, outgoing=True), quiet(400) + tone(1000, 400, RATE) + quiet(1500)) == []
    busy = Rules(RATE, outgoing=True)
    busy.heard(greeting)
    assert fed(busy, (tone(425, 350, RATE) + quiet(350)) * 5) == []


def test_a_recording_that_never_breathes() -> None:
    text = "уважаемый абонент вам одобрен кредит " * 11
    assert Rules(RATE, outgoing=False).heard(words(text, 1200)) == "recording"
    assert Rules(RATE, outgoing=False).heard(words(text, 9000)) is None
    assert Rules(RATE, outgoing=False).heard(words(text, 1200, gap_ms=500)) is None
    assert Rules(RATE, outgoing=False).heard(words("уважаемый абонент вам одобрен", 1200)) is None


def test_a_recording_heard_in_several_utterances() -> None:
    rules, text = Rules(RATE, outgoing=False), "вам одобрен кредит нажмите один сейчас"
    found = [rules.heard(words(text, at, each_ms=440, gap_ms=40)) for at in range(1000, 18_000, 3000)]
    assert "recording" in found


def test_a_loop() -> None:
    text = "нажмите один чтобы поговорить с оператором"
    for starts, expected in (((2000, 14_000, 26_050), "loop"), ((2000, 14_000, 29_000), None), ((2000, 14_000), None)):
        rules = Rules(RATE, outgoing=False)
        assert [rules.heard(words(text, start)) for start in starts][-1] == expected
    short = Rules(RATE, outgoing=False)
    assert [short.heard(words("алло алло", start)) for start in (1000, 5000, 9000, 13_000)] == [None] * 4


@pytest.mark.parametrize("outgoing", [False, True])
def test_no_voice_is_taken_for_a_tone(outgoing: bool) -> None:
    """All recordings of the tests as the sound of one caller."""
    rules, files = Rules(RATE, outgoing=outgoing), sorted(SPEECH.rglob("*.wav"))
    rules.heard(words("слова перед сигналом должны быть сказаны", 500))
    assert len(files) >= 100
    for path in files:
        assert fed(rules, read_mono(path, RATE)) == [], path.name


async def test_no_person_is_taken_for_a_recording() -> None:
    """Every third recording, as one caller's words one behind the other without a pause of ours."""
    stt = await new_recogniser("vosk", Settings())
    ear, rules, position = await stt.open(RATE, lambda _: None), Rules(RATE, outgoing=False), 0
    try:
        for path in (await asyncio.to_thread(lambda: sorted(SPEECH.rglob("*.wav"))))[::3]:
            pcm = read_mono(path, RATE)
            for at in range(0, len(pcm) - SIZE + 1, SIZE):
                ear.push(AudioFrame(pcm[at : at + SIZE], RATE, position))
                position += SIZE // 2
            said: Transcript = await ear.finish()
            assert rules.heard(said.words) is None, path.name
    finally:
        await ear.close()
        await stt.close()
    assert position > 60 * RATE


def test_it_is_noted_once_and_something_is_done() -> None:
    told: list[CallEvent] = []
    done: list[str] = []
    machines = Machines(Rules(RATE, outgoing=False), told.append, lambda: done.append("hung up"))
    pcm = tone(2100, 4000, RATE)
    for at in range(0, len(pcm), SIZE):
        machines.frame(pcm[at : at + SIZE])
    machines.observe(CallEnded("completed", "agent"))
    assert told == [Noted("suspect", "fax")]
    assert done == ["hung up"]


@pytest.mark.parametrize(("events", "silent"), [
    ([Noted("silence"), CallEnded("completed", "agent")], True),
    ([Noted("silence"), CallerSaid(1, "алло", 0, {}), CallEnded("completed", "agent")], False),
    ([CallEnded("completed", "caller")], False),
])  # fmt: skip
def test_a_silent_caller_is_on_record(events: list[CallEvent], silent: bool) -> None:
    told: list[CallEvent] = []
    machines = Machines(Rules(RATE, outgoing=False), told.append, lambda: None)
    for event in events:
        machines.observe(event)
    assert told == ([Noted("suspect", "silent")] if silent else [])


def test_a_hum_is_no_tone() -> None:
    """Voices are never as pure as a machine, whatever vowel they hold."""
    times = np.arange(RATE * 3) / RATE
    hum = sum(np.sin(2 * np.pi * 220 * n * times) / n for n in range(1, 9)) * 4000
    assert fed(Rules(RATE, outgoing=True), np.asarray(hum).astype("<i2").tobytes()) == []


def test_a_caller_who_never_spoke_hears_the_goodbye_sooner() -> None:
    first, second = WORDS.reprompts
    assert Scene([]).heard == [WORDS.greeting, first, second, WORDS.goodbye]
    assert Scene([], turns=Turns(silent_s=16)).heard == [WORDS.greeting, first, WORDS.goodbye]
    assert Scene([], turns=Turns(silent_s=8)).heard == [WORDS.greeting, WORDS.goodbye]
    spoke = Scene([Says(GREETING_S + 1, "когда вы работаете")], turns=Turns(silent_s=8))
    assert spoke.heard[-3:] == [first, second, WORDS.goodbye]
