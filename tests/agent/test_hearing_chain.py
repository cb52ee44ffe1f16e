import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent import breaker, hearing_choice
from agent.backends.stt_vosk import Vosk
from agent.errors import HearingError
from agent.hearing_chain import ChainEar, HearingChain
from agent.ports import Recognizer, Transcript
from audio.frame import AudioFrame
from audio.wav import read_mono
from tests.fakes.hearing import ignore, push
from tests.fakes.tone_speech import hear, say

MODELS = Path(__file__).parent.parent.parent / "agent" / "models"
SPEECH = Path(__file__).parent.parent / "speech" / "ru" / "domain"
SAID = "сколько стоит доставка да"


@dataclass
class Tones:
    """A recogniser of tones that fails as it is told."""

    name: str
    fails: str = ""
    """``open``, ``hang open``, ``peek``, ``finish``, ``hang``; empty: it hears."""
    opened: int = 0
    closed: int = 0
    heard: list[str] = field(default_factory=list)
    hangs: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> Recognizer:
        self.opened += 1
        if self.fails == "open":
            raise HearingError(f"{self.name} opens no ear")
        if self.fails == "hang open":
            await asyncio.Event().wait()
        return TonesEar(self, rate, on_partial)

    async def close(self) -> None:
        self.closed += 1


@dataclass
class TonesEar:
    of: Tones
    rate: int
    on_partial: Callable[[Transcript], None]
    pcm: bytearray = field(default_factory=bytearray)
    end: int = 0

    def push(self, frame: AudioFrame) -> None:
        self.pcm += frame.pcm
        self.end = frame.end
        self.on_partial(self._transcript(final=False))

    async def peek(self, trailing: bool = False) -> Transcript:
        if self.of.fails in ("peek", "finish and peek"):
            raise HearingError(f"{self.of.name} peeks no more")
        return self._transcript(final=False)

    async def finish(self) -> Transcript:
        if "finish" in self.of.fails or self.of.fails == "peek":
            raise HearingError(f"{self.of.name} is broken")
        if self.of.fails == "hang":
            self.of.hangs.set()
            await asyncio.Event().wait()
        heard = self._transcript(final=True)
        self.of.heard.append(heard.text)
        self.pcm.clear()
        return heard

    async def close(self) -> None:
        self.of.closed += 1

    def _transcript(self, final: bool) -> Transcript:
        return Transcript(" ".join(tone.text for tone in hear(bytes(self.pcm), self.rate)), final, self.end)


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Tones, Tones, HearingChain]]:
    first, second = Tones("first"), Tones("second")
    chain = HearingChain([first, second], 0.1)
    yield first, second, chain
    await chain.close()


Pair = tuple[Tones, Tones, HearingChain]


async def test_the_preferred_one_hears_while_it_can(pair: Pair) -> None:
    first, second, chain = pair
    assert chain.name == "first, then second"
    partials: list[str] = []
    ear = await chain.open(8000, lambda transcript: partials.append(transcript.text))
    for said in (SAID, "нет"):
        await push(ear, say(said))
        assert (await ear.peek()).text == said
        assert (await ear.finish()).text == said
    await ear.close()
    assert (first.heard, second.opened) == ([SAID, "нет"], 0)
    assert SAID in partials
    assert chain.states["first"].startswith("ok; text after")
    assert chain.states["second"] == "ok"


@pytest.mark.parametrize("cancelled", [False, True])
async def test_who_asks_while_another_waits_gets_what_was_said_since(pair: Pair, cancelled: bool) -> None:
    first, _, chain = pair
    first.fails = "hang"
    ear = await chain.open(8000, ignore)
    await push(ear, say(SAID))
    waiting = asyncio.create_task(ear.finish())
    await first.hangs.wait()
    await push(ear, say("нет"))
    other = asyncio.create_task(ear.finish())
    await asyncio.sleep(0)  # both are asked for now
    if cancelled:
        waiting.cancel()
    else:
        assert (await waiting).text == SAID
    assert (await other).text == "нет"
    await push(ear, say("да"))
    assert (await ear.finish()).text == "да"
    await ear.close()


