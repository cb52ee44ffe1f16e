"""What the ear does, measured on samples alone: detection of speech, cancelling of echo, suppression of noise.

``python -m bench.ear [detect] [cost] [echo] [talk] [denoise]`` prints a table. No daemon and no network; but for the
microseconds it prints the same figures on every run.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.denoise import NoiseSuppressor
from audio.echo import EchoCanceller
from audio.frame import FRAME_MS, frame_bytes
from audio.vad import SpeechDetector
from audio.wav import read_mono
from bench.ear_hearing import TRANSCRIPTS, Errors, recognised
from bench.ear_sounds import NOISES, RATE, EchoPath, Samples, at_level, noise, pcm, pink, samples_of
from bench.report import HEAD, Row, machine, percentile, spread

SPEECH = Path(__file__).parents[1] / "tests/speech"
PHRASES = sorted(SPEECH.glob("*/domain/*.wav"))
AGENT = [path for path in PHRASES if "festival" in path.name or "flite" in path.name]

TURNS = 200
"""Turns of the agent for each level of the echo."""
TURNS_A_CALL = 5
TALKS = 30
"""Interruptions for each level of the echo."""
RUN_FRAMES = 5
"""Flags in a row, 100 ms, that would stop the agent."""
AUDIBLE_DB = 22.0
"""A frame this far under a phrase's loudest one still counts as speech."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """How one phrase was heard."""

    missed: float
    """Part of its speech frames without a flag, 0 to 1."""
    onset_ms: float
    """From its first speech frame to the first flag, milliseconds; negative: the flag came sooner."""
    trail_ms: float
    """From its last speech frame to the last flag, milliseconds."""


def cut(data: bytes) -> list[bytes]:
    """PCM16 in frames of 20 ms; what is left over at the end is dropped."""
    size = frame_bytes(RATE)
    return [data[at : at + size] for at in range(0, len(data) - size + 1, size)]


def longest(flags: list[bool]) -> int:
    """Most flags in a row."""
    return max(len(run) for run in "".join("#" if flag else "." for flag in flags).split("."))


