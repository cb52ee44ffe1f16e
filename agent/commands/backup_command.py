"""``allo backup`` and ``allo restore``."""

import argparse
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from agent.errors import StartError
from agent.record import backup
from agent.settings import Settings, load

FOLDER = "backups"
"""In ``storage.dir``, where nothing else is asked for."""


def add_arguments(make: argparse.ArgumentParser, restore: argparse.ArgumentParser) -> None:
    """Options of both commands."""
    make.add_argument("--to", type=Path, metavar="FILE|DIR", help="where it goes (`backups` in storage.dir)")
    make.add_argument("--recordings", action="store_true", help="recordings, transcripts and traces too")
    make.add_argument("--keep", type=int, default=0, metavar="N", help="remove all but the N newest of that folder")
    make.set_defaults(command=_make)
    restore.add_argument("archive", type=Path, metavar="FILE.tar.gz", help="what `allo backup` wrote")
    restore.add_argument("--force", action="store_true", help="though there are records; they are kept beside")
    restore.set_defaults(command=_restore)


def _make(args: argparse.Namespace) -> int:
    settings = load(args.config)
    with _bar("packing") as progress:
        made = backup.make(settings, args.to or settings.storage.dir / FOLDER, args.recordings, progress)
    _say(f"{made}: {made.stat().st_size / 1e6:.1f} MB")
    for old in backup.thin_out(made.parent, args.keep) if args.keep > 0 else ():
        _say(f"{old}: removed, {args.keep} newer ones are there")
    return 0


def _restore(args: argparse.Namespace) -> int:
    # an empty machine has no settings file yet: the backup's goes there
    missing = args.config is not None and not args.config.exists()
    settings = load(None if missing else args.config)
    if not args.archive.is_file():
        raise StartError(f"{args.archive}: there is no such file; `allo backup` writes one")
    if _runs(settings):
        raise StartError("a daemon runs on these records; stop it first (sudo systemctl stop allo)")
    with _bar("checking") as progress:
        told = backup.restore(args.archive, settings, args.config, args.force, progress)
    for line in told:
        _say(line)
    _say("restored; `allo doctor` tells what else this machine needs")
    return 0


def _runs(settings: Settings) -> bool:
    """Whether a daemon answers on the health port of these settings."""
    try:
        with urllib.request.urlopen(f"http://{settings.web.host}:{settings.web.port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def _bar(what: str) -> Iterator[backup.Progress]:
    """A progress bar on standard error."""
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, of: bars.update(task, completed=done, total=of)


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
