"""What is written in C, compiled for a test."""

import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

import audio

SOURCES = Path(audio.__file__).parent


def compiled_c(name: str, source: str, folder: Path) -> ModuleType:
    """A module of ``audio`` as `make compile` makes it (scripts/compile.py has the flags); skips without a compiler."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    headers = sysconfig.get_paths()["include"]
    if shutil.which(compiler) is None or not Path(headers, "Python.h").is_file():
        pytest.skip("no C compiler here, or no Python.h")
    made = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    flags = ["-O3", "-ffp-contract=off", "-fPIC", "-shared", f"-I{headers}"]
    flags += ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    subprocess.run([compiler, *flags, str(SOURCES / source), "-o", str(made), "-lm"], check=True)
    spec = spec_from_file_location(name, made)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
