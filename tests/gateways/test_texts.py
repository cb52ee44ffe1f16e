"""Bases, prompts and settings changed over HTTP: checked, kept, undone."""

import asyncio
import io
import tomllib
import zipfile
from typing import Any

import pytest
from aiohttp import FormData

from agent.desk.tunable import TUNABLE
from agent.prompts import FILES, SPOKEN
from gateways.bodies import DOCUMENT_MOST
from gateways.pages import STATIC
from tests.gateways.conftest import Office, Open
from tests.kb.test_building import pdf

BASE = "# Дегустация\nДегустация мёда стоит 700 рублей.\n"


def form(content: bytes, name: str = "general.md") -> FormData:
    made = FormData()
    made.add_field("file", io.BytesIO(content), filename=name)
    return made


async def sent(office: Office, path: str, content: bytes | str, name: str = "general.md", **more: Any) -> Any:
    body = content.encode() if isinstance(content, str) else content
    async with office.web.post(path, data=form(body, name), **more) as reply:
        return reply.status, await reply.json()


async def got(office: Office, path: str) -> Any:
    async with office.web.get(path) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.json()


async def built(office: Office, number: int) -> Any:
    """The progress when this build is over; the test's own limit ends the wait."""
    while (now := await got(office, "/api/kb/progress"))["built"] < number:  # noqa: ASYNC110 - HTTP has no event
        await asyncio.sleep(0.05)
    return now


async def test_a_new_base_is_searched_when_it_is_built_and_can_be_undone(open_office: Open) -> None:
    office = await open_office(answering=True)
    async with office.web.get("/kb") as reply:
        before, tag = await reply.text(), reply.headers["ETag"]
    asked = "/api/kb/search?q=сколько стоит дегустация мёда"
    assert "Дегустация" not in str((await got(office, asked))["found"])

    status, saved = await sent(office, "/kb/upload", BASE, headers={"If-Match": tag})
    assert (status, saved["sections"]) == (200, 1)
    assert (await built(office, saved["build"]))["fault"] == ""
    found = await got(office, asked)
    assert found["known"]
    first = found["found"][0]
    assert (first["base"], first["heading"]) == ("general", "Дегустация")
    assert first["matched"]
    assert first["score"] >= found["threshold"]

    status, refused = await sent(office, "/kb/upload", "# Иначе\nИначе.", headers={"If-Match": tag})
    assert (status, "meanwhile" in refused["detail"]) == (412, True)

    backups = (await got(office, "/api/backups?of=kb/ru/general.md"))["backups"]
    assert [row["id"] for row in backups] == [saved["replaced"]]
    assert (await got(office, f"/api/backups/{saved['replaced']}"))["text"] == before
    assert (await office.web.post(f"/api/backups/{saved['replaced']}/restore")).status == 200
    assert await (await office.web.get("/kb")).text() == before
    assert len((await got(office, "/api/backups?of=kb/ru/general.md"))["backups"]) == 2


@pytest.mark.parametrize(
    ("content", "name", "status", "said"),
    [
        (b"", "a.md", 422, "no field"),
        ("Привет".encode("cp1251"), "a.md", 422, "UTF-8"),
        (b"# Only a heading", "a.md", 422, "no section"),
        (b"a\0b", "a.txt", 422, "no text"),
        (b"MZ", "a.exe", 422, "can't be read"),
        (b"MZ", "a.pdf", 422, "named .pdf"),
        (b"%PDF-1.4 nothing", "a.pdf", 422, "can't be read"),
        (b"PK", "a.docx", 422, "named .docx"),
        (b"a" * (DOCUMENT_MOST + 1), "a.md", 413, "20 MB"),
        (b"# a\n" + b"a" * 5_000_000, "a.md", 422, "5 MB"),
    ],
    ids=[
        "empty",
        "encoding",
        "heading",
        "zeros",
        "exe",
        "no pdf",
        "broken pdf",
        "no docx",
        "too long",
        "too much text",
    ],
)
async def test_an_upload_is_looked_into_before_it_is_taken(
    office: Office, content: bytes, name: str, status: int, said: str
) -> None:
    before = (office.folder / "kb/general.md").read_bytes()

    answered, problem = await sent(office, "/kb/upload", content, name)

    assert (answered, said in problem["detail"]) == (status, True), problem
    assert (office.folder / "kb/general.md").read_bytes() == before


async def test_a_zip_that_says_it_is_a_document_is_none(office: Office) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", "x")
        file.writestr("word/document.xml", b"0" * 101_000_000)

    status, problem = await sent(office, "/kb/upload", packed.getvalue(), "bomb.docx")

    assert (status, "unpacked" in problem["detail"]) == (422, True)


