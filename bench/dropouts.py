"""What a caller would have missed of the agent's voice: packets too late or lost, and holes in the sound itself.

Pure arithmetic over the packets of one call, in the order of their arrival.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from bench.rtp_wire import FRAME_NS, RtpIn
from telephony.phone_script import FRAME

BUFFER_NS = 60_000_000
"""What a phone holds back against jitter: a packet later than this leaves a gap in the speech, nanoseconds."""

NEAR = 5
"""Packets before and after an audible one that still belong to speech: 100 ms."""

AUDIBLE = 0.00316
"""RMS of an audible packet: -50 dBFS, as in ``telephony.phone_report``; full scale = 1."""

BROKEN = 0.02
"""RMS of the 2 ms beside a hole, full scale = 1: nobody's voice stops and starts this loud at a packet's border."""


def speaking(sounds: Sequence[bytes]) -> list[bool]:
    """For each packet (PCM16), whether the agent speaks there: one of the packets around it is audible."""
    near = np.zeros(len(sounds) + 2 * NEAR, dtype=bool)
    for place, sound in enumerate(sounds):
        if _rms(np.frombuffer(sound, dtype="<i2")) > AUDIBLE:
            near[place : place + 2 * NEAR + 1] = True
    return [bool(one) for one in near[NEAR : NEAR + len(sounds)]]


def numbered(sequences: Sequence[int]) -> list[int]:
    """RTP sequence numbers without their wrap at 65,536."""
    unwrapped: list[int] = []
    for number in sequences:
        before = unwrapped[-1] if unwrapped else number
        unwrapped.append(before + (number - before + 0x8000) % 0x10000 - 0x8000)
    return unwrapped


def late(heard: RtpIn, spoken: Sequence[bool]) -> int:
    """Stalls of the agent's speech: packets that come ``BUFFER_NS`` after their turn.

    Their turn follows from the earliest packet so far, 20 ms for each number. A stall shifts the turns of what
    follows, as a phone's buffer does, so it counts once. A marked packet begins a new run (RFC 3551, 4.1).
    """
    stalls = 0
    earliest: int | None = None
    for place, number in enumerate(numbered(heard.sequences)):
        begun = heard.arrivals[place] - number * FRAME_NS
        if earliest is None or heard.marked[place] or begun < earliest:
            earliest = begun
        elif begun - earliest > BUFFER_NS:
            stalls += spoken[place]
            earliest = begun
    return stalls


def lost(heard: RtpIn, spoken: Sequence[bool]) -> int:
    """Packets of the agent's speech that never came."""
    missing = 0
    known = sorted(set(zip(numbered(heard.sequences), spoken, strict=True)))
    for (before, one), (after, other) in pairwise(known):
        missing += (after - before - 1) * (one or other) if after > before else 0
    return missing


def holes(sounds: Sequence[bytes], excused: Sequence[bool]) -> int:
    """Places where the speech itself is torn: loud up to a packet's border, then silence, then loud at once.

    This is what a far side fills in when it was not given the next audio in time; the packets are all there.
    ``excused`` says of each packet whether a silence that ends there is a polite one: the caller talks.
    """
    torn, open_after_loud = 0, False
    edge = FRAME // 10
    for place, (before, sound) in enumerate(pairwise(sounds), 1):
        samples, earlier = np.frombuffer(sound, dtype="<i2"), np.frombuffer(before, dtype="<i2")
        silent = int(np.abs(samples).max(initial=0)) <= 8  # A-law's smallest step is no sound
        was_silent = int(np.abs(earlier).max(initial=0)) <= 8
        if silent and not was_silent:
            open_after_loud = _rms(earlier[-edge:]) > BROKEN
        elif was_silent and not silent:
            torn += open_after_loud and not excused[place] and _rms(samples[:edge]) > BROKEN
            open_after_loud = False
    return torn


def _rms(samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> float:
    return float(np.sqrt(np.mean((samples / 32768.0) ** 2))) if samples.size else 0.0
