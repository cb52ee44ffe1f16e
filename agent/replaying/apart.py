"""A recorded call lived again for the page: in a process of its own, so that calls in progress hear nothing of it."""

import asyncio
import json
import sys
from typing import Any

from agent.errors import RecordError
from agent.settings import Settings

LONGEST_S = 120.0
"""A replay may take this long, seconds."""
GENTLY = ("nice", "-n", "15")
"""Calls in progress come first."""


async def replayed(settings: Settings, call_id: str, engines: str) -> dict[str, Any]:
    """What ``allo replay --json`` says of a call; raises ``RecordError``."""
    config = ("--config", str(settings.source)) if settings.source else ()
    command = (sys.executable, "-m", "agent", "replay", "--json", "--engines", engines, *config, "--", call_id)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *GENTLY, *command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    try:
        async with asyncio.timeout(LONGEST_S):
            said, complaint = await process.communicate()
    except TimeoutError:
        raise RecordError(f"the replay took more than {LONGEST_S:.0f} s and was stopped; try `allo replay`") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _read(said, complaint)


def _read(said: bytes, complaint: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(said))
    except ValueError:
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        raise RecordError(last or "the replay came to nothing; try `allo replay` on a terminal") from None
