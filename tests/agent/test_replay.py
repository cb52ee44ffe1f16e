"""A call lived again makes the same decisions, bit for bit; a changed house makes others, and it shows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from agent.answer import Minds
from agent.commands import main as commands
from agent.commands.replay_command import Case, as_rows, offline
from agent.errors import StartError
from agent.ports import CallerInfo
from agent.record.timeline import speeches
from agent.recording import Recording
from agent.replaying.recorded import Recorded
from agent.replaying.replay import Replayed, compare, replay
from agent.replaying.replay_line import Tape
from agent.replaying.virtual_time import play
from agent.settings import Llm, Settings, Stt, Tts, Turns
from agent.trace import Note, written
from audio.wav import write_mono
from tests.agent.test_call import GREETING_S, Scene
from tests.fakes.engines import FakeMind
from tests.fakes.line import RATE, Leaves, Presses, Says, Stalls, Step

ASK = GREETING_S + 1
MINDS = Minds(
    FakeMind(
        {
            "когда вы работаете": ["Мы работаем с девяти. ", "Обед в час, а потом снова до шести. "],
            "сколько стоит пресс": ["Миллион. "],
        }
    )
)
SLOW = Minds(FakeMind({}), FakeMind({"когда вы работаете": [1.4, "Мы ", 0.3, "работаем. ", 2.0, "Всегда. "]}), 5.0)
SCRIPTS: dict[str, tuple[Sequence[Step], Minds]] = {
    "question": ([Says(ASK, "когда вы работаете"), Leaves(ASK + 8)], MINDS),
    "interruption": ([Says(ASK, "когда вы работаете"), Says(ASK + 2.5, "сколько стоит пресс"), Leaves(ASK + 8)], MINDS),
    "cough and backchannel": ([Says(1.0, "", 0.2), Says(2.0, "угу", 0.3), Leaves(GREETING_S + 2)], MINDS),
    "long murmur, then words": (
        [Says(1.0, "угу угу угу", 1.2), Says(2.6, "ага ага", 0.7), Says(3.3, "сколько стоит пресс"), Leaves(8)],
        MINDS,
    ),
    "hesitation": ([Says(ASK, "когда вы"), Says(ASK + 1.3, "работаете"), Leaves(ASK + 6)], MINDS),
    "slow model": ([Says(ASK, "когда вы работаете"), Leaves(ASK + 10)], SLOW),
    "key and transfer": ([Presses(1.0, "0"), Says(14.0, "когда вы работаете"), Leaves(20)], MINDS),
    "stall of the wire": ([Says(ASK, "когда вы работаете"), Stalls(ASK + 0.9, 1.5), Leaves(ASK + 8)], MINDS),
    "gone in mid-answer": ([Says(ASK, "когда вы работаете"), Leaves(ASK + 2.5)], MINDS),
    "silence": ([], MINDS),
}


@dataclass
class Taped(Scene):
    """A scene whose tape and trace are kept."""

    lines: list[str] = field(default_factory=list)
    caller: bytearray = field(default_factory=bytearray)
    agent: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.changes = {"new_recording": self._recording, "new_trace": lambda _caller: self._note}
        super().__post_init__()

    def _note(self, note: Note) -> None:
        self.lines.append(written(note))

    def _recording(self, _caller: CallerInfo) -> Recording:
        scene = self

        class Kept(Recording):
            def __init__(self) -> None:
                """Memory is enough."""

            def push(self, caller: bytes, agent: bytes = b"") -> None:
                scene.caller += caller
                scene.agent += agent.ljust(len(caller), b"\0")

            def close(self, rest: bytes = b"") -> None:
                """As the real one: what was played behind the caller's last frame is kept, too."""
                scene.caller += bytes(len(rest))
                scene.agent += rest

        return Kept()

    @property
    def tape(self) -> Tape:
        return Tape(bytes(self.caller), bytes(self.agent), RATE)

    def again(self, turns: Turns | None = None) -> tuple[Recorded, Replayed]:
        recorded = Recorded(self.lines)
        house = replace(self.house, turns=turns or self.turns)
        return recorded, play(replay(self.tape, house, recorded))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_replay_is_the_same_bit_for_bit(name: str) -> None:
    script, minds = SCRIPTS[name]
    scene = Taped(script, minds)

    recorded, replayed = scene.again()

    assert len(recorded.story) >= 3
    assert [pair for pair in compare(recorded.story, replayed.story) if not pair.same] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_replay_of_a_replay_is_the_same_whatever_was_changed(name: str) -> None:
    script, minds = SCRIPTS[name]
    scene = Taped(script, minds)
    slower = Turns(end_silence_ms=700, end_silence_complete_ms=500, reprompt_s=5)

    _, once = scene.again(slower)
    _, twice = scene.again(slower)

    assert once.trace == twice.trace


