"""Knowledge, prompts and settings mended on the page, in a real browser; the real agent answers by them."""

import shutil
import tomllib
from importlib.resources import files
from pathlib import Path

import aiohttp
import pytest

from agent.settings import Settings
from bench.daemon import ROOT, DaemonProcess
from tests.e2e.test_page import AXE, SHOTS, browser, opened
from tests.gateways.browser import Page, open_page

__all__ = ["browser"]
QUESTION = "сколько стоит дегустация мёда"
SECTION = "\\n<<->>\\n# Дегустация мёда\\nДегустация мёда стоит 700 рублей.\\n"


@pytest.fixture
def house(launch, tmp_path: Path) -> DaemonProcess:  # type: ignore[no-untyped-def]
    """A daemon with texts of its own, which the page may write."""
    shutil.copytree(ROOT / "prompts", tmp_path / "prompts")
    (tmp_path / "kb").mkdir()
    for base in ("general", "tech"):
        shutil.copyfile(ROOT / f"kb/{base}.md", tmp_path / f"kb/{base}.md")
    return launch({"KB__DIR": tmp_path / "kb", "PROMPTS__DIR": tmp_path / "prompts"})  # type: ignore[no-any-return]


async def asked(daemon: DaemonProcess, question: str = QUESTION) -> str:
    """What the agent says to it."""
    said = []
    url = f"http://127.0.0.1:{daemon.web_port}/ws?format=json"
    async with aiohttp.ClientSession(headers={"X-API-Key": daemon.web_key}) as http, http.ws_connect(url) as socket:
        await socket.send_str(question)
        while not (news := await socket.receive_json(timeout=10)).get("done"):
            said.append(news["text"])
    return " ".join(said)


async def visit(page: Page, daemon: DaemonProcess, place: str) -> None:
    """Another place of the same page."""
    view = place.split("/", maxsplit=1)[0]
    await page.run("document.querySelector('main').replaceChildren()")
    await page.run(f"location.hash = '#/{place}'")
    await page.until(f"document.querySelector('main').dataset.view === '{view}' && document.querySelector('main h1')")


async def told(page: Page, text: str) -> None:
    """A toast says so; the older ones are clicked away."""
    said = f"[...document.querySelectorAll('.toast')].find((e) => e.textContent.includes('{text}'))"
    await page.until(said)
    await page.run(f"document.querySelectorAll('.toast').forEach((e) => e === {said} || e.click())")


async def written(page: Page, selector: str, text: str) -> None:
    """A field is filled anew by hand."""
    await page.until(f"document.querySelector(`{selector}`)")
    await page.run(f"(() => {{ const e = document.querySelector(`{selector}`); e.focus(); e.select?.(); }})()")
    await page.type_at_once(text)


async def test_an_answer_is_mended_on_the_page_and_undone(house: DaemonProcess) -> None:
    async with open_page() as page:
        await opened(page, house, "knowledge")
        assert "700" not in await asked(house)
        await page.click(".parts a", "Проверить вопрос")
        await page.click("#asked")
        await page.type(QUESTION)
        await page.click("form.ask button")
        await page.until("document.querySelector('.alarm')?.textContent.includes('не знает')")

        await page.click(".parts a", "Править")
        await page.until("document.querySelector('#text')?.value.length > 1000")
        await page.run(
            "(() => { const e = document.querySelector('#text'); e.focus(); e.selectionStart = e.value.length; })()"
        )
        await page.type_at_once(SECTION.replace("\\n", "\n"))
        await page.until("[...document.querySelectorAll('.sections button')].at(-1).textContent === 'Дегустация мёда'")
        await page.click(".actions button", "Показать изменения")
        assert await page.until("document.querySelectorAll('.diff li.new').length") == 4
        await page.click(".parts a", "Читать")  # what was written waits
        await page.until("document.querySelector('.prose')")
        await page.click(".parts a", "Править")
        await page.until("document.querySelector('.note')?.textContent.includes('не сохранены')")
        await page.click(".actions button", "Сохранить")
        await told(page, "по новому тексту")
        assert "700 рублей" in await asked(house)
        await page.click(".parts a", "Проверить вопрос")
        await page.click("#asked")
        await page.type(QUESTION)
        await page.click("form.ask button")
        await page.until("document.querySelector('.finds h2')?.textContent.includes('Дегустация мёда')")
        await page.picture(SHOTS / "kb-search.png", whole=True)

        await page.click(".parts a", "Прежние версии")
        await page.click(".rows button", "Сравнить")
        await page.until("document.querySelector('.diff li.new')")
        await page.click(".rows button", "Вернуть")
        await page.until("document.querySelectorAll('.rows > li').length === 2 && !document.querySelector('progress')")
        assert "700" not in await asked(house)
        assert page.faults == []


