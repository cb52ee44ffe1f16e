"""Which attendants the settings want for a call."""

import asyncio
from collections.abc import Callable, Iterator

from agent.attending import Attendance, Attendant, Emit
from agent.consent import Consent
from agent.house import House
from agent.journal import Journal
from agent.machines import Machines, Rules
from agent.ports import Line
from agent.record.muting import Muting, is_wished
from agent.settings import Settings


def attended(house: House, settings: Settings, journal: Journal) -> House:
    """The house with its calls attended."""
    recording, machines = settings.recording, settings.limits.machines
    cards = recording.enabled and is_wished(recording.mute_cards, settings.privacy)
    under_way: set[asyncio.Task[None]] = set()

    def new(house: House, line: Line, emit: Emit) -> Iterator[Attendant]:
        caller, notice = line.caller, house.prompts.notice
        if cards:
            yield Muting(settings.language, caller.rate, emit)
        if notice:
            forsaken = recording.enabled and recording.notice_first
            yield Consent(notice, emit, (lambda why: journal.forsake(caller.call_id, why)) if forsaken else None)
        if machines != "ignore":
            rules = Rules(caller.rate, outgoing=caller.purpose is not None)
            yield Machines(rules, emit, _ending(line, machines, under_way))

    return Attendance(lambda *of: tuple(new(*of))).over(house)


def _ending(line: Line, machines: str, under_way: set[asyncio.Task[None]]) -> Callable[[], None]:
    """What is done about a machine; tasks of it are kept in ``under_way`` until they are done."""

    async def done() -> None:
        if machines == "operator":
            await line.transfer("")  # refused: the call goes on
        elif machines == "hang up":
            await line.hangup()

    def begin() -> None:
        if machines != "note":
            task = asyncio.get_running_loop().create_task(done())
            under_way.add(task)
            task.add_done_callback(under_way.discard)

    return begin
