"""A real call whose voice dies in the middle of the answer: what was played to the caller is heard again."""

import asyncio
from difflib import SequenceMatcher

from agent.commands.engine_bench import plain
from agent.language.verbalise import verbalise
from audio.wav import read_channels
from bench.wire import Plan, PlanItem, place
from tests.agent.voices import Wire, understood
from tests.e2e.conftest import Launch
from tests.e2e.facts import FIRST, path
from tests.e2e.servers import started

ANSWER = "понедельник"
"""What the answer to the first question holds, and no prompt."""


def test_a_voice_that_dies_in_a_call_is_not_missed(launch: Launch) -> None:
    with started("speech_server", "--fault", "die", "--share", "0.4", "--only-in", ANSWER) as address:
        daemon = launch({"TTS__ENGINE": "openai, espeak", "OPENAI__BASE_URL": address})
        place(Plan(daemon.uri, [[PlanItem(path(FIRST))]], hangup_after_s=14))
        daemon.wait_for_records()
        states = daemon.health()["engines"]
        (turn,) = daemon.rows("SELECT said, said_heard FROM turns WHERE n = 1")
        (call,) = daemon.rows("SELECT recording FROM calls")
    assert ANSWER in turn["said_heard"]
    assert "sentences failed" in states["openai gpt-4o-mini-tts nova"]
    (_, agent), rate = read_channels(daemon.storage / "calls_log" / call["recording"], (8000, 16000))
    wanted = "".join(plain(verbalise(turn["said_heard"], "ru")))
    heard = "".join(plain(asyncio.run(understood(Wire(rate, bytearray(agent))))))
    answer = heard[heard.rindex(wanted[:8]) :]
    # the demo recogniser mishears a word now and then, another each time, but makes no word of nothing
    met = SequenceMatcher(None, wanted, answer, autojunk=False)
    assert met.ratio() >= 0.75
    assert [wanted[a:b] + " ~ " + answer[c:d] for _, a, b, c, d in met.get_opcodes() if _more(a, b, c, d, wanted)] == []
    assert len(answer) <= 1.1 * len(wanted) + 12  # the caller hangs up in a word that counts as not heard


def _more(a: int, b: int, c: int, d: int, wanted: str) -> bool:
    """A word too many or too few: five letters. Where ``wanted`` ends the caller hangs up, in any letter."""
    return b < len(wanted) and abs((d - c) - (b - a)) >= 5
