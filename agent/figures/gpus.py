"""What NVIDIA's cards hold, where there are any: ``nvidia-smi`` is asked now and then, beside everything."""

import asyncio
import logging
import shutil
from contextlib import suppress
from dataclasses import dataclass

log = logging.getLogger(__name__)

EVERY_S = 30.0
"""Between two looks, seconds: a look costs the driver some milliseconds and a process."""
LONGEST_S = 10.0
"""Longest wait for its answer, seconds."""
QUERY = ("--query-gpu=index,memory.used,memory.total,utilization.gpu", "--format=csv,noheader,nounits")
MEBI = 1 << 20


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card."""

    index: str
    used_bytes: int
    total_bytes: int
    busy: float | None
    """Share of the time in which it worked, 0 to 1; None where it does not tell."""


def parse(answer: str) -> list[Gpu]:
    """Cards from lines like ``0, 1024, 81559, 37``: MiB, MiB and percent (nvidia-smi --help-query-gpu).

    Raises ``ValueError`` for anything else; a utilisation of ``[N/A]`` is one that is not told.
    """
    gpus = []
    for line in answer.splitlines():
        index, used, total, busy = (word.strip() for word in line.split(","))
        share = int(busy) / 100 if busy.isdigit() else None
        gpus.append(Gpu(index, int(used) * MEBI, int(total) * MEBI, share))
    return gpus


class Gpus:
    """The cards as they were at the last look."""

    def __init__(self) -> None:
        """None yet."""
        self.now: list[Gpu] = []

    async def watch(self) -> None:
        """Look until cancelled; ends at once where there is no ``nvidia-smi``, and when it does not answer."""
        program = shutil.which("nvidia-smi")
        while program is not None:
            try:
                self.now = parse(await _asked(program))
            except (OSError, TimeoutError, ValueError) as error:
                log.warning("nvidia-smi gives no figures (%s); the cards are not watched", error or "no answer")
                self.now = []
                return
            await asyncio.sleep(EVERY_S)


async def _asked(program: str) -> str:
    pipe, away = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(program, *QUERY, stdin=away, stdout=pipe, stderr=away)
    try:
        async with asyncio.timeout(LONGEST_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise OSError(f"exit status {process.returncode}")
    return said.decode("ascii", "replace")