@pytest.mark.parametrize("fails", ["open", "hang open", "peek", "finish", "finish and peek", "hang"])
@pytest.mark.parametrize("peeks", [True, False])
async def test_a_failure_at_any_time_loses_no_word(
    pair: Pair, fails: str, peeks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing_choice, "OPEN_S", 0.05)
    first, second, chain = pair
    early = fails in ("open", "hang open")
    first.fails = fails if early else ""
    ear = await chain.open(8000, ignore)
    pcm = say(SAID)
    half = len(pcm) // 4 * 2
    await push(ear, pcm[:half])
    first.fails = fails
    if peeks:
        await ear.peek()
    await push(ear, pcm[half:], half // 2)
    if peeks:
        assert (await ear.peek()).text == SAID
    heard = await ear.finish()
    assert (heard.text, heard.final) == (SAID, True)
    assert second.heard == [SAID]
    assert "1 of 1 utterances failed" in chain.states["first"]
    await push(ear, say("нет"), 50_000)
    assert (await ear.finish()).text == "нет"
    await ear.close()


async def test_what_is_said_while_the_text_is_waited_for_belongs_to_the_next_utterance(pair: Pair) -> None:
    first, _, chain = pair
    ear = await chain.open(8000, ignore)
    await push(ear, say("да"))
    first.fails = "hang"
    finishing = asyncio.ensure_future(ear.finish())
    await asyncio.sleep(0)
    await push(ear, say("нет"), 20_000)
    assert (await finishing).text == "да"
    await push(ear, say("пять"), 40_000)
    assert (await ear.finish()).text == "нет пять"
    await ear.close()


async def test_when_all_fail_it_is_an_error_and_the_next_utterance_is_tried_again(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, chain = pair
    ear = await chain.open(8000, ignore)
    first.fails = second.fails = "finish and peek"
    await push(ear, say(SAID))
    with pytest.raises(HearingError, match="peeks no more"):
        await ear.peek()
    with caplog.at_level(logging.WARNING), pytest.raises(HearingError):
        await ear.finish()
    second.fails = ""
    await push(ear, say("да"), 50_000)
    assert (await ear.finish()).text == "да"
    assert SAID not in caplog.text
    await ear.close()


async def settled(ear: ChainEar) -> None:
    """What the ear does between utterances is done."""
    while ear._errands._tasks:
        await asyncio.wait(ear._errands._tasks)


async def said_and_heard(ear: ChainEar, said: str, times: int = 1) -> None:
    for number in range(times):
        await push(ear, say(said), number * 20_000)
        assert (await ear.finish()).text == said
        await settled(ear)


async def test_one_that_keeps_failing_is_left_alone_then_tried_by_one_call() -> None:
    clock = [0.0]
    first, second = Tones("first", "finish"), Tones("second")
    chain = HearingChain([first, second], 0.1, lambda: clock[0])
    ears = [await chain.open(8000, ignore) for _ in range(breaker.FAILURES)]
    for ear in ears:
        await said_and_heard(ear, "да")
    assert chain.states["first"].startswith("failing")
    assert first.opened == breaker.FAILURES
    other = await chain.open(8000, ignore)
    await said_and_heard(other, "нет", 3)
    assert first.opened == breaker.FAILURES

    clock[0] += hearing_choice.REST_S + breaker.PAUSE_S
    first.fails = ""
    await said_and_heard(other, "пять")  # after it the way back is found
    await said_and_heard(ears[0], "пять")  # one call tries it, not all
    assert first.opened == breaker.FAILURES + 1
    await said_and_heard(other, "пять")
    assert first.heard == ["пять"]
    assert chain.states["first"].startswith("ok")
    await said_and_heard(ears[0], "нет")
    await said_and_heard(ears[0], "нет")
    assert first.heard == ["пять", "нет"]
    for ear in (*ears, other):
        await ear.close()


async def test_a_probe_that_fails_costs_no_word() -> None:
    clock = [0.0]
    first, second = Tones("first", "finish"), Tones("second")
    chain = HearingChain([first, second], 0.1, lambda: clock[0])
    ear = await chain.open(8000, ignore)
    for _ in range(5):
        await said_and_heard(ear, SAID)
        clock[0] += 100
    assert second.heard == [SAID] * 5
    assert first.opened == 3
    await ear.close()


async def test_a_cancelled_finish_does_not_spoil_the_next(pair: Pair) -> None:
    first, _, chain = pair
    ear = await chain.open(8000, ignore)
    await push(ear, say("да"))
    first.fails = "hang"
    finishing = asyncio.ensure_future(ear.finish())
    await first.hangs.wait()
    finishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await finishing
    first.fails = ""
    assert (await asyncio.wait_for(ear.finish(), 1)).final
    await push(ear, say("нет"), 20_000)
    assert (await ear.finish()).text == "нет"
    await ear.close()


async def test_closed_ears_are_closed_everywhere(pair: Pair) -> None:
    first, second, chain = pair
    ear = await chain.open(8000, ignore)
    first.fails = "finish"
    await push(ear, say("да"))
    await ear.finish()
    await ear.close()
    await ear.close()
    ear.push(AudioFrame(bytes(320), 8000, 0))
    for ask in (ear.peek, ear.finish):
        with pytest.raises(HearingError, match="closed"):
            await ask()
    assert first.closed == second.closed == 1
    first.fails = second.fails = "open"
    with pytest.raises(HearingError, match="second opens no ear"):
        await chain.open(8000, ignore)


async def test_vosk_takes_over_in_the_middle_of_a_real_sentence() -> None:
    """The words of the whole sentence come from Vosk, wherever the first recogniser dies."""
    path, said = next(
        (SPEECH / name, text)
        for name, _, text in (
            line.partition("\t") for line in (SPEECH / "transcripts.tsv").read_text(encoding="utf-8").splitlines()
        )
        if len(text.split()) >= 4
    )
    pcm = read_mono(path)
    vosk = await Vosk.load(MODELS / "vosk-demo-ru")
    alone = await vosk.open(8000, ignore)
    await push(alone, pcm)
    expected = (await alone.finish()).text
    await alone.close()
    for part in (0.1, 0.5, 0.9):
        first = Tones("first")
        chain = HearingChain([first, vosk], 0.1)
        ear = await chain.open(8000, ignore)
        cut = int(len(pcm) * part) // 320 * 320
        await push(ear, pcm[:cut])
        first.fails = "finish and peek"
        await ear.peek()
        await push(ear, pcm[cut:], cut // 2)
        heard = await ear.finish()
        assert heard.text == expected
        assert heard.words[0].start > 0
        await ear.close()
    assert len(set(expected.split()) & set(said.split())) >= 3
    await vosk.close()
