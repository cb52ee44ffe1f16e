"""``allo privacy``: what is too old goes, and a caller may see or take away everything that is kept of him."""

import argparse
import asyncio
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from agent.commands.backup_command import FOLDER
from agent.commands.replay_command import recording_of
from agent.errors import StartError
from agent.record import retention
from agent.record.sealed import new_key
from agent.record.vault import Vault
from agent.settings import Settings, load

NONE = " (no call of this number is kept; `allo calls` shows the numbers)"
FRESH = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``allo privacy``."""
    choice = parser.add_subparsers(dest="what", required=True, metavar="prune|export|erase|audio|new-key")
    prune = choice.add_parser("prune", help="delete what is older than [retention] says; the service's timer does it")
    export = choice.add_parser("export", help="everything that is kept of a caller, in a ZIP")
    export.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.zip", help="where it goes")
    erase = choice.add_parser("erase", help="delete everything that is kept of a caller")
    audio = choice.add_parser("audio", help="the recording of a call as a plain WAV, also where it lies sealed")
    audio.add_argument("call", metavar="CALL_ID", help="a call's id or the beginning of it")
    audio.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.wav", help="where it goes")
    fresh = choice.add_parser("new-key", help="a key for [recording] key, printed")
    fresh.set_defaults(command=_new_key)
    for each in (export, erase):
        each.add_argument("number", metavar="NUMBER", help="the caller's number, however it is written")
    for each in (prune, export, erase, audio):
        each.set_defaults(command=_run)


def _run(args: argparse.Namespace) -> int:
    settings, now = load(args.config), datetime.now(UTC)
    if args.what == "prune":
        done = retention.prune(settings, now)
        for one in done:
            of, count = (" of calls", "calls") if one.what in get_args(retention.Kind) else ("", one.what)
            _say(f"{one.what}{of} from before {one.before}: deleted; {count}: {one.calls}")
        _say(f"noted in {settings.storage.dir / retention.LOG}" if done else "nothing is older than [retention] says")
    elif args.what == "export":
        calls = retention.export(settings, args.number, args.output)
        _say(f"{args.output}: calls: {calls}{'' if calls else NONE}")
    elif args.what == "audio":
        _say(f"{args.output}: {save_audio(settings, args.call, args.output):.1f} MB")
    else:
        _say(f"deleted, with what was remembered; calls: {retention.erase(settings, args.number, now).calls}")
        if kept := len(list((settings.storage.dir / FOLDER).glob("allo-*.tar.gz"))):
            _say(f"backups made before still hold it, until they are thinned out or removed: {kept} in {FOLDER}/")
    return 0


def _new_key(_args: argparse.Namespace) -> int:
    _say(new_key())
    return 0


def save_audio(settings: Settings, call_id: str, target: Path) -> float:
    """Write a call's recording to ``target``, for its owner alone; megabytes. Raises ``StartError``."""
    path, vault = asyncio.run(recording_of(settings, call_id)), Vault.of(settings)
    try:
        with vault.open(path) as sound, os.fdopen(os.open(target, FRESH, 0o600), "wb") as plain:
            shutil.copyfileobj(sound, plain)
            return plain.tell() / 1e6
    except OSError as error:
        raise StartError(f"{error.filename or target}: {error.strerror or error}") from None
    except ValueError as error:
        raise StartError(f"{path}: {error}") from None


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
