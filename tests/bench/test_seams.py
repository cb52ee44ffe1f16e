import pytest

from agent.ports import WordStart
from bench.seams import SAID, Take, seam
from tests.agent.voices import SENTENCE
from tests.fakes.speaking import spoken

RATE = 24_000


@pytest.fixture
async def take() -> Take:
    pcm, words = await spoken(SENTENCE, RATE)
    return Take(SENTENCE, pcm, tuple(WordStart(*word) for word in words))


async def wire(take: Take, cut: int, rest: str) -> bytes:
    return take.pcm[: cut * 2] + (await spoken(rest, RATE, "ru+m6"))[0]


@pytest.mark.parametrize("number", [1, 3, 6, 9])
async def test_a_seam_between_two_words_is_clean(take: Take, number: int) -> None:
    border = take.words[number]
    rest = SENTENCE[border.offset :]
    found = seam(await wire(take, border.sample, rest), RATE, take, rest)
    assert (found.then, found.lost, found.twice) == (number, 0, 0)
    assert abs(found.cut - border.sample) <= RATE // 20


async def test_a_word_that_is_left_out_or_said_again_is_counted(take: Take) -> None:
    skipped, again = (SENTENCE[take.words[number].offset :] for number in (5, 3))
    cut = take.words[4].sample
    assert seam(await wire(take, cut, skipped), RATE, take, skipped).lost == 1
    assert seam(await wire(take, cut, again), RATE, take, again).twice == 1


async def test_half_a_word_is_lost_and_a_breath_of_one_is_not_said_twice(take: Take) -> None:
    begin, end = take.words[2].sample, take.words[3].sample
    after, anew = SENTENCE[take.words[3].offset :], SENTENCE[take.words[2].offset :]
    half, most, breath = (begin + round((end - begin) * share) for share in (0.4, SAID + 0.2, 0.1))
    assert seam(await wire(take, half, after), RATE, take, after).lost == 1
    assert seam(await wire(take, most, after), RATE, take, after).lost == 0
    found = seam(await wire(take, breath, anew), RATE, take, anew)
    assert found.twice == 0
    assert found.begun < 0.3


async def test_one_voice_alone_says_all(take: Take) -> None:
    found = seam(take.pcm, RATE, take, None)
    assert (found.then, found.lost, found.twice) == (len(SENTENCE.split()), 0, 0)
