"""``allo service``: the daemon as a systemd service, written for this installation, with a word on each thing done."""

import argparse
import getpass
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from agent import settings_file
from agent.commands import installed
from agent.errors import StartError
from agent.settings import HOUSE, load
from agent.succession import LOAD_S

UNITS = ("allo.service", "allo-backup.service", "allo-backup.timer", "allo-retention.service", "allo-retention.timer")
ENABLED = ("allo.service", "allo-backup.timer", "allo-retention.timer")
COMPILING = ("xtts", "whisper")
"""Engines that make machine code while they run."""
DROP_IN, DROPPED = "allo-compiling.conf", Path("allo.service.d/compiling.conf")
"""What the sandbox must allow them, and where it lies beside the units."""
RULES = "70-allo-modem.rules"
SYSTEM = Path("etc/systemd/system")
UDEV = Path("etc/udev/rules.d")
STATE = Path("var/lib/allo")
CREDENTIALS = Path("etc/allo/credentials")
COMMAND = "/opt/allo/.venv/bin/allo"
CONFIG = "/etc/allo/allo.toml"
RUNNING = Path("/run/systemd/system")
"""There where systemd is at work (sd_booted(3))."""
LEAVE_S, LOOK_S = 5.0, 0.2
"""Longest time from a loaded successor to the hand-over, and how often systemd is asked, seconds."""
PRIVATE = ("/home/", "/root/", "/run/user/")
"""Folders that the service's sandbox can't see."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``allo service``."""
    choice = parser.add_subparsers(dest="what", required=True, metavar="install|uninstall|status|restart")
    install = choice.add_parser("install", help="write the units for this installation and a settings file")
    install.add_argument("--config", type=Path, default=Path(CONFIG), metavar="FILE", help=f"settings ({CONFIG})")
    remove = choice.add_parser("uninstall", help="stop the service and take the units away; records and settings stay")
    status = choice.add_parser("status", help="what is installed and how it is doing")
    again = choice.add_parser("restart", help="start it anew; calls in progress go on in the new process")
    for each in (install, remove, status, again):
        each.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="another machine's file system")
        each.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    """Do it; raises ``StartError`` with what to do where it can't."""
    commands = {"install": _install, "uninstall": _uninstall, "status": _status, "restart": _restart}
    what: Callable[[argparse.Namespace], int] = commands[args.what]
    try:
        return what(args)
    except PermissionError as error:
        raise StartError(f"{error.filename}: {getpass.getuser()} may not write there; run it with sudo") from None


def unit(name: str, command: str, config: str) -> str:
    """The text of a unit for an installation."""
    text = (HOUSE / "systemd" / name).read_text(encoding="utf-8")
    return text.replace(COMMAND, command).replace(CONFIG, config)


def _install(args: argparse.Namespace) -> int:
    command, config = _command(), args.config.absolute()
    if args.root == Path("/"):
        load(config)  # a service that can't start helps nobody
    elif not (args.root / config.relative_to("/")).is_file():
        raise StartError(f"{args.root / config.relative_to('/')}: there is no such settings file")
    for name in UNITS:
        _write(args.root / SYSTEM / name, unit(name, command, str(config)))
    _allow_compiling(args.root / SYSTEM / DROPPED, args.root / config.relative_to("/"))
    _write(args.root / UDEV / RULES, (HOUSE / "systemd" / RULES).read_text(encoding="utf-8"))
    _folder(args.root / CREDENTIALS, "secrets, one in a file: llm.api_key, sip.password, web.api_key ...")
    for texts in ("kb", "prompts"):
        _copy(HOUSE / texts, args.root / STATE / texts)
    installed.give_back(args.root / STATE)
    if _systemctl(args, "daemon-reload"):
        _say("told systemd to read its units anew")
    _say("next: sudo systemctl enable --now allo allo-backup.timer allo-retention.timer; then: allo service status")
    return 0


