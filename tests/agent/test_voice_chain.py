import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from agent.backends.tts_espeak import Espeak
from agent.backends.tts_openai import OpenAiVoice
from agent.breaker import FAILURES
from agent.engine_settings import OpenAi
from agent.errors import VoiceError
from agent.ports import Makeshift, Synthesizer, WordStart
from agent.voices.voice_chain import VoiceChain
from audio.level import tone
from audio.loudness import TARGET_DBFS, active_level
from tests.agent.voices import HEARD, SENTENCE, listened, understood
from tests.fakes.speaking import Behaviour, Fault, spoken
from tests.fakes.speech_server import SpeechServer

SLACK_S = 0.15


@asynccontextmanager
async def chain(
    behaviour: Behaviour, first_s: float = 5.0, then: Synthesizer | None = None
) -> AsyncIterator[tuple[VoiceChain, SpeechServer]]:
    """A voice over HTTP, and espeak-ng behind it."""
    timekeeper = await Espeak.load("ru")
    async with SpeechServer(behaviour) as server:
        first = OpenAiVoice(OpenAi(base_url=server.base_url))
        voices = VoiceChain([first, then or await Espeak.load("ru")], timekeeper, first_s)
        try:
            yield voices, server
        finally:
            await voices.close()


@dataclass
class Broken:
    """Fails at once."""

    name: str = "broken"
    rate: int = 16000
    asked: int = 0

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        self.asked += 1
        raise VoiceError("is broken")
        yield b""

    async def close(self) -> None: ...


async def test_a_voice_that_works_is_heard_alone() -> None:
    async with chain(Behaviour()) as (voices, server):
        wire = await listened(voices, SENTENCE)
        assert await understood(wire) == HEARD
        assert server.behaviour.texts == [SENTENCE]
        assert abs(active_level(bytes(wire.pcm), wire.rate) - TARGET_DBFS) <= 2.0
        assert voices.name == "openai gpt-4o-mini-tts nova"
        assert voices.order == "openai gpt-4o-mini-tts nova, then espeak-ng ru 165 wpm"
        assert voices.states["openai gpt-4o-mini-tts nova"].startswith("ok; first sound after ")
        made = [piece async for piece in voices.synthesize("Да.")]
        assert not any(isinstance(piece, Makeshift) for piece in made)


async def test_dead_at_connect() -> None:
    """Nobody listens at the address."""
    async with chain(Behaviour()) as (voices, server):
        await server.__aexit__()
        wire = await listened(voices, SENTENCE)
    assert wire.first_s <= 0.3
    assert await understood(wire) == HEARD


@pytest.mark.parametrize("fault", ["refused", "expired", "page", "noise"])
async def test_what_can_not_be_heard_is_never_played(fault: Fault) -> None:
    async with chain(Behaviour(fault)) as (voices, _):
        wire = await listened(voices, SENTENCE)
    assert wire.first_s <= 0.3
    assert await understood(wire) == HEARD


@pytest.mark.parametrize("fault", ["hang_first", "late"])
async def test_hanging_before_the_first_sound(fault: Fault) -> None:
    async with chain(Behaviour(fault), first_s=0.3) as (voices, _):
        wire = await listened(voices, SENTENCE)
    assert 0.3 <= wire.first_s <= 0.3 + SLACK_S
    assert await understood(wire) == HEARD


@pytest.mark.parametrize("share", [0.2, 0.55, 0.74])
@pytest.mark.parametrize("fault", ["die", "hang_middle", "end_early"])
async def test_dead_in_mid_sentence_no_word_is_lost_or_said_twice(fault: Fault, share: float) -> None:
    async with chain(Behaviour(fault, share=share)) as (voices, _):
        wire = await listened(voices, SENTENCE)
        assert "1 of 1 sentences failed" in voices.states["openai gpt-4o-mini-tts nova"]
    assert wire.gap_s <= 0.4
    assert await understood(wire) == HEARD
    assert abs(active_level(bytes(wire.pcm), wire.rate) - TARGET_DBFS) <= 2.0


async def test_without_a_timekeeper_words_are_counted_by_letters() -> None:
    """Letters are no clock: it is near, and nothing is skipped in a long word's middle."""
    async with SpeechServer(Behaviour("die", share=0.5)) as server:
        voices = VoiceChain([OpenAiVoice(OpenAi(base_url=server.base_url)), await Espeak.load("ru")])
        text = await understood(await listened(voices, SENTENCE))
        await voices.close()
    assert text.startswith("гарантия на")
    assert text.endswith("доставка по москве")
    assert abs(len(text) - len(HEARD)) <= 12


async def test_word_times_go_on_behind_the_seam() -> None:
    async with chain(Behaviour("die", share=0.5)) as (voices, _):
        wire = await listened(voices, SENTENCE)
    offsets = [word.offset for word in wire.words]
    samples = [word.sample for word in wire.words]
    assert offsets == sorted(offsets)
    assert samples == sorted(samples)
    assert SENTENCE[wire.words[-1].offset :] == "москве"
    assert 0.3 <= len(wire.pcm) / 2 / wire.rate - samples[-1] / wire.rate <= 1.0


