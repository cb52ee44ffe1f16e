"""When who spoke, read back from traces."""

import json
from pathlib import Path
from typing import Any

from agent.record.timeline import read_timeline, speeches
from agent.replaying.recorded import Recorded


def trace(*notes: list[Any]) -> list[str]:
    return [json.dumps({"version": 1, "rate": 8000}), *map(json.dumps, notes)]


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"turn": 1, "said": text, "heard": text, "cut": False, "source": "general"} | more


def test_words_are_placed_by_what_was_played() -> None:
    found = speeches(
        trace(
            [800, "spoken", "Да, два года.", 0, [[0, 0], [400, 3], [800, 7]]],
            [1600, "played", 160, 160],
            [2400, "played", 800, 0],  # the agent pauses in the middle
            [4000, "played", 960, 160],
            [4800, "event", "AgentSaid", said("Да, два года.")],
        )
    )

    assert [(speech.start_ms, speech.end_ms) for speech in found] == [(180, 600)]
    assert found[0].words == ((0, 180), (3, 230), (7, 480))


def test_a_sentence_after_a_filler_and_one_that_was_cut() -> None:
    found = speeches(
        trace(
            [160, "played", 160, 160],
            [160, "spoken", "Два года.", 1600, [[0, 0], [1600, 3]]],
            [2400, "event", "AgentSaid", said("Минуту. Два года.", heard="Минуту. Два", cut=True)],
        )
    )

    assert found[0].words == ((8, 200),)  # the second word would have come after the end


def test_the_callers_words_are_found_in_what_was_understood() -> None:
    reached = {"speech_end": 16000}
    found = speeches(
        trace(
            [16000, "words", [["какая", 8000, 10000], ["э", 10000, 10400], ["гарантия", 12000, 16000]]],
            [16400, "event", "CallerSaid", {"turn": 1, "text": "какая гарантия", "position": 8000, "reached": reached}],
        )
    )

    assert found[0].words == ((0, 1000), (6, 1500))


def test_a_broken_trace_gives_no_times(tmp_path: Path) -> None:
    path = tmp_path / "call.trace.jsonl"
    for text in ("", "{", '{"rate": 8000}\n[1, "event", "AgentSaid", {}]\n', "[]\n", "7\n"):
        path.write_text(text, encoding="utf-8")
        assert read_timeline(path) == []
    assert read_timeline(None) == read_timeline(tmp_path / "none") == []


def test_a_call_that_went_on_in_another_process_is_one_recording() -> None:
    reached = {"speech_end": 1600}
    lines = [
        *trace([1600, "event", "CallerSaid", {"turn": 1, "text": "алло", "position": 800, "reached": reached}]),
        *map(json.dumps, ({"begin": 16000}, {"version": 1, "rate": 8000})),
        json.dumps([1600, "event", "CallerSaid", {"turn": 2, "text": "да", "position": 800, "reached": reached}]),
    ]

    found = speeches(lines)
    assert [(speech.text, speech.start_ms, speech.end_ms) for speech in found] == [
        ("алло", 100, 200),
        ("да", 2100, 2200),
    ]
    assert [row[2] for row in Recorded(lines).story] == ["CallerSaid"]
