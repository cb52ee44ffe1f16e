"""Put real Asterisks into a cache folder for the tests: 22 from Debian sid, 16 from bullseye.

Run it as ``python tests/asterisk/install.py [sid] [bullseye]``, as root on Debian or Ubuntu; about 40 s and
0.7 GB each, once. It needs the standard library only. Where a machine can't have them it says why in one
line, keeps that line for the tests' skip message, and ends with status 1.

The cache is ``$XDG_CACHE_HOME/allo-test`` or ``~/.cache/allo-test``. The package mirror is the one that apt
already uses (``DEBIAN_MIRROR`` overrides); on Ubuntu it is debootstrap's own default.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUITES = ("sid", "bullseye")
PACKAGES = ("asterisk", "asterisk-modules", "asterisk-config")
MARKER = ".allo-finished"
"""Written last; holds Asterisk's own version line. A tree without it is built anew."""

QUIET = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}


class CannotInstall(Exception):  # noqa: N818 - it is told as a reason, not handled as a fault
    """Why this machine can't have a real Asterisk, in one line."""


def cache() -> Path:
    """The folder that keeps the installed trees."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "allo-test"


def tree(suite: str) -> Path:
    """Where the Asterisk of ``suite`` lies: the root of a whole small Debian."""
    return cache() / f"asterisk-{suite}"


def version(suite: str) -> str:
    """Asterisk's version line, empty when it is not installed."""
    marker = tree(suite) / MARKER
    return marker.read_text(encoding="utf-8").strip() if marker.exists() else ""


def why_not(suite: str) -> str:
    """One line for a skip message: why ``suite``'s Asterisk can't run here; empty when it can."""
    if os.geteuid() != 0:
        return "needs root (chroot)"
    if version(suite):
        return ""
    noted = _reason_file(suite)
    said = noted.read_text(encoding="utf-8").strip() if noted.exists() else ""
    return said or "not installed: run `python tests/asterisk/install.py` as root"


def install(suite: str) -> None:
    """Install the Asterisk of ``suite`` unless that is done; raise ``CannotInstall`` with the reason."""
    _check_machine()
    cache().mkdir(parents=True, exist_ok=True)
    with _alone(suite):
        if version(suite):
            _say(suite, f"ready: {version(suite)}")
            return
        _ensure_debootstrap()
        _build(suite)
        _reason_file(suite).unlink(missing_ok=True)
        _say(suite, f"ready: {version(suite)}")


def _check_machine() -> None:
    if not sys.platform.startswith("linux") or not Path("/etc/debian_version").exists():
        raise CannotInstall("needs Debian or Ubuntu (the real Asterisk is installed by debootstrap)")
    if os.geteuid() != 0:
        raise CannotInstall("needs root (debootstrap and chroot)")


@contextmanager
def _alone(suite: str) -> Iterator[None]:
    """Two runs at once wait for each other; the lock goes with the process."""
    with (cache() / f".lock-{suite}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ensure_debootstrap() -> None:
    if shutil.which("debootstrap"):
        return
    _say("tools", "installing debootstrap ...")
    _command(["apt-get", "update", "-q"], "apt-get update failed")
    packages = ["debootstrap", "debian-archive-keyring"]
    _command(["apt-get", "install", "-qy", "--no-install-recommends", *packages], "debootstrap can't be installed")


def _build(suite: str) -> None:
    part = cache() / f"asterisk-{suite}.part"
    for old in (part, tree(suite)):
        shutil.rmtree(old, ignore_errors=True)
    _say(suite, "debootstrap (a small Debian) ...")
    mirror = _mirror()
    _command(["debootstrap", "--variant=minbase", suite, str(part), *mirror], f"debootstrap {suite} failed")
    _say(suite, "asterisk ...")
    # A mirror's Release file may be past its date, and daemons must not start in the chroot.
    policy = part / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    policy.chmod(0o755)
    lenient = ["-o", "Acquire::Check-Valid-Until=false", "-o", "Acquire::Check-Date=false"]
    chroot = ["chroot", str(part)]
    _command([*chroot, "apt-get", *lenient, "update", "-q"], f"apt-get update for {suite} failed")
    _command(
        [*chroot, "apt-get", *lenient, "install", "-qy", "--no-install-recommends", *PACKAGES],
        f"{suite} has no installable asterisk",
    )
    _command([*chroot, "apt-get", "clean"], "apt-get clean failed")
    found = _command([*chroot, "asterisk", "-V"], f"{suite}'s asterisk does not start")
    (part / MARKER).write_text(found, encoding="utf-8")
    part.rename(tree(suite))


def _mirror() -> list[str]:
    """The Debian archive that apt is configured with; none: debootstrap knows a default for Debian's suites."""
    if os.environ.get("DEBIAN_MIRROR"):
        return [os.environ["DEBIAN_MIRROR"]]
    sites = _command(["apt-get", "indextargets", "--format", "$(SITE)"], "apt-get indextargets failed").split()
    return [site for site in sites if site.rstrip("/").endswith("/debian")][:1]


def _command(command: list[str], complaint: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=QUIET, check=False)
    if done.returncode:
        last = [line for line in done.stdout.splitlines() if line.strip()][-3:]
        raise CannotInstall(f"{complaint}: {' / '.join(last)}")
    return done.stdout


def _reason_file(suite: str) -> Path:
    return cache() / f"asterisk-{suite}.reason"


def _say(suite: str, text: str) -> None:
    print(f"asterisk {suite}: {text}", flush=True)  # noqa: T201 - a script tells where it is


def main(suites: list[str]) -> int:
    """Install what is asked for (all by default); 0 when every one is there."""
    missing = 0
    for suite in suites or SUITES:
        if suite not in SUITES:
            _say(suite, f"no such suite; known: {', '.join(SUITES)}")
            return 2
        try:
            install(suite)
        except CannotInstall as reason:
            missing = 1
            _say(suite, f"not installed: {reason}")
            if cache().is_dir():
                _reason_file(suite).write_text(f"{reason}\n", encoding="utf-8")
    return missing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
