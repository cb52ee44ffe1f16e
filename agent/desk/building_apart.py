"""One build in a process of its own: making an index would hold the interpreter for longer than a frame of a call.

``python -m agent.desk.building_apart`` takes pickled settings on its standard input, tells its progress on its standard
output, a stage and two numbers a line, and ends with 0, or with 2 and the reason on standard error.
"""

import asyncio
import logging
import os
import pickle
import sys

from agent.costs import Costs
from agent.errors import AlloError, KnowledgeError
from agent.knowledge import adopt, build_once
from agent.settings import HOUSE, Settings
from kb.building import Progress
from kb.live import Knowledge

log = logging.getLogger(__name__)


async def rebuild(
    knowledge: Knowledge,
    settings: Settings,
    progress: Progress = lambda stage, done, of: None,
    costs: Costs | None = None,
) -> int:
    """Build anew, then let calls in progress use it from their next question on; how many sections.

    Raises ``StartError`` or ``KnowledgeError``, and ``knowledge`` is what it was.
    """
    await build_apart(settings, progress)
    return await adopt(knowledge, settings, costs)


async def build_apart(settings: Settings, progress: Progress) -> None:
    """Build what ``settings`` say; raises ``KnowledgeError``. Cancelled, it ends that process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent.desk.building_apart", cwd=HOUSE, env=os.environ | {"PYTHONPATH": str(HOUSE)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.TaskGroup() as tasks:
            saying = tasks.create_task(_all(process.stderr))
            tasks.create_task(_give(process.stdin, settings))
            await _follow(process.stdout, progress)
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return
    said = saying.result().strip()
    if process.returncode == 2 and said:
        raise KnowledgeError(said)
    log.error("kb: the build ended with %d: %s", process.returncode, said[-2000:])
    raise KnowledgeError("the index could not be made; the log tells more")


async def _give(pipe: asyncio.StreamWriter | None, settings: Settings) -> None:
    assert pipe is not None  # noqa: S101 - for the type alone
    pipe.write(pickle.dumps((os.getcwd(), settings)))
    pipe.close()
    await pipe.wait_closed()


async def _all(pipe: asyncio.StreamReader | None) -> str:
    return (await pipe.read()).decode(errors="replace") if pipe else ""


async def _follow(pipe: asyncio.StreamReader | None, progress: Progress) -> None:
    while pipe and (line := await pipe.readline()):
        stage, done, of = line.decode().split()
        progress(stage, int(done), int(of))


def main() -> int:
    """Build once."""
    os.nice(10)
    place, settings = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by our own parent
    os.chdir(place)

    def told(stage: str, done: int, of: int) -> None:
        sys.stdout.write(f"{stage} {done} {of}\n")
        sys.stdout.flush()

    try:
        asyncio.run(build_once(settings, told))
    except AlloError as error:
        sys.stderr.write(str(error))
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
