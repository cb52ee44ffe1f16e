"""Card numbers are silenced where they were said, in however many utterances, and where the agent repeats them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from agent.consent import Consent
from agent.events import AgentSaid, CallAnswered, CallEnded, CallEvent, CallStarted, Noted
from agent.journal import Journal
from agent.ports import CallerInfo, Word
from agent.record.muting import MARGIN_MS, Muting, is_wished
from agent.record.sealed import new_key
from agent.record.vault import Vault
from agent.recording import Recording
from agent.settings import Settings
from agent.settings_upkeep import Mute, Privacy
from agent.store import open_log
from audio.wav import read_channels
from tests.agent.test_machines import words
from tests.fakes.line import RATE

MARGIN = MARGIN_MS * 8
FIRST, SECOND = "четыре два семь шесть один шесть ноль ноль", "один два три четыре пять шесть семь восемь"


@dataclass
class Tape:
    """A recording that notes what is silenced."""

    position: int = 0
    muted: list[tuple[int, int]] = field(default_factory=list)

    def push(self, caller: bytes, agent: bytes = b"") -> None: ...

    def close(self, rest: bytes = b"") -> None: ...

    def mute(self, start: int, end: int) -> None:
        self.muted.append((start, end))


def muting() -> tuple[Muting, Tape, list[CallEvent]]:
    told: list[CallEvent] = []
    one, tape = Muting("ru", RATE, told.append), Tape()
    one.recorded(tape)
    return one, tape, told


def test_a_card_in_one_utterance() -> None:
    one, tape, told = muting()
    said = words(f"номер карты {FIRST} {SECOND} записали", 2000)
    one.heard(said)
    assert tape.muted == [(said[2].start - MARGIN, said[-2].end + MARGIN)]
    one.heard(words("сколько стоит доставка", 20_000))
    assert len(tape.muted) == 1
    assert told == [Noted("muted", "card")]


def test_a_card_in_two_utterances_with_a_question_of_the_agent_between() -> None:
    one, tape, _ = muting()
    first, second = words(FIRST, 2000), words(SECOND, 12_000)
    one.heard(first)
    assert tape.muted == []
    one.heard(second)
    assert tape.muted == [(start.start - MARGIN, end.end + MARGIN) for start, end in
                          ((first[0], first[-1]), (second[0], second[-1]))]  # fmt: skip


def test_one_digit_misheard_does_not_save_a_card() -> None:
    one, tape, _ = muting()
    one.heard(words(f"{FIRST} {SECOND} девять", 2000))
    assert len(tape.muted) == 1


def test_a_code_is_silenced_and_a_telephone_or_a_price_is_not() -> None:
    one, tape, _ = muting()
    one.heard(words("мой телефон восемь девятьсот двенадцать триста сорок пять шестьдесят семь восемьдесят девять", 0))
    one.heard(words("пресс на сто двадцать пять тысяч рублей", 90_000))
    assert tape.muted == []
    one.heard(words("код триста сорок пять", 180_000))
    assert len(tape.muted) == 1


def test_without_word_times_the_whole_utterance_is_silenced() -> None:
    one, tape, _ = muting()
    one.heard((Word(f"моя карта {FIRST} {SECOND}", 8000, 80_000),))
    assert tape.muted == [(8000 - MARGIN, 80_000 + MARGIN)]


def test_the_agent_that_repeats_it_is_silenced_too() -> None:
    one, tape, _ = muting()
    tape.position = 16_000
    one.observe(AgentSaid(0, "Здравствуйте!", "Здравствуйте!", False, ""))
    one.heard(words(f"карта {FIRST} {SECOND}", 3000))
    tape.position = 200_000
    text = "Записал: 4276 1600 1234 5678, верно?"
    one.observe(AgentSaid(1, text, text, False, ""))
    tape.position = 300_000
    one.observe(AgentSaid(2, "Спасибо.", "Спасибо.", False, ""))
    assert tape.muted[1:] == [(16_000, 200_000)]


@pytest.mark.parametrize(("mute", "redact", "wished"), [
    ("redacted", True, True), ("redacted", False, False), ("always", False, True), ("never", True, False)
])  # fmt: skip
def test_when_it_is_wished(mute: Mute, redact: bool, wished: bool) -> None:
    assert is_wished(mute, Privacy(redact=redact)) is wished


@pytest.fixture(params=[".wav", ".sealed"])
def vault(request: pytest.FixtureRequest) -> Vault:
    recording = {"encrypt": True, "key": new_key()} if request.param == ".sealed" else {}
    return Vault.of(Settings.model_validate({"recording": recording}))


def sound(value: int, samples: int) -> bytes:
    return np.full(samples, value, "<i2").tobytes()


@pytest.mark.parametrize("keys", [False, True])
def test_the_file_is_silent_there_whether_it_was_written_or_not(vault: Vault, tmp_path: Path, keys: bool) -> None:
    path = tmp_path / f"call{vault.suffix}"
    work: list[Callable[[], object]] = []
    recording = Recording(lambda: vault.writer(path, RATE), RATE, work.append, lambda _: None, mute_keys=keys)
    for second in range(4):
        for _ in range(50):
            recording.push(sound(1000, 160), sound(2000, 160))
        if second == 1:
            recording.mute(RATE // 2, RATE)  # on the disk
            recording.mute(RATE * 2 - 80, RATE * 3 + 80)  # not yet come
    recording.mute(RATE * 4 - 160, RATE * 9)
    recording.close()
    for each in work:
        each()
    with vault.open(path) as file:
        (caller, agent), rate = read_channels(file, (RATE,))
    assert rate == RATE
    for pcm, value in ((caller, 1000), (agent, 2000)):
        expected = np.full(RATE * 4, value)
        for start, end in ((RATE // 2, RATE), (RATE * 2 - 80, RATE * 3 + 80), (RATE * 4 - 160, RATE * 4)):
            expected[start:end] = 0
        assert np.array_equal(np.frombuffer(pcm, "<i2"), expected)


@pytest.mark.parametrize(("heard", "kept"), [
    ("Разговор записывается. Здравст", True), ("Разговор записывается.", True), ("Разговор", False), ("", False)
])  # fmt: skip
async def test_only_who_heard_the_notice_is_kept(vault: Vault, tmp_path: Path, heard: str, kept: bool) -> None:
    log = await open_log(tmp_path / "calls.sqlite")
    journal = Journal(log, tmp_path, "ru", True, vault)
    running = asyncio.create_task(journal.run())
    caller = CallerInfo("c1", "sip", "100", "200", RATE)
    consent = Consent("Разговор записывается.", lambda event: journal.observe("c1", event),
                      lambda why: journal.forsake("c1", why))  # fmt: skip

    def observe(event: CallEvent) -> None:
        consent.observe(event)
        journal.observe("c1", event)

    observe(CallStarted(caller))
    observe(CallAnswered())
    recording, trace = journal.recording(caller), journal.trace(caller)
    assert recording is not None
    assert trace is not None
    trace({})
    recording.push(bytes(320), bytes(320))
    if heard:
        observe(AgentSaid(0, "Разговор записывается. Здравствуйте!", heard, True, ""))
    recording.close()
    observe(CallEnded("completed", "caller"))
    await journal.written()
    suffixes = {path.suffix for path in await asyncio.to_thread(lambda: list(tmp_path.glob("call_*")))}
    await journal.close()
    await running
    log = await open_log(tmp_path / "calls.sqlite")
    (row,) = await log.read("SELECT recording, recording_note FROM calls")
    (told,) = await log.read("SELECT detail FROM events WHERE kind = 'notice'")
    await log.close()
    assert suffixes == ({vault.suffix, ".jsonl", ".txt"} if kept else {".txt"})
    assert (bool(row["recording"]), bool(row["recording_note"])) == (kept, not kept)
    assert told["detail"] == ("heard to its end" if kept else "not heard to its end")


async def test_a_killed_daemon_s_recording_is_mended(vault: Vault, tmp_path: Path) -> None:
    log = await open_log(tmp_path / "calls.sqlite")
    writer = vault.writer(tmp_path / f"left{vault.suffix}", RATE)
    writer.write(sound(7, RATE * 3))  # a second and a half of pairs
    columns = "(id, line, number, called, language, started_at, status, recording)"
    values = ("c1", "sip", "", "", "ru", "2026-11-21T10:00:00+00:00", "active", f"left{vault.suffix}")
    await log.write([(f"INSERT INTO calls {columns} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)])
    assert await Journal(log, tmp_path, "ru", True, vault).mend() == 1
    await log.close()
    with vault.open(tmp_path / f"left{vault.suffix}") as file:
        (caller, _), _ = read_channels(file, (RATE,))
    assert len(caller) // 2 >= RATE
    assert set(caller[::2]) == {7}
    writer.close()
