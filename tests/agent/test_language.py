"""Speech to canonical text, and text to words for the voice."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import StartError
from agent.language import tables
from agent.language.normalise import normalise
from agent.language.verbalise import verbalise

KB = Path(__file__).parents[2] / "kb"
PROMPTS = Path(__file__).parents[2] / "prompts"


def test_the_specification_example_comes_out_to_the_letter() -> None:
    raw = "Есть РЭМ на тысячу килоньютон, скорость 5 миллиметров в секунду при 220 вольт"
    assert normalise(raw, "ru") == "Есть РЭМ на тысячу кН, скорость 5 мм/с при 220 В"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("сто ка-эн", "сто кН"),
        ("сто ка эн", "сто кН"),
        ("сто кн", "сто кН"),
        ("усилие две тысячи килоньютонов", "усилие две тысячи кН"),
        ("предел прочности пятьсот мегапаскалей", "предел прочности пятьсот МПа"),
        ("пятьсот мэ‑пэ‑а", "пятьсот МПа"),
        ("скорость десять миллиметров в минуту", "скорость десять мм/мин"),
        ("частота двадцать герц", "частота двадцать Гц"),
        ("двадцать гц", "двадцать Гц"),
        ("мощность три киловатта", "мощность три кВт"),
        ("копёр на триста джоулей", "копёр на триста Дж"),
        ("температура двести градусов цельсия", "температура двести °C"),
        ("предоплата пятьдесят процентов", "предоплата пятьдесят %"),
        ("какая ближайшая станция метро", "какая ближайшая станция метро"),
        ("мне нужен вольтметр", "мне нужен вольтметр"),
        ("вес пять килограммов", "вес пять кг"),
    ],
)
def test_units_get_one_writing(said: str, written: str) -> None:
    assert normalise(said, "ru") == written
    assert normalise(written, "ru") == written


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("five millimetres per second", "five mm/s"),
        ("one hundred kilonewtons", "one hundred kN"),
        ("four hundred volts and fifty hertz", "four hundred V and fifty Hz"),
        ("one hundred mega pascals", "one hundred MPa"),
        ("ten per cent", "ten %"),
    ],
)
def test_english_units_too(said: str, written: str) -> None:
    assert normalise(said, "en") == written


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("до 500 кН", "до пятисот килоньютонов"),
        ("от 5 до 100 кН", "от пяти до ста килоньютонов"),
        ("21 кН", "двадцать один килоньютон"),
        ("22 кН", "двадцать два килоньютона"),
        ("на 2000 кН", "на две тысячи килоньютонов"),
        ("при 220 В", "при двухстах двадцати вольтах"),
        ("скорость 5,5 мм/с", "скорость пять целых пять десятых миллиметра в секунду"),
        ("не более 0,5 %", "не более нуля целых пяти десятых процента"),
        ("1 450 000 рублей", "один миллион четыреста пятьдесят тысяч рублей"),
        ("950 руб. с НДС", "девятьсот пятьдесят рублей с эн дэ эс"),
        ("с 9:00 до 18:00", "с девяти часов до восемнадцати часов"),
        ("в 9:30", "в девять тридцать"),
        ("2 машины и 2 пресса", "две машины и два пресса"),
        ("1 машина, 1 пресс, за 1 минуту", "одна машина, один пресс, за одну минуту"),
        ("от 1 месяца", "от одного месяца"),
        ("3 тонны", "три тонны"),
        ("с 1998 года", "с тысяча девятьсот девяносто восьмого года"),
        ("в 2029 году", "в две тысячи двадцать девятом году"),
        ("15 марта", "пятнадцатого марта"),
        ("12.05.2025", "двенадцатого мая две тысячи двадцать пятого года"),
        ("РМ-100", "эр эм сто"),
        ("ГОСТ 1497-84", "ГОСТ тысяча четыреста девяносто семь, восемьдесят четыре"),
        ("8 000 555-01-27", "восемь, ноль ноль ноль, пятьсот пятьдесят пять, ноль один, двадцать семь"),
        ("info@mera.example", "инфо собака мера точка экзампл"),
        ("от минус 60 до плюс 300 °C", "от минус шестидесяти до плюс трёхсот градусов"),
        ("-5 °C", "минус пять градусов"),
        ("база 25, 50 и 100 мм", "база двадцать пять, пятьдесят и сто миллиметров"),
        ("прочность в МПа", "прочность в мегапаскалях"),
        ("ул. Станочная, д. 40", "улица Станочная, дом сорок"),
        ("т. е. 24 месяца", "то есть двадцать четыре месяца"),
        ("1-й и 5-го", "первый и пятого"),
        ("Windows 10 и 8 ГБ", "виндоус десять и восемь гигабайт"),
        ("индекс 000127", "индекс ноль ноль ноль сто двадцать семь"),
        ("к 9 часам", "к девяти часам"),
        ("**Важно:** 5 шт.", "Важно: пять штук."),
    ],
)
def test_russian_is_said_in_words(written: str, said: str) -> None:
    assert verbalise(written, "ru") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("9,800 pounds", "nine thousand eight hundred pounds"),
        ("£1,000", "one thousand pounds"),
        ("5 mm/s and 1 kN", "five millimetres per second and one kilonewton"),
        ("0.5 %", "zero point five percent"),
        ("from 9 am to 5:30 pm", "from nine a m to five thirty p m"),
        ("0113 496 0127", "zero one one three, four nine six, zero one two seven"),
        ("since 1998", "since nineteen ninety-eight"),
        ("info@gauge.example", "info at gauge dot example"),
        ("the NG-100", "the N G one hundred"),
        ("minus 60 to plus 300 °C", "minus sixty to plus three hundred degrees"),
        ("on the 1st of May", "on the first of May"),
        ("5-10 days", "five to ten days"),
    ],
)
def test_english_is_said_in_words(written: str, said: str) -> None:
    assert verbalise(written, "en") == said


def sentences(language: str) -> list[str]:
    folder = KB if language == "ru" else KB / language
    texts = [path.read_text(encoding="utf-8") for path in (folder / "general.md", folder / "tech.md")]
    texts += [path.read_text(encoding="utf-8").replace('"', "\n") for path in (PROMPTS / language).glob("phrases.toml")]
    lines = [line.strip().lstrip("# ") for text in texts for line in text.splitlines() if "<<->>" not in line]
    return [line for line in lines if line]


UNITS = re.compile(r"(?<!\w)(кН|МПа|мм|кг|кВт|Гц|Дж|руб|ГБ|НДС|kN|MPa|mm|kg|kW|Hz)(?!\w)|[%°/@]")


@pytest.mark.parametrize("language", ["ru", "en"])
def test_nothing_in_the_demo_knowledge_is_left_unsaid(language: str) -> None:
    lines = sentences(language)
    assert len(lines) > 150
    for line in lines:
        said = verbalise(line, language)
        assert not re.search(r"\d", said), said
        assert not UNITS.search(said), said
        assert language == "en" or not re.search(r"[A-Za-z]", said), said


@given(st.text(alphabet="абв АБВ 0123456789.,:-–—/%°+№кНм()@xyz\n", max_size=80), st.sampled_from(["ru", "en"]))
def test_any_text_becomes_words_without_digits(text: str, language: str) -> None:
    assert not re.search(r"\d", verbalise(text, language))


@given(st.text(alphabet="абв кнвольтгерц -mKn", max_size=60), st.sampled_from(["ru", "en"]))
def test_normalising_twice_changes_nothing(text: str, language: str) -> None:
    once = normalise(text, language)
    assert normalise(once, language) == once


def test_a_broken_table_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "DATA", tmp_path)
    (tmp_path / "broken.toml").write_text("= 5", encoding="utf-8")
    with pytest.raises(StartError, match=r"broken\.toml.*not valid TOML"):
        tables.table("broken")
    with pytest.raises(StartError, match=r"absent\.toml.*can't be read"):
        tables.table("absent")
