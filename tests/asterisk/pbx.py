"""A real Asterisk for a test: the files of ``asterisk-conf/`` on free loopback ports, in a chroot.

``Pbx(suite)`` with ``start`` and ``stop`` (or as a context manager); several may run at once. Only port
numbers and the trunk's address are changed in the shipped files; what a test adds goes into the two
``*_allo_local.conf`` files that the shipped ones include.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import pytest

from audio.level import tone
from audio.wav import write_mono
from bench.ports import free_port
from tests.asterisk.install import tree, why_not

CONF = Path(__file__).parents[2] / "asterisk-conf"
START_S = 30.0
"""A first start after installation takes some 3 s."""

MUSIC_HZ = 880
"""What this PBX plays to one whom the other side has put on hold."""

ASTERISK_CONF = """[directories]
astetcdir => {home}/etc
astmoddir => {modules}
astvarlibdir => {home}/lib
astdbdir => {home}/lib
astkeydir => {home}/lib
astdatadir => /usr/share/asterisk
astagidir => {home}/lib
astspooldir => {home}/spool
astrundir => {home}/run
astlogdir => {home}/log
[options]
verbose = 3
"""

LOGGER_CONF = "[general]\n[logfiles]\nmessages => notice,warning,error,verbose\n"

DIALPLAN = """
[globals]
ALLO_OPERATOR = Local/answer@test-operator/n

[test-operator]
; a person in the tests is a tone of 1004 Hz
exten => answer,1,Answer()
 same => n,Milliwatt(m)
exten => away,1,Congestion()

[test-freepbx]
; as FreePBX writes an inbound route that leads over a time condition, and a Misc Application, to a Custom Destination
exten => _X!,1,Set(__FROM_DID=${EXTEN})
 same => n,Goto(test-freepbx-timeconditions,1,1)
exten => 700,1,Goto(allo-inbound,${FROM_DID},1)

[test-freepbx-timeconditions]
exten => 1,1,Goto(allo-inbound,${FROM_DID},1)

[test-caller]
; the far half of an originated Local channel: stays for a while, saying nothing
exten => wait,1,Answer()
 same => n,Wait(60)
