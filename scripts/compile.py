"""``make compile``: makes machine code of the modules that ``agent.compiled`` names. Needs mypy and a C compiler.

A minute or two of one core. What was made for another state of the source goes. Exit status 1: not made, and why.
"""

import os
import shutil
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from agent.compiled import MODULES, PLACE, digest  # noqa: E402 - found by the line above

C_MODULES = {"audio.frame_sums": "audio/frame_sums.c", "audio.neural_steps": "audio/neural.c"}
"""Modules that are written in C, and their files."""
FLAGS = "-ffp-contract=off -g0"
"""A product and a sum are rounded one after the other, as Python does: else some processors would decide otherwise."""


def missing() -> str:
    """What is not here that compiling needs; empty when all is."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"there is no C compiler ({compiler}); on Debian and Ubuntu: apt-get install gcc"
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        return "Python.h is missing; on Debian and Ubuntu: apt-get install python3-dev"
    if not (find_spec("mypyc") and find_spec("setuptools")):
        return "mypy or setuptools is missing; .venv/bin/python -m pip install -c constraints.txt mypy setuptools"
    return ""


def build(into: Path, scratch: Path) -> None:
    """Compile into a folder; raises what the compilers raise."""
    from mypyc.build import mypycify  # noqa: PLC0415 - see ``missing``
    from setuptools import Distribution, Extension  # type: ignore[import-untyped]  # noqa: PLC0415

    os.environ["CFLAGS"] = f"{os.environ.get('CFLAGS', '')} {FLAGS}".strip()
    paths = [f"{name.replace('.', '/')}.py" for name in MODULES]
    made = mypycify(paths, opt_level="2", debug_level="0", target_dir=str(scratch))
    made += [Extension(name, [file], extra_compile_args=["-O3"]) for name, file in C_MODULES.items()]
    distribution = Distribution({"name": "allo-compiled", "ext_modules": made})
    command = distribution.get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(into), str(scratch)
    command.ensure_finalized()
    command.run()


def main() -> int:
    """Make it, unless it is there."""
    place = PLACE / digest()
    if place.is_dir():
        sys.stdout.write(f"{place} is up to date\n")
        return 0
    if lacks := missing():
        sys.stderr.write(f"nothing was compiled, and Allo runs as it is: {lacks}\n")
        return 1
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch, "made")
        build(made, Path(scratch))
        shutil.rmtree(PLACE, ignore_errors=True)
        PLACE.mkdir()
        partly = PLACE / "partly"
        shutil.copytree(made, partly)
        partly.rename(place)
    sys.stdout.write(f"{place}: `allo serve` uses it from its next start on, until the source is changed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
