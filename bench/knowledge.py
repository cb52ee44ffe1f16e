"""Ten thousand sections: how long they take to build and to search, and how much memory.

``python -m bench.knowledge use`` measures another ``embed.engine`` than the default.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench.report import Row, percentile

SECTIONS = 10_000
WORDS_EACH = 90
"""Words of a section, about 750 characters."""
QUESTIONS = 300
SEED = 20


def write_corpus(folder: Path, sections: int = SECTIONS) -> list[str]:
    """Two bases of random, unevenly common words; questions of words of single sections."""
    chance = random.Random(SEED)
    words = _words(chance)
    common = [1 / (rank + 20) for rank in range(len(words))]
    questions: list[str] = []
    for base in ("general", "tech"):
        blocks = []
        for number in range(sections // 2):
            text = chance.choices(words, common, k=WORDS_EACH)
            lines = [" ".join(text[at : at + 9]).capitalize() + f" {chance.randint(1, 999)}." for at in range(0, 90, 9)]
            blocks.append(f"# {' '.join(chance.choices(words, k=3))} {number}\n" + "\n".join(lines))
            if number % (sections // QUESTIONS) == 0:
                questions.append("сколько " + " ".join(chance.sample(text, 4)) + " " + chance.choice(words) + "ость")
        (folder / f"{base}.md").write_text("\n<<->>\n".join(blocks), encoding="utf-8")
    return questions


def _words(chance: random.Random) -> list[str]:
    """Some 12,000 words of Russian syllables."""
    syllables = [c + v for c in "бвгджзклмнпрстфхцчш" for v in "аеиоуыя"]
    ends = ("ние", "тель", "ка", "ость", "ный", "ать", "ов", "ами", "щик", "")
    made = {"".join(chance.choices(syllables, k=chance.randint(2, 4))) + chance.choice(ends) for _ in range(12_500)}
    return sorted(made)


def knowledge(engine: str = "hash") -> list[Row]:
    """Build in one process, search in another, as a daemon would."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "kb"
        folder.mkdir()
        asked = Path(place) / "questions.json"
        asked.write_text(json.dumps(write_corpus(folder)), encoding="utf-8")
        (Path(place) / "allo.toml").write_text(
            f'[storage]\ndir = "{place}/var"\n[kb]\ndir = "{folder}"\n[embed]\nengine = "{engine}"\n'
        )
        build_s, build_cpu_s, build_mb = _measured(place, "build")
        run = subprocess.run(
            [sys.executable, "-m", "bench.knowledge", "search", place],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # as `allo` sets it
        )
        if run.returncode:
            raise RuntimeError(run.stderr[-500:])
        found = json.loads(run.stdout)
    p95, mb = percentile(found["ms"], 0.95), found["mb"]
    said = f"p50 {percentile(found['ms'], 0.5):.1f}, p95 {p95:.1f}, worst {max(found['ms']):.1f} ms"
    said += f" (of CPU time p95 {percentile(found['cpu_ms'], 0.95):.1f})"
    built = f"{build_s:.0f} s ({build_cpu_s:.0f} of CPU time), {build_mb:.0f} MB"
    size = f"{SECTIONS:,} sections"
    return [
        Row("kb-build", f"build, {size}", "<= 3 min", built, 1, build_s <= 180),
        Row("kb-search", f"search, {size}", "p95 <= 10 ms", said, len(found["ms"]), p95 <= 10),
        Row("kb-memory", f"process that searches {size}", "<= 300 MB", f"{mb:.0f} MB", 1, mb <= 300),
        Row("kb-load", f"open the built index, {size}", "none", f"{found['load_s']:.1f} s", 1, True),
    ]


def _measured(place: str, what: str) -> tuple[float, float, float]:
    """Seconds, seconds of CPU time and the largest resident size, MB, of ``allo kb build``."""
    command = [sys.executable, "-m", "agent", "kb", what, "--config", f"{place}/allo.toml"]
    began, most, cpu_s = time.perf_counter(), 0.0, 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                most = max(most, watched.memory_info().rss / 2**20)
                cpu_s = sum(watched.cpu_times()[:2])
            except psutil.NoSuchProcess:
                break
            time.sleep(0.1)
        error = process.stderr.read().decode() if process.stderr else ""
    if process.returncode:
        raise RuntimeError(error[-500:])
    return time.perf_counter() - began, cpu_s, most


def _search(place: str) -> None:
    """What the other process does: open the index, ask every question once."""
    from agent.settings import load  # noqa: PLC0415 - only in the measured process
    from agent.tables import new_knowledge  # noqa: PLC0415

    began = time.perf_counter()
    base = new_knowledge(load(Path(place) / "allo.toml"))
    load_s = time.perf_counter() - began

    cpu: list[float] = []

    async def ask() -> list[float]:
        taken = []
        for question in json.loads((Path(place) / "questions.json").read_text(encoding="utf-8")):
            began, spent = time.perf_counter(), time.process_time()
            await base.search(question)
            cpu.append((time.process_time() - spent) * 1000)
            taken.append((time.perf_counter() - began) * 1000)
        return taken

    ms = asyncio.run(ask())
    mb = psutil.Process().memory_info().rss / 2**20
    print(json.dumps({"ms": ms, "cpu_ms": cpu, "mb": mb, "load_s": load_s}))


if __name__ == "__main__":
    if sys.argv[1] == "search":
        _search(sys.argv[2])
    else:
        for row in knowledge(sys.argv[1]):
            print(f"{row.what}: {row.measured}")
