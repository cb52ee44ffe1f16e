"""Are these recordings good enough to clone a voice from? Each is judged, then all of them together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from audio.reference import Quality, quality
from audio.wav import read_channels

RATES = range(4_000, 192_001)
"""Hz, as WAV files have them."""
DIFFERENT = 0.1
"""Power of the difference between two channels that hold the same voice, against that of one."""
LEAST = 3
"""Recordings."""
LEAST_RATE, LEAST_S, LEAST_SPEECH_S = 16_000, 3.0, 10.0
"""Hz and seconds of each; seconds of speech in all of them together."""
HEARD_S = 30.0
"""Of each no more is listened to, seconds."""
CLIPPED, SNR_DB, GOOD_SNR_DB = 0.001, 20.0, 30.0
"""Share of samples cut off; speech over noise, refused below the first, remarked on below the second."""
SILENCE, MUCH_SILENCE = 0.6, 0.4
"""Share of the length that is no speech: refused, remarked on."""
QUIET_DBFS, FAINT_DBFS = -45.0, -34.0
"""Level of the speech: refused below, remarked on below."""
TELEPHONE_DB = -45.0
"""With less than this above 4 kHz it came over a telephone, dB."""
APART_DB, FAR_DB = 6.0, 12.0
"""From the others' level: remarked on, refused."""
OTHER_PITCH = 1.4
"""Times the others' pitch: this may be another person."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One recording and what is to be said of it."""

    path: Path
    rate: int
    """Hz; 0: it could not be read."""
    quality: Quality | None
    faults: tuple[str, ...] = ()
    """Why it is not used."""
    remarks: tuple[str, ...] = ()
    """What could be better."""

    @property
    def usable(self) -> bool:
        """Nothing speaks against it."""
        return not self.faults


@dataclass(frozen=True, slots=True)
class Judgement:
    """All recordings."""

    samples: tuple[Sample, ...]
    faults: tuple[str, ...]
    """Why nothing can be made of them."""

    @property
    def usable(self) -> tuple[Sample, ...]:
        """Those that are used."""
        return tuple(sample for sample in self.samples if sample.usable)


def judge(paths: Sequence[Path]) -> Judgement:
    """Listen to WAV files; blocks for some 50 ms a minute of audio."""
    samples = _compared([_one(path) for path in sorted(paths)])
    usable = [sample for sample in samples if sample.usable]
    faults = []
    if len(usable) < LEAST:
        faults.append(f"{len(usable)} of {len(samples)} recordings can be used, {LEAST} are needed")
    speech = sum(min(sample.quality.speech_s, HEARD_S) for sample in usable if sample.quality)
    if not faults and speech < LEAST_SPEECH_S:
        faults.append(f"{speech:.0f} s of speech in all, {LEAST_SPEECH_S:.0f} s are needed; 30 to 60 s are good")
    return Judgement(tuple(samples), tuple(faults))


def _one(path: Path) -> Sample:
    try:
        channels, rate = read_channels(path, RATES)
    except OSError as error:
        return Sample(path, 0, None, (f"can't be read: {error.strerror}",))
    except ValueError as error:
        return Sample(path, 0, None, (str(error).removeprefix(f"{path}: "),))
    if not _alike(channels):
        return Sample(path, rate, None, ("its channels differ: two people? Save one person alone, mono",))
    if not any(channels[0]):
        return Sample(path, rate, None, ("there is no sound in it",))
    own = quality(channels[0], rate)
    return Sample(path, rate, own, tuple(_faults(own, rate)), tuple(_remarks(own)))


def _alike(channels: Sequence[bytes]) -> bool:
    first = np.frombuffer(channels[0], "<i2").astype(np.float32)
    power = float(np.dot(first, first))
    others = (np.frombuffer(channel, "<i2").astype(np.float32) - first for channel in channels[1:])
    return all(float(np.dot(other, other)) <= DIFFERENT * power for other in others)


def _faults(own: Quality, rate: int) -> list[str]:
    checks = (
        (rate < LEAST_RATE, f"{rate} Hz; {LEAST_RATE} Hz or more are needed"),
        (own.seconds < LEAST_S, f"{own.seconds:.1f} s long; {LEAST_S:.0f} s or more are needed"),
        (own.clipped > CLIPPED, f"overdriven: {own.clipped:.1%} of it is cut off; record it quieter"),
        (own.speech_s > 0 and own.snr_db < SNR_DB, f"noise only {own.snr_db:.0f} dB below the speech"),
        (own.silence > SILENCE, f"{own.silence:.0%} of it is silence; cut the pauses"),
        (own.speech_dbfs < QUIET_DBFS, f"very quiet ({own.speech_dbfs:.0f} dBFS); come nearer to the microphone"),
    )
    return [what for wrong, what in checks if wrong]


def _remarks(own: Quality) -> list[str]:
    checks = (
        (SNR_DB <= own.snr_db < GOOD_SNR_DB, f"some noise, {own.snr_db:.0f} dB below the speech"),
        (MUCH_SILENCE < own.silence <= SILENCE, f"{own.silence:.0%} of it is silence"),
        (QUIET_DBFS <= own.speech_dbfs < FAINT_DBFS, f"quiet ({own.speech_dbfs:.0f} dBFS)"),
        (own.treble_db < TELEPHONE_DB, "sounds like a telephone: nothing above 4 kHz"),
        (own.seconds > HEARD_S, f"only its first {HEARD_S:.0f} s are listened to"),
    )
    return [what for so, what in checks if so]


def _compared(samples: list[Sample]) -> list[Sample]:
    """Against the others: one person, one distance from the microphone."""
    known = [sample.quality for sample in samples if sample.usable and sample.quality]
    if len(known) < LEAST:
        return samples
    level = median(own.speech_dbfs for own in known)
    pitches = [own.pitch_hz for own in known if own.pitch_hz]
    pitch = median(pitches) if pitches else 0.0
    return [_beside(sample, level, pitch) for sample in samples]


def _beside(sample: Sample, level: float, pitch: float) -> Sample:
    own = sample.quality
    if own is None or not sample.usable:
        return sample
    faults, remarks = list(sample.faults), list(sample.remarks)
    apart = abs(own.speech_dbfs - level)
    if apart > APART_DB:
        (faults if apart > FAR_DB else remarks).append(f"{apart:.0f} dB from the level of the others")
    if own.pitch_hz and pitch and max(own.pitch_hz / pitch, pitch / own.pitch_hz) > OTHER_PITCH:
        remarks.append(f"another person? Its pitch is {own.pitch_hz:.0f} Hz, the others' {pitch:.0f} Hz")
    return replace(sample, faults=tuple(faults), remarks=tuple(remarks))
