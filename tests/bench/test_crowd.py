"""The cheap callers: what they say when, and a small crowd at the real daemon's door."""

import struct
from pathlib import Path

import numpy as np
import pytest
from aiortp.codecs import get_codec

from audio.level import tone
from bench.crowd import Caller, Crowd, CrowdPlan
from bench.crowd_talk import GAP, PATIENCE, QUIET, SILENCE, Phrase, Talk, line_noise, phrase
from bench.daemon import DaemonProcess
from bench.rtp_wire import FRAME_NS, PCMA
from bench.speech import questions
from telephony.phone_script import FRAME, RATE

LOUD = bytes(get_codec(PCMA).encode(tone(300, 20, RATE)))
NOISE = line_noise()
START = 1_700_000_000_000_000_000


def phrases(*lengths: int) -> list[Phrase]:
    return [Phrase(str(n), (bytes([n]) * FRAME,) * length, (b"",) * length) for n, length in enumerate(lengths, 1)]


def agent_speaks(talk: Talk, packets: int) -> None:
    for _ in range(packets):
        talk.hear(LOUD)
        talk.next_frame()


def quiet_frames(talk: Talk, count: int) -> list[bytes]:
    return [talk.next_frame() for _ in range(count)]


def test_a_caller_speaks_when_the_agent_has_finished_and_about_as_long() -> None:
    talk = Talk(phrases(20, 20, 20, 20, 20), NOISE, first=0, seconds=60)
    agent_speaks(talk, 20)
    assert talk.turns == []
    quiet_frames(talk, QUIET)
    (turn,) = talk.turns
    assert [one.name for one in turn[2]] == [
        "1",
        "2",
        "3",
    ]  # 20 + gap + 20 is shorter than the agent's 20 and the pause
    assert turn[:2] == (20 + QUIET - 1, 20 + QUIET - 1 + 60 + 2 * GAP)
    said = quiet_frames(talk, 60 + 2 * GAP - 1)
    assert said[18] == bytes([1]) * FRAME
    assert said[19] == SILENCE
    agent_speaks(talk, 1)
    quiet_frames(talk, QUIET)
    assert [one.name for one in talk.turns[1][2]] == ["4", "5"]


def test_noise_of_the_line_is_not_the_agent() -> None:
    talk = Talk(phrases(10), NOISE, first=0, seconds=60)
    for frame in NOISE:
        talk.hear(frame)
        talk.next_frame()
    assert talk.turns == []
    quiet_frames(talk, PATIENCE - len(NOISE))
    assert talk.turns == []
    quiet_frames(talk, 1)
    assert len(talk.turns) == 1  # nobody spoke: the caller's patience is over


def test_a_caller_leaves_when_the_answer_was_heard() -> None:
    talk = Talk(phrases(10), NOISE, first=0, seconds=1)
    agent_speaks(talk, 80)
    assert not talk.done
    quiet_frames(talk, QUIET)
    assert talk.done


def test_a_listener_leaves_in_time() -> None:
    talk = Talk([], NOISE, first=0, seconds=1)
    quiet_frames(talk, 50)
    assert not talk.done
    talk.next_frame()
    assert talk.done


def test_a_recording_is_cut_to_its_words() -> None:
    said = phrase(Path(questions()[0]))
    first, last = (np.abs(np.frombuffer(said.pcm[place], "<i2").astype(int)).max() for place in (0, -1))
    assert min(first, last) > 32768 * 10 ** (-50 / 20)
    assert len(said.frames) == len(said.pcm) > 50
    assert {len(frame) for frame in said.frames} == {FRAME}


def in_talk(phrases_said: list[Phrase]) -> tuple[Caller, dict[bytes, bytes]]:
    """A call that was answered at 0: the agent speaks for a second, the caller asks, and sends until 8 s."""
    plan = CrowdPlan("sip:a@127.0.0.1:1", 1, 60, [])
    caller = Caller(plan, Talk(phrases_said, NOISE, 0, 60), (1, 2), 0, 0)
    caller.report.answered_ns = START
    for n in range(400):
        if n < 50:
            caller.talk.hear(LOUD)
        caller.packet(START + n * FRAME_NS)
    caller.leave(START + 400 * FRAME_NS)
    decode = get_codec(PCMA).decode
    return caller, {
        frame: bytes(decode(frame)) for frame in {*NOISE, SILENCE, *(f for p in phrases_said for f in p.frames)}
    }


def agent_sends(caller: Caller, first: int, last: int) -> None:
    """The agent's packets arrive in the slots ``first`` to ``last``, counted from the answer."""
    for n in range(first, last):
        mark = 0x80 if n == first else 0
        head = struct.pack("!BBHII", 0x80, PCMA | mark, len(caller.raw), n * FRAME, 7)
        caller.raw.append((head + LOUD, START + n * FRAME_NS))


def test_a_call_is_measured_from_its_packets() -> None:
    question = Phrase("question", (LOUD,) * 50, (tone(300, 20, RATE),) * 50)
    caller, known = in_talk([question])
    ((start, end, _),) = caller.talk.turns
    agent_sends(caller, 0, 50)
    agent_sends(caller, end + 15, end + 65)
    caller.raw[70] = (caller.raw[70][0], caller.raw[70][1] + 61_000_000)
    report = caller.finish(known)

    (turn,) = report.turns
    assert start == 50 + QUIET - 1
    assert turn["reply_ms"] == pytest.approx(15 * 20 + 20, abs=1)  # and the packet that the caller's phone fills
    assert (turn["cut_in"], report.late, report.lost, report.holes) == (False, 1, 0, 0)
    assert report.greeting_ms == pytest.approx(0, abs=1)
    assert report.agent_s == pytest.approx(2, abs=0.01)
    assert report.talked_s == pytest.approx(2.1, abs=0.01)  # twice, the second as the agent and the pause were long
    assert report.media_s == 8


def test_an_agent_who_pauses_for_the_caller_has_no_drop_out() -> None:
    question = Phrase("question", (LOUD,) * 50, (tone(300, 20, RATE),) * 50)
    caller, known = in_talk([question])
    ((start, _, _),) = caller.talk.turns
    agent_sends(caller, start - 10, start + 5)
    for place in range(10, 15):  # it goes on 200 ms later
        data, at = caller.raw[place]
        caller.raw[place] = (data, at + 200_000_000)

    assert caller.finish(known).late == 0


def test_an_agent_who_speaks_into_a_turn_is_seen() -> None:
    question = Phrase("question", (LOUD,) * 50, (tone(300, 20, RATE),) * 50)
    caller, known = in_talk([question])
    ((start, _, _),) = caller.talk.turns
    agent_sends(caller, start + 30, start + 40)

    (turn,) = caller.finish(known).turns
    assert turn["cut_in"]


@pytest.mark.e2e
def test_a_small_crowd_is_answered_and_measured() -> None:
    with DaemonProcess() as daemon:
        report = Crowd(CrowdPlan(daemon.uri, 3, 3.0, [], apart_ms=100)).hold()
        assert daemon.trouble == []
    for call in report.calls:
        assert call.status == 200
        assert call.ended_by == "caller"
        assert call.answer_ms is not None
        assert call.answer_ms < 1000
        assert call.greeting_ms is not None
        assert (call.lost, call.holes, call.turns) == (0, 0, [])
        assert call.packets > 100
        assert call.agent_s > 1
        assert call.media_s == pytest.approx(3, abs=0.3)
