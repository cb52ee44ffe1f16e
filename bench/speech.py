"""Which recordings of tests/speech the bench and the demo let a caller speak."""

from pathlib import Path

DOMAIN = Path(__file__).parents[1] / "tests/speech"

QUESTIONS = {
    "ru": (
        "espeak-f3_25",  # какой у вас график работы
        "espeak-f3_53",  # сколько стоит доставка
        "espeak-m6_23",  # какое максимальное усилие
        "espeak-f3_21",  # какая скорость испытания
        "festival_02",  # во сколько вы закрываетесь
        "espeak-f3_13",  # есть ли парковка
        "festival_52",  # сколько дней идёт доставка
        "festival_04",  # вы работаете в выходные
        "espeak-m6_15",  # есть ли сертификат
        "festival_22",  # какая частота нагружения
        "espeak-f3_05",  # вы работаете с ндс
        "espeak-f3_49",  # работаете ли вы по отсрочке
    ),
    "en": (
        "flite-awb_36",  # when do you close
        "flite-awb_34",  # what is the delivery time
        "espeak-gb-f3_37",  # where are you located
        "flite-awb_12",  # how much does a universal testing machine cost
        "espeak-us-f3_09",  # do you have spare parts
        "flite-awb_10",  # do you rent out machines
    ),
}
INTERRUPTION = {"ru": "festival_42", "en": "espeak-gb-f3_13"}
"""«подождите не так быстро», "how much does an extensometer cost"."""


def wav(language: str, name: str) -> str:
    """Path of a recording."""
    return str(DOMAIN / language / "domain" / f"{name}.wav")


def questions(language: str = "ru") -> list[str]:
    """Paths of all questions, in order."""
    return [wav(language, name) for name in QUESTIONS[language]]


def interruption(language: str = "ru") -> str:
    """Path of what a caller says to interrupt."""
    return wav(language, INTERRUPTION[language])
