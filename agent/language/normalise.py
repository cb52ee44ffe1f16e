"""Speech to canonical text: units, abbreviations, models and addresses as the knowledge base writes them.

Without ``numbers`` the number words stay as the recogniser gave them (the search reads them as numbers); with it
they become digits, with what digits bring along: dates, times, telephone numbers, money.
"""

from agent.language import amounts_ru, spoken_en, spoken_ru, spoken_units
from agent.language.tables import derived

ROUNDS = 8
"""How often the text is gone over until nothing changes any more; one round is the rule."""


@derived
def normalise(text: str, language: str, numbers: bool = False) -> str:
    """«скорость пять миллиметров в секунду» -> «скорость пять мм/с», with numbers «скорость 5 мм/с»; idempotent."""
    step = spoken_en.step if language == "en" else _russian
    for _ in range(ROUNDS):
        before, text = text, step(text, numbers)
        if text == before:
            break
    return text


def _russian(text: str, numbers: bool) -> str:
    text = spoken_units.models(spoken_units.addresses(text))
    if not numbers:
        return spoken_units.units(text, counted=False)
    text = spoken_ru.to_digits(amounts_ru.grouped(text))
    text = amounts_ru.times(amounts_ru.codes(amounts_ru.phones(amounts_ru.signed(text))))
    text = amounts_ru.money(spoken_units.units(text, counted=True))
    return amounts_ru.signs(amounts_ru.spans(text))