def levels(samples: Samples) -> Samples:
    """Level of each 20 ms, dB."""
    size = RATE * FRAME_MS // 1000
    frames = samples[: samples.size // size * size].reshape(-1, size)
    return np.asarray(10 * np.log10(np.mean(frames**2, axis=1) + 1e-12))


def hearing(path: Path, loudest: float, snr: float | None) -> Hearing:
    """A phrase with its loudest frame at ``loudest`` dBFS, in line hiss or in pink noise ``snr`` dB under it."""
    lead = np.zeros(8 * RATE // 5)
    phrase = samples_of(read_mono(path))
    phrase *= 10 ** ((loudest - levels(phrase).max()) / 20)
    speech = np.concatenate((lead, phrase, lead))
    dice = np.random.default_rng(phrase.size)
    if snr is None:
        background = dice.standard_normal(speech.size) * 10 ** (-70 / 20)
    else:
        background = pink(speech.size, dice) * np.sqrt(np.mean(phrase[np.abs(phrase) > 1e-4] ** 2)) * 10 ** (-snr / 20)
    detector = SpeechDetector(RATE)
    flags = np.array([detector.push(frame) for frame in cut(pcm(speech + background))])
    spoken = np.flatnonzero(levels(speech) > loudest - AUDIBLE_DB)
    heard = np.flatnonzero(flags)
    if not heard.size:
        return Hearing(1.0, 1e4, 1e4)
    onset, trail = int(heard[0]) - int(spoken[0]), int(heard[-1]) - int(spoken[-1])
    return Hearing(float(1 - flags[spoken].mean()), onset * FRAME_MS, trail * FRAME_MS)


def detect() -> Iterator[Row]:
    """Phrases that should be flagged, noises that should not."""
    for name, loudest, snr in (("-20 dBFS", -20.0, None), ("-40 dBFS", -40.0, None), ("-20, 15 dB SNR", -20.0, 15.0)):
        heard = [hearing(path, loudest, snr) for path in PHRASES]
        missed = float(np.mean([one.missed for one in heard]))
        onsets, trails = [one.onset_ms for one in heard], [one.trail_ms for one in heard]
        told = f"{missed:.1%} missed; onset {spread(onsets)}; flags end {spread(trails)} after the end"
        met = percentile(onsets, 0.5) <= 60
        yield Row("speech", f"phrases at {name}", "onset p50 <= 60 ms", told, len(heard), met)
    for name in NOISES:
        runs, flagged, frames = [], 0, 0
        for seed in range(12):
            for level in (-50.0, -40.0, -30.0, -20.0):
                detector = SpeechDetector(RATE)
                flags = [detector.push(frame) for frame in cut(noise(name, level, seed))]
                runs.append(longest(flags) >= RUN_FRAMES)
                flagged, frames = flagged + sum(flags), frames + len(flags)
        told = f"{flagged / frames * 1000 / FRAME_MS:.2f} flags a second, {sum(runs)} of {len(runs)} with 100 ms"
        yield Row("noise", name, "none", told, len(runs), True)


def _cost(frames: list[bytes], step: Callable[[bytes], object]) -> tuple[float, float]:
    """Median of a frame, microseconds, and percent of a core."""
    took = []
    began = time.process_time()
    for frame in frames:
        start = time.perf_counter()
        step(frame)
        took.append((time.perf_counter() - start) * 1e6)
    share = (time.process_time() - began) / (len(frames) * FRAME_MS / 1000)
    return float(np.median(took)), share * 100


def cost() -> Iterator[Row]:
    """CPU time of detection and echo cancelling."""
    speech = cut(b"".join(read_mono(path) for path in PHRASES))
    hiss = cut(pcm(np.random.default_rng(0).standard_normal(60 * RATE) * 10 ** (-70 / 20)))
    half = speech[: len(hiss)] + hiss
    for name, frames, bar in (("silent caller", hiss, 0.05), ("talks half of the time", half, 0.1)):
        median, share = _cost(frames, SpeechDetector(RATE).push)
        told = f"{median:.1f} us a frame (median), {share:.3f} % of a core"
        yield Row("detection", name, f"<= {bar} %", told, len(frames), share <= bar)
    far, near = _call(0, -20.0)[:2]
    quiet = cut(bytes(len(far) * len(far[0])))
    for name, comes, plays, most in (
        ("nothing played", near, quiet, 0.05),
        ("agent speaks, no echo", quiet, far, 0.05),
        ("agent speaks into an echo of -20 dB", near, far, 0.5),
    ):
        canceller, others = EchoCanceller(RATE), iter(plays)
        median, share = _cost(comes, lambda frame, c=canceller, o=others: c.push(frame, next(o)))  # type: ignore[misc]
        told = f"{median:.1f} us a frame (median), {share:.3f} % of a core"
        yield Row("echo canceller", name, f"<= {most} %", told, len(comes), share <= most)


def _call(seed: int, level: float, turns: int = TURNS_A_CALL) -> tuple[list[bytes], list[bytes], list[tuple[int, int]]]:
    """What is played, what comes back, and from which frame to which each turn lasts."""
    dice = np.random.default_rng(seed)
    parts: list[Samples] = []
    marks = []
    for _ in range(turns):
        parts.append(np.zeros(160 * int(dice.integers(40, 90))))
        begin = sum(part.size for part in parts)
        parts += [_aloud(AGENT[dice.integers(len(AGENT))]) for _ in range(2)]
        marks.append((begin // 160, sum(part.size for part in parts) // 160 + 20))
    far = np.concatenate((*parts, np.zeros(RATE)))
    path = EchoPath(level, dice.uniform(20, 300), seed, dice.uniform(25, 80))
    near = path.echo(far) + dice.standard_normal(far.size) * 10 ** (-65 / 20)
    return cut(pcm(far)), cut(pcm(near)), marks


def _aloud(path: Path) -> Samples:
    phrase = samples_of(read_mono(path))
    return np.asarray(phrase[: phrase.size // 160 * 160] * 0.7 / np.abs(phrase).max())


def echo() -> Iterator[Row]:
    """How much echo is left, and how often the agent would interrupt itself."""
    for level in (-15.0, -20.0, -25.0, -30.0):
        stopped = turns = 0
        less: dict[float, list[float]] = {0.3: [], 1.0: [], 3.0: []}
        for seed in range(TURNS // TURNS_A_CALL):
            far, near, marks = _call(seed, level)
            left, flags = through(near, far)
            for number, (begin, end) in enumerate(marks):
                turns += 1
                stopped += longest(flags[begin:end]) >= RUN_FRAMES
                if not number:
                    _note(less, near, left, begin)
        gone = ", ".join(f"{np.median(values):.0f} dB at {at} s" for at, values in less.items())
        told = f"{stopped} turns with 100 ms of flags; the first turn's echo is less by {gone}"
        bar = "none" if level > -20 else "0"
        yield Row("echo", f"echo {level:.0f} dB, 20-300 ms late", bar, told, turns, bar == "none" or not stopped)


def through(near: list[bytes], far: list[bytes]) -> tuple[list[bytes], list[bool]]:
    """What the canceller leaves of ``near``, and which of it counts as speech."""
    canceller, detector = EchoCanceller(RATE), SpeechDetector(RATE)
    left, flags = [], []
    for one, other in zip(near, far, strict=True):
        left.append(canceller.push(one, other))
        flags.append(detector.push(left[-1]) and not canceller.dominated)
    return left, flags


def _note(less: dict[float, list[float]], near: list[bytes], left: list[bytes], begin: int) -> None:
    for at, values in less.items():
        part = slice(begin + int(at * 50) - 10, begin + int(at * 50) + 10)
        came, stays = (np.mean(samples_of(b"".join(frames[part])) ** 2) for frames in (near, left))
        values.append(float(10 * np.log10((came + 1e-9) / (stays + 1e-9))))


def talk() -> Iterator[Row]:
    """A caller who interrupts: how soon it shows, and what the recogniser makes of it."""
    for level, loudest in ((-100.0, -18.0), (-15.0, -18.0), (-20.0, -18.0), (-20.0, -26.0), (-30.0, -18.0)):
        errors, onsets, runs = Errors(), [], []
        for seed in range(TALKS):
            name = sorted(TRANSCRIPTS)[(seed * 7) % len(TRANSCRIPTS)]
            says = at_level(samples_of(read_mono(SPEECH / "ru/domain" / name)), loudest)
            far, near, marks = _call(1000 + seed, level, 3)
            begin = marks[-1][0] + 25 + seed
            came = samples_of(b"".join(near)).copy()
            came = np.concatenate((came, np.zeros(max(0, begin * 160 + says.size + RATE - came.size))))
            came[begin * 160 : begin * 160 + says.size] += says
            frames = cut(pcm(came))
            left, flags = through(frames, far + [bytes(320)] * (len(frames) - len(far)))
            first = begin + int(np.flatnonzero(levels(says) > levels(says).max() - AUDIBLE_DB)[0])
            text = recognised(b"".join(left[begin - 15 : begin + says.size // 160 + 10]))
            errors.add(TRANSCRIPTS[name], text)
            after = "".join("#" if flag else "." for flag in flags[first:])
            onsets.append(_place(after, "#"))
            runs.append(_place(after, "###") + 2.0 * FRAME_MS)
        told = f"WER {errors.share:.1%}; first flag {spread(onsets)}; 60 ms of flags {spread(runs)}"
        echoes = f"caller at {loudest:.0f} dBFS over " + (f"an echo of {level:.0f} dB" if level > -90 else "no echo")
        yield Row("double talk", echoes, "none", told, TALKS, True)


def _place(marks: str, wanted: str) -> float:
    at = marks.find(wanted)
    return float(at * FRAME_MS) if at >= 0 else 1e4


def denoise() -> Iterator[Row]:
    """Does the recogniser hear better behind the suppressor?"""
    for name, snr in (("line hiss only", 60.0), ("pink noise, 15 dB SNR", 15.0), ("10 dB", 10.0), ("5 dB", 5.0)):
        plain, behind = Errors(), Errors()
        for path, text in TRANSCRIPTS.items():
            speech = samples_of(read_mono(SPEECH / "ru/domain" / path)) * 0.5
            speech = np.concatenate((np.zeros(RATE), speech, np.zeros(RATE // 2)))
            level = np.sqrt(np.mean(speech[np.abs(speech) > 1e-3] ** 2)) * 10 ** (-snr / 20)
            noisy = pcm(speech + pink(speech.size, np.random.default_rng(len(path))) * level)
            suppressor = NoiseSuppressor(RATE)
            plain.add(text, recognised(noisy))
            behind.add(text, recognised(b"".join(suppressor.push(frame) for frame in cut(noisy))))
        told = f"WER {plain.share:.1%} without, {behind.share:.1%} with"
        yield Row("noise suppressor", name, "none", told, len(TRANSCRIPTS), True)


PARTS: dict[str, Callable[[], Iterator[Row]]] = {
    "detect": detect,
    "cost": cost,
    "echo": echo,
    "talk": talk,
    "denoise": denoise,
}


def main() -> None:
    """Print the rows as they are measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.ear", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; none: all")
    chosen = parser.parse_args().parts or PARTS
    print(f"Measured on: {machine()}\n\n" + "\n".join(HEAD), flush=True)
    for part in chosen:
        for row in PARTS[part]():
            print(row.markdown(), flush=True)


if __name__ == "__main__":
    main()
