"""The ``allo`` command itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

THREADS_AFTER_A_PRODUCT = """
import os, sys
import agent.commands.main
assert "numpy" not in sys.modules, "it would be too late to tell numpy how many threads it may use"
agent.commands.main.main(["calls", "show"])
import numpy
numpy.ones((1000, 1000), "f4") @ numpy.ones((1000, 1000), "f4")
print(len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_numpy_leaves_the_cores_to_the_calls() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", THREADS_AFTER_A_PRODUCT], capture_output=True, text=True, check=True, env=environment
    )

    assert done.stdout == "1\n"
