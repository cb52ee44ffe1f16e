import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backends.tts_espeak import Espeak
from agent.errors import VoiceError
from agent.ports import Makeshift, WordStart
from agent.voices.phrases import Phrases, _Phrase
from audio.level import tone
from audio.resample import resample


class Piano:
    """A synthesiser that counts: one tone for each word, a chunk each; 200 samples, or more at a slower pace."""

    def __init__(self, name: str = "piano", rate: int = 22050) -> None:
        self.name = name
        self.rate = rate
        self.made: list[str] = []
        self.chunks = 0
        self.closed = 0

    def audio(self, text: str, pace: float = 1.0) -> bytes:
        return b"".join(tone(200.0 + 10 * len(word), int(200 / pace), self.rate) for word in text.split())

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        self.made.append(text)
        samples = 0
        try:
            for found in re.finditer(r"\S+", text):
                word = found[0]
                if word == "broken":
                    raise VoiceError("the string is torn")
                self.chunks += 1
                yield WordStart(found.start(), samples)
                audio = self.audio(word, pace)
                samples += len(audio) // 2
                yield audio
                await asyncio.sleep(0)
        finally:
            self.closed += 1

    async def close(self) -> None: ...


async def speech(phrases: Phrases, text: str, rate: int = 8000, pace: float = 1.0) -> list[bytes]:
    return [made async for made in phrases.speech(text, rate, pace) if isinstance(made, bytes)]


async def marks(phrases: Phrases, text: str, rate: int = 8000) -> list[WordStart]:
    return [made async for made in phrases.speech(text, rate) if isinstance(made, WordStart)]


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


async def test_a_miss_streams_and_a_hit_is_whole(tmp_path: Path) -> None:
    piano = Piano()
    phrases = Phrases(piano, tmp_path / "phrases", 10)
    first = await speech(phrases, "do re mi fa")
    assert len(first) > 2
    again = await speech(phrases, "do re mi fa")
    assert again == [b"".join(first)]
    assert again[0] == resample(piano.audio("do re mi fa"), 22050, 8000)
    assert piano.made == ["do re mi fa"]


async def test_the_first_chunk_does_not_wait_for_the_last(tmp_path: Path) -> None:
    piano = Piano()
    phrases = Phrases(piano, tmp_path / "phrases", 10)
    async with aclosing(phrases.speech("do re mi fa so la", 8000)) as stream:  # type: ignore[type-var]
        while isinstance(await anext(stream), WordStart):
            pass
        assert piano.chunks == 1
    assert piano.closed == 1


async def test_the_next_process_finds_it_on_disk(tmp_path: Path) -> None:
    said = b"".join(await speech(Phrases(Piano(), tmp_path / "phrases", 10), "do re"))
    piano = Piano()
    assert await speech(Phrases(piano, tmp_path / "phrases", 10), "do re") == [said]
    assert piano.made == []


async def test_a_private_one_stores_what_was_warmed_and_no_reply(tmp_path: Path) -> None:
    folder = tmp_path / "phrases"
    phrases = Phrases(Piano(), folder, 10, private=True)
    await speech(phrases, "do re")
    assert files(folder) == []
    await phrases.warm(["mi fa"], 8000)
    assert len(files(folder)) == 1
    await speech(phrases, "so la")
    later = Piano()
    await Phrases(later, folder, 10, private=True).warm(["mi fa"], 8000)
    assert (later.made, len(files(folder))) == ([], 1)


async def test_one_that_stores_nothing_reads_what_others_stored(tmp_path: Path) -> None:
    await speech(Phrases(Piano(), tmp_path, 1), "one two")
    piano = Piano()
    reader = Phrases(piano, tmp_path, 1, stores=False)
    for text in ("one two", "three"):
        await speech(reader, text)

    assert piano.made == ["three"]
    assert len(files(tmp_path)) == 1


async def test_voice_rate_and_text_tell_entries_apart(tmp_path: Path) -> None:
    folder = tmp_path / "phrases"
    one, other = Piano("one"), Piano("other")
    for piano in (one, other):
        phrases = Phrases(piano, folder, 10)
        for text, rate in (("do", 8000), ("do", 16000), ("re mi", 8000)):
            await speech(phrases, text, rate)
        assert len(piano.made) == 3
    assert len(files(folder)) == 6
    assert len((await speech(phrases, "do", 16000))[0]) == 2 * len((await speech(phrases, "do", 8000))[0])