def _allow_compiling(path: Path, config: Path) -> None:
    """Only where an engine needs it: the fence of all others stays whole."""
    tree = settings_file.read(config)
    named = " ".join(str(tree.get(section, {}).get("engine", "")) for section in ("stt", "tts"))
    if any(engine in named for engine in COMPILING):
        _write(path, (HOUSE / "systemd" / DROP_IN).read_text(encoding="utf-8"))
    elif path.exists():
        path.unlink()
        _say(f"removed {path}: no engine of the settings needs it")


def _command() -> str:
    """The path of this very ``allo``; raises ``StartError`` where the service could not run it."""
    command = Path(sys.executable).with_name("allo")
    if not command.is_file():
        raise StartError(f"{command}: not there; install Allo into a virtual environment first (make install)")
    if str(command).startswith(PRIVATE):
        raise StartError(f"{command}: a service must not read people's own folders; put Allo under /opt/allo")
    return str(command)


def _uninstall(args: argparse.Namespace) -> int:
    _systemctl(
        args,
        "disable",
        "--now",
        *(name for name in UNITS if not name.endswith(("backup.service", "retention.service"))),
    )
    gone = [args.root / SYSTEM / name for name in (*UNITS, DROPPED)] + [args.root / UDEV / RULES]
    for path in gone:
        if path.exists():
            path.unlink()
            _say(f"removed {path}")
    with suppress(OSError):  # somebody's own settings of the unit stay
        (args.root / SYSTEM / DROPPED).parent.rmdir()
    _systemctl(args, "daemon-reload")
    _say(f"left as they are: {args.root / STATE} (records, texts), {args.root / CREDENTIALS}, the settings file")
    return 0


def _status(args: argparse.Namespace) -> int:
    """0 when every unit is there as ``install`` would write it."""
    whole = True
    for name in UNITS:
        path = args.root / SYSTEM / name
        state = "installed" if path.exists() else "not installed: sudo allo service install --config FILE"
        whole = whole and path.exists()
        _say(f"{path}: {state}")
    if whole:
        _systemctl(args, "--no-pager", "--lines=5", "status", "allo.service")
    return 0 if whole else 1


def _restart(args: argparse.Namespace) -> int:
    """SIGUSR1: the daemon has the next one load everything, and leaves its calls to it."""
    before = _main_pid()
    if not _systemctl(args, "kill", "--kill-who=main", "--signal=SIGUSR1", "allo.service"):
        raise StartError("allo.service does not run here; see: allo service status")
    _say("the next process is loading; calls go on")
    deadline = time.monotonic() + LOAD_S + LEAVE_S
    while _main_pid() in (before, "0"):
        if time.monotonic() > deadline:
            raise StartError("the next process did not come up, and the one of before goes on; see: journalctl -u allo")
        time.sleep(LOOK_S)
    _say("restarted; the calls in progress go on in it")
    return 0


def _main_pid() -> str:
    systemctl = shutil.which("systemctl") or "systemctl"
    words = [systemctl, "show", "--property=MainPID", "--value", "allo.service"]
    return subprocess.run(words, check=False, capture_output=True, text=True).stdout.strip()  # noqa: S603 - ours


def _write(path: Path, text: str) -> None:
    same = path.exists() and path.read_text(encoding="utf-8") == text
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    _say(f"{path}: {'as it was' if same else 'written'}")


def _folder(path: Path, what: str) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    _say(f"{path}: for {what}")


def _copy(source: Path, target: Path) -> None:
    """What the service may change lies in its own folder; what a person has changed there stays."""
    if target.exists():
        _say(f"{target}: stays as it is")
        return
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.py", "__pycache__", "data"))
    _say(f"{target}: copied from {source}")


def _systemctl(args: argparse.Namespace, *words: str) -> bool:
    """Tell the running systemd, where there is one and it is this machine's."""
    systemctl = shutil.which("systemctl")
    if args.root != Path("/") or not systemctl or not RUNNING.is_dir():
        return False
    return subprocess.run([systemctl, *words], check=False).returncode == 0  # noqa: S603 - words of ours


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
