"""``allo privacy``: what is too old goes, and a caller may see or take away everything that is kept of him."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from agent import retention
from agent.settings import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``allo privacy``."""
    choice = parser.add_subparsers(dest="what", required=True, metavar="prune|export|erase")
    prune = choice.add_parser("prune", help="delete what is older than [retention] says; the service's timer does it")
    export = choice.add_parser("export", help="everything that is kept of a caller, in a ZIP")
    export.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.zip", help="where it goes")
    erase = choice.add_parser("erase", help="delete everything that is kept of a caller")
    for each in (export, erase):
        each.add_argument("number", metavar="NUMBER", help="the caller's number, however it is written")
    for each in (prune, export, erase):
        each.add_argument("--config", type=Path, metavar="FILE", help="TOML file; see docs/settings.md")
        each.set_defaults(command=_run)


def _run(args: argparse.Namespace) -> int:
    settings, now = load(args.config), datetime.now(UTC)
    if args.what == "prune":
        done = retention.prune(settings, now)
        for one in done:
            _say(f"{one.what} of calls from before {one.before}: deleted; calls: {one.calls}")
        _say(f"noted in {settings.storage.dir / retention.LOG}" if done else "nothing is older than [retention] says")
    elif args.what == "export":
        _say(f"{args.output}: calls: {retention.export(settings, args.number, args.output)}")
    else:
        _say(f"deleted, with what was remembered; calls: {retention.erase(settings, args.number, now).calls}")
    return 0


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