async def test_prompts_and_settings_are_checked_used_and_undone(house: DaemonProcess, tmp_path: Path) -> None:
    async with open_page() as page:
        await _change_prompts(page, house, tmp_path)
        await _change_settings(page, house)


async def _change_prompts(page: Page, house: DaemonProcess, tmp_path: Path) -> None:
    phrases = tmp_path / "prompts/ru/phrases.toml"
    before = phrases.read_text(encoding="utf-8")
    await opened(page, house, "prompts")
    await written(page, "#p-ru-unheard-txt", "Без места.")
    await page.click(".actions button", "Сохранить")
    fault = "document.querySelector('#p-ru-unheard-txt-fault').textContent"
    assert "{} is missing" in await page.until(fault)
    assert await page.run("document.activeElement.id") == "p-ru-unheard-txt"
    page.faults.clear()  # Chromium notes the refusal as an error
    assert (tmp_path / "prompts/ru/unheard.txt").read_text(encoding="utf-8") != "Без места."
    await page.click(".actions button", "Отменить правки")
    await page.until("document.querySelector('#p-ru-unheard-txt')?.value !== 'Без места.'")

    await written(page, "#p-ru-no_answer", "Увы, не знаю.")
    await written(page, "#p-ru-hold", "Жду.\nЖду вас.")
    await page.click(".actions button", "Сохранить")
    await told(page, "Сохранено")
    assert (await asked(house)).startswith("Увы, не знаю.")
    assert tomllib.loads(phrases.read_text(encoding="utf-8"))["hold"] == ["Жду.", "Жду вас."]
    await page.click(".toast button", "Вернуть как было")
    await page.until("document.querySelector('#p-ru-no_answer')?.value.startsWith('К сожалению')")
    assert phrases.read_text(encoding="utf-8") == before
    assert (await asked(house)).startswith("К сожалению")

    await visit(page, house, "prompts/personas")
    await page.until("document.querySelector('textarea')?.value.length > 20")
    await visit(page, house, "prompts/en")
    await written(page, "#p-en-greeting", "Hello.")
    await page.click(".actions button", "Сохранить")
    await told(page, "Сохранено")
    assert tomllib.loads((tmp_path / "prompts/en/phrases.toml").read_text())["greeting"] == "Hello."
    assert page.faults == []


async def _change_settings(page: Page, house: DaemonProcess) -> None:
    known = "какая гарантия на оборудование"
    await visit(page, house, "settings")
    assert "24" in await asked(house, known)
    await written(page, "#s-kb-threshold", "7")
    await page.click(".actions button", "Сохранить")
    assert "less than or equal to 1" in await page.until("document.querySelector('#s-kb-threshold-fault').textContent")
    page.faults.clear()
    await written(page, "#s-kb-threshold", "1")
    await page.click("#s-turns-barge_in")
    await written(page, "#s-tts-speed_wpm", "120")
    await page.click(".actions button", "Сохранить")
    await told(page, "Настройки сохранены")
    await page.until("[...document.querySelectorAll('.warm')].some((e) => e.textContent.includes('запустят заново'))")
    saved = tomllib.loads((house.storage / "settings.toml").read_text(encoding="utf-8"))
    assert saved == {"kb": {"threshold": 1}, "turns": {"barge_in": False}, "tts": {"speed_wpm": 120}}
    while "24" in await asked(house, known):  # the texts are indexed anew on a thread
        continue
    await page.click(".rows button", "Сравнить")
    usual = str(Settings().kb.threshold)
    assert usual in await page.until("document.querySelector('.diff li.gone')?.textContent")
    await page.click(".toast button", "Вернуть как было")
    await page.until(f"document.querySelector('#s-kb-threshold')?.value === '{usual}'")
    while "24" not in await asked(house, known):
        continue
    assert page.faults == []


