"""Figures as Markdown rows, and their place in docs/benchmarks.md.

``python -m bench.report < LOG`` puts rows there that a bench printed elsewhere, or without ``--write``.
"""

import argparse
import os
import platform
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"
BEGIN, END = "<!-- figures: written by python -m bench --write -->", "<!-- end of figures -->"
HEAD = ("| figure | what | bar | measured | samples | |", "|---|---|---|---|---|---|")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure."""

    name: str
    """Key of the row; a new measurement replaces the row of the same name."""
    what: str
    bar: str
    measured: str
    samples: int
    met: bool
    """Whether the bar was reached."""

    def markdown(self) -> str:
        """The row of the table."""
        cells = (self.name, self.what, self.bar, self.measured, str(self.samples), "met" if self.met else "**missed**")
        return f"| {' | '.join(cells)} |"


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile: the smallest value that ``share`` of all do not exceed; raises on no values."""
    if not values:
        raise ValueError("no samples were taken")
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def spread(values: Sequence[float]) -> str:
    """Median, p95 and worst of milliseconds."""
    if not values:
        return "no samples"
    return f"p50 {percentile(values, 0.5):.0f}, p95 {percentile(values, 0.95):.0f}, worst {max(values):.0f} ms"


def within(values: Sequence[float], share: float, bar_ms: float) -> bool:
    """Whether a percentile of the samples reaches its bar; no samples never do."""
    return bool(values) and percentile(values, share) <= bar_ms


def machine() -> str:
    """One line that says what this was measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text(encoding="utf-8"))
        model = found.group(1) if found else model
    memory = psutil.virtual_memory().total / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{cores} cores of {model}, {memory:.0f} GiB, {system}, {datetime.now(UTC):%Y-%m-%d}"


def write(rows: Iterable[Row], page: Path = PAGE, measured_on: str = "") -> None:
    """Put ``rows`` into the page in place of those of the same names; raises ``ValueError`` without its markers.

    ``measured_on``: as ``machine`` says it; empty: this one.
    """
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    old, closed, after = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"{page}: the markers of the figures are missing")
    kept = {line.split("|")[1].strip(): line for line in old.splitlines() if line.startswith("| ") and line != HEAD[0]}
    kept |= {row.name: row.markdown() for row in rows}
    table = "\n".join((*HEAD, *kept.values()))
    page.write_text(
        f"{before}{BEGIN}\n\n{table}\n\nMeasured on: {measured_on or machine()}.\n\n{END}{after}", encoding="utf-8"
    )


def put(printed: str, page: Path = PAGE) -> int:
    """Put the rows that a bench printed elsewhere into the page; how many. Raises ``ValueError`` where there are none.

    Rows that are pasted by hand end up in a table that is another one.
    """
    rows = [found for line in printed.splitlines() if (found := _row(line))]
    if not rows:
        raise ValueError("there is no row of figures in it")
    where = re.search(r"^Measured on: (.+?)\.?$", printed, re.MULTILINE)
    write(rows, page, where[1] if where else "")
    return len(rows)


def _row(line: str) -> Row | None:
    cells = [cell.strip() for cell in line.split("|")]
    if len(cells) != len(HEAD[0].split("|")) or not cells[5].isdecimal():
        return None
    _, name, what, bar, measured, samples, met, _ = cells
    return Row(name, what, bar, measured, int(samples), met == "met")


def add_arguments(parser: argparse.ArgumentParser, names: Iterable[str]) -> None:
    """What every bench is told: which of its ``names``, and whether to keep the rows."""
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; none: all")
    parser.add_argument("--write", action="store_true", help="put the rows into docs/benchmarks.md")


def known(parser: argparse.ArgumentParser, asked: Sequence[str], names: Iterable[str]) -> None:
    """Leave, and say which there are, where one is asked for that there is not."""
    if unknown := set(asked) - set(names):
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(names)}")


def take(benches: Mapping[str, Callable[[], Sequence[Row]]], *, keep: bool) -> int:
    """Measure one after the other, print the rows and, with ``keep``, write each as soon as it is known.

    0: every bar was reached; 1: one was missed; 2: something could not be measured.
    """
    met, failed = True, False
    print(f"Measured on: {machine()}\n\n" + "\n".join(HEAD), flush=True)
    for name, measure in benches.items():
        try:
            rows = measure()
        except (RuntimeError, OSError) as error:
            print(f"{name}: not measured: {error}", file=sys.stderr, flush=True)
            failed = True
            continue
        print("\n".join(row.markdown() for row in rows), flush=True)
        met = met and all(row.met for row in rows)
        if keep:
            write(rows)
    return 2 if failed else int(not met)


if __name__ == "__main__":
    print(f"{put(sys.stdin.read())} rows are in {PAGE}")
