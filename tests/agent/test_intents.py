"""Which words are commands and which are questions."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import StartError
from agent.intents import Intent, Intents, load_intents

PROMPTS = Path(__file__).parents[2] / "prompts"
RU, EN = load_intents(PROMPTS, "ru"), load_intents(PROMPTS, "en")

RUSSIAN = {
    "operator": """соедините с оператором|соедините меня с оператором пожалуйста|соедините меня с человеком
        соедините с менеджером по продажам|соедините с отделом продаж|соедините с бухгалтерией|соедините с директором
        соедините со службой поддержки|переключите на оператора|переведите звонок на инженера
        переведите на живого человека|позовите менеджера|мне нужен оператор|мне нужен живой человек|мне нужен инженер
        мне нужен технический специалист|мне нужна техническая поддержка|мне нужен отдел сервиса
        я хочу поговорить с человеком|можно поговорить с инженером|можно менеджера|оператор|оператора пожалуйста
        не хочу говорить с роботом|я не буду разговаривать с роботом|да соедините|нам нужен сервисный инженер
        здравствуйте соедините пожалуйста с оператором|слушайте переключите меня уже на оператора""",
    "answer": """не надо меня соединять с оператором|вы робот|привет ты робот|это автоответчик|кто вы|как вас зовут
        с кем я разговариваю|что вы умеете|чем вы можете помочь|помогите|здравствуйте меня зовут алексей
        меня зовут ирина я из лаборатории|добрый день вас беспокоит завод|я начальник лаборатории|мы из университета
        у меня вопрос|можно вопрос|ещё один вопрос|расскажите подробнее|нет я не об этом|нет вы меня не поняли
        назад|в главное меню|отмена|продолжайте|я подумаю|не знаю|добрый день это отдел продаж""",
    "goodbye": """до свидания|спасибо до свидания|всего доброго|хорошего дня|больше вопросов нет|у меня всё
        на этом всё
        всё спасибо|пока|я перезвоню позже|я за рулём|сейчас неудобно говорить|извините я ошибся номером""",
    "repeat": """повторите пожалуйста|повторите ещё раз|ещё раз пожалуйста|не понял повторите
        я вас не понял|что вы сказали
        что|простите не расслышал|очень плохая связь
        повторите номер
        повторите пожалуйста ещё раз|можно повторить|вы можете повторить|что что|чего|я не расслышала повторите
        извините я не расслышал повторите пожалуйста|повторите повторите""",
    "wait": """подождите|подождите минутку|одну секунду|минуточку|секундочку|сейчас запишу|подождите я запишу
        подождите пожалуйста|подождите минутку пожалуйста|подождите одну секунду|подождите немного|погодите|секунду
        минуту|один момент|момент|сейчас|сейчас сейчас|щас|ну подождите|сейчас посмотрю|сейчас найду номер
        дайте подумать
        дайте мне минутку|дайте секунду|минутку подождите|секундочку я возьму ручку|сейчас возьму ручку
        подождите я сейчас посмотрю|подождите не кладите трубку|не кладите трубку|не вешайте трубку пожалуйста
        вы можете подождать|можете подождать минутку|мне надо посмотреть в документах|я посмотрю|оставайтесь на линии
        побудьте на линии|я отойду на минутку|ещё минутку|пару минут подождите|повисите секунду
        подождите сейчас проверю|извините одну минутку
        подождите подождите|подождите минутку подождите минутку|подождите пожалуйста минутку|ой подождите
        да подождите минутку|хорошо подождите минутку|можно минутку|полминуты|не отключайтесь
        мне нужен разрывной пресс на сто килоньютон подождите минутку|сколько стоит доставка погодите секунду
        сколько у вас стоит доставка минуточку|подождите пожалуйста минутку я сейчас возьму ручку и запишу""",
    "slower": """говорите помедленнее|говорите помедленнее пожалуйста|помедленнее|медленнее|можно помедленнее
        можно чуть помедленнее пожалуйста|не так быстро|не так быстро пожалуйста|вы очень быстро говорите
        слишком быстро
        вы говорите слишком быстро|я не успеваю|я не успеваю записывать|повторите помедленнее|не спешите|не торопитесь
        а можно помедленнее говорить|ещё помедленнее|скажите помедленнее|говорите медленнее я не успеваю
        вы можете говорить помедленнее|не могли бы вы говорить медленнее|повторите пожалуйста помедленнее""",
    "faster": """говорите побыстрее|быстрее|побыстрее пожалуйста|можно побыстрее|можно чуть быстрее
        вы очень медленно говорите
        слишком медленно|не так медленно|давайте побыстрее|вы говорите слишком медленно""",
    "louder": """погромче|громче|можно погромче|можно погромче пожалуйста|говорите громче|говорите погромче пожалуйста
        я вас плохо слышу|вас плохо слышно|плохо слышно|вас не слышно|я вас не слышу|не слышу вас|ничего не слышно
        вас почти не слышно|вы очень тихо говорите|слишком тихо|алло вас плохо слышно|а можно немного погромче
        вы можете говорить громче|очень плохо слышно|еле слышно|говорите погромче я вас не слышу|сделайте погромче
        прибавьте громкость|я плохо вас слышу|извините я вас плохо слышу|ничего не слышно
        говорите пожалуйста громче|громче громче""",
    "quieter": """потише|тише|можно потише|говорите потише пожалуйста|не кричите|вы слишком громко говорите
        слишком громко|не так громко""",
    "stop": "стоп|стоп стоп|хватит|помолчите|не перебивайте|дайте мне сказать|послушайте меня",
    "thanks": "спасибо|большое спасибо|спасибо за помощь|благодарю вас",
    "yes": "да|да конечно|да пожалуйста|конечно|правильно|согласен|да всё верно|да давайте",
    "no": "нет|нет спасибо|нет не надо|нет я передумал|не надо",
    "backchannel": "угу|ага|понятно|хорошо|ладно|всё ясно|понял спасибо|окей",
    "greeting": "здравствуйте|алло|алло меня слышно|алло вы меня слышите|добрый день|привет|добрый день пожалуйста",
    "offer": """перезвоните мне пожалуйста|перезвоните через десять минут|пусть мне перезвонит менеджер
        мне никто не перезвонил|запишите мой телефон|мой номер восемь девятьсот двенадцать|это срочно""",
}
RUSSIAN_QUESTIONS = """до скольки работает оператор|сколько стоит доставка|здравствуйте хочу узнать про твердомер
    когда приедет инженер|сколько стоит выезд инженера|повторите адрес пожалуйста|нужна поверка|мне нужен пресс
    продиктуйте телефон менеджера|какая у вас гарантия|датчик силы не работает|у меня вопрос по гарантии
    сколько стоит машина на сто килоньютон|есть ли парковка|мне нужна испытательная машина|отмените заказ
    хочу вернуть товар|горит красная лампа|здравствуйте вы работаете сегодня|как пожаловаться на менеджера
    подождите сколько стоит доставка|секунду а какая гарантия|минутку у вас есть датчики|погодите это цена с доставкой
    сейчас вы работаете|какой пресс работает тише|как сделать машину быстрее|сколько минут идёт испытание
    можно ли доставить быстрее|почему машина работает медленно|как быстро вы доставите|доставка быстрее чем за неделю
    подождите минутку а сколько стоит доставка|сколько ждать минуту|испытание длится одну секунду
    сколько нужно подождать минут|мне нужен пресс который я посмотрю на складе|у меня два два вопроса по гарантии
    сколько человек вы обучаете|вы делаете поверку|когда у вас обеденный перерыв|какой ход траверсы"""
ENGLISH = {
    "operator": """connect me with the operator|put me through to the sales department|i want to speak to a person
        can i talk to an engineer|can i speak to somebody in sales|i need technical support|operator
        hello i'd like to talk to a manager|i want to talk to a human""",
    "answer": "are you a robot|is this a machine or a person|who am i talking to|are you recording this call|help me",
    "goodbye": "goodbye|thank you goodbye|have a nice day|that's all thank you|nothing else|sorry wrong number",
    "repeat": """repeat please|could you repeat that please|say that again|pardon|what did you say
        again please|what|what was that|can you please say that again|one more time""",
    "wait": """wait a moment|just a moment|hold on please|one second please|let me write it down|hold on|wait
        wait please
        hang on a second|one moment|just a sec|give me a minute|give me a second please|could you hold on a moment
        can you wait a minute|let me check|let me see|bear with me|i'll be right back|don't hang up|hold on let me see
        wait i'm looking for it|let me get a pen
        hold on a minute|wait wait|hold on a minute hold on a minute|hold the line please|yes hold on a minute
        sorry one second|how much is the delivery hold on a minute|i need a hardness tester just a moment
        hold on a minute i'll get a pen and write it down""",
    "slower": """speak slower please|could you speak slower|could you speak more slowly please
        can you talk a bit slower|slower
        slow down|slower down|slow down please|not so fast
        you are speaking too fast|that was too fast|a little slower please""",
    "faster": "speak faster please|could you speak a little faster|faster please|you are too slow|speed up a bit",
    "louder": """could you speak up|can you speak up please|speak up|speak louder please|please speak louder|louder
        a bit louder
        i can't hear you|i can hardly hear you|sorry i can't hear you very well|you are too quiet
        a little louder please""",
    "quieter": "quieter please|not so loud|you are too loud|could you speak a bit quieter|don't shout",
    "thanks": "thank you|thanks a lot|thank you for your help",
    "yes": "yes|yes please|of course|that is correct",
    "no": "no|no thank you",
    "greeting": "hello|good morning|hi there",
    "offer": "please call me back tomorrow|can somebody call me back|it is very urgent",
}
ENGLISH_QUESTIONS = """what are your opening hours|when can the engineer come|what is your phone number
    how long is the warranty|the machine does not start|i need a hardness tester|can you repeat the address
    do you repair old machines|hello i have a question about your price list
    does a test take just a minute|can you make the price a bit lower please just a bit|i want one more
    wait i need a price list for the tester|is it repeated again and again
    wait how much is the delivery|hold on is that with delivery|one minute tests per day|how fast is the machine
    can you deliver faster|how loud is the machine|which machine is quieter|where is our order"""


