"""What a frame of a call costs, part by part: ``python -m bench.core_cost [PART ...]``. No daemon, no wire, no engine.

Forty calls side by side, so that the processor's caches are as warm as they are in life and no warmer. Each figure is
the least of several runs, microseconds of this thread's CPU for a frame of a call: other work on the machine makes it
a little larger, never smaller. 1 us a frame is 0.005 % of a core.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `allo` sets it

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np

from agent.call import Call
from agent.events import CallEvent
from agent.house import House
from agent.language.completeness import completeness
from agent.listening import Ears, new_turn_taker
from agent.overhearing import Overheard
from agent.playout import Playout
from agent.ports import CallerInfo, LineEvent
from agent.prompts import load_prompts
from agent.recording import Recording
from agent.replaying.virtual_time import play
from agent.settings import Calls, Turns
from audio import neural
from audio.echo import EchoCanceller
from audio.frame import AudioFrame
from audio.vad import SpeechDetector
from audio.wav import StereoWriter, read_mono
from bench.core_house import MuteAnswers, NullStt, PacedMouth, SteadyVoice
from bench.ear import cut
from bench.ear_sounds import RATE, pcm
from telephony.clock import until_met
from telephony.inbox import Inbox

ROOT = Path(__file__).parents[1]
CALLS, SECONDS, RUNS = 40, 2, 20
"""Side by side; of audio, again and again; so many times, of which the quickest counts."""
ROUNDS = 5
"""Of them one after another in the same calls: no answer is longer than 12 s."""
FOR_EVER_MS = 3000
"""Longer than any pause between two of the phrases."""
TALKS = Turns(
    end_silence_ms=FOR_EVER_MS, end_silence_complete_ms=FOR_EVER_MS, end_silence_open_ms=FOR_EVER_MS, adapt=False
)
"""No turn ends: what is measured is listening."""


@cache
def sounds(name: str) -> list[bytes]:
    """Frames of a caller: ``hiss`` of a silent line, or ``speech``."""
    if name == "speech":
        phrases = [read_mono(path) for path in sorted((ROOT / "tests/speech/ru/domain").glob("*.wav"))[:12]]
        return cut(b"".join(phrases))[: SECONDS * 50]
    return cut(pcm(np.random.default_rng(0).standard_normal(SECONDS * RATE) * 10 ** (-70 / 20)))


def least(run: Callable[[], int]) -> float:
    """Microseconds for each of the frames that a ``run`` says it took."""
    took = []
    for _ in range(RUNS):
        began = time.thread_time_ns()
        frames = run()
        took.append((time.thread_time_ns() - began) / frames / 1000)
    return min(took)


class CoreLine:
    """An ``agent.ports.Line`` whose wire is a list; the mouth is that of Asterisk's line."""

    def __init__(self, number: int) -> None:
        self.caller = CallerInfo(str(number), "bench", "", "", RATE)
        self.inbox = Inbox(RATE)
        self._paced = PacedMouth(RATE)
        self.mouth = self._paced.mouth
        self.rest = 0
        self.come: list[bytes] = []

    async def answer(self) -> AsyncIterator[LineEvent]:
        """Pick up."""
        return self.inbox

    async def hangup(self) -> None:
        """Nobody does."""

    async def transfer(self, target: str) -> bool:
        """There is nobody."""
        return False

    def look(self, pcm: bytes) -> bool:
        """A frame came; True when it is time to hand over what gathered."""
        self.come.append(pcm)
        self.rest -= 1
        return self.rest <= 0

    def live(self, tick: int) -> None:
        """Hand over, as ``telephony.chan_websocket`` does."""
        come, self.come = self.come, []
        if self.mouth.rests:
            self.inbox.put_together(come)
        else:
            for piece in come:
                self._paced.tick()
                self.inbox.put_audio(piece)
        self.rest = until_met(tick, self.inbox.gather)


def house(greeting_s: float) -> House:
    """Real ears and a real record; the agent greets for so long and understands nothing."""
    prompts = load_prompts(ROOT / "prompts", "ru")
    return House(
        stt=NullStt(),
        voice=SteadyVoice(greeting_s),
        answers=MuteAnswers(),
        prompts=prompts,
        words=str,
        finished=lambda text, _said: completeness(text, "ru"),
        ears=Ears(SpeechDetector, EchoCanceller),
        language="ru",
        turns=TALKS.model_copy(update={"reprompt_s": 600.0}),
        calls=Calls(),
        observe=_ignore,
        new_recording=lambda caller: Overheard(
            Recording(partial(StereoWriter, Path("/dev/null"), caller.rate), caller.rate, _later, _broken), caller.rate
        ),
    )


def _ignore(_call_id: str, _event: CallEvent) -> None:
    """Nobody watches."""


def _later(_work: Callable[[], None]) -> None:
    """The writer's thread is not measured."""


def _broken(reason: str) -> None:
    raise OSError(reason)


async def _conversations(sound: str, greeting_s: float, settle: int) -> list[int]:
    """Nanoseconds that ``CALLS`` calls take for the ``sound``, again and again, after ``settle`` frames of silence."""
    lines = [CoreLine(number) for number in range(CALLS)]
    tasks = [asyncio.create_task(Call(line, house(greeting_s)).run()) for line in lines]
    await _settle()
    frames, quiet = sounds(sound), sounds("hiss")
    for tick in range(settle):
        await _tick(lines, quiet[tick % len(quiet)], tick)
    took = []
    for _ in range(ROUNDS):
        began = time.thread_time_ns()
        for tick, frame in enumerate(frames):
            await _tick(lines, frame, tick)
        took.append(time.thread_time_ns() - began)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return took


