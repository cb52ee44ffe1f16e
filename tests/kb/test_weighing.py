"""What is weighed of a question's sections: the order, the confidence, follow-ups that take a thing's place."""

import json
from pathlib import Path

import numpy as np
import pytest

from agent.ports import Exchange
from kb import weighing
from kb.dense import DenseSearch, spread
from kb.hashing import HashEmbedder
from kb.meanings import WordVectors
from kb.retriever import KnowledgeBase, load
from kb.terms import Terms, user_table
from kb.vectors import Matrix

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def base() -> KnowledgeBase:
    terms, bare = Terms("ru"), load(ROOT / "kb", "ru", 3, 0.3)
    embedder = HashEmbedder(terms, WordVectors.load("ru"))
    rows = embedder.rows([section.enriched for section in bare.sections])
    return KnowledgeBase(bare.sections, terms, 3, 0.3, DenseSearch(Matrix(rows), embedder))


def test_every_kind_of_vectors_has_weights_for_all_that_is_weighed() -> None:
    kept = json.loads(weighing.DATA.read_text(encoding="utf-8"))
    assert set(kept) == {"use", "hash", "other", "none"}
    for one in kept.values():
        assert set(one["order"]) == set(weighing.ORDER)
        assert set(one["sure"]) == set(weighing.SURE)


def test_confidence_is_even_where_the_sum_is_nothing() -> None:
    weights = weighing.Weights(np.zeros(1), np.ones(1), 0.0)
    assert weights.confidence(np.array([0.0])) == pytest.approx(weighing.EVEN)
    assert weights.confidence(np.array([99.0])) > 0.99
    assert weights.confidence(np.array([-99.0])) < 0.01


@pytest.mark.parametrize(
    ("before", "asked", "heading"),
    [
        ("на сколько месяцев рассрочка", "а лизинг", "Лизинг"),
        ("сколько стоит поверка", "а калибровка", "Калибровка датчиков: стоимость и сроки"),
        ("есть термокамера", "а сколько она стоит", "Цены на копры, камеры и экстензометры"),
        ("где находится ваш офис", "а телефон", "Телефон"),
    ],
)
async def test_a_thing_takes_the_place_of_a_thing(base: KnowledgeBase, before: str, asked: str, heading: str) -> None:
    found = await base.search(asked, (Exchange(before, ""),))
    assert found[0].heading.endswith(heading)


@pytest.mark.parametrize(
    ("asked", "heading"),
    [
        ("в какую сумму встанет пресс", "Цены на прессы"),
        ("можно оплату разбить на полгода", "Рассрочка и отсрочка"),
        ("пятая ошибка на экране", "Ошибки на экране"),
    ],
)
async def test_money_parts_and_ordinals_are_known_however_they_are_said(
    base: KnowledgeBase, asked: str, heading: str
) -> None:
    assert heading in [passage.heading.rsplit(" / ", 1)[-1] for passage in await base.search(asked)]


async def test_a_user_may_add_everyday_concepts(tmp_path: Path) -> None:
    table = user_table(tmp_path, "ru")
    table.write_text('alike = ["тариф абонплата"]\naspects = "абонплата"\n', encoding="utf-8")
    terms = Terms("ru", table)
    (one,), (other,) = terms("абонплата"), terms("тариф")
    assert other in terms.alike[one]
    assert one in terms.aspects


def test_a_few_sections_can_stand_out_too() -> None:
    assert spread(np.array([0.9, 0.1], np.float32)).tolist() == [pytest.approx(0.5), 0.0]
    assert spread(np.full(4, 0.3, np.float32)).tolist() == [0.0] * 4
