"""The pure parts of an RTP leg: order, source, mouth."""

from hypothesis import given
from hypothesis import strategies as st

from telephony.rtp_mouth import RtpMouth
from telephony.rtp_order import DEPTH, Reorder
from telephony.rtp_source import PROBATION, SILENT_TICKS, SourceGuard

# ---------------------------------------------------------------- order


def _run(sequences: list[int]) -> tuple[list[int], int, int]:
    heard: list[int] = []
    lost_in_all = 0

    def deliver(item: int, lost: int) -> None:
        nonlocal lost_in_all
        heard.append(item)
        lost_in_all += lost

    order: Reorder[int] = Reorder(deliver)
    for sequence in sequences:
        order.push(sequence & 0xFFFF, sequence)
    order.flush()
    return heard, lost_in_all, order.late


@given(st.integers(0, 0xFFFF), st.lists(st.booleans(), min_size=1, max_size=80))
def test_loss_is_counted_exactly(start: int, survives: list[bool]) -> None:
    sent = [start + n for n, here in enumerate(survives) if here]
    heard, lost, late = _run(sent)
    assert heard == sent
    assert late == 0
    assert lost == (sent[-1] - sent[0] + 1 - len(sent) if sent else 0)


@given(st.integers(0, 0xFFFF), st.integers(2, 60), st.data())
def test_small_reordering_is_undone(start: int, count: int, data: st.DataObject) -> None:
    sequences = [start + n for n in range(count)]
    for place in data.draw(st.sets(st.integers(1, count - 1), max_size=count // (DEPTH + 2))):
        if place + 1 < count and place % (DEPTH + 1) == 0:
            sequences[place], sequences[place + 1] = sequences[place + 1], sequences[place]
    heard, lost, late = _run(sequences)
    assert heard == [start + n for n in range(count)]
    assert (lost, late) == (0, 0)


@given(st.lists(st.integers(0, 0xFFFF), max_size=120))
def test_any_sequence_numbers_deliver_each_packet_at_most_once(sequences: list[int]) -> None:
    delivered = 0

    def deliver(_item: int, lost: int) -> None:
        nonlocal delivered
        delivered += 1
        assert 0 <= lost < 0x10000

    order: Reorder[int] = Reorder(deliver)
    for sequence in sequences:
        order.push(sequence, sequence)
        assert order.held <= DEPTH
    order.flush()
    assert delivered + order.late == len(sequences)


def test_duplicates_are_late_and_in_order_packets_are_not_held() -> None:
    heard: list[int] = []
    order: Reorder[int] = Reorder(lambda item, _lost: heard.append(item))
    for sequence in (10, 11, 11, 10, 12):
        order.push(sequence, sequence)
    assert heard == [10, 11, 12]
    assert (order.late, order.held) == (2, 0)


def test_a_restarted_sender_is_followed() -> None:
    heard, _, late = _run([50, 51, 52, *range(10, 30)])
    assert heard[:3] == [50, 51, 52]
    assert heard[-1] == 29
    assert late <= 6


# ---------------------------------------------------------------- source

PHONE = ("192.0.2.10", 4000)
NAT = ("198.51.100.7", 61000)
THIEF = ("203.0.113.66", 4000)


def test_the_signalled_address_is_followed_and_nobody_else_while_it_speaks() -> None:
    guard = SourceGuard(PHONE)
    assert guard.target == PHONE
    for n in range(200):
        assert guard.admit(PHONE, 1, n, now=n)
        assert not guard.admit(THIEF, 1, n + 1, now=n)
        assert not guard.admit((PHONE[0], 4002), 2, n, now=n)
    assert guard.target == PHONE


def test_the_sip_peer_behind_nat_is_followed_at_once() -> None:
    guard = SourceGuard(("10.0.0.5", 4000), frozenset({NAT[0]}))
    assert guard.admit(NAT, 7, 100, now=0)
    assert guard.target == NAT


def test_a_stranger_needs_one_even_stream_and_silence_before() -> None:
    guard = SourceGuard(PHONE)
    assert [guard.admit(NAT, 7, n, now=0) for n in range(PROBATION)] == [False] * (PROBATION - 1) + [True]
    assert guard.target == NAT
    assert not guard.admit(THIEF, 9, 1, now=SILENT_TICKS - 1)
    quiet = SILENT_TICKS
    assert [guard.admit(THIEF, 9, n, now=quiet) for n in (5, 9, 11, 40)] == [False] * 4
    assert [guard.admit(THIEF, 9, n, now=quiet) for n in (50, 51, 52)] == [False, False, True]


def test_the_signalled_address_takes_its_place_from_a_stranger() -> None:
    guard = SourceGuard(PHONE, frozenset({THIEF[0]}))
    assert guard.admit(THIEF, 9, 1, now=0)
    assert guard.admit(PHONE, 1, 1, now=0)
    assert not guard.admit(THIEF, 9, 2, now=1)
    assert guard.target == PHONE


def test_a_redirect_starts_afresh() -> None:
    guard = SourceGuard(PHONE)
    assert guard.admit(PHONE, 1, 1, now=0)
    guard.redirect(NAT)
    assert guard.target == NAT
    assert not guard.admit(PHONE, 1, 2, now=1)
    assert guard.admit(NAT, 1, 3, now=1)


@given(
    st.lists(
        st.tuples(st.sampled_from([NAT, THIEF, ("192.0.2.10", 4001)]), st.integers(0, 3), st.integers(0, 0xFFFF)),
        max_size=60,
    )
)
def test_no_traffic_steals_a_live_stream(noise: list[tuple[tuple[str, int], int, int]]) -> None:
    guard = SourceGuard(PHONE, frozenset({PHONE[0], THIEF[0]}))
    guard.admit(PHONE, 1, 0, now=0)
    for now, (source, ssrc, sequence) in enumerate(noise):
        assert not guard.admit(source, ssrc, sequence, now)
        assert guard.admit(PHONE, 1, now, now)


# ---------------------------------------------------------------- mouth

STEPS = st.one_of(
    st.tuples(st.just("play"), st.integers(0, 1500)),
    st.sampled_from([("pause", 0), ("resume", 0), ("clear", 0), ("take", 0), ("take", 0), ("take", 0)]),
)


@given(st.lists(STEPS, max_size=80), st.sampled_from([8000, 16000]))
def test_the_mouth_plays_exactly_what_it_counts(steps: list[tuple[str, int]], rate: int) -> None:
    mouth = RtpMouth(rate)
    size = rate // 50 * 2
    queue, spoken, paused, counter = b"", 0, False, 0
    for step, length in steps:
        if step == "play":
            pcm = bytes((counter + n) % 255 + 1 for n in range(length))
            counter += length
            mouth.play(pcm)
            queue += pcm + b"\0" * (length % 2)
        elif step == "pause":
            mouth.pause()
            paused = True
        elif step == "resume":
            mouth.resume()
            paused = False
        elif step == "clear":
            mouth.clear()
            queue, paused = b"", False
        else:
            frame = mouth.take()
            expected, rest = (None, queue) if paused or not queue else (queue[:size], queue[size:])
            assert frame == (None if expected is None else expected.ljust(size, b"\0"))
            spoken += len(expected or b"") // 2
            queue = rest
        assert mouth.played == spoken
        assert mouth.queued == len(queue) // 2


def test_pieces_join_without_silence_between_them() -> None:
    mouth = RtpMouth(8000)
    mouth.play(b"\1\1" * 100)
    mouth.play(b"\2\2" * 100)
    assert mouth.take() == b"\1\1" * 100 + b"\2\2" * 60
    assert mouth.take() == (b"\2\2" * 40).ljust(320, b"\0")
    assert mouth.take() is None
    assert mouth.played == 200
