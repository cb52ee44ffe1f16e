"""Terms, index and retriever."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import StartError
from agent.ports import Exchange
from kb.index import Index
from kb.ingest import cut
from kb.retriever import KnowledgeBase, load
from kb.terms import Terms

ROOT = Path(__file__).parents[2]
RU, EN = Terms("ru"), Terms("en")


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("двести двадцать", ["220"]),
        ("двести двадцать или триста восемьдесят", ["220", "380"]),
        ("один два три", ["1", "2", "3"]),
        ("тысяча двести", ["1200"]),
        ("две тысячи", ["2000"]),
        ("один миллион двести тысяч", ["1200000"]),
        ("один миллион четыреста пятьдесят тысяч", ["1450000"]),
        ("восемь девятьсот двенадцать", ["8", "912"]),
        ("пятисот", ["500"]),
        ("1 450 000", ["1450000"]),
        ("0,5", ["0.5"]),
        ("десять пять", ["10", "5"]),
    ],
)
def test_number_words_become_numbers(said: str, number: list[str]) -> None:
    assert list(RU(said)) == number


def test_english_numbers_too() -> None:
    assert EN("two hundred and thirty") == ("230",)
    assert EN("one thousand") == ("1000",)


def test_spelling_case_and_ending_do_not_matter() -> None:
    assert RU("Твёрдомер копёр") == RU("твердомеры КОПРА".replace("КОПРА", "копер"))
    assert RU("сто килоньютонов") == RU("100 кН")
    assert RU("доставляете") == RU("доставка")


def test_polite_words_tell_nothing() -> None:
    assert RU("здравствуйте подскажите пожалуйста") == ()
    assert EN("good morning could you please tell me") == ()


@given(st.text(max_size=80))
def test_any_text_has_terms(text: str) -> None:
    assert all(term and term == term.lower() for term in RU(text))


def knowledge(*texts: str, threshold: float = 0.3) -> KnowledgeBase:
    general, tech = texts
    return KnowledgeBase([*cut(general, "general"), *cut(tech, "tech")], RU, 3, threshold)


GENERAL = "# Цены\nПресс стоит пять рублей.\n<<->>\n# Доставка\nВезём по всей России.\n<<->>\n# Парковка\nУ входа."
TECH = "# Пресс\nУсилие пресса 500 кН.\n<<->>\n# Захваты\nКлиновые и гидравлические.\n<<->>\n# Датчики\nТочные."


def test_scores_are_shares_between_nothing_and_all() -> None:
    index = Index.build(cut(GENERAL, "general"), RU)
    full = index.scores(dict.fromkeys(RU("доставка"), 1.0))
    part = index.scores(dict.fromkeys(RU("доставка слонов"), 1.0))
    assert full[0] == 0
    assert 0.7 < full[1] <= 1
    assert 0 < part[1] < full[1] * 0.7
    assert list(index.scores({})) == [0.0, 0.0, 0.0]


async def test_keywords_route_and_the_other_base_is_asked_when_the_first_is_silent() -> None:
    base = knowledge(GENERAL, TECH)
    assert base.route("сколько стоит доставка") == "general"
    assert base.route("какое усилие") == "tech"
    assert base.route("расскажите") is None
    assert [p.base for p in await base.search("какое усилие у пресса")] == ["tech"]
    # «точность» is a technical word, the parking is general: nothing technical answers
    found = await base.search("точность парковки")
    assert (found[0].base, found[0].heading) == ("general", "Парковка")


async def test_a_short_follow_up_leans_on_the_question_before() -> None:
    base = knowledge(GENERAL + "\n<<->>\n# Цена захватов\nСто рублей.", TECH)
    history = (Exchange("какие захваты есть", "Клиновые."),)
    alone = await base.search("сколько стоит")
    led = await base.search("а сколько они стоят", history)
    assert alone[0].heading == "Цены"
    assert led[0].heading == "Цена захватов"


async def test_no_words_no_passages() -> None:
    base = knowledge(GENERAL, TECH)
    assert await base.search("") == ()
    assert await base.search("ну это самое") == ()
    assert await base.search("слон") == ()


async def test_a_dense_scorer_plugs_in() -> None:
    class Dense:
        sure = True
        kind = "other"

        async def scores(self, text: str) -> Sequence[float]:
            return [1.0 if section.heading == "Датчики" else 0.0 for section in sections]

    sections = [*cut(GENERAL, "general"), *cut(TECH, "tech")]
    base = KnowledgeBase(sections, RU, 2, 0.3, Dense())
    found = await base.search("чем измеряют")
    assert found == () or found[0].heading == "Датчики"
    assert (await base.search("слон"))[0].heading == "Датчики"


async def test_searching_is_quick() -> None:
    base = load(ROOT / "kb", "ru", 3, 0.4)
    texts = [line.split("\t")[0] for line in (ROOT / "tests/kb/questions_ru.tsv").read_text("utf-8").splitlines()]
    taken = []
    for number, text in enumerate(texts):
        began = time.thread_time()  # what a search costs, whoever else is busy
        await base.search(f"{text} {number}")
        taken.append(time.thread_time() - began)
    assert sorted(taken)[int(len(taken) * 0.95)] < 0.005


def test_missing_bases_are_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"general\.md"):
        load(tmp_path, "ru", 3, 0.4)
    (tmp_path / "general.md").write_text("# A\nB.", encoding="utf-8")
    with pytest.raises(StartError, match=r"tech\.md"):
        load(tmp_path, "ru", 3, 0.4)
    with pytest.raises(StartError, match=r"en/general\.md"):
        load(tmp_path, "en", 3, 0.4)


def test_nothing_heavy_is_imported() -> None:
    check = "import sys, kb.retriever; sys.exit(bool({'numpy', 'snowballstemmer', 'num2words'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False).returncode == 0
