"""The sections' lines as a sentence encoder reads them: cut, kept, found again, weighed."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent import knowledge
from agent.backends.embed_use import UseEmbedder
from agent.desk.building_apart import rebuild
from agent.knowledge import open_knowledge
from agent.settings import Embed, Kb, Settings, Storage
from kb import encoded
from kb.building import Workshop
from kb.dense import DenseSearch
from kb.encoded import LineSearch
from kb.hashing import HashEmbedder
from kb.ingest import Section, cut
from kb.library import Library
from kb.meanings import WordVectors
from kb.retriever import KnowledgeBase, load
from kb.terms import Terms
from kb.vectors import LocalStore, Matrix

ROOT = Path(__file__).parents[2]
RU = Terms("ru")
GENERAL = "# Цены\n## Прессы\nПресс стоит пять рублей.\nОплата по счёту.\n<<->>\n# Доставка\nВезём по всей России.\n"
ASKED = "когда платить вперёд или на месте"
TECH = "# Захваты\nКлиновые и гидравлические.\n"


class Counting(UseEmbedder):
    """The real one, and what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Any:
        self.read += texts
        return await super().embed(texts)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "kb"
    folder.mkdir()
    (folder / "general.md").write_text(GENERAL, encoding="utf-8")
    (folder / "tech.md").write_text(TECH, encoding="utf-8")
    return folder


def settings(texts: Path) -> Settings:
    return Settings(kb=Kb(dir=texts), storage=Storage(dir=texts.parent / "var"), embed=Embed(engine="use"))


def workshop(texts: Path, encoder: UseEmbedder | None) -> Workshop:
    builds = texts.parent / "builds"
    return Workshop(builds, Library(texts), RU, HashEmbedder(RU, None), LocalStore(), encoder=encoder)


def section(text: str) -> Section:
    (one,) = cut(text, "general")
    return one


def test_each_line_stands_under_its_headings() -> None:
    (lines,) = encoded.texts([section("# Цены\n## Прессы\nПять рублей.\n\nПо счёту.")])
    assert lines == ["Цены / Прессы. Пять рублей.", "Цены / Прессы. По счёту."]


def test_a_long_line_is_cut_between_sentences() -> None:
    sentences = [f"Это предложение номер {number}, и в нём довольно много слов." for number in range(12)]
    (lines,) = encoded.texts([section("# А\n" + " ".join(sentences))])
    pieces = [line.removeprefix("А. ") for line in lines]
    assert len(pieces) >= 3
    assert max(map(len, pieces)) <= encoded.LONG
    assert " ".join(pieces).endswith(" ".join(sentences))


def test_each_section_has_its_share_of_the_budget_and_at_least_a_line() -> None:
    long = section("# А\n" + "\n".join(f"строка {number} " + "слово " * 20 for number in range(20)))
    short, first = encoded.texts([section("# Б\nкоротко"), long], budget=2000)
    assert short == ["Б. коротко"]
    assert 5 <= len(first) <= 8
    assert sum(map(len, first)) <= 1000
    assert [len(lines) for lines in encoded.texts([long, long], budget=2)] == [1, 1]


def test_eight_bits_keep_the_angle() -> None:
    chance = np.random.default_rng(7)
    rows = chance.normal(size=(40, 512)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    kept = encoded.Encoded(encoded.packed(rows), np.array([0, 1, 30, 40]))
    true = rows @ rows[3]
    assert kept.nearest(np.array([2, 0, 1]), rows[3]) == pytest.approx(
        [true[30:].max(), true[0], true[1:30].max()], abs=2e-3
    )


async def test_only_changed_lines_are_encoded_again(texts: Path) -> None:
    encoder = Counting()
    shop = workshop(texts, encoder)
    first = await shop.build()
    assert len(encoder.read) == len({line for lines in encoded.texts(first.sections) for line in lines})
    assert shop.fresh(first)
    encoder.read.clear()
    (texts / "general.md").write_text(GENERAL.replace("пять", "семь"), encoding="utf-8")
    second = await shop.build()
    assert encoder.read == ["Цены / Прессы. Пресс стоит семь рублей."]
    query = (await encoder.embed(["куда везёте"]))[0]
    numbers = np.arange(3)
    assert first.encoded
    assert second.encoded
    assert second.encoded.nearest(numbers, query)[1:] == pytest.approx(first.encoded.nearest(numbers, query)[1:])


async def test_a_build_without_the_encoder_is_another_one(texts: Path) -> None:
    plain = workshop(texts, None)
    built = await plain.build()
    assert built.encoded is None
    assert not workshop(texts, UseEmbedder()).fresh(built)
    assert not plain.fresh(await workshop(texts, UseEmbedder()).build())


async def test_many_lines_are_searched_where_they_lie(texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = await workshop(texts, UseEmbedder()).build()
    assert built.encoded
    whole = await LineSearch(built.encoded, UseEmbedder()).near("куда везёте", "", np.arange(3))
    monkeypatch.setattr(encoded, "IN_MEMORY", 0)
    again = workshop(texts, UseEmbedder()).current()
    assert again
    assert again.encoded
    assert isinstance(again.encoded.rows, np.memmap)
    assert np.array_equal(await LineSearch(again.encoded, UseEmbedder()).near("куда везёте", "", np.arange(3)), whole)
    assert whole.argmax() == 1


async def test_a_built_base_and_one_that_was_not_find_the_same(texts: Path) -> None:
    now = settings(texts)
    found = open_knowledge(now)
    before, version = await found.explain("куда везёте"), found.version
    await rebuild(found, now)
    after = await found.explain("куда везёте")
    assert found.version != version
    assert [one.passage.heading for one in after.found] == [one.passage.heading for one in before.found]
    assert after.found[0].fused == pytest.approx(before.found[0].fused, abs=0.01)


def test_a_large_base_waits_for_its_build(
    texts: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(knowledge, "AT_START", 10)
    with caplog.at_level(logging.WARNING):
        open_knowledge(settings(texts))
    assert "has not read today's texts" in caplog.text


async def test_what_is_meant_comes_first_where_words_see_something_else() -> None:
    bare = load(ROOT / "tests/kb/trades/hotel", "ru", 3, 0.3)
    embedder, encoder = HashEmbedder(RU, WordVectors.load("ru")), UseEmbedder()
    dense = DenseSearch(Matrix(embedder.rows([one.enriched for one in bare.sections])), embedder)
    lines = LineSearch(encoded.encode(bare.sections, encoder.rows), encoder)
    words = KnowledgeBase(bare.sections, RU, 3, 0.3, dense)
    both = KnowledgeBase(bare.sections, RU, 3, 0.3, dense, encoded=lines)
    assert "Оплата проживания" not in [one.heading for one in await words.search(ASKED)]
    assert (await both.search(ASKED))[0].heading.endswith("Оплата проживания")


async def test_a_follow_up_means_what_it_says_and_what_came_before(texts: Path) -> None:
    built = await workshop(texts, UseEmbedder()).build()
    assert built.encoded
    search, numbers = LineSearch(built.encoded, UseEmbedder()), np.arange(3)
    alone = await search.near("а самовывоз", "", numbers)
    led = await search.near("а самовывоз", "сколько стоит пресс", numbers)
    assert led[0] > alone[0]
    asked = await search.near("сколько стоит пресс", "", numbers)
    assert abs(led - alone).max() < abs(asked - alone).max()
