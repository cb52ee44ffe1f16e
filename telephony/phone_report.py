"""What a test call measured: the two tracks and the cues -> figures, a table, JSON.

All times are counted in samples of the caller's own two tracks. "Audible" is a 20 ms frame above -50 dBFS;
within it the first and last samples above that amplitude are taken.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telephony.phone_script import FRAME, RATE, Cue, Kind

AUDIBLE_DBFS = -50.0
"""A frame above this level can be heard."""

SILENT_MS = 200
"""The far side has stopped when nothing is audible for this long, milliseconds."""


@dataclass(frozen=True, slots=True)
class TurnFigures:
    """One item and what the far side did about it."""

    label: str
    kind: str
    """``say``, ``interrupt`` or ``keys``."""
    at_s: float
    """When it began, seconds of media."""
    reply_ms: float | None
    """Last audible sample of the item -> first audible sample of the answer; none: no answer, milliseconds."""
    stop_ms: float | None = None
    """Interruptions: first audible sample sent -> last audible sample heard of what was cut, milliseconds."""


@dataclass(frozen=True, slots=True)
class CallReport:
    """One call as the caller saw it."""

    uri: str
    ended_by: str
    """``phone``, ``far side``, or why it was not answered (``486 Busy Here``)."""
    answer_ms: float | None = None
    """INVITE -> 200, milliseconds."""
    greeting_ms: float | None = None
    """200 -> first audible sample heard, milliseconds."""
    duration_s: float = 0.0
    """Length of the media, seconds."""
    turns: tuple[TurnFigures, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Plain values for ``json.dumps``."""
        return asdict(self)


def measure(sent: bytes, heard: bytes, cues: Sequence[Cue]) -> tuple[float | None, tuple[TurnFigures, ...]]:
    """First audible sample heard (milliseconds of media, none: silence) and the figures of each cue, in order.

    ``sent`` and ``heard`` are the two tracks, PCM16 mono at 8000 Hz, from the same sample on.
    """
    said, got = Track(sent), Track(heard)
    first = got.first_audible(0)
    limits = [*(cue.start for cue in cues[1:]), max(said.length, got.length)]
    turns = tuple(_turn(cue, limit, said, got) for cue, limit in zip(cues, limits, strict=False))
    return (None if first is None else _ms(first)), turns


class Track:
    """Where a run of samples is audible."""

    def __init__(self, pcm: bytes) -> None:
        samples = np.abs(np.frombuffer(pcm, dtype="<i2").astype(np.float64)) / 32768
        self.length = int(samples.size)
        whole = self.length - self.length % FRAME
        loud = np.sqrt((samples[:whole].reshape(-1, FRAME) ** 2).mean(axis=1)) > _amplitude(AUDIBLE_DBFS)
        audible = np.repeat(loud, FRAME) & (samples[:whole] > _amplitude(AUDIBLE_DBFS))
        self._at: NDArray[np.intp] = np.flatnonzero(audible)

    def first_audible(self, start: int, end: int | None = None) -> int | None:
        """Position of the first audible sample in ``start`` to ``end``."""
        index = int(np.searchsorted(self._at, start))
        found = int(self._at[index]) if index < self._at.size else None
        return None if found is None or (end is not None and found >= end) else found

    def last_audible(self, start: int, end: int) -> int | None:
        """Position of the last audible sample in ``start`` to ``end``."""
        index = int(np.searchsorted(self._at, end)) - 1
        return int(self._at[index]) if index >= 0 and self._at[index] >= start else None

    def runs(self, gap_ms: int) -> list[tuple[float, float]]:
        """From when to when it is audible, milliseconds; silences of up to ``gap_ms`` are bridged."""
        if not self._at.size:
            return []
        breaks = np.flatnonzero(np.diff(self._at) > gap_ms * RATE // 1000)
        firsts = [int(self._at[0]), *(int(self._at[place + 1]) for place in breaks)]
        lasts = [*(int(self._at[place]) for place in breaks), int(self._at[-1])]
        return [(_ms(first), _ms(last + 1)) for first, last in zip(firsts, lasts, strict=True)]

    def falls_silent(self, start: int, at_least_until: int) -> int | None:
        """Position after the last audible sample before the first silence that reaches past ``at_least_until``.

        A pause between two words is not a stop: only a silence of ``SILENT_MS`` that is still on at
        ``at_least_until`` counts. None when nothing was audible after ``start``.
        """
        gap = SILENT_MS * RATE // 1000
        last = self.first_audible(start)
        if last is None:
            return None
        while True:
            following = self.first_audible(last + 1)
            if following is None or (following - last >= gap and following > at_least_until):
                return last + 1
            last = following


def _turn(cue: Cue, limit: int, said: Track, got: Track) -> TurnFigures:
    onset = said.first_audible(cue.start, cue.end)
    last = said.last_audible(cue.start, cue.end)
    spoken = cue.end if last is None else last + 1
    stop = None
    if cue.kind is Kind.INTERRUPT and onset is not None:
        stop = got.falls_silent(onset, spoken)
        if stop is not None and (got.first_audible(onset, spoken) is None):
            stop = onset
    reply = got.first_audible(max(spoken, stop or 0), max(limit, spoken))
    return TurnFigures(
        label=cue.label,
        kind=cue.kind.value,
        at_s=round(cue.start / RATE, 3),
        reply_ms=None if reply is None else _ms(reply - spoken),
        stop_ms=None if stop is None or onset is None else _ms(stop - onset),
    )


def table(report: CallReport) -> str:
    """The report as text columns for a terminal."""
    rows = [("", "answered", "greeting", "reply", "stopped")]
    rows.append((report.uri, _show(report.answer_ms), _show(report.greeting_ms), "", ""))
    rows.extend((f"  {turn.label} ({turn.kind})", "", "", _show(turn.reply_ms), _stop(turn)) for turn in report.turns)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in cells).rstrip()
        for cells in (list(enumerate(zip(row, widths, strict=True))) for row in rows)
    ]
    return "\n".join([*lines, f"{report.duration_s:.1f} s of media; ended by: {report.ended_by}"])


def _stop(turn: TurnFigures) -> str:
    return _show(turn.stop_ms) if turn.kind == Kind.INTERRUPT.value else ""


def _show(value: float | None) -> str:
    return "none" if value is None else f"{value:.0f} ms"


def _ms(samples: int) -> float:
    return round(samples * 1000 / RATE, 3)


def _amplitude(level: float) -> float:
    return float(10 ** (level / 20))