def phrases(text: str) -> list[str]:
    return [phrase.strip() for line in text.splitlines() for phrase in line.split("|") if phrase.strip()]


@pytest.mark.parametrize(
    ("intents", "kind", "text"),
    [(RU, kind, text) for kind, texts in RUSSIAN.items() for text in phrases(texts)]
    + [(EN, kind, text) for kind, texts in ENGLISH.items() for text in phrases(texts)],
)
def test_commands_are_understood(intents: Intents, kind: str, text: str) -> None:
    intent = intents.match(text)
    assert intent is not None
    assert intent.kind == kind
    assert intent.reply or kind in {"operator", "goodbye", "repeat", "slower", "faster", "louder", "quieter"}


@pytest.mark.parametrize(
    ("intents", "text"),
    [(RU, text) for text in phrases(RUSSIAN_QUESTIONS)] + [(EN, text) for text in phrases(ENGLISH_QUESTIONS)],
)
def test_questions_stay_questions(intents: Intents, text: str) -> None:
    assert intents.match(text) is None


def test_punctuation_case_and_yo_do_not_matter() -> None:
    assert RU.match("Всё, спасибо!") == RU.match("все спасибо")
    assert RU.match("Соедините с оператором.") is not None
    assert RU.match("") is None
    assert RU.match("...") is None