async def test_a_cut_stream_leaves_no_torso(tmp_path: Path) -> None:
    piano = Piano()
    phrases = Phrases(piano, tmp_path / "phrases", 10)
    async with aclosing(phrases.speech("do re mi", 8000)) as stream:  # type: ignore[type-var]
        await anext(stream)
    with pytest.raises(VoiceError):
        await speech(phrases, "do broken")
    assert files(tmp_path / "phrases") == []
    whole = b"".join(await speech(phrases, "do re mi"))
    assert whole == resample(piano.audio("do re mi"), 22050, 8000)


async def test_warm_phrases_need_no_voice_later(tmp_path: Path) -> None:
    piano = Piano()
    phrases = Phrases(piano, tmp_path / "phrases", 10)
    await phrases.warm(["do", "re", "do"], 8000)
    assert piano.made == ["do", "re"]
    assert len(await speech(phrases, "re")) == 1
    assert piano.made == ["do", "re"]


async def test_warm_phrases_stay_in_memory_however_much_is_said(tmp_path: Path) -> None:
    phrases = Phrases(Piano(), tmp_path / "phrases", 0, memory_bytes=16_000)
    await phrases.warm(["do"], 8000)
    for text in ("re re", "mi mi", "fa fa", "re mi", "mi re", "fa re"):
        await speech(phrases, text)
    assert phrases.ready("re re", 8000) is None
    assert phrases.ready("do", 8000) is not None


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "folder"])
async def test_a_damaged_entry_is_made_anew(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "phrases"
    said = b"".join(await speech(Phrases(Piano(), folder, 10), "do re"))
    (entry,) = files(folder)
    content = bytearray(entry.read_bytes())
    if damage == "cut":
        del content[-7:]
    elif damage == "flip":
        content[-100] ^= 1
    entry.write_bytes(b"" if damage == "empty" else content)
    if damage == "folder":
        entry.unlink()
        entry.mkdir()
    piano = Piano()
    assert b"".join(await speech(Phrases(piano, folder, 10), "do re")) == said
    assert piano.made == ["do re"]
    if damage != "folder":
        assert await speech(Phrases(piano, folder, 10), "do re") == [said]
        assert piano.made == ["do re"]


async def test_the_folder_keeps_its_size_and_drops_the_oldest_use(tmp_path: Path) -> None:
    folder = tmp_path / "phrases"
    phrases = Phrases(Piano(), folder, 1, memory_bytes=0)
    texts = [" ".join(["note"] * 20 + ["x" * n]) for n in range(1, 26)]  # 67 KB each
    await speech(phrases, texts[0])
    os.utime(files(folder)[0], ns=(1, 1))
    for text in texts[1:]:
        await speech(phrases, text)
        assert sum(path.stat().st_size for path in files(folder)) <= 1 << 20
    piano = Piano()
    later = Phrases(piano, folder, 1)
    await speech(later, texts[-1])
    assert piano.made == []
    await speech(later, texts[0])
    assert piano.made == [texts[0]]


async def test_what_others_removed_makes_room(tmp_path: Path) -> None:
    """Retention and erasures empty the folder beside a daemon that runs for years."""
    phrases = Phrases(Piano(), tmp_path, 1, memory_bytes=0)
    texts = [" ".join(["note"] * 20 + ["x" * n]) for n in range(1, 26)]  # 67 KB each, 15 fill it
    for text in texts[:15]:
        await speech(phrases, text)
    for path in files(tmp_path):
        path.unlink()
    for text in texts[15:]:
        await speech(phrases, text)
    assert len(files(tmp_path)) == 10


async def test_memory_is_bounded_too(tmp_path: Path) -> None:
    piano = Piano()
    phrases = Phrases(piano, tmp_path / "phrases", 0, memory_bytes=10_000)  # three of some 3.2 KB
    for text in ("a", "bb", "ccc", "a", "dddd", "a", "bb"):
        await speech(phrases, text)
    assert piano.made == ["a", "bb", "ccc", "dddd", "bb"]
    assert files(tmp_path / "phrases") == []


async def test_a_disk_that_takes_nothing_is_told_once_and_speech_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    piano = Piano()
    (tmp_path / "phrases").write_text("a file where the folder should be")  # stops root too, unlike permissions
    with caplog.at_level(logging.WARNING):
        phrases = Phrases(piano, tmp_path / "phrases", 10)
        for text in ("secret one", "secret two", "secret one"):
            assert b"".join(await speech(phrases, text)) == resample(piano.audio(text), 22050, 8000)
    assert piano.made == ["secret one", "secret two"]
    assert len(caplog.records) == 1
    assert "phrases" in caplog.text
    assert "secret" not in caplog.text


async def test_half_written_entries_are_swept(tmp_path: Path) -> None:
    folder = tmp_path / "phrases"
    folder.mkdir()
    (folder / "dead.part").write_bytes(b"half")
    await speech(Phrases(Piano(), folder, 10), "do")
    assert [path.suffix for path in files(folder)] == [".phrase"]


async def test_with_a_real_voice(tmp_path: Path) -> None:
    phrases = Phrases(await Espeak.load("ru"), tmp_path / "phrases", 10)
    said = b"".join(await speech(phrases, "Здравствуйте, слушаю вас."))
    assert 8000 < len(said) / 2 < 8000 * 4
    assert await speech(phrases, "Здравствуйте, слушаю вас.") == [said]
    assert await speech(phrases, "...") == []


async def test_word_starts_are_kept_with_the_audio(tmp_path: Path) -> None:
    folder, text = tmp_path / "phrases", "до ре ми"
    starts = [WordStart(0, 0), WordStart(3, 1600), WordStart(6, 3200)]
    phrases = Phrases(Piano(), folder, 10)
    assert await marks(phrases, text) == starts
    assert await marks(phrases, text) == starts
    piano = Piano()
    assert await marks(Phrases(piano, folder, 10), text) == starts
    assert piano.made == []


async def test_each_pace_is_a_phrase_of_its_own(tmp_path: Path) -> None:
    piano = Piano()
    phrases = Phrases(piano, tmp_path / "phrases", 10)
    plain, slow = b"".join(await speech(phrases, "do re")), b"".join(await speech(phrases, "do re", pace=0.8))
    assert len(slow) == pytest.approx(1.25 * len(plain), rel=0.01)
    assert await speech(phrases, "do re", pace=0.8) == [slow]
    assert len(piano.made) == 2


async def test_what_is_ready_needs_no_wait(tmp_path: Path) -> None:
    phrases = Phrases(Piano(), tmp_path / "phrases", 10)
    assert phrases.ready("do re", 8000) is None
    pcm = b"".join(await speech(phrases, "do re"))
    assert phrases.ready("do re", 8000) == (WordStart(0, 0), WordStart(3, 1600), pcm)
    assert phrases.ready("do re", 8000, 0.8) is None
    assert phrases.ready("do re", 16000) is None


@given(st.binary(max_size=200))
def test_any_content_is_a_phrase_or_none(content: bytes) -> None:
    try:
        phrase = _Phrase.parse(content)
    except ValueError:
        return
    assert phrase.serialize() == content


async def test_an_entry_of_an_older_kind_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "phrases"
    said = await speech(Phrases(Piano(), folder, 10), "do re")
    (entry,) = files(folder)
    entry.write_bytes(entry.read_bytes().replace(b"allo phrase 3", b"allo phrase 2"))
    piano = Piano()
    assert b"".join(await speech(Phrases(piano, folder, 10), "do re")) == b"".join(said)
    assert piano.made == ["do re"]


async def test_what_a_stand_in_says_is_heard_and_not_kept(tmp_path: Path) -> None:
    class StandIn(Piano):
        async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
            async for made in super().synthesize(text, pace):
                yield made if isinstance(made, WordStart) else Makeshift(made)

    piano = StandIn()
    phrases = Phrases(piano, tmp_path / "phrases", 10)
    first, again = await speech(phrases, "do re"), await speech(phrases, "do re")
    assert b"".join(first) == b"".join(again) == resample(piano.audio("do re"), 22050, 8000)
    assert piano.made == ["do re", "do re"]
    assert files(tmp_path / "phrases") == []
    assert phrases.ready("do re", 8000) is None


async def test_what_is_known_by_heart_is_there_whoever_is_to_speak_now(tmp_path: Path) -> None:
    piano = Piano()
    phrases = Phrases(piano, tmp_path / "phrases", 10)
    await phrases.warm(["one moment please"], 8000)
    warmed = phrases.ready("one moment please", 8000)
    assert warmed is not None
    piano.name = "the next in order"
    assert phrases.ready("one moment please", 8000) is None
    assert phrases.ready("one moment please", 8000, 0.8) is None
    assert phrases.ready("one moment please", 8000, 0.8, anyhow=True) == warmed
    assert phrases.ready("never said", 8000, anyhow=True) is None


async def test_what_a_stand_in_said_at_the_start_is_known_by_heart_all_the_same(tmp_path: Path) -> None:
    class StandIn(Piano):
        """Another voice than the one that is expected."""

        async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
            """See ``Piano``."""
            async for made in super().synthesize(text, pace):
                yield Makeshift(made) if isinstance(made, bytes) else made

    phrases = Phrases(StandIn(), tmp_path / "phrases", 10)
    await phrases.warm(["one moment please"], 8000)
    assert phrases.ready("one moment please", 8000) is None
    known = phrases.ready("one moment please", 8000, anyhow=True)
    assert known is not None
    assert len(known) == 4
    assert known[-1] == resample(Piano().audio("one moment please"), 22050, 8000)