async def _tick(lines: list[CoreLine], frame: bytes, tick: int) -> None:
    due = [line for line in lines if line.look(frame)]
    for line in due:
        line.inbox.expect(line.come)
    for line in due:
        line.live(tick)
    if due:
        await _settle()


async def _settle() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


def whole(sound: str, greeting_s: float, settle: int) -> float:
    """All of a call's core."""
    runs = [play(_conversations(sound, greeting_s, settle)) for _ in range(RUNS // ROUNDS)]
    return min(min(took) for took in runs) / (len(sounds(sound)) * CALLS) / 1000


def detector(sound: str, block: int, *, told: bool) -> float:
    """Of speech detection alone; ``block`` frames come together, and are ``told`` before or not."""

    def run() -> int:
        ears = [SpeechDetector(RATE) for _ in range(CALLS)]
        frames = sounds(sound)
        for at in range(0, len(frames), block):
            part = frames[at : at + block]
            for ear in ears if told else ():
                ear.expect(part)
            for ear in ears:
                for frame in part:
                    ear.push(frame)
        return len(frames) * CALLS

    return least(run)


def network(together: int) -> float:
    """A step of Silero's network, of so many heard together (not a frame: a frame of speech needs 0.6 at most)."""
    noise = np.random.default_rng(0).standard_normal(neural.CONTEXT + neural.STEP)
    samples = (noise / 10).astype(np.float32)
    steps = [neural.Step(neural.Voice(), samples) for _ in range(together)]

    def run() -> int:
        for _ in range(400 // together):
            neural.hear_together(steps)
        return 400 // together * together

    return least(run)


def canceller(sound: str, *, plays: bool) -> float:
    """Of the echo canceller on a line without echo."""
    far = sounds("speech") if plays else [bytes(320)] * len(sounds("speech"))

    def run() -> int:
        ears = [EchoCanceller(RATE) for _ in range(CALLS)]
        for near, played in zip(sounds(sound), far, strict=False):
            for ear in ears:
                ear.push(near, played)
        return min(len(sounds(sound)), len(far)) * CALLS

    return least(run)


def turn_taker(sound: str, *, audible: bool) -> float:
    """Of endpointing and barge-in, fed with the detector's flags."""
    ear = SpeechDetector(RATE)
    frames = [AudioFrame(pcm, RATE, number * 160) for number, pcm in enumerate(sounds(sound))]
    flags = [(ear.push(frame.pcm), ear.sound) for frame in frames]

    def run() -> int:
        takers = [new_turn_taker(RATE, TALKS) for _ in range(CALLS)]
        for frame, (speech, heard) in zip(frames, flags, strict=True):
            for taker in takers:
                taker.push(frame, speech, audible, audible, firm=False, wary=False, sound=heard)
        return len(frames) * CALLS

    return least(run)


def recording() -> float:
    """Of the record on its way to the writer's thread."""

    def run() -> int:
        kept = [
            Overheard(Recording(partial(StereoWriter, Path("/dev/null"), RATE), RATE, _later, _broken), RATE)
            for _ in range(CALLS)
        ]
        for frame in sounds("speech"):
            for one in kept:
                one.push(frame, frame)
        return len(sounds("speech")) * CALLS

    return least(run)


def playout() -> float:
    """Of the mouth and of what was played: a frame out for each frame in."""

    def run() -> int:
        mouths = [PacedMouth(RATE) for _ in range(CALLS)]
        speaking = [(mouth, Playout(mouth.mouth)) for mouth in mouths]
        for _, one in speaking:
            one.push(b"".join(sounds("speech")))
        for _ in sounds("speech"):
            for mouth, one in speaking:
                mouth.tick()
                one.take_played()
        return len(sounds("speech")) * CALLS

    return least(run)


PARTS: dict[str, Callable[[], float]] = {
    "call, silent caller": lambda: whole("hiss", 0.1, 100),
    "call, caller talks": lambda: whole("speech", 0.1, 100),
    "call, agent talks": lambda: whole("hiss", ROUNDS * SECONDS + 1.9, 60),
    "detector, silence, alone": lambda: detector("hiss", 1, told=False),
    "detector, silence, 10 told": lambda: detector("hiss", 10, told=True),
    "detector, speech, alone": lambda: detector("speech", 1, told=False),
    "detector, speech, 5 told": lambda: detector("speech", 5, told=True),
    "network, a step alone": lambda: network(1),
    "network, 16 steps together": lambda: network(16),
    "echo canceller, nothing played": lambda: canceller("hiss", plays=False),
    "echo canceller, no echo": lambda: canceller("hiss", plays=True),
    "turn taker, speech": lambda: turn_taker("speech", audible=False),
    "turn taker, agent talks": lambda: turn_taker("hiss", audible=True),
    "recording": recording,
    "playout": playout,
}


def main(wanted: Sequence[str]) -> None:
    """Print the parts whose names begin with one of ``wanted``; nothing: all."""
    for name, measure in PARTS.items():
        if not wanted or name.startswith(tuple(wanted)):
            print(f"{name:32} {measure():7.2f} us a frame", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
