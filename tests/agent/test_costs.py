"""Paid engines are counted, and at the end of their day's allowance the next one does the work."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from agent.asking import Asking, Minds
from agent.cost_settings import CostSettings, Price
from agent.costs import FILE, Costs
from agent.errors import HearingError, VoiceError
from agent.figures.meters import Meters
from agent.hearing_chain import HearingChain
from agent.metered import metered_model, metered_stt, metered_voice
from agent.ports import Health, Question, Recognizer, Synthesizer, WordStart
from agent.voices.voice_chain import VoiceChain
from tests.agent.test_asking import Clocked
from tests.agent.test_hearing_chain import SAID, Tones
from tests.fakes.engines import FakeMind
from tests.fakes.hearing import push
from tests.fakes.tone_speech import say


@dataclass
class Day:
    """A calendar that is turned by hand."""

    today: date = date(2026, 11, 21)

    def __call__(self) -> date:
        return self.today


@dataclass
class Voice:
    """Says a sine for each letter."""

    name: str
    rate: int = 16000
    said: list[str] = field(default_factory=list)

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        self.said.append(text)
        yield b"\x00\x20\x00\xe0" * (400 * len(text))

    async def close(self) -> None: ...


async def spoken(ear: Recognizer) -> str:
    """What is heard of an utterance."""
    await push(ear, say(SAID))
    return (await ear.finish()).text


def costs(folder: Path, day: Day | None = None, **price: object) -> Costs:
    engine = Price.model_validate({"kind": "stt", "name": "cloud", **price})
    return Costs(CostSettings(currency="₽", engines=(engine,)), folder / FILE, day or Day())


async def test_the_next_recogniser_hears_the_next_utterance(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    day = Day()
    purse = costs(tmp_path, day, per_minute=60, money_a_day=1)
    cloud, local = Tones("cloud"), Tones("local")
    chain = HearingChain([metered_stt(cloud, "cloud", purse), local], deadline_s=1)
    assert purse.states == {"costs of stt cloud": "0.00 ₽, 0.0 minutes today of 1 ₽"}
    ear = await chain.open(8000, lambda _: None)
    try:
        with caplog.at_level(logging.WARNING):
            first = await spoken(ear)  # 60 ₽ a minute: one second is the day's allowance
            second = await spoken(ear)
            third = await spoken(ear)
        assert (first, second, third) == (SAID, SAID, SAID)
        assert (cloud.heard, local.heard) == ([SAID], [SAID, SAID])
        assert [record.getMessage() for record in caplog.records if "used up" in record.getMessage()] == [
            f"stt cloud: the day's limit is used up ({purse.states['costs of stt cloud']}); "
            "others do its work until midnight"
        ]
        assert "spent, passed over until midnight" in purse.states["costs of stt cloud"]
        assert chain.states["cloud"].startswith("spent")
        day.today = date(2026, 11, 22)
        assert chain.states["cloud"].startswith("ok")
        await spoken(ear)
        await spoken(ear)
        assert cloud.heard == [SAID, SAID]
    finally:
        await ear.close()
        await chain.close()
        await purse.close()


async def test_one_that_has_nobody_behind_it_says_why(tmp_path: Path) -> None:
    purse = costs(tmp_path, minutes_a_day=0.001)
    stt = metered_stt(Tones("cloud"), "cloud", purse)
    ear = await stt.open(8000, lambda _: None)
    try:
        await spoken(ear)
        with pytest.raises(HearingError, match="stt cloud: the day's limit is used up"):
            await spoken(ear)
        with pytest.raises(HearingError, match="the day's limit"):
            await stt.open(8000, lambda _: None)
    finally:
        await ear.close()
        await stt.close()
        await purse.close()


async def test_the_next_voice_says_the_next_sentence(tmp_path: Path) -> None:
    purse = costs(tmp_path, kind="tts", per_million_characters=1e6, money_a_day=5)
    cloud, local = Voice("cloud"), Voice("local")
    voices: list[Synthesizer] = [metered_voice(cloud, "cloud", purse), local]
    chain = VoiceChain(voices)
    for text in ("Добрый день.", "Слушаю."):
        assert [piece async for piece in chain.synthesize(text)]
    assert (cloud.said, local.said) == (["Добрый день."], ["Слушаю."])
    assert chain.name == "local"
    assert chain.states["cloud"].startswith("spent")
    alone = VoiceChain(voices[:1])
    with pytest.raises(VoiceError, match="the day's limit is used up"):
        assert [piece async for piece in alone.synthesize("Ещё.")]
    await purse.close()


async def test_the_next_model_answers_the_next_question(tmp_path: Path) -> None:
    purse = costs(tmp_path, kind="llm", per_million_tokens_in=1e6, per_million_tokens_out=1e6, money_a_day=3)
    asked = Question("сколько стоит", ())
    cloud, local = FakeMind({asked.text: ["Сто ", "рублей."]}), FakeMind({asked.text: ["Двести."]})
    asking = Asking(Minds(local, metered_model(cloud, "cloud", purse), fallback=local))
    said = []
    for _ in range(2):
        by = asyncio.get_running_loop().time() + 5
        said.append([piece async for piece in asking.sentences(asked, Clocked(), by)])
    assert said == [["Сто рублей."], ["Двести."]]
    assert purse.figures["llm cloud"]["part"] >= 1
    assert (len(cloud.asked), len(local.asked)) == (1, 1)
    # 13 letters of the question, two pieces of the answer
    assert purse.figures["llm cloud"]["money"] == 13 // 3 + 1 + 2
    await purse.close()


async def test_a_restart_forgets_nothing_and_midnight_everything(tmp_path: Path) -> None:
    first = costs(tmp_path, per_minute=2, money_a_day=100)
    meter = first.meter("stt", "cloud")
    assert meter is not None
    meter.add(minutes=7)
    await first.close()
    assert json.loads((tmp_path / FILE).read_text(encoding="utf-8"))["used"]["stt cloud"]["minutes"] == 7
    assert costs(tmp_path, per_minute=2).figures == {"stt cloud": {"money": 14, "part": 0}}
    tomorrow = costs(tmp_path, Day(date(2026, 11, 22)), per_minute=2, money_a_day=100)
    assert tomorrow.figures == {"stt cloud": {"money": 0, "part": 0}}


async def test_sums_are_soon_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.costs.SAVE_S", 0.0)
    purse = costs(tmp_path, per_minute=2)
    meter = purse.meter("stt", "cloud")
    assert meter is not None
    meter.add(minutes=1)
    async with asyncio.timeout(5):
        while not (tmp_path / FILE).exists():  # noqa: ASYNC110 - written by a thread
            await asyncio.sleep(0.01)
    await purse.close()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"day": 1, "used": {"stt cloud": {"hours": 1}}}'])
async def test_a_file_that_is_none_costs_no_call(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    assert costs(tmp_path, per_minute=2).figures == {"stt cloud": {"money": 0, "part": 0}}


def test_a_limit_of_money_needs_a_price() -> None:
    with pytest.raises(ValidationError, match="money_a_day needs a price"):
        Price(kind="stt", name="cloud", money_a_day=5)


async def test_prometheus_is_told(tmp_path: Path) -> None:
    purse = costs(tmp_path, per_minute=2, minutes_a_day=4)
    meter = purse.meter("stt", "cloud")
    assert meter is not None
    meter.add(minutes=3)
    page = Meters(tmp_path).page(Health(True, "1", answers={"costs": purse.figures})).decode()
    assert 'allo_engine_cost_today{engine="stt cloud"} 6.0' in page
    assert 'allo_engine_limit_used{engine="stt cloud"} 0.75' in page
    await purse.close()


async def test_who_hangs_up_in_mid_utterance_is_paid_for_too(tmp_path: Path) -> None:
    purse = costs(tmp_path, per_minute=60)
    ear = await metered_stt(Tones("cloud"), "cloud", purse).open(8000, lambda _: None)
    await push(ear, say(SAID))
    assert "0.0 minutes" in purse.states["costs of stt cloud"]
    await ear.close()
    heard_s = len(say(SAID)) / 2 / 8000
    assert purse.figures["stt cloud"]["money"] == pytest.approx(heard_s, abs=0.05)
    await purse.close()


async def test_two_processes_count_into_one_file(tmp_path: Path) -> None:
    calls, build = (costs(tmp_path, per_minute=2, money_a_day=100) for _ in range(2))
    for purse, minutes in ((calls, 7), (build, 5)):
        meter = purse.meter("stt", "cloud")
        assert meter is not None
        meter.add(minutes=minutes)
    await build.close()
    await calls.close()
    assert calls.figures["stt cloud"]["money"] == 24
    build.read_again()
    assert build.figures["stt cloud"]["money"] == 24
    yesterday = costs(tmp_path, Day(date(2026, 11, 20)), per_minute=2)
    meter = yesterday.meter("stt", "cloud")
    assert meter is not None
    meter.add(minutes=1)
    await yesterday.close()  # a clock that is behind takes nothing away
    build.read_again()
    assert build.figures["stt cloud"]["money"] == 24


async def test_what_the_disk_refused_is_written_once_there_is_room(tmp_path: Path) -> None:
    folder = tmp_path / "storage"
    purse = costs(folder, per_minute=2)
    meter = purse.meter("stt", "cloud")
    assert meter is not None
    folder.touch()
    meter.add(minutes=1)
    await purse.close()  # that is no folder
    assert purse.figures["stt cloud"]["money"] == 2
    folder.unlink()
    meter.add(minutes=2)
    await purse.close()
    assert costs(folder, per_minute=2).figures["stt cloud"]["money"] == 6