@given(st.text(max_size=120))
def test_any_text_can_be_matched(text: str) -> None:
    intent = RU.match(text)
    assert intent is None or isinstance(intent, Intent)


def test_a_reply_may_be_firm(path: Path) -> None:
    rows = "[[intent]]\nname = 'a'\nkind = 'answer'\nreply = '{}Разговор записан.'\npatterns = ['да']"
    for mark in ("", "!"):
        path.write_text(rows.format(mark), encoding="utf-8")
        intent = load_intents(path.parents[1], "ru").match("да")
        assert intent == Intent("a", "answer", "Разговор записан.", firm=bool(mark))


def test_a_long_story_is_no_command() -> None:
    assert RU.match("соедините " + "слово " * 30 + "с оператором") is None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    shutil.copytree(PROMPTS / "ru", tmp_path / "ru")
    return tmp_path / "ru" / "intents.toml"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "prompt is empty"),
        ("fillers = []", r"no \[\[intent\]\]"),
        ("[[intent]]\nkind = 'yes'\npatterns = ['да']", "has no name"),
        ("[[intent]]\nname = 'a'\nkind = 'sing'\npatterns = ['да']", "a: kind must be one of operator"),
        ("[[intent]]\nname = 'a'\nkind = 'yes'\npatterns = []", "a: patterns must be a list"),
        ("[[intent]]\nname = 'a'\nkind = 'yes'\npatterns = ['(да']", "a: a pattern can't be read"),
        ("intent = 5", r"intent: each stands under a line \[\[intent\]\]"),
        ("[intent]\nname = 'a'", r"intent: each stands under a line \[\[intent\]\]"),
        ("intent = ['да']", r"intent: each stands under a line \[\[intent\]\]"),
        ("[[intents]]\nname = 'a'", "intents: there is no such key"),
        ("fillers = 5\n[[intent]]\nname = 'a'\nkind = 'yes'\npatterns = ['да']", "fillers must be a list"),
        ("anywhere = 5\n[[intent]]\nname = 'a'\nkind = 'yes'\npatterns = ['да']", "anywhere must be a list"),
        ("fillers = [5]\n[[intent]]\nname = 'a'\nkind = 'yes'\npatterns = ['да']", "fillers must be a list"),
        ("[[intent]]\nname = 'a'\nkind = 'yes'\npatterns = ['да']\nreplay = 'да'", "a: replay: there is no such key"),
        ("[[intent]]\nname = 'a'\nkind = 'yes'\npatterns = ['да']\nreply = 5", "a: reply must be a text"),
        ("[[intent]]\nname = 'a'\nkind = 'answer'\npatterns = ['да']", "a: a reply is needed"),
    ],
)
def test_a_wrong_file_is_explained(path: Path, text: str, says: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StartError, match=rf"intents\.toml: .*{says}|intents\.toml: {says}"):
        load_intents(path.parents[1], "ru")


def test_a_row_of_backchannels_is_one() -> None:
    for intents, text in ((RU, "угу ага"), (RU, "так так"), (EN, "mhm okay")):
        match = intents.match(text)
        assert match is not None
        assert match.kind == "backchannel"
