"""An ear behind any network: whatever is lost, late, doubled or out of order, time goes on and is counted once."""

import asyncio
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from audio.frame import AudioFrame
from audio.level import dbfs
from telephony.clock import MediaClock
from telephony.inbox import Inbox
from telephony.rtp_ear import MAX_LEAD, PATIENCE
from telephony.rtp_leg import PCMA, RtpFormat, RtpLeg
from telephony.rtp_order import DEPTH
from tests.telephony.rtp_phone import Phone

FRAME = 160
REMOTE = ("192.0.2.9", 4000)

FATES = st.lists(
    st.one_of(
        st.just(0),  # on time
        st.just(0),
        st.integers(1, 4),  # that many ticks late, so reordered
        st.integers(5, 25),
        st.just(-1),  # lost
        st.just(-2),  # doubled
    ),
    min_size=1,
    max_size=120,
)


def _run(fates: list[int], *, loud: bool = True) -> tuple[RtpLeg, list[AudioFrame], list[int]]:
    """Send one packet a tick with these fates; the leg, what it heard, and its lead over the clock at each tick."""
    inbox = Inbox(8000, capacity=10_000)
    leg = RtpLeg(inbox, MediaClock(), RtpFormat(PCMA, 101), REMOTE)
    phone = Phone()
    phone.socket.close()
    arrivals: dict[int, list[bytes]] = defaultdict(list)
    for tick, fate in enumerate(fates):
        packet = phone.packet(None if loud else bytes(320))
        arrivals[tick + max(fate, 0)] += [] if fate == -1 else [packet] * (2 if fate == -2 else 1)
    leads = []
    for tick in range(len(fates) + 30):
        leg.tick(1)
        for packet in arrivals[tick]:
            leg.receive(packet, REMOTE)
        leads.append(inbox.position - (tick + 1) * FRAME)

    async def drain() -> list[AudioFrame]:
        inbox.hang_up("caller")
        return [event async for event in inbox if isinstance(event, AudioFrame)]

    return leg, asyncio.run(drain()), leads


@settings(max_examples=400, deadline=None)
@given(FATES)
def test_time_is_real_and_whole(fates: list[int]) -> None:
    leg, frames, leads = _run(fates)
    assert [frame.position for frame in frames] == [FRAME * n for n in range(len(frames))]
    # Behind by packets that are merely late, a gap that is not filled yet and what is held for order; ahead by what
    # late speech may keep.
    drift = 1 + len(leads) // FRAME
    assert min(leads) >= -(2 * PATIENCE + DEPTH + 1 + drift) * FRAME
    assert max(leads) <= (MAX_LEAD + drift) * FRAME
    sent = sum(2 if fate == -2 else fate != -1 for fate in fates)
    assert leg.counters.received == sent


@settings(max_examples=50, deadline=None)
@given(FATES)
def test_quiet_frames_repay_the_time(fates: list[int]) -> None:
    _, _, leads = _run([*fates, *[0] * 60], loud=False)
    assert leads[len(fates) + 59] <= 3 * FRAME


@given(st.lists(st.sampled_from([0, 0, 0, -2]), min_size=5, max_size=80))
@settings(max_examples=40, deadline=None)
def test_a_sound_network_loses_nothing(fates: list[int]) -> None:
    leg, frames, _ = _run(fates)
    assert (leg.counters.lost, leg.counters.concealed, leg.counters.trimmed) == (0, 0, 0)
    assert sum(dbfs(frame.pcm) > -20 for frame in frames) == len(fates)
    assert leg.counters.late == fates.count(-2)