"""


def need(suite: str) -> None:
    """Skip the test where this machine has no Asterisk of ``suite``; fail it with ``ALLO_REQUIRE_ASTERISK=1``."""
    reason = why_not(suite)
    if reason and os.environ.get("ALLO_REQUIRE_ASTERISK") == "1":
        pytest.fail(f"ALLO_REQUIRE_ASTERISK=1, but no Asterisk of {suite}: {reason}")
    if reason:
        pytest.skip(f"no Asterisk of {suite}: {reason}")


class Pbx:
    """One running Asterisk."""

    username = "allo"
    password = "change-me"

    def __init__(self, suite: str, operator: str = "Local/answer@test-operator/n") -> None:
        self.suite = suite
        self.root = tree(suite)
        self.http_port = free_port()
        self.sip_port = free_port()
        self.operator = operator
        self._forget_the_killed()
        self.home = Path(tempfile.mkdtemp(prefix="allo-pbx-", dir=self.root / "tmp"))
        self._process: subprocess.Popen[bytes] | None = None
        self._write_configuration()

    @property
    def url(self) -> str:
        """What ``[asterisk] url`` must be."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def log(self) -> str:
        """What Asterisk has logged so far."""
        file = self.home / "log/messages"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def __enter__(self) -> "Pbx":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Start and wait until it is fully booted."""
        command = ["chroot", str(self.root), "asterisk", "-C", f"{self._inside}/etc/asterisk.conf", "-f"]
        with (self.home / "console").open("ab") as console:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        deadline = time.monotonic() + START_S
        while "fully booted" not in self.cli("core waitfullybooted"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self.home / "console").read_text(errors="replace")[-2000:]
                self.stop()
                raise RuntimeError(f"Asterisk of {self.suite} did not start:\n{said}\n{self.log[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it at once, as a crash would, and wait for it."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def close(self) -> None:
        """Stop and remove everything that it wrote."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def cli(self, command: str) -> str:
        """Say something to Asterisk's console; its answer, empty while there is no Asterisk."""
        conf = f"{self._inside}/etc/asterisk.conf"
        done = subprocess.run(
            ["chroot", str(self.root), "asterisk", "-C", conf, "-rx", command],
            capture_output=True,
            text=True,
            check=False,
            timeout=15,
        )
        return done.stdout

    def channels(self) -> int:
        """Live channels, of whatever kind."""
        found = re.search(r"(\d+) active channel", self.cli("core show channels count"))
        return int(found.group(1)) if found else 0

    def bridges(self) -> int:
        """Live bridges."""
        lines = self.cli("bridge show all").splitlines()
        return sum(1 for line in lines if line.strip() and not line.startswith("Bridge-ID"))

    def emptied(self, seconds: float = 5) -> None:
        """Wait until no channel and no bridge is left; what is left after ``seconds`` fails the test."""
        deadline = time.monotonic() + seconds
        while self.channels() or self.bridges():
            if time.monotonic() > deadline:
                left = self.cli("core show channels concise") + self.cli("bridge show all")
                self.cli("channel request hangup all")
                raise AssertionError(f"left in Asterisk:\n{left}")
            time.sleep(0.05)

    def originate(self, dialled: str = "4951112233@allo-inbound", then: str = "wait@test-caller") -> None:
        """A call from inside, without a phone: one half dials ``dialled``, the other runs ``then``."""
        self.cli(f"channel originate Local/{dialled}/n extension {then}")

    @property
    def _inside(self) -> str:
        return f"/{self.home.relative_to(self.root)}"

    def _write_configuration(self) -> None:
        self._keep_from_dns()
        for folder in ("etc", "lib", "spool", "run", "log"):
            (self.home / folder).mkdir()
        for file in CONF.glob("*.conf"):
            (self.home / "etc" / file.name).write_text(self._moved(file.read_text(encoding="utf-8")), encoding="utf-8")
        modules = next(self.root.glob("usr/lib/**/asterisk/modules"))
        inside = f"/{modules.relative_to(self.root)}"
        self._write("asterisk.conf", ASTERISK_CONF.format(home=self._inside, modules=inside))
        self._write("logger.conf", LOGGER_CONF)
        self._write("musiconhold.conf", f"[default]\nmode=files\ndirectory={self._inside}/music\n")
        (self.home / "music").mkdir()
        write_mono(self.home / "music/tune.wav", tone(MUSIC_HZ, 4000, 8000), 8000)
        self._write("extensions_allo_local.conf", DIALPLAN.replace("Local/answer@test-operator/n", self.operator))
        with contextlib.suppress(FileNotFoundError):
            shutil.copy(self.root / "etc/asterisk/stasis.conf", self.home / "etc/stasis.conf")

    def _forget_the_killed(self) -> None:
        """What test runs that were killed left behind, a day or longer ago."""
        for left in (self.root / "tmp").glob("allo-pbx-*"):
            if time.time() - left.stat().st_mtime > 86_400:
                shutil.rmtree(left, ignore_errors=True)

    def _keep_from_dns(self) -> None:
        """Asterisk looks up its own host's name during each call, and a name server that is slow holds up the call."""
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost {socket.gethostname()}\n", encoding="ascii")
        (self.root / "etc/resolv.conf").write_text(
            "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", encoding="ascii"
        )

    def _moved(self, text: str) -> str:
        """The shipped text with this test's ports and addresses."""
        text = text.replace("bindport = 8088", f"bindport = {self.http_port}")
        text = text.replace("bind = 0.0.0.0:5060", f"bind = 127.0.0.1:{self.sip_port}")
        return text.replace("match = 192.0.2.10", "match = 127.0.0.1")

    def _write(self, name: str, text: str) -> None:
        (self.home / "etc" / name).write_text(text, encoding="utf-8")
