"""What of the caller's audio goes where."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from agent.listening import Ears, Listening
from agent.senses import Suppressor
from agent.turns import SpeechStarted, TurnTaker
from audio.frame import AudioFrame
from tests.fakes.engines import FakeStt, StampDetector
from tests.fakes.line import RATE, STEP, stamp


class Mute:
    """Takes everything for noise."""

    def push(self, pcm: bytes) -> bytes:
        return bytes(len(pcm))


@pytest.mark.parametrize(("suppressor", "text"), [(None, "да"), (lambda _rate: Mute(), "")])
async def test_noise_is_taken_out_of_what_the_recogniser_hears_and_the_detector_hears_all(
    suppressor: Callable[[int], Suppressor] | None, text: str
) -> None:
    listening = Listening(Ears(lambda _rate: StampDetector(), suppressor=suppressor), RATE, TurnTaker(RATE))
    await listening.open(FakeStt({1: "да"}), RATE)
    for number in range(30):
        frame = AudioFrame(stamp(1, STEP), RATE, number * STEP)
        listening.push(frame, b"", audible=False, busy=False)

    assert listening.speaking
    assert (await listening.peek()).text == text
    await listening.close()


@dataclass
class Cancelling:
    """Takes everything for echo, or only says that there may be some."""

    possible: bool = False
    all: bool = False
    dominated: bool = False
    clean: bool = False
    idle: bool = False
    passes: int = 0

    def push(self, near: bytes, far: bytes) -> bytes:
        return bytes(len(near)) if self.all and far else near


@pytest.mark.parametrize(
    ("canceller", "voiced_ms", "pauses"),
    [
        (Cancelling(), 60, True),
        (Cancelling(possible=True), 60, False),
        (Cancelling(possible=True), 100, True),
        (Cancelling(all=True), 400, False),
    ],
    ids=["no echo", "may be echo", "too long for what is left of an echo", "echo"],
)
async def test_an_echo_does_not_pause_the_agent(canceller: Cancelling, voiced_ms: int, pauses: bool) -> None:
    listening = Listening(Ears(lambda _rate: StampDetector(), lambda _rate: canceller), RATE, TurnTaker(RATE))
    frames = [AudioFrame(stamp(int(n >= 50), STEP), RATE, n * STEP) for n in range(50 + voiced_ms // 20)]

    made = [listening.push(frame, stamp(7, STEP), audible=True, busy=True) for frame in frames]

    assert any(isinstance(decision, SpeechStarted) for decision in made) == pauses
