"""Which parts of a known answer were heard, and when: packets are found again in the same answer heard undisturbed.

The agent's answer to the same question is the same samples, so a packet heard is looked up in the reference, first
as it is, then, where packets were cut differently, by correlation. What of the reference never came was lost; where
packets came later than the reference runs, the agent was silent in between.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.turns.observation import Pcm, Places
from telephony.phone_report import Track
from telephony.phone_script import FRAME, RATE

LOUD = 32768 * 10 ** (-45 / 20)
"""RMS of a packet that is worth looking up."""
ALIKE = 0.97
"""Correlation of two packets that are the same sound."""
RUN = 5
"""So many packets at least must follow each other as in the reference: vowels sound alike everywhere."""
SURELY = 25
"""So many are of this answer wherever they are in it."""
CLOSE = RATE * 100 // 1000
"""An answer that goes on and is stopped again before its end goes on at most this far from where it was, samples."""
NEAR = RATE * 400 // 1000
"""An answer that goes on does so at most this much further on, samples."""
SLIP = 8
"""Packets cut differently may be off by so many samples."""
BACK, AHEAD = RATE, 3 * RATE
"""How far from the expected place a packet is looked for, samples."""
LATER = RATE * 40 // 1000
"""Packets this much later than the reference runs: there was a silence that does not belong there; samples."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A place where the agent stopped and went on with the same answer; positions on the caller's clock, samples."""

    start: int
    """After the last audible sample."""
    end: int
    """First audible sample afterwards."""
    extra: int
    """How much of it the reference does not have, samples."""


@dataclass(frozen=True, slots=True)
class Following:
    """How an answer ran beside its reference."""

    silences: tuple[Silence, ...]
    last: int
    """After the last audible sample of the answer, on the caller's clock, samples; 0: nothing of it came."""
    reached: int
    """After the last sample of the reference that came, samples."""
    missing_ms: int
    """Audible parts of the reference that never came, milliseconds."""
    missing_before_ms: int
    """The same, only up to ``reached``: what was skipped, milliseconds."""
    foreign: Places
    """Where loud packets began that are not of this answer, samples."""
    late: tuple[int, ...] = ()
    """How long the wire was empty where the next packet came late, samples: the agent was not silent on purpose."""


def follow(arrivals: Places, heard: Pcm, reference: Pcm) -> Following:
    """Compare packets (rows of 160 samples, in order) with those of the undisturbed answer."""
    found = _found(heard, reference)
    loud = _loud(heard)
    ours = np.flatnonzero(loud & (found >= 0))
    covered = np.zeros(reference.size + FRAME, dtype=bool)
    for place in found[ours].tolist():
        covered[place : place + FRAME] = True
    missing = _loud(reference) & (covered[: reference.size].reshape(-1, FRAME).mean(axis=1) < 0.5)
    reached = int(found[ours].max()) + FRAME if ours.size else 0
    silences, late = _silences(ours, arrivals[ours], found[ours], heard[ours])
    return Following(
        silences=silences,
        last=_last_audible(int(arrivals[ours[-1]]), heard[ours[-1]]) if ours.size else 0,
        reached=reached,
        missing_ms=20 * int(missing.sum()),
        missing_before_ms=20 * int(missing[: reached // FRAME].sum()),
        foreign=arrivals[loud & (found < 0)],
        late=late,
    )


def _silences(ours: Places, arrivals: Places, found: Places, heard: Pcm) -> tuple[tuple[Silence, ...], tuple[int, ...]]:
    """Silences of the agent, and packets that came late: who pauses sends silence, so that packets lie between."""
    extra = np.diff(arrivals) - np.diff(found)
    longer, between = extra > LATER, np.diff(ours) > 1
    silences = (
        Silence(
            _last_audible(int(arrivals[at]), heard[at]),
            _first_audible(int(arrivals[at + 1]), heard[at + 1]),
            int(extra[at]),
        )
        for at in np.flatnonzero(longer & between).tolist()
    )
    return tuple(silences), tuple(extra[longer & ~between].tolist())


def _last_audible(at: int, packet: Pcm) -> int:
    last = Track(packet.tobytes()).last_audible(0, FRAME)
    return at + (FRAME if last is None else last + 1)


def _first_audible(at: int, packet: Pcm) -> int:
    return at + (Track(packet.tobytes()).first_audible(0) or 0)


def _loud(rows: Pcm) -> NDArray[np.bool_]:
    return np.asarray(np.sqrt((rows.astype(np.float64) ** 2).mean(axis=1)) > LOUD)


def _found(heard: Pcm, reference: Pcm) -> Places:
    """Place of each packet in the reference, samples; -1: it is not there."""
    same: dict[bytes, list[int]] = defaultdict(list)
    for number, row in enumerate(reference):
        same[row.tobytes()].append(number * FRAME)
    flat = reference.reshape(-1).astype(np.float64)
    found = np.full(len(heard), -1, dtype=np.int64)
    expected = 0
    for number in np.flatnonzero(_loud(heard)).tolist():
        exact = same.get(heard[number].tobytes())
        place = min(exact, key=lambda at: abs(at - expected)) if exact else _alike(heard[number], flat, expected)
        if place >= 0:
            found[number], expected = place, place + FRAME
    return _in_step(found, int(np.flatnonzero(_loud(reference)).max(initial=0)) * FRAME)


def _in_step(found: Places, end: int) -> Places:
    """Only matches in stretches that follow each other as in the reference, which ends at ``end``.

    Other answers share words with this one: after a break it counts as going on when it does so for some time, or, from
    about where it was, to its end;
    a shorter part does when it begins where the last one ended.
    """
    ours = np.flatnonzero(found >= 0)
    ours = np.concatenate([ours[:0], *(stretch for stretch in _stretches(found, ours) if stretch.size >= RUN)])
    kept = np.full(found.size, -1, dtype=np.int64)
    reached: int | None = None
    for stretch in _stretches(found, ours):
        first, last = int(found[stretch[0]]), int(found[stretch[-1]]) + FRAME
        goes_on = reached is None or (-BACK <= first - reached <= NEAR and last >= end)
        goes_on = goes_on or (stretch.size >= 2 * RUN and -FRAME <= first - (reached or 0) <= CLOSE)
        if goes_on or stretch.size >= SURELY:
            kept[stretch], reached = found[stretch], last
    return kept


def _stretches(found: Places, ours: Places) -> list[Places]:
    """Packets in a row that keep their distance from the reference; what is not of it may lie between them."""
    steps = ours * FRAME - found[ours]
    return np.split(ours, np.flatnonzero(np.abs(np.diff(steps)) > SLIP) + 1) if ours.size else []


def _alike(packet: Pcm, flat: NDArray[np.float64], expected: int) -> int:
    begin = max(0, expected - BACK)
    there = flat[begin : expected + AHEAD]
    if there.size < FRAME:
        return -1
    sound = packet.astype(np.float64)
    windows = np.concatenate(([0.0], np.cumsum(there**2)))
    power = np.sqrt(np.maximum(windows[FRAME:] - windows[:-FRAME], 1.0)) * np.sqrt((sound**2).sum())
    likeness = np.correlate(there, sound, "valid") / power
    best = int(likeness.argmax())
    return begin + best if likeness[best] >= ALIKE else -1