async def test_a_file_is_dropped_and_a_wrong_answer_is_reported(house: DaemonProcess, tmp_path: Path) -> None:
    async with open_page() as page:
        await page.resize(1280, 900)
        await opened(page, house, "knowledge")
        await visit(page, house, "knowledge/tech/edit")
        for choice, said in (("Заменить текст", ".diff li.new"), ("Добавить документ", ".toast")):
            await page.until("document.querySelector('#text')?.value.length > 100")
            await page.run(DROP)
            await page.click("dialog button", choice)
            await page.until(f"document.querySelector('{said}')")
            await page.click(".actions button", "Отменить правки") if said == ".diff li.new" else None
        await told(page, "по новому тексту")
        assert (tmp_path / "kb/tech/Мёд.md").exists()
        assert "700 рублей" in await asked(house)

        await visit(page, house, "knowledge/tech/documents")
        await page.click(".rows button", "Убрать")
        await page.click("dialog button", "Убрать")
        await page.until("document.querySelector('.empty h2')?.textContent === 'Документов пока нет'")
        await page.click(".toast button", "Вернуть как было")
        await page.until("document.querySelector('.rows li')?.textContent.includes('Мёд.md')")

        await visit(page, house, "knowledge/tech/wrong")
        await written(page, "#wrong-question", QUESTION)
        await written(page, "#wrong-expected", "700 рублей")
        await page.click("form button", "Записать")
        await page.until("document.querySelector('.rows li')?.textContent.includes('дегустация')")
        table = (house.storage / "wrong_answers.tsv").read_text(encoding="utf-8").splitlines()
        assert table[1].split("\t")[1:] == ["tech", QUESTION, "700 рублей", ""]
        await page.click(".rows a", "Проверить")
        await page.until("document.querySelector('.finds h2')")
        await visit(page, house, "knowledge/tech/wrong")
        await page.click(".rows button", "Исправлено")
        await page.until("document.querySelector('.empty')")
        assert page.faults == []


DROP = """(() => {
  const data = new DataTransfer();
  data.items.add(new File(['# Дегустация мёда\\nДегустация мёда стоит 700 рублей.\\n'], 'Мёд.md'));
  const drop = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
  document.querySelector('.drop').dispatchEvent(drop);
})()"""
PLACES = {
    "kb-read": "knowledge/general/read",
    "kb-edit": "knowledge/general/edit",
    "kb-documents": "knowledge/general/documents",
    "kb-backups": "knowledge/general/backups",
    "kb-search": "knowledge/general/search?q=сколько стоит доставка",
    "kb-wrong": "knowledge/general/wrong",
    "prompts": "prompts/ru",
    "personas": "prompts/personas",
    "settings": "settings",
}


async def test_every_page_of_editing_fits_and_is_accessible(house: DaemonProcess) -> None:
    axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + ";1"
    async with open_page() as page:
        await opened(page, house, "knowledge", "en")
        await page.run(axe)
        found = []
        for name, place in PLACES.items():
            await visit(page, house, place)
            for width, theme in ((375, "light"), (1280, "light"), (1280, "dark"), (1920, "dark")):
                await page.resize(width, 900, theme)
                assert await page.run(f"document.documentElement.scrollWidth <= {width}"), (name, width)
                await page.picture(SHOTS / f"{name}-{width}-{theme}.png")
                if width == 1280:
                    found += [f"{name} {theme}: {fault}" for fault in await page.run(AXE)]
        assert found == []
        assert page.faults == []
