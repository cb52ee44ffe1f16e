"""``python -m bench.turns``: run the scripts against the real daemon over SIP, in real time, and print the figures.

The held-out scripts run only with ``--held-out``. About a quarter of an hour with eight calls at once; with
``--replay`` the same scripts run through the conversation core alone, in one or two minutes.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import report
from bench.daemon import ROOT, DaemonProcess
from bench.turns import figures, make, words
from bench.turns.core import CoreRunner
from bench.turns.live import LiveRunner
from bench.turns.measure import Finding, References, judge_all
from bench.turns.observation import Observation
from bench.turns.scripts import ASKED, KINDS, Script

COMPARED = ("backchannel", "noise", "interruption", "echo")
"""Kinds that are judged beside undisturbed answers."""
AT_ONCE = 8
"""Calls at the same time, unless told otherwise."""
MODEL_AT_ONCE = 4
"""Most of them with a model: that bar is a call's, forty calls have a row of their own (``asterisk40``)."""
FIRST_TOKEN_S = 0.4
"""The model server of the slow-model figures: time to its first token, seconds."""
TOKENS_A_SECOND = (0, 60)
"""Its paces after that; 0: all at once. Only the first has a bar: speculation can't hide how long a sentence takes."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be run."""

    held_out: bool = False
    kinds: tuple[str, ...] = (*KINDS, "llm")
    """``llm``: the complete questions once more, with a model."""
    languages: tuple[str, ...] = ("ru", "en")
    only: str = ""
    """Part of the names of the scripts; empty: all."""
    at_once: int = AT_ONCE
    keep: Path | None = None
    """Folder for recordings; none: they are not kept."""
    replay: bool = False
    """Through the core alone, faster than real time, instead of over SIP."""
    unsteady: bool = False
    """In the replay, the line's clocks jitter."""

    def of(self, scripts: Sequence[Script], language: str) -> list[Script]:
        """The scripts chosen, those of long calls first: the run ends sooner."""
        mine = [
            one
            for one in scripts
            if one.language == language
            and one.kind in self.kinds
            and one.held_out == self.held_out
            and self.only in one.name
        ]
        return sorted(mine, key=lambda one: -len(one.steps))

    @property
    def prefix(self) -> str:
        """Of the rows' names."""
        return "turns" + ("-replay" if self.replay else "") + ("-held-out" if self.held_out else "")


def measure(choice: Choice) -> tuple[list[report.Row], list[str]]:
    """The rows, and a line for every failure."""
    folder = make.place()
    scripts = make.ready(folder)
    findings: list[Finding] = []
    seen: list[Observation] = []
    cores: list[CoreRunner] = []
    for language in choice.languages:
        chosen = choice.of(scripts, language)
        if chosen:
            observed, judged = _through(choice, scripts, chosen, language, {}, cores=cores)
            seen += observed
            findings += judged
    said = [one for one in seen if one.script.last.text and one.script.kind in ASKED]
    rows = figures.rows(findings, words.loss(said, folder))
    bad = figures.failures(findings)
    if cores:
        rows.append(figures.speed(sum(core.audio_s for core in cores), sum(core.took_s for core in cores)))
    if "llm" in choice.kinds and not choice.replay:
        for pace in TOKENS_A_SECOND:
            row, slow = _with_model(choice, scripts, pace)
            rows.append(row)
            bad += slow
    return [replace(row, name=f"{choice.prefix}-{row.name}") for row in rows], bad


def _through(
    choice: Choice,
    scripts: Sequence[Script],
    chosen: list[Script],
    language: str,
    settings: dict[str, object],
    *,
    cores: list[CoreRunner],
) -> tuple[list[Observation], list[Finding]]:
    """Run what was chosen, over SIP or through the core, which ``cores`` then has, and judge it."""
    references = References()
    with _runner(choice, language, settings) as runner:
        cores += [runner] if isinstance(runner, CoreRunner) else []
        if any(one.kind in COMPARED for one in chosen):
            for seen in runner.run([one for one in scripts if one.kind == "reference" and one.language == language]):
                references.learn(seen)
            runner.example = references.voice(language) / 32768.0
        observed = runner.run(chosen)
    if choice.keep is not None:
        for seen in observed:
            seen.keep(choice.keep)
    return observed, judge_all(observed, references)