async def test_a_stand_in_is_heard_but_not_to_be_kept() -> None:
    async with chain(Behaviour("refused")) as (voices, _):
        made = [piece async for piece in voices.synthesize(SENTENCE)]
    assert all(isinstance(piece, Makeshift | WordStart) for piece in made)


async def test_a_voice_that_keeps_failing_is_left_alone_and_tried_again() -> None:
    behaviour = Behaviour("refused")
    async with chain(behaviour) as (voices, server):
        for _ in range(FAILURES + 2):
            await listened(voices, "Да.")
        assert len(server.requests) == FAILURES
        assert voices.name == "espeak-ng ru 165 wpm"  # whose phrases may be kept now
        made = [piece async for piece in voices.synthesize("Да.")]
        assert not any(isinstance(piece, Makeshift) for piece in made)
        assert voices.states["openai gpt-4o-mini-tts nova"].startswith("failing")
        behaviour.fault = ""
        voices._links[0].breaker._closed_again = 0.0  # its pause is over
        again = [piece async for piece in voices.synthesize("Да.")]
        assert len(server.requests) == FAILURES + 1
        assert any(isinstance(piece, Makeshift) for piece in again)  # it was not expected
        assert voices.name == "openai gpt-4o-mini-tts nova"


async def test_when_all_have_failed_the_last_ones_reason_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with chain(Behaviour("expired"), then=Broken()) as (voices, _):
            with pytest.raises(VoiceError, match="broken: is broken"):
                await listened(voices, SENTENCE)
    assert "the key was refused" in caplog.text
    assert "арантия" not in caplog.text


async def test_a_single_voice_is_levelled_and_has_no_deadline_to_fear() -> None:
    voices = VoiceChain([await Espeak.load("ru")])
    wire = await listened(voices, SENTENCE)
    assert abs(active_level(bytes(wire.pcm), wire.rate) - TARGET_DBFS) <= 2.0
    assert [SENTENCE[word.offset :].split()[0] for word in wire.words] == SENTENCE.split()
    assert await listened(voices, "...") == await listened(voices, "")
    broken = Broken()
    for _ in range(FAILURES + 2):
        with pytest.raises(VoiceError):
            await listened(VoiceChain([broken]), "Да.")
    assert broken.asked == FAILURES + 2


async def test_an_interruption_stops_the_voice_and_blames_nobody() -> None:
    async with chain(Behaviour("hang_middle")) as (voices, server):
        async with aclosing(voices.synthesize(SENTENCE)) as stream:  # type: ignore[type-var]
            await anext(stream)
        assert voices.states["openai gpt-4o-mini-tts nova"] == "ok"
        server.asked.clear()
        listening = asyncio.ensure_future(listened(voices, SENTENCE))
        await asyncio.wait_for(server.asked.wait(), 5)
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        assert voices.states["openai gpt-4o-mini-tts nova"] == "ok"


@dataclass
class Piecemeal:
    """Gives what it is told to, after what it is told to wait; a hum."""

    pieces: list[tuple[float, int]]
    """Seconds to wait, and milliseconds of sound then."""
    name: str = "piecemeal"
    rate: int = 16000

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        for wait_s, ms in self.pieces:
            await asyncio.sleep(wait_s)
            yield tone(300, ms, self.rate, -19.0)

    async def close(self) -> None: ...


async def test_a_slow_voice_is_given_to_the_line_before_it_runs_dry() -> None:
    """1.2 s at once, then nothing for 0.3 s, then more: what was held comes in time."""
    slow = Piecemeal([(0.0, 400)] + [(0.1, 130)] * 8 + [(0.0, 600)])
    voices = VoiceChain([slow, Broken()])
    voices._links[0].level_dbfs = -19.0
    wire = await listened(voices, "слово " * 3)
    assert wire.gap_s <= 0.1
    assert voices.states["piecemeal"].startswith("ok")


async def test_a_voice_that_ends_abruptly_has_finished_all_the_same() -> None:
    """Its last sound doesn't die away; all words are there, so nothing is said twice and nobody is blamed."""
    pcm, _ = await spoken(SENTENCE, 16000)
    sound = np.flatnonzero(np.abs(np.frombuffer(pcm, dtype="<i2").astype(int)) > 1500)
    abrupt = Recorded(pcm[: int(sound[-1]) * 2])
    espeak = await Espeak.load("ru")
    voices = VoiceChain([abrupt, espeak], espeak)
    for _ in range(3):
        wire = await listened(voices, SENTENCE)
        assert abs(len(wire.pcm) - len(abrupt.pcm)) <= 2
    assert "failed" not in voices.states["recorded"]


@dataclass
class Recorded:
    """Gives the same audio for every text."""

    pcm: bytes
    name: str = "recorded"
    rate: int = 16000

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        for place in range(0, len(self.pcm), 6400):
            yield self.pcm[place : place + 6400]

    async def close(self) -> None: ...
