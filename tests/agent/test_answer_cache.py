"""Answers kept: at once the second time, never when anything changed or the question leans on what was said."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.answer import Answers
from agent.answer_cache import AnswerCache, key_of
from agent.asking import Minds
from agent.backends.cache_redis import RedisCache
from agent.backends.cache_sqlite import SqliteCache
from agent.backends.llm_openai import OpenAiModel
from agent.dialogue import Context
from agent.errors import StartError
from agent.intents import load_intents
from agent.ports import Exchange, Passage, Question, Sentence
from agent.prompts import load_prompts
from agent.settings import Llm, Settings, Storage
from agent.tables import new_answer_cache
from tests.fakes.engines import FakeMind
from tests.fakes.openai_server import Behaviour, OpenAiServer
from tests.fakes.redis_server import redis_url  # noqa: F401 - a fixture

PROMPTS = Path(__file__).parents[2] / "prompts"
WORDS, INTENTS = load_prompts(PROMPTS, "ru"), load_intents(PROMPTS, "ru")
HOURS = Passage("general", "Часы", "Мы работаем с 9:00 до 18:00.", 0.9)
ASKED = "до какого часа вы работаете"
EARLIER = (Exchange("какая гарантия", "Два года."),)


class Search:
    """Finds the hours, and with them the subject of the turn before where the question is short."""

    def __init__(self) -> None:
        self.hours = HOURS

    async def search(self, text: str, history: Sequence[Exchange] = ()) -> tuple[Passage, ...]:
        more = Passage("general", "Ранее", history[-1].agent, 0.5) if history and len(text) < 20 else None
        return (self.hours, more) if more else (self.hours,)


class House:
    def __init__(self, server: OpenAiServer, cache: AnswerCache, model: str = "m") -> None:
        self.search = Search()
        self.model = OpenAiModel(Llm(base_url=server.base_url, model=model))
        minds = Minds(FakeMind({}), self.model)
        self.answers = Answers(self.search, minds, WORDS, INTENTS, str, cache=cache)

    async def ask(self, text: str = ASKED, history: tuple[Exchange, ...] = ()) -> list[Sentence]:
        context = Context(1, history)
        await self.model.warm()
        said = [sentence async for sentence in self.answers.sentences(text, context, self)]
        await self.model.close()
        self.model._client = None
        return said

    def reached(self, stage: str) -> None: ...

    def token(self) -> None: ...


@pytest.fixture
async def server() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer(Behaviour(answer="До 18:00.| Приходите.|")) as running:
        yield running


async def test_the_second_time_nobody_is_asked(server: OpenAiServer) -> None:
    cache = AnswerCache()
    house = House(server, cache)
    said = [Sentence("До 18:00.", "general"), Sentence("Приходите.", "general")]
    assert await house.ask() == said
    assert await house.ask("До какого часа вы работаете?") == said
    assert len(server.behaviour.requests) == 1
    assert (cache.hits, cache.misses) == (1, 1)


async def test_any_change_asks_again(server: OpenAiServer) -> None:
    cache = AnswerCache()
    house = House(server, cache)
    await house.ask()
    house.search.hours = replace(HOURS, text="Мы работаем до 18:00, без обеда.")
    await house.ask()
    await House(server, cache, model="other").ask()
    house.answers._prompts = replace(WORDS, persona="Тебя зовут Анна.")
    await house.ask()
    assert len(server.behaviour.requests) == 4


async def test_a_follow_up_is_never_answered_from_the_cache(server: OpenAiServer) -> None:
    house = House(server, AnswerCache())
    await house.ask("а до скольки")
    await house.ask("а до скольки", EARLIER)
    assert len(server.behaviour.requests) == 2


async def test_a_question_that_leans_on_nothing_is_but_is_not_kept_from_there(server: OpenAiServer) -> None:
    cache = AnswerCache()
    house = House(server, cache)
    await house.ask(history=EARLIER)
    await house.ask()
    assert len(server.behaviour.requests) == 2
    await house.ask(history=EARLIER)
    assert len(server.behaviour.requests) == 2
    assert cache.hits == 1


async def test_what_the_knowledge_base_had_to_say_is_not_kept(server: OpenAiServer) -> None:
    server.behaviour.answer = "Скидка 90 %.|"
    house = House(server, AnswerCache())
    assert await house.ask() == [Sentence(WORDS.no_answer, effect="offer")]
    server.behaviour.answer = "До 18:00.|"
    assert await house.ask() == [Sentence("До 18:00.", "general")]


async def test_answers_outlive_the_daemon(server: OpenAiServer, tmp_path: Path) -> None:
    path = tmp_path / "deep/answers.sqlite"
    first = AnswerCache(SqliteCache(path, "answers", 10))
    said = await House(server, first).ask()
    await first.close()
    second = AnswerCache(SqliteCache(path, "answers", 10))
    assert await House(server, second).ask() == said
    await second.close()
    assert len(server.behaviour.requests) == 1
    assert b"\xd0\xba\xd0\xb0\xd0\xba\xd0\xbe\xd0\xb3\xd0\xbe" not in path.read_bytes()  # «какого»


async def test_a_file_that_is_no_cache_is_named_and_one_that_breaks_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StartError, match=r"answers\.sqlite: cache of answers can't be opened"):
        SqliteCache(path, "answers", 10)
    shelf = SqliteCache(tmp_path / "other.sqlite", "answers", 10)
    shelf._writer.execute("DROP TABLE answers")
    await shelf.put({"a": b"b"})
    assert await shelf.get(["a"]) == {}
    await shelf.close()


async def test_the_oldest_go_where_there_are_too_many(tmp_path: Path) -> None:
    shelf = SqliteCache(tmp_path / "answers.sqlite", "answers", 20)
    for number in range(21):
        await shelf.put({f"k{number}": b"x"})
    found = await shelf.get([f"k{number}" for number in range(21)])
    assert set(found) == {f"k{number}" for number in range(2, 21)}
    await shelf.close()


async def test_two_daemons_share_answers_in_a_real_redis(server: OpenAiServer, redis_url: str) -> None:  # noqa: F811
    caches = [AnswerCache(RedisCache(redis_url)) for _ in range(2)]
    houses = [House(server, cache) for cache in caches]
    said = [await house.ask() for house in houses]
    assert said[0] == said[1] != []
    assert len(server.behaviour.requests) == 1
    assert [house.answers.cache_hits for house in houses] == [{"hits": 0, "misses": 1}, {"hits": 1, "misses": 0}]
    await houses[1].ask("какая у вас гарантия на станок")
    assert len(server.behaviour.requests) == 2
    for cache in caches:
        await cache.close()


async def test_without_its_redis_the_model_is_asked(server: OpenAiServer) -> None:
    pytest.importorskip("redis", reason="the extra `redis` is not installed")
    cache = AnswerCache(RedisCache("redis://127.0.0.1:1/0"))
    assert await House(server, cache).ask() != []
    assert cache.misses == 1
    await cache.close()


def test_case_and_punctuation_don_t_matter_and_numbers_do() -> None:
    assert key_of(Question("Сколько стоит РМ-100?", ()), "m") == key_of(Question("сколько стоит  рм-100", ()), "m")
    assert key_of(Question("за 1,5 часа", ()), "m") != key_of(Question("за 15 часа", ()), "m")


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("до какого часа вы работаете", True),
        ("сколько стоит пресс на 1000 кН", True),
        ("меня зовут иван петров до какого часа вы работаете", False),
        ("перезвоните на 89037654321", False),
        ("вышлите счёт на ivan@mail.ru", False),
    ],
)
async def test_what_may_repeat_a_callers_own_is_not_kept(asked: str, kept: bool, tmp_path: Path) -> None:
    cache = new_answer_cache(Settings(storage=Storage(dir=tmp_path)))
    assert cache is not None
    await cache.put("answer:1", [Sentence("Вы сказали так.")], asked)
    assert bool(await cache.get("answer:1")) is kept
    await cache.close()