async def test_documents_stand_beside_the_base_and_nowhere_else(open_office: Open) -> None:
    office = await open_office(answering=True)
    pytest.importorskip("pypdf", reason="the extra `documents` is not installed")
    status, kept = await sent(
        office, "/kb2/upload", pdf("Load cell 50 kN"), "Data_sheet.pdf", params={"document": "Лист (1).md"}
    )
    assert (status, kept["sections"]) == (200, 1)
    assert (office.folder / "kb/tech/Лист (1).md").read_text(encoding="utf-8") == "# Data sheet\nLoad cell 50 kN"
    (shown,) = (await got(office, "/api/kb"))["bases"]["tech"]["documents"]
    assert (shown["name"], shown["editable"]) == ("Лист (1).md", True)
    for name in ("../general.md", "/etc/passwd.md", "a/b.md", "..md", "a.html", "general.md/../../x.md", ".md"):
        status, problem = await sent(office, "/kb2/upload", BASE, params={"document": name})
        assert status == 422, (name, problem)
        assert (await office.web.get("/kb2", params={"document": name})).status in (404, 422), name
        assert (await office.web.delete("/kb2", params={"document": name})).status in (404, 422), name
    removed = await (await office.web.delete("/kb2", params={"document": "Лист (1).md"})).json()
    assert (await got(office, "/api/kb"))["bases"]["tech"]["documents"] == []
    undone = await (await office.web.post(f"/api/backups/{removed['replaced']}/restore")).json()
    now = await built(office, undone["build"])
    assert (now["fault"], now["sections"] > 100) == ("", True)
    assert (office.folder / "kb/tech/Лист (1).md").exists()


async def test_a_document_is_shown_as_markdown_before_it_is_kept(office: Office) -> None:
    pytest.importorskip("markdownify", reason="the extra `documents` is not installed")
    page = "<h1>Прокат</h1><p>От месяца.</p><script>alert(1)</script>"

    status, shown = await sent(office, "/api/kb/convert", page, "a/b\\Прокат.html")

    assert status == 200
    assert shown["markdown"].split() == ["#", "Прокат", "От", "месяца."]


async def test_prompts_are_changed_checked_and_undone(office: Office) -> None:
    before = await got(office, "/api/prompts")
    assert before["greeting"] == before["phrases"]["ru"]["greeting"]
    assert {"ru/system.txt", "en/intents.toml", "personas/warm.ru.txt"} <= set(before["files"])
    assert "ru/tools.toml" not in before["files"]

    reply = await office.web.post("/api/prompts", json={"greeting": "Алло.", "en/fillers": ["Hm."]})
    saved = await reply.json()
    assert saved["changed"] == ["ru/phrases.toml", "en/phrases.toml"]
    now = await got(office, "/api/prompts")
    assert (now["greeting"], now["phrases"]["en"]["fillers"]) == ("Алло.", ["Hm."])

    for changes, said in (
        ({"ru/unheard.txt": "без места"}, "ru/unheard.txt: {} is missing"),
        ({"greeting": "Да.", "goodbye": ""}, "goodbye"),
        ({"system": None}, "a text is needed"),
        ({"nothing": "x"}, "there is no such prompt"),
    ):
        refused = await office.web.post("/api/prompts", json=changes)
        assert (refused.status, said in (await refused.json())["detail"]) == (422, True), changes
    assert (await got(office, "/api/prompts"))["greeting"] == "Алло."

    for id_ in saved["replaced"]:
        assert (await office.web.post(f"/api/backups/{id_}/restore")).status == 200
    assert (await got(office, "/api/prompts"))["files"] == before["files"]


async def test_settings_are_told_with_their_limits_and_changed_by_either_name(office: Office) -> None:
    told = await got(office, "/api/settings")
    assert (told["KB_TOP_K"], told["KB_FALLBACK_THRESHOLD"], told["llm_model_fallback"]) == (3, 0.35, "")
    rows = {row["name"]: row for row in told["fields"]}
    assert (rows["kb.top_k"]["least"], rows["kb.top_k"]["most"], rows["kb.top_k"]["used"]) == (1, 20, "turn")
    assert rows["prompts.persona"]["choices"] == ["", "business", "warm"]
    assert "api_key" not in str(told)

    saved = await (await office.web.post("/api/settings", json={"KB_TOP_K": 5, "turns.barge_in": False})).json()
    assert (saved["KB_TOP_K"], saved["turns"]["barge_in"]) == (5, False)
    model = {"llm_model_primary": "a", "llm_model_fallback": "b", "llm_temperature": 0.7, "tts.speed_wpm": 120}
    saved = await (await office.web.post("/api/model-settings", json=model)).json()
    assert saved["llm_model_fallback"] == "b"
    assert [row["name"] for row in saved["fields"] if row["waits"]] == ["tts.speed_wpm"]
    written = tomllib.loads((office.folder / "settings.toml").read_text(encoding="utf-8"))
    assert written["kb"] == {"top_k": 5}
    assert written["tts"] == {"speed_wpm": 120}

    for changes, said in (
        ({"KB_TOP_K": 99, "llm.model": "c"}, "[kb] top_k: input should be less than or equal to 20"),
        ({"web.api_key": "mine"}, "can't be changed while Allo runs"),
        ({"llm.base_url": "http://elsewhere"}, "can't be changed while Allo runs"),
        ({"kb.top_k": None}, "a number"),
        ({"tts.voice": "nobody"}, "no voice 'nobody'"),
        ({"tts.engine": "piper"}, "[tts] voice: Piper has not got"),
        ({"tts.speed_wpm": "fast"}, "[tts] speed_wpm"),
    ):
        refused = await office.web.post("/api/settings", json=changes)
        assert (refused.status, said in (await refused.json())["detail"]) == (422, True), changes
    assert (await got(office, "/api/settings"))["llm_model_primary"] == "a"

    (id_,) = saved["replaced"]
    undone = await (await office.web.post(f"/api/backups/{id_}/restore")).json()
    assert (undone["llm_model_primary"], undone["KB_TOP_K"]) == (told["llm_model_primary"], 5)
    assert (await office.web.post("/api/backups/999/restore")).status == 404


