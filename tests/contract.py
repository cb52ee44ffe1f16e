"""What every Line promises (see ``agent.ports``), run over each kind of line with a caller on a real wire."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from agent.ports import LineGone
from audio.level import tone
from tests.asterisk.door import Guest
from tests.asterisk.softphone import Softphone

Clause = Callable[[Softphone, Guest], Awaitable[None]]

STEP = 160
SECOND = 8000
SLACK_S = 0.3
"""How far audio time may be from the clock on a busy machine, seconds."""


async def frames_come_in_real_time_without_gaps(phone: Softphone, guest: Guest) -> None:
    """The guest asserts that positions are contiguous; here: that time passes, also when the caller's phone is mute."""
    loop = asyncio.get_running_loop()
    for silent in (False, True):
        phone.silent = silent
        began = loop.time()
        await guest.until(_frames_later(guest, 50), 4)
        assert abs(loop.time() - began - 1.0) <= SLACK_S


async def played_counts_what_was_played(_phone: Softphone, guest: Guest) -> None:
    """``played`` never runs back, never passes what was given, and reaches it in the time that it takes."""
    mouth = guest.line.mouth
    seen = [mouth.played]

    def watched() -> bool:
        seen.append(mouth.played)
        return mouth.played >= SECOND

    began = asyncio.get_running_loop().time()
    mouth.play(tone(440, 1000, SECOND, -20))
    await guest.until(watched, 4)
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[-1] == SECOND
    assert abs(asyncio.get_running_loop().time() - began - 1.0) <= SLACK_S


async def pause_holds_and_resume_goes_on(_phone: Softphone, guest: Guest) -> None:
    """Nothing is played in a pause and nothing is lost by it."""
    mouth = guest.line.mouth
    mouth.play(tone(440, 1000, SECOND, -20))
    await guest.until(lambda: mouth.played >= SECOND // 4, 3)
    mouth.pause()
    await guest.until(_frames_later(guest, 10), 3)
    held = mouth.played
    await guest.until(_frames_later(guest, 20), 3)
    assert mouth.played == held < SECOND
    mouth.resume()
    await guest.until(lambda: mouth.played == SECOND, 4)


async def clear_silences_and_counts_nothing_that_was_not_heard(phone: Softphone, guest: Guest) -> None:
    """After ``clear`` the wire is silent, also from within a pause, and the next speech is played."""
    mouth = guest.line.mouth
    mouth.play(tone(440, 5000, SECOND, -20))
    await guest.until(lambda: mouth.played >= SECOND // 2, 3)
    mouth.pause()
    mouth.clear()
    stopped = mouth.played
    await guest.until(_frames_later(guest, 5), 3)
    underway = len(phone.heard())
    await guest.until(_frames_later(guest, 25), 3)
    assert mouth.played == stopped <= SECOND
    assert np.abs(phone.heard()[underway:]).max(initial=0) < 100  # a far side may also send nothing at all
    mouth.play(tone(440, 500, SECOND, -20))
    await guest.until(lambda: mouth.played == stopped + SECOND // 2, 3)


async def keys_arrive(phone: Softphone, guest: Guest) -> None:
    """Each key once, in order."""
    for key in "15#":
        phone.press(key)
    await guest.until(lambda: guest.keys == "15#", 5)


async def the_agent_may_hang_up(phone: Softphone, guest: Guest) -> None:
    """The caller's leg ends, the last event says who it was, and a second time does no harm."""
    await guest.line.hangup()
    await phone.until("ended", 2)
    await asyncio.wait_for(guest.over.wait(), 2)
    assert guest.cause == "agent"
    await guest.line.hangup()


async def the_caller_may_hang_up(phone: Softphone, guest: Guest) -> None:
    """The last event says so; there is nothing left to answer, and audio for nobody does no harm."""
    phone.hang_up()
    await asyncio.wait_for(guest.over.wait(), 2)
    assert guest.cause == "caller"
    guest.line.mouth.play(tone(440, 1000, SECOND, -20))
    guest.line.mouth.clear()
    with pytest.raises(LineGone):
        await guest.line.answer()


def _frames_later(guest: Guest, frames: int) -> Callable[[], bool]:
    target = len(guest.pcm) + frames * STEP * 2
    return lambda: len(guest.pcm) >= target


CLAUSES: tuple[Clause, ...] = (
    frames_come_in_real_time_without_gaps,
    played_counts_what_was_played,
    pause_holds_and_resume_goes_on,
    clear_silences_and_counts_nothing_that_was_not_heard,
    keys_arrive,
    the_agent_may_hang_up,
    the_caller_may_hang_up,
)


async def hold_to(clause: Clause, port: int, first_guest: Callable[[], Awaitable[Guest]]) -> None:
    """Ring at ``port`` and hold the line that arrives to ``clause``."""
    async with Softphone(port, "4951112233") as phone:
        await phone.until("answered", 3)
        guest = await first_guest()
        await guest.answered.wait()
        await clause(phone, guest)