def test_a_call_with_a_model_is_the_same_where_there_is_none() -> None:
    script, minds = SCRIPTS["slow model"]
    scene = Taped(script, minds, turns=Turns().with_model)

    recorded, replayed = scene.again(Turns())

    assert [pair for pair in compare(recorded.story, replayed.story) if not pair.same] == []
    _, quicker = scene.again(Turns(lull_llm_ms=60))
    lulls = [[row[0] for row in story if row[2] == "Lull"] for story in (recorded.story, quicker.story)]
    assert lulls[0] < lulls[1], "a setting of today counts"


def test_a_changed_setting_shows_where_it_matters() -> None:
    script, minds = SCRIPTS["question"]
    scene = Taped(script, minds)

    recorded, replayed = scene.again(Turns(end_silence_complete_ms=500))

    pairs = compare(recorded.story, replayed.story)
    first = next(pair for pair in pairs if not pair.same)
    assert first.now is not None
    assert all(pair.same for pair in pairs[: pairs.index(first)])
    ends = [row for row in replayed.story if row[2] == "EndOfTurn"]
    assert [row[3]["position"] - row[3]["end"] for row in ends] == [500 * RATE // 1000]
    assert [row[3]["heard"] for row in replayed.story if row[2] == "AgentSaid"] == [
        row[3]["heard"] for row in recorded.story if row[2] == "AgentSaid"
    ]


def test_the_page_is_told_both_stories() -> None:
    script, minds = SCRIPTS["question"]
    scene = Taped(script, minds)
    for turns, same in ((None, True), (Turns(end_silence_complete_ms=500), False)):
        recorded, replayed = scene.again(turns)
        pairs = compare(recorded.story, replayed.story)

        told = as_rows(Case("call", scene.tape, recorded), replayed, pairs)

        assert (told["differ"] == 0, told["compared"], len(told["rows"])) == (same, True, len(pairs))
        assert [row["same"] for row in told["rows"]] == [pair.same for pair in pairs]
        assert told["rows"][0]["then"].startswith("AgentSaid said=")
        assert [row["at_ms"] for row in told["rows"]] == sorted(row["at_ms"] for row in told["rows"])
    alone = as_rows(Case("call", scene.tape, None), replayed, compare([], replayed.story))
    assert (alone["differ"], alone["compared"], alone["rows"][0]["then"]) == (0, False, None)


@pytest.mark.parametrize("name", ["question", "interruption", "gone in mid-answer"])
def test_every_sentence_of_a_call_has_its_place_in_the_recording(name: str) -> None:
    script, minds = SCRIPTS[name]
    found = speeches(Taped(script, minds).lines)

    agent = [speech for speech in found if speech.who == "agent"]
    assert len(agent) >= 2
    for speech in agent:
        places = [at for _, at in speech.words]
        assert places == sorted(places)
        assert speech.start_ms <= places[0] <= speech.start_ms + 40
        assert places[-1] < speech.end_ms


def test_without_a_trace_todays_engines_answer() -> None:
    script, minds = SCRIPTS["question"]
    scene = Taped(script, minds)

    replayed = play(replay(scene.tape, scene.house))

    said = [row[3]["said"] for row in replayed.story if row[2] == "AgentSaid"]
    assert said[-1].startswith("Мы работаем с девяти.")


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([], "not a trace"),
        (["{}"], "another version"),
        (['{"version": 99, "rate": 8000}'], "another version"),
        ([json.dumps({"version": 1, "rate": 8000}), '[160,"pla'], "cut off"),
    ],
)
def test_what_is_no_trace_is_refused(lines: list[str], fault: str) -> None:
    with pytest.raises(StartError, match=fault):
        Recorded(lines)


def test_a_recording_that_is_none_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    silent, text = tmp_path / "silent.wav", tmp_path / "text.wav"
    write_mono(silent, b"", 8000)
    text.write_text("a line of text, and no sound", encoding="utf-8")
    for path, said in (
        (silent, "there is no sound in it"),
        (text, "not a PCM WAV file"),
        (tmp_path / "no.wav", "can't be read: No such file"),
    ):
        assert commands.main(["replay", str(path)]) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"allo: replay: {path}: {said}")
        assert told.count("\n") == 1


def test_what_is_asked_over_a_socket_is_left_out() -> None:
    """The clock of a replay jumps, so nothing on the network could ever be in time."""
    settings = Settings(
        tts=Tts(engine=("openai:nova", "espeak:ru+f2", "piper"), voice="alloy"),
        stt=Stt(engine=("yandex", "vosk")),
        llm=Llm(base_url="http://127.0.0.1:1/v1"),
    )
    left = offline(settings)
    assert left.tts.choices == (("espeak", "ru+f2"), ("piper", ""))
    assert left.stt.engine == ("vosk",)
    assert not left.llm.configured
    assert offline(Settings(tts=Tts(engine=("yandex",), voice="alena"))).tts.choices == (("auto", ""),)
    assert offline(Settings(tts=Tts(voice="ru+f2"))).tts.choices == (("auto", "ru+f2"),)
