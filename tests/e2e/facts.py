"""What a caller of the tests asks, and what must stand in the answer, by the call log.

The facts are those of ``kb/``; numbers may be written or spelled out.
"""

from bench.speech import wav

RUSSIAN = {
    "espeak-f3_25": r"понедельник\w* по пятниц\w+ с (9|девят)",  # какой у вас график работы
    "espeak-f3_53": r"15 ?000|пятнадцать тысяч",  # сколько стоит доставка
    "festival_52": r"от (3|тр[её]х) до (12|двенадцат)",  # сколько дней идёт доставка
    "espeak-f3_13": r"[Пп]арковка",  # есть ли парковка
    "espeak-f3_05": r"НДС|эн дэ эс",  # вы работаете с ндс
    "espeak-m6_47": r"555|пятьсот пятьдесят пять",  # продиктуйте телефон менеджера
}
ENGLISH = {
    "flite-awb_36": r"5:30|half past five|five thirty",  # when do you close
    "espeak-gb-f3_37": r"Calliper Lane",  # where are you located
    "flite-awb_12": r"9,800|nine thousand eight hundred",  # how much does a universal testing machine cost
}
TECHNICAL = {
    "espeak-m6_23": r"1000|тысяч",  # какое максимальное усилие
    "espeak-f3_21": r"500|пятьсот",  # какая скорость испытания
}
FIRST = "espeak-f3_25"


def path(name: str) -> str:
    """Path of a recording, by its language."""
    return wav("en" if name in ENGLISH else "ru", name)
