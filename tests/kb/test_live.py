"""The knowledge base in use is swapped under searches; what the old one held open is closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from agent.desk.building_apart import rebuild
from agent.errors import KnowledgeError, StartError
from agent.furnish import open_answers
from agent.knowledge import build_once, open_knowledge
from agent.live import state
from agent.settings import Embed, Kb, Settings, Storage
from kb.live import Knowledge
from tests.kb.test_embedders import TEXTS, Server


@pytest.fixture
async def door() -> AsyncIterator[tuple[Server, web.AppRunner]]:
    """The server and who is connected to it."""
    server, app = Server(), web.Application()
    app.router.add_post("/v1/embeddings", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield server, runner
    await runner.cleanup()


def settings(folder: Path, url: str) -> Settings:
    for base in ("general", "tech"):
        (folder / f"{base}.md").write_text(TEXTS, encoding="utf-8")
    embed = Embed(engine="openai", base_url=url, model="m", timeout_ms=5000)
    return Settings(kb=Kb(dir=folder), embed=embed, storage=Storage(dir=folder / "var"))


async def left(runner: web.AppRunner, most: int) -> int:
    """How many are connected, once it is no more than ``most``; the test's own limit ends the wait."""
    assert runner.server is not None
    while len(runner.server.connections) > most:  # noqa: ASYNC110 - a socket has no event of its own
        await asyncio.sleep(0.001)
    return len(runner.server.connections)


async def test_a_replaced_embedder_is_closed_after_its_last_search(
    tmp_path: Path, door: tuple[Server, web.AppRunner], caplog: pytest.LogCaptureFixture
) -> None:
    server, runner = door
    now = settings(tmp_path, server.url)
    await build_once(now, lambda stage, done, of: None)
    knowledge = open_knowledge(now)
    assert await left(runner, 0) == 0
    await knowledge.search("сколько стоит пресс")
    assert len(runner.server.connections) == 1  # type: ignore[union-attr]
    server.delay_s, asked = 0.2, len(server.requests)
    searching = asyncio.create_task(knowledge.explain("какие захваты"))
    while len(server.requests) == asked:  # noqa: ASYNC110 - the server has no event to wait for
        await asyncio.sleep(0.001)
    (tmp_path / "tech.md").write_text(TEXTS + "<<->>\n# Ремень\nКлиновой.\n", encoding="utf-8")
    await rebuild(knowledge, now)
    assert (await searching).found[0].passage.heading == "Захваты"
    assert caplog.text == "", "the search in progress lost its embedder"
    assert await left(runner, 0) == 0
    await knowledge.search("какой ремень")
    assert len(runner.server.connections) == 1  # type: ignore[union-attr]
    await knowledge.close()
    assert await left(runner, 0) == 0


async def test_an_embedder_that_is_of_no_use_without_an_index_is_closed_too(tmp_path: Path) -> None:
    now = settings(tmp_path, "http://127.0.0.1:1/v1")
    knowledge = open_knowledge(now)  # words alone: nothing was built
    assert (await knowledge.search("сколько стоит пресс"))[0].heading == "Цены"
    await knowledge.close()
    await knowledge.close()


async def test_a_search_waits_for_texts_that_are_still_being_read(tmp_path: Path) -> None:
    here = Settings(kb=Kb(dir=tmp_path), storage=Storage(dir=tmp_path / "var"))
    for base in ("general", "tech"):
        (tmp_path / f"{base}.md").write_text(TEXTS, encoding="utf-8")
    late, fresh = Knowledge(), open_knowledge(here)
    question = fresh.base.sections[0].heading
    searching = asyncio.ensure_future(late.search(question))
    await asyncio.sleep(0)
    with pytest.raises(KnowledgeError, match="still being read"):
        late.terms(question)
    late.swap(fresh.base, fresh.version)
    assert await searching == await fresh.search(question) != ()
    await late.close()


async def test_a_search_for_texts_that_can_not_be_read_says_so() -> None:
    late = Knowledge()
    searching = asyncio.ensure_future(late.search("сколько стоит"))
    late.fail("general.md: not a text")
    with pytest.raises(KnowledgeError, match="not a text"):
        await searching
    await late.close()


@pytest.mark.parametrize("broken", ["general/scan.md", "tech.md"])
async def test_a_broken_document_does_not_stop_a_start_where_an_older_index_lies(
    tmp_path: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    here = Settings(kb=Kb(dir=tmp_path), storage=Storage(dir=tmp_path / "var"))
    for base in ("general", "tech"):
        (tmp_path / f"{base}.md").write_text(TEXTS, encoding="utf-8")
    bad = tmp_path / broken
    bad.parent.mkdir(exist_ok=True)
    bad.write_bytes("Цены".encode("cp1251"))
    async with AsyncExitStack() as stack:
        with pytest.raises(StartError, match=f"{bad.name}: knowledge base is not UTF-8"):
            await open_answers(here, stack)
    bad.write_text(TEXTS, encoding="utf-8")
    await build_once(here, lambda stage, done, of: None)
    bad.write_bytes("Цены".encode("cp1251"))
    caplog.clear()
    async with AsyncExitStack() as stack:
        answers, _, live = await open_answers(here, stack)
        assert (await live.knowledge.search("сколько стоит пресс"))[0].heading == "Цены"
        fault = state(answers, live)["fault"]
        assert f"{bad}: knowledge base is not UTF-8" in str(fault)
        assert "`allo kb build`" in str(fault)
        assert [record.getMessage() for record in caplog.records] == [fault]
        bad.write_text(TEXTS, encoding="utf-8")  # as it was when the older index was made
        await build_once(here, lambda stage, done, of: None)
        while live.fault:
            live.now()
            await asyncio.sleep(0.001)
        assert (await live.knowledge.search("сколько стоит пресс"))[0].heading == "Цены"


async def test_an_older_index_of_another_allo_is_made_anew_of_its_texts(tmp_path: Path) -> None:
    """Its postings depend on the tables of the search, its vectors on the embedder: both may have changed since."""
    here = Settings(kb=Kb(dir=tmp_path), storage=Storage(dir=tmp_path / "var"), embed=Embed(engine="none"))
    for base in ("general", "tech"):
        (tmp_path / f"{base}.md").write_text(TEXTS, encoding="utf-8")
    await build_once(here, lambda stage, done, of: None)
    (tmp_path / "tech.md").unlink()
    today = here.model_copy(update={"embed": Embed()})
    knowledge = open_knowledge(today, older=True)
    assert "tech.md" in knowledge.fault
    assert (await knowledge.search("сколько стоит пресс"))[0].heading == "Цены"
    await knowledge.close()
