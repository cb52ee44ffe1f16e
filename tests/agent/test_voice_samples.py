import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.voices.voice_samples import Judgement, Sample, judge
from audio.resample import resample
from audio.wav import write_mono
from tests.fakes.recordings import RATE, TEXTS, louder, noisy, record, slow, speech


@pytest.fixture
async def good(tmp_path: Path) -> Path:
    return await record(tmp_path / "recordings")


def judged(folder: Path) -> Judgement:
    return judge(list(folder.glob("*.wav")))


def one(folder: Path, name: str = "odd.wav") -> Sample:
    return next(sample for sample in judged(folder).samples if sample.path.name == name)


async def test_good_recordings_are_good(good: Path) -> None:
    judgement = judged(good)
    assert judgement.faults == ()
    assert [(sample.faults, sample.remarks) for sample in judgement.samples] == [((), ())] * len(TEXTS)
    assert [sample.path.name for sample in judgement.usable] == [f"take {n}.wav" for n in range(len(TEXTS))]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda pcm: louder(pcm, 20.0), "overdriven"),
        (lambda pcm: noisy(pcm, -34.0), "noise only 1"),
        (slow, "of it is silence; cut"),
        (lambda pcm: louder(pcm, 0.03), "very quiet"),
        (lambda pcm: louder(pcm, 0.15), "from the level of the others"),
        (lambda pcm: pcm[: 2 * RATE * 2], "2.0 s long"),
    ],
)
async def test_a_bad_one_is_not_used_and_it_is_said_why(good: Path, what: Callable[[bytes], bytes], said: str) -> None:
    write_mono(good / "odd.wav", what(await speech(TEXTS[0])), RATE)
    odd = one(good)
    assert not odd.usable
    assert any(said in fault for fault in odd.faults), odd.faults
    assert len(judged(good).usable) == len(TEXTS)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda pcm: noisy(pcm, -47.0), "some noise"),
        (lambda pcm: louder(pcm, 0.4), "from the level of the others"),
        (lambda pcm: resample(resample(pcm, RATE, 8000), 8000, RATE), "telephone"),
        (lambda pcm: pcm * 8, "first 30 s"),
    ],
)
async def test_one_that_could_be_better_is_used_and_remarked_on(
    good: Path, what: Callable[[bytes], bytes], said: str
) -> None:
    write_mono(good / "odd.wav", what(await speech(TEXTS[0])), RATE)
    odd = one(good)
    assert odd.faults == ()
    assert any(said in remark for remark in odd.remarks), odd.remarks


async def test_another_person_is_noticed(good: Path) -> None:
    write_mono(good / "odd.wav", await speech(TEXTS[0], "ru+f3"), RATE)
    assert any("another person?" in remark for remark in one(good).remarks)


async def test_what_is_no_wav_of_one_person_is_told(good: Path) -> None:
    pcm = await speech(TEXTS[0])
    (good / "odd.wav").write_bytes(b"MP3")
    assert "not a PCM WAV file" in one(good).faults[0]
    write_mono(good / "odd.wav", resample(pcm, RATE, 8000), 8000)
    assert "8000 Hz" in one(good).faults[0]
    other = (await speech(TEXTS[1])).ljust(len(pcm), b"\0")
    for second, fine in ((pcm, True), (other, False)):
        with wave.open(str(good / "odd.wav"), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(b"".join(pcm[at : at + 2] + second[at : at + 2] for at in range(0, len(pcm), 2)))
        assert one(good).usable is fine


async def test_too_few_or_too_short_ones_are_not_enough(good: Path) -> None:
    paths = [good / f"take {number}.wav" for number in range(len(TEXTS))]
    assert "2 of 2 recordings can be used, 3 are needed" in judge(paths[:2]).faults[0]
    for path in paths:
        write_mono(path, (await speech(TEXTS[0]))[: int(3.1 * RATE) * 2], RATE)
    assert "s of speech in all" in judge(paths[:3]).faults[0]