@contextlib.contextmanager
def _runner(choice: Choice, language: str, settings: dict[str, object]) -> Iterator[LiveRunner | CoreRunner]:
    if choice.replay:
        with tempfile.TemporaryDirectory(prefix="allo-turns-") as storage:
            core = CoreRunner(language, make.place(), Path(storage), unsteady=choice.unsteady)
            yield core
        speed = core.audio_s / max(core.took_s, 1e-9)
        print(f"{language}: {core.audio_s:.0f} s of calls in {core.took_s:.0f} s of a core: {speed:.0f} x real time")
        return
    with DaemonProcess(settings, language=language) as daemon:
        live = LiveRunner(daemon, make.place(), choice.at_once)
        yield live
        if live.late:
            print(f"{language}: {live.late} frames left our side late; the figures contain that", file=sys.stderr)


def _with_model(choice: Choice, scripts: Sequence[Script], pace: int) -> tuple[report.Row, list[str]]:
    chosen = replace(choice, kinds=("question",)).of(scripts, "ru")
    few = replace(choice, at_once=min(choice.at_once, MODEL_AT_ONCE))
    with _model_server(1 / pace if pace else 0.0) as base_url:
        settings: dict[str, object] = {"LLM__BASE_URL": base_url, "LLM__MODEL": "bench", "LLM__API_KEY": "none"}
        _, findings = _through(few, scripts, chosen, "ru", settings, cores=[])
    bad = [f"{one.name} (with a model): {failure}" for one in findings for failure in one.failures]
    return figures.reply_with_model(figures.Table(findings), pace), bad


@contextlib.contextmanager
def _model_server(token_s: float) -> Iterator[str]:
    """The true-protocol server of the tests, as a process; gives its address."""
    command = [sys.executable, "-m", "tests.fakes.openai_server", "--answer-from-context"]
    command += ["--first-token-s", str(FIRST_TOKEN_S), "--token-s", str(token_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT) as server:
        try:
            address = server.stdout.readline().strip() if server.stdout else ""
            if not address:
                raise RuntimeError("the model server of the tests did not start; run it by hand: " + " ".join(command))
            yield address
        finally:
            server.terminate()


def _bench(held_out: bool) -> Callable[[], list[report.Row]]:
    def run() -> list[report.Row]:
        rows, bad = measure(Choice(held_out=held_out))
        print("\n".join(bad), file=sys.stderr)
        return rows

    return run


development, held_out = _bench(held_out=False), _bench(held_out=True)
"""For ``python -m bench``."""


def main() -> int:
    """0: every bar was reached; 1: one was missed."""
    given = _arguments()
    choice = Choice(
        held_out=given.held_out,
        kinds=tuple(given.kinds.split(",")) if given.kinds else Choice().kinds,
        languages=tuple(given.language.split(",")),
        only=given.only,
        at_once=given.at_once,
        keep=given.keep,
        replay=given.replay,
        unsteady=given.unsteady,
    )
    rows, bad = measure(choice)
    where = "through the core" if choice.replay else f"{choice.at_once} calls at once"
    print(f"Measured on: {report.machine()}, {where}\n")
    print("\n".join((*report.HEAD, *(row.markdown() for row in rows))))
    if bad:
        print("\n" + "\n".join(bad))
    if given.write:
        report.write(rows)
    return int(not all(row.met for row in rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.turns", description="The turn-taking bench, live over SIP.")
    parser.add_argument("--held-out", action="store_true", help="run the held-out scripts instead, for final figures")
    parser.add_argument("--kinds", default="", help=f"of {', '.join(Choice().kinds)}; none: all")
    parser.add_argument("--language", default="ru,en", help="ru, en or both (default)")
    parser.add_argument("--only", default="", metavar="TEXT", help="scripts whose name contains this")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="calls at the same time (%(default)s)")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="write a stereo WAV of every call: caller left, agent right"
    )
    parser.add_argument("--replay", action="store_true", help="through the conversation core alone, without a wire")
    parser.add_argument("--unsteady", action="store_true", help="with --replay: the line's two clocks jitter (seeded)")
    parser.add_argument("--write", action="store_true", help="put the rows into docs/benchmarks.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
