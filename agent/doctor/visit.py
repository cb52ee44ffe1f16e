"""``allo doctor``: is everything there that a call needs, and what to do where it is not.

Each check is one function that returns findings and raises nothing of its own; they run together, so the whole
takes as long as the slowest, at most some seconds.
"""

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.commands.modem_command import check as modem
from agent.doctor.finding import Finding, bad, fine, poor
from agent.doctor.hearing_check import recognisers
from agent.doctor.reachability import asterisk, known, language_model, ports, running
from agent.doctor.upkeep_check import upkeep
from agent.doctor.voice_check import voices
from agent.errors import AlloError, StartError
from agent.knowledge import INSTEAD, built_version, new_library
from agent.ports import Base
from agent.prompts import load_prompts
from agent.settings import Settings
from kb import ingest
from kb.library import BASES

LOW_MB, LEAST_MB = 1000, 100
"""Free disk below which the doctor warns and refuses, megabytes; a call's recording takes 2 MB a minute."""

_MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "fault": "[red]fault[/]"}


async def check(settings: Settings) -> list[Finding]:
    """Look at everything, in the order in which it is shown."""
    lines = await running(settings)
    found = await asyncio.gather(
        _python(),
        recognisers(settings),
        voices(settings),
        _knowledge(settings),
        _prompts(settings),
        _disk(settings),
        ports(settings),
        asterisk(settings.asterisk),
        language_model(settings.llm),
        modem(settings.modem),
        upkeep(settings),
    )
    return known([finding for findings in found for finding in findings], lines)


def show(findings: Iterable[Finding], as_json: bool = False, console: Console | None = None) -> int:
    """Print a table, or JSON for machines; return the exit code: 1 when something is at fault, else 0."""
    findings, console = list(findings), console or Console()
    if as_json:
        console.print_json(json.dumps([finding.as_dict() for finding in findings], ensure_ascii=False))
    else:
        table = Table("check", "", "result", "what to do", title="allo doctor", title_justify="left")
        for finding in findings:
            mark = Text.from_markup(_MARKS[finding.state])
            table.add_row(finding.check, mark, Text(finding.result), Text(finding.advice))
        console.print(table)
    return int(any(finding.state == "fault" for finding in findings))


# ---------------------------------------------------------------- this machine


async def _python() -> list[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return [fine("Python", version)]


async def _knowledge(settings: Settings) -> list[Finding]:
    return [await asyncio.to_thread(_texts, settings, base) for base in BASES]


def _texts(settings: Settings, base: Base) -> Finding:
    """Each document is read, as at a start."""
    name, library = f"knowledge {base}", new_library(settings)
    paths = [path for of, path in library.files() if of == base]
    try:
        sections = sum(len(ingest.load(path, base)) for path in paths)
    except StartError as error:
        older = INSTEAD if built_version(settings) else "Allo does not start with it: mend the file, or set [kb] dir"
        return bad(name, str(error), older)
    what = paths[0] if len(paths) == 1 else f"{library.folder}: {len(paths)} documents"
    return fine(name, f"{what}, {sections} sections")


async def _prompts(settings: Settings) -> list[Finding]:
    try:
        await asyncio.to_thread(load_prompts, settings.prompts.dir, settings.language)
    except AlloError as error:
        return [bad("prompts", str(error), "")]
    return [fine("prompts", str(settings.prompts.dir / settings.language))]


async def _disk(settings: Settings) -> list[Finding]:
    return [await asyncio.to_thread(disk_at, settings.storage.dir)]


def disk_at(folder: Path) -> Finding:
    """Write a file there and count what is free."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
        free = shutil.disk_usage(folder).free // 1_000_000
    except OSError as error:
        return bad("disk", f"{folder}: can't be written: {error.strerror}", "set [storage] dir to a writable folder")
    if free < LEAST_MB:
        return bad("disk", f"{folder}: only {free} MB are free", "make room: recordings need 2 MB a minute")
    if free < LOW_MB:
        return poor("disk", f"{folder}: {free} MB are free", "make room soon: recordings need 2 MB a minute")
    return fine("disk", f"{folder}: {free / 1000:.1f} GB are free")