async def test_what_the_environment_sets_is_said_and_stays(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KB_TOP_K", "4")

    rows = {row["name"]: row for row in (await got(office, "/api/settings"))["fields"]}
    refused = await office.web.post("/api/settings", json={"KB_TOP_K": 5})

    assert rows["kb.top_k"]["fixed_by"] == "KB_TOP_K"
    assert (refused.status, "KB_TOP_K" in (await refused.json())["detail"]) == (422, True)


async def test_wrong_answers_are_reported_once_a_turn(office: Office) -> None:
    wrong = {"question": "сколько\tстоит аренда", "expected": "700 рублей", "kb": "general"}
    for body in (wrong, {**wrong, "expected": "800 рублей"}, {**wrong, "call_id": "sip-1@a", "turn": 2}):
        assert (await office.web.post("/api/wrong-answers", json=body)).status == 200
    assert (await office.web.post("/api/wrong-answers", json={"question": ""})).status == 422
    assert (await office.web.post("/api/wrong-answers", json={**wrong, "call_id": "../x"})).status == 422

    rows = (await got(office, "/api/wrong-answers"))["wrong"]
    assert [(row["expected"], row["id"][:5]) for row in rows] == [("800 рублей", "page-"), ("700 рублей", "call-")]
    assert rows[0]["question"] == "сколько стоит аренда"
    assert (await office.web.delete(f"/api/wrong-answers/{rows[1]['id']}")).status == 200
    assert (await office.web.delete(f"/api/wrong-answers/{rows[1]['id']}")).status == 404
    assert len((await got(office, "/api/wrong-answers"))["wrong"]) == 1


async def test_a_build_that_fails_is_told_and_the_old_index_answers(open_office: Open) -> None:
    office = await open_office(answering=True)
    (office.folder / "kb/tech.md").write_bytes(b"\xff\xfe")

    _, saved = await sent(office, "/kb/upload", BASE)

    assert "tech.md: knowledge base is not UTF-8 text" in (await built(office, saved["build"]))["fault"]
    assert (await got(office, "/api/kb/search?q=какая гарантия"))["known"]


def test_the_page_explains_every_setting_and_every_prompt() -> None:
    settings = (STATIC / "setting_words.js").read_text(encoding="utf-8")
    prompts = (STATIC / "prompt_words.js").read_text(encoding="utf-8")
    named = (*SPOKEN, *(file.removesuffix(".txt") for file in FILES.values()))

    assert [name for name in TUNABLE if f'"{name}": [["' not in settings] == []
    assert [name for name in named if f" {name}: [" not in prompts and f'"{name}.txt": [' not in prompts] == []


async def test_texts_of_a_language_that_is_not_in_force_are_kept_beside_and_undone(open_office: Open) -> None:
    office = await open_office(answering=True)
    english = {"language": "en"}
    told = await (await office.web.get("/api/kb", params=english)).json()
    assert (told["language"], told["languages"]) == ("ru", ["ru", "en"])
    assert (await (await office.web.get("/kb", params=english)).text()) == ""

    for text in ("# Hours\nWe work from 9 to 18.\n", "# Hours\nWe are closed.\n"):
        saved = await office.web.post("/kb/upload", params=english, data=form(text.encode()))
        assert saved.status == 200, await saved.text()

    assert (office.folder / "kb/en/general.md").read_text(encoding="utf-8") == "# Hours\nWe are closed.\n"
    assert "Hours" not in await (await office.web.get("/kb")).text()
    (kept,) = (await (await office.web.get("/api/backups?of=kb/en/")).json())["backups"]
    assert (await office.web.post(f"/api/backups/{kept['id']}/restore")).status == 200
    assert "9 to 18" in await (await office.web.get("/kb", params=english)).text()
    assert (await office.web.get("/kb", params={"language": "../ru"})).status == 422
