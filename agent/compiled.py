"""The frame's way as machine code, where ``make compile`` has made it from just this source (mypyc).

It is the same Python, compiled: same decisions, about half the time. Where nothing was made, or any line of the three
rooms was changed since, the source itself runs; nobody needs a compiler. `allo` uses it, tests run the source.
``python -m agent.compiled MODULE [ARGUMENT ...]`` is ``python -m MODULE ...`` with what was made.
"""

import hashlib
import runpy
import sys
import sysconfig
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "compiled"
"""Where it lies, in a folder that is named by ``digest``."""
ROOMS = ("agent", "audio", "telephony")
"""Of whose source all must be as it was: what is compiled relies on the types of the rest."""
MODULES = (
    "agent.attending",
    "agent.backends.places",
    "agent.backends.stt_vosk",
    "agent.call",
    "agent.dead_air",
    "agent.decisions",
    "agent.gathered",
    "agent.hints",
    "agent.judging",
    "agent.listening",
    "agent.machines",
    "agent.murmurs",
    "agent.pauses",
    "agent.playout",
    "agent.stillness",
    "agent.time_limit",
    "agent.trace",
    "agent.traced_mouth",
    "agent.turn_policies",
    "agent.turns",
    "audio.clean_line",
    "audio.echo",
    "audio.frame",
    "audio.rechunk",
    "audio.single_tone",
    "audio.together",
    "audio.vad",
    "audio.voice_check",
    "telephony.chan_websocket",
    "telephony.clock",
    "telephony.inbox",
    "telephony.media_socket",
    "telephony.rfc6455",
    "telephony.websocket_mouth",
)
"""Compiled together: they know each other's classes. mypyc can't compile asynchronous generators, ``except*`` and
``runtime_checkable``, and nothing outside may inherit from what is compiled."""
SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
"""Ends the name of a compiled module, by Python's version and the machine."""


def digest() -> str:
    """Names the source of the rooms and the Python that it is compiled for."""
    told = hashlib.sha256(SUFFIX.encode())
    for room in ROOMS:
        for path in sorted(path for path in (ROOT / room).rglob("*.*") if path.suffix in (".py", ".c")):
            told.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return told.hexdigest()[:16]


class _Finder(MetaPathFinder):
    """Finds modules in one folder first."""

    def __init__(self, place: Path) -> None:
        self.files = {
            path.relative_to(place).as_posix().removesuffix(SUFFIX).replace("/", "."): path
            for path in place.rglob(f"*{SUFFIX}")
        }

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module lies that is compiled."""
        file = self.files.get(fullname)
        return spec_from_file_location(fullname, file) if file else None


def use() -> bool:
    """Import what was compiled from now on, where it was made from this source; True when that is so.

    Changes nothing once one of the modules is there: its classes would be there twice.
    """
    if in_use():
        return True
    if not PLACE.is_dir() or not (place := PLACE / digest()).is_dir() or set(MODULES) & set(sys.modules):
        return False
    sys.meta_path.insert(0, _Finder(place))
    return True


def in_use() -> bool:
    """What runs was compiled."""
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)


def main(words: Sequence[str]) -> int:
    """Run a module with what was compiled; 2 where that is not there."""
    if not words:
        sys.stderr.write("python -m agent.compiled MODULE [ARGUMENT ...]\n")
        return 2
    if not use():
        sys.stderr.write(f"nothing in {PLACE} was compiled from this source; run `make compile` first\n")
        return 2
    sys.argv = list(words)
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    # by its own name: here it is `__main__`, and would know another finder than whoever asks `in_use`
    from agent import compiled  # noqa: PLW0406 - the comment above

    sys.exit(compiled.main(sys.argv[1:]))
