"""Reading the answer out of passages."""

import re
from collections.abc import Sequence

from agent.backends.llm_extractive import LONGEST, ExtractiveModel
from agent.ports import Exchange, Passage, Question

TEXT = (
    "Мы работаем по будням.\nОфис открывается в 9:00.\nОфис закрывается в 18:00.\n## Прочее\n- Обед в 13:00.\n"
    "Парковка бесплатная."
)


def terms(text: str) -> list[str]:
    return [word.strip(".,?#-").lower()[:6] for word in text.split() if len(word) > 3]


class Words:
    """A search that knows words and nothing of them."""

    def terms(self, text: str) -> list[str]:
        return terms(text)

    def wanted(self, text: str, history: Sequence[Exchange]) -> dict[str, float]:
        earlier = [exchange.caller for exchange in history]
        return {**dict.fromkeys(terms(" ".join(earlier)), 0.6), **dict.fromkeys(terms(text), 1.0)}

    def weight(self, term: str) -> float:
        return 1.0

    def meant(self, term: str) -> dict[str, float]:
        return {}

    def kinds(self, text: str) -> list[re.Pattern[str]]:
        return [re.compile("рубл")] if "сколько стоит" in text else []


def model(threshold: float = 0.4) -> ExtractiveModel:
    return ExtractiveModel(Words(), lambda line: [line], threshold)


def asked(text: str, score: float = 0.9, body: str = TEXT) -> Question:
    return Question(text, (Passage("general", "Часы работы", body, score),))


def test_the_sentence_that_answers_is_chosen() -> None:
    assert model().choose(asked("во сколько офис закрывается")) == ("Офис закрывается в 18:00.",)


def test_a_question_about_the_heading_gets_the_opening_sentence() -> None:
    assert model().choose(asked("часы работы"))[0] == "Мы работаем по будням."


def test_headings_and_list_marks_are_not_spoken() -> None:
    said = " ".join(model().choose(asked("когда обед прочее")))
    assert "Обед в 13:00." in said
    assert "#" not in said
    assert "- " not in said


def test_weak_passages_are_not_spoken() -> None:
    assert model().choose(asked("во сколько офис закрывается", score=0.39)) == ()
    assert model().choose(Question("что угодно", ())) == ()


def test_answers_stay_short_and_in_the_order_of_the_text() -> None:
    body = "\n".join(f"Машина номер {n} с очень длинным и подробным описанием, сила {n} кН." for n in range(9))
    said = model().choose(asked("машина номер", body=body))
    assert len(said) <= 3
    assert sum(map(len, said)) <= LONGEST
    assert list(said) == sorted(said)


def test_numbers_are_preferred_where_they_are_asked_for() -> None:
    body = "Доставка возможна.\nДоставка надёжная.\nДоставка стоит 500 рублей."
    assert model().choose(asked("сколько стоит доставка", body=body)) == ("Доставка стоит 500 рублей.",)


def test_the_turn_that_a_question_leans_on_chooses_the_sentence_too() -> None:
    body = "Пресс стоит 900 рублей.\nТвердомер стоит 100 рублей.\nКопёр стоит 500 рублей."
    history = (Exchange("расскажите про копёр", "Копёр бьёт."),)
    question = Question("сколько стоит", (Passage("general", "Цены", body, 0.9),), history)
    assert model().choose(question)[-1] == "Копёр стоит 500 рублей."


def test_more_of_a_section_is_said_where_no_sentence_has_the_questions_words() -> None:
    body = "Пропуск выписывают по паспорту.\nЗакажите пропуск за час."
    assert len(model().choose(asked("пропуск вахтёр шлагбаум охрана", body=body))) == 2
    assert model().choose(asked("выписывают пропуск", body=body)) == ("Пропуск выписывают по паспорту.",)


async def test_it_streams_whole_sentences_that_end() -> None:
    pieces = [piece async for piece in model().reply(asked("во сколько офис закрывается"))]
    assert pieces == ["Офис закрывается в 18:00. "]
    assert [piece async for piece in model().reply(asked("слон", score=0.1))] == []
    await model().close()
    assert model().name == "extractive"
