"""The sections' lines as a sentence encoder understands them: who asks for a fact means one line, in other words.

A row for each line under its headings, 8 bits a number, in files beside the index. Only the lines of the likeliest
sections are compared with a question, and many are read where they lie: ten thousand sections cost little memory.
"""

import asyncio
import mmap
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from agent.ports import Embedder
from kb.ingest import Section
from kb.lines import spoken

ROWS, STARTS = "lines.npy", "line_starts.npy"
AT_ONCE = 512
"""Lines encoded between two reports of progress."""
BUDGET = 5_000_000
"""Characters of a base that are encoded, two minutes of one core; each section has an equal share, its first lines."""
IN_MEMORY = 10_000
"""Lines, 5 MB, up to which they are read at the start."""
LONG = 240
"""Characters from which a line is cut between sentences: a vector of much says little of each."""
LED = 0.6
"""What the turn before tells of a follow-up's meaning, beside the follow-up itself."""
SENTENCES = re.compile(r"(?<=[.!?…;])\s+")


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows of all lines, those of a section one after another."""

    rows: Any
    """int8, a row for each line; lengths differ, only directions count."""
    starts: Any
    """int64, where each section's rows begin, and where the last one's end."""

    def nearest(self, numbers: Any, query: Any) -> Any:
        """For each of the sections ``numbers`` the cosine of its line that is nearest to ``query``; -1 to 1."""
        import numpy as np  # noqa: PLC0415

        counts = self.starts[numbers + 1] - self.starts[numbers]
        first = np.cumsum(counts) - counts
        places = np.repeat(self.starts[numbers] - first, counts) + np.arange(counts.sum())
        rows = np.asarray(self.rows[places], np.float32)
        if isinstance(self.rows.base, mmap.mmap):
            self.rows.base.madvise(mmap.MADV_DONTNEED)  # what was read stays the kernel's, not ours
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows)) + 1e-6
        return np.maximum.reduceat(rows @ query / lengths, first)

    def write(self, build: Path) -> None:
        """Save both files."""
        import numpy as np  # noqa: PLC0415

        np.save(build / ROWS, self.rows)
        np.save(build / STARTS, self.starts)


def read(build: Path) -> Encoded:
    """What ``write`` saved, many rows still on disk; raises ``OSError``, ``ValueError``."""
    import numpy as np  # noqa: PLC0415

    rows = np.load(build / ROWS, mmap_mode="r")
    return Encoded(np.array(rows) if len(rows) <= IN_MEMORY else rows, np.load(build / STARTS))


class Encoder(Embedder, Protocol):
    """An embedder of our own machine that can be asked outside of an event loop, too."""

    def rows(self, texts: Sequence[str]) -> Any:
        """A row of floats for each text."""


class LineSearch:
    """A ``LineScorer`` over encoded lines."""

    def __init__(self, encoded: Encoded, encoder: Embedder) -> None:
        self._encoded, self._encoder = encoded, encoder

    async def near(self, text: str, before: str, numbers: Any) -> Any:
        """See ``Encoded.nearest``."""
        query = await self._meant(text, before)
        if len(self._encoded.rows) <= IN_MEMORY:
            return self._encoded.nearest(numbers, query)
        return await asyncio.to_thread(self._encoded.nearest, numbers, query)  # the disk may be waited for

    async def _meant(self, text: str, before: str) -> Any:
        import numpy as np  # noqa: PLC0415

        (query,) = await self._encoder.embed([text])
        if not before:
            return query
        (led,) = await self._encoder.embed([before])  # by itself: it was asked for in its own turn, and is kept
        both = np.asarray(query) + LED * np.asarray(led)
        return both / (np.linalg.norm(both) + 1e-6)


def texts(sections: Sequence[Section], budget: int = BUDGET) -> list[list[str]]:
    """For each section its lines as they are encoded, at least one."""
    share = budget // max(len(sections), 1)
    return [_within(_lines(section), share) for section in sections]


def _lines(section: Section) -> list[str]:
    heading = section.heading
    found = [f"{heading}. {piece}" for line in spoken(section.text) for piece in _pieces(line)]
    return found or [heading or section.text]


def _pieces(line: str) -> list[str]:
    """A line, or where it is long its sentences, as many together as are not."""
    found = [""]
    for sentence in SENTENCES.split(line) if len(line) > LONG else (line,):
        if found[-1] and len(found[-1]) + len(sentence) > LONG:
            found.append("")
        found[-1] = f"{found[-1]} {sentence}".strip()
    return found


def _within(lines: Sequence[str], share: int) -> list[str]:
    taken, size = [lines[0]], len(lines[0])
    for line in lines[1:]:
        size += len(line)
        if size > share:
            break
        taken.append(line)
    return taken


def known(sections: Sequence[Section], encoded: Encoded) -> dict[str, Any]:
    """Line -> its row, of an earlier build: what of it has not changed need not be encoded again."""
    import numpy as np  # noqa: PLC0415

    found: dict[str, Any] = {}
    for section, first, end in zip(sections, encoded.starts[:-1], encoded.starts[1:], strict=True):
        found.update(zip(_lines(section), np.asarray(encoded.rows[first:end]), strict=False))
    return found


def encode(sections: Sequence[Section], rows: Callable[[Sequence[str]], Any]) -> Encoded:
    """All at once; ``rows``: a row of floats for each of some lines."""
    lines = texts(sections)
    new = sorted({line for section in lines for line in section}, key=len)
    return together(lines, dict(zip(new, packed(rows(new)), strict=True)))


def packed(rows: Any) -> Any:
    """Rows of floats in 8 bits a number; the angle between two changes by less than a thousandth."""
    import numpy as np  # noqa: PLC0415

    most = np.abs(rows).max(axis=1, keepdims=True) + 1e-9
    return np.rint(rows * (127 / most)).astype(np.int8)


def together(lines: Sequence[Sequence[str]], rows: Mapping[str, Any]) -> Encoded:
    """The ``texts`` of the sections and a packed row for each line of theirs."""
    import numpy as np  # noqa: PLC0415

    starts = np.cumsum([0, *map(len, lines)], dtype=np.int64)
    return Encoded(np.stack([rows[line] for section in lines for line in section]), starts)
