"""Documents to an index on disk: what is read, what is embedded again, how it is swapped."""

import asyncio
import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from agent.desk.building_apart import rebuild
from agent.errors import StartError
from agent.knowledge import open_knowledge
from agent.settings import Embed, Kb, Settings, Storage
from kb.building import Workshop
from kb.convert import to_markdown
from kb.hashing import HashEmbedder
from kb.library import Library
from kb.meanings import WordVectors
from kb.terms import Terms
from kb.vectors import LocalStore

RU = Terms("ru")
GENERAL = "# Цены\nПресс стоит пять рублей.\n<<->>\n# Доставка\nВезём по всей России.\n"
TECH = "# Захваты\nКлиновые и гидравлические.\n"


class Counting(HashEmbedder):
    """Ours, and what it was asked."""

    def __init__(self) -> None:
        super().__init__(RU, WordVectors.load("ru"))
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Any:
        self.asked += texts
        return await super().embed(texts)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "kb"
    folder.mkdir()
    (folder / "general.md").write_text(GENERAL, encoding="utf-8")
    (folder / "tech.md").write_text(TECH, encoding="utf-8")
    return folder


def workshop(texts: Path, embedder: HashEmbedder | None = None, backups: int = 5) -> Workshop:
    return Workshop(
        texts.parent / "builds", Library(texts), RU, embedder or HashEmbedder(RU, None), LocalStore(), backups
    )


def settings(texts: Path, **more: Any) -> Settings:
    return Settings(kb=Kb(dir=texts), storage=Storage(dir=texts.parent / "var"), **more)


async def test_only_changed_sections_are_embedded_again(texts: Path) -> None:
    embedder = Counting()
    shop = workshop(texts, embedder)
    first = await shop.build()
    assert (first.manifest.sections, first.manifest.embedded, len(embedder.asked)) == (3, 3, 3)
    (texts / "general.md").write_text(GENERAL.replace("пять", "семь"), encoding="utf-8")
    assert not shop.fresh(first)
    second = await shop.build()
    assert second.manifest.embedded == 1
    assert "семь" in embedder.asked[-1]
    assert shop.fresh(second)


async def test_what_is_read_again_is_what_was_built(texts: Path) -> None:
    shop = workshop(texts)
    await shop.build()
    built = shop.current()
    assert built is not None
    assert built.sections == shop.library.sections()
    assert built.vectors is not None
    (query,) = HashEmbedder(RU, None).rows([built.sections[2].enriched])
    assert int(built.vectors.cosines(query).argmax()) == 2
    wanted = {"захват": 1.0}
    assert built.index.scores(wanted)[2] > 0.5


async def test_sections_say_where_they_come_from(texts: Path) -> None:
    section = (await workshop(texts).build()).sections[1]
    text = "# Цены\nЦены\nПресс стоит пять рублей.\n<<->>\n# Доставка\nДоставка\nВезём по всей России."
    assert (section.base, section.heading, section.source) == ("general", "Доставка", "general.md")
    assert text[section.start :].startswith("Везём")
    assert len(section.checksum) == 64


async def test_a_build_that_fails_changes_nothing_and_old_ones_are_kept(texts: Path) -> None:
    shop = workshop(texts, backups=2)
    for number in range(4):
        (texts / "tech.md").write_text(f"{TECH} {number}", encoding="utf-8")
        await shop.build()
    names = sorted(path.name for path in shop.folder.iterdir() if path.is_dir())
    assert len(names) == 3
    (texts / "tech.md").write_text("", encoding="utf-8")
    with pytest.raises(StartError, match=r"tech\.md"):
        await shop.build()
    built = shop.current()
    assert built is not None
    assert built.sections[-1].text.endswith("3")
    (shop.folder / "19990101-000000-0.part").mkdir()  # what a killed build leaves behind
    (texts / "tech.md").write_text(TECH, encoding="utf-8")
    await shop.build()
    assert [path for path in shop.folder.iterdir() if path.suffix == ".part"] == []


async def test_a_torn_build_is_as_good_as_none(texts: Path) -> None:
    shop = workshop(texts)
    await shop.build()
    name = (shop.folder / "current").read_text()
    (shop.folder / name / "manifest.json").write_text("{")
    assert shop.current() is None
    assert (await shop.build()).manifest.embedded == 3


async def test_progress_is_told(texts: Path) -> None:
    told: list[tuple[str, int, int]] = []
    await workshop(texts).build(lambda stage, done, of: told.append((stage, done, of)))
    assert told[:2] == [("read", 1, 2), ("read", 2, 2)]
    assert ("embed", 3, 3) in told
    assert told[-1] == ("store", 1, 1)


async def test_calls_go_on_while_the_index_is_changed(texts: Path) -> None:
    now = settings(texts)
    knowledge = open_knowledge(now)
    before = knowledge.version
    (texts / "general.md").write_text(GENERAL.replace("пять", "девять"), encoding="utf-8")
    asking = True
    answers: list[str] = []

    async def ask() -> None:
        while asking:
            answers.append((await knowledge.search("сколько стоит пресс"))[0].text)
            await asyncio.sleep(0.01)  # the build is made beside it, on the same cores

    caller = asyncio.create_task(ask())
    assert await rebuild(knowledge, now) == 3
    after = await knowledge.search("сколько стоит пресс")
    asking = False
    await caller
    assert "девять" in after[0].text
    assert knowledge.version != before
    assert "пять рублей" in answers[0]
    assert open_knowledge(now).version == knowledge.version


def test_documents_in_folders_join_their_base(texts: Path) -> None:
    (texts / "tech" / "more").mkdir(parents=True)
    (texts / "tech" / "more" / "Смазка узлов.txt").write_text("Масло меняют раз в год.\n# не заголовок", "utf-8")
    (texts / "tech" / ".hidden.txt").write_text("тайна", "utf-8")
    (texts / "tech" / "picture.png").write_bytes(b"PNG")
    section = Library(texts).sections()[-1]
    assert (section.base, section.heading, section.source) == ("tech", "Смазка узлов", "tech/more/Смазка узлов.txt")
    assert "меняют" in section.text


def test_files_may_be_named_one_by_one(texts: Path, tmp_path: Path) -> None:
    other = tmp_path / "другие.md"
    other.write_text("# Часы\nС девяти.", encoding="utf-8")
    library = Library(texts, general=other)
    assert [section.heading for section in library.sections()] == ["Часы", "Захваты"]
    assert set(library.checksums()) == {"другие.md", "tech.md"}


def test_html_becomes_sections(texts: Path) -> None:
    pytest.importorskip("markdownify", reason="the extra `documents` is not installed")
    page = "<html><head><title>x</title></head><body><nav>Меню</nav><h1>Прокат</h1><p>От <b>месяца</b>.</p>"
    page += "<h2>Залог</h2><ul><li>Не нужен.</li></ul><script>alert(1)</script></body></html>"
    (texts / "general").mkdir()
    (texts / "general" / "rent.html").write_text(page, encoding="utf-8")
    sections = [section for section in Library(texts).sections() if section.source == "general/rent.html"]
    assert [section.heading for section in sections] == ["Прокат", "Прокат / Залог"]
    assert sections[0].text == "От месяца."
    assert "Не нужен." in sections[1].text
    assert "alert" not in sections[1].text


def test_docx_becomes_sections(texts: Path) -> None:
    docx = pytest.importorskip("docx", reason="the extra `documents` is not installed")
    document = docx.Document()
    document.add_heading("Обслуживание", 1)
    document.add_paragraph("Раз в год.")
    document.add_heading("Цены", 2)
    cells = document.add_table(1, 2).rows[0].cells
    cells[0].text, cells[1].text = "Осмотр", "500 рублей"
    (texts / "tech").mkdir()
    document.save(str(texts / "tech" / "service.docx"))
    sections = [section for section in Library(texts).sections() if section.source == "tech/service.docx"]
    assert [(s.heading, s.text) for s in sections] == [
        ("Обслуживание", "Раз в год."),
        ("Обслуживание / Цены", "Осмотр — 500 рублей"),
    ]


def pdf(text: str) -> bytes:
    """A page that shows one line of ASCII, made by hand (PDF 1.4, ISO 32000)."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + b"xref\n0 6\n0000000000 65535 f \n" + table + end


def test_pdf_becomes_sections_and_a_broken_one_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pypdf", reason="the extra `documents` is not installed")
    path = tmp_path / "Data_sheet.pdf"
    path.write_bytes(pdf("Load cell 50 kN"))
    assert to_markdown(path).split("\n") == ["# Data sheet", "Load cell 50 kN"]
    path.write_bytes(pdf(" "))
    with pytest.raises(StartError, match=r"Data_sheet\.pdf: this PDF holds no text"):
        to_markdown(path)
    path.write_bytes(b"%PDF-1.4 nothing")
    with pytest.raises(StartError, match=r"Data_sheet\.pdf: this PDF can't be read"):
        to_markdown(path)


@pytest.mark.parametrize(("user", "opens"), [("", True), ("secret", False)])
def test_a_pdf_with_a_password_is_named(tmp_path: Path, user: str, opens: bool) -> None:
    pypdf = pytest.importorskip("pypdf", reason="the extra `documents` is not installed")
    pytest.importorskip("cryptography", reason="the extra `documents` is not installed")
    writer = pypdf.PdfWriter(clone_from=BytesIO(pdf("Load cell 50 kN")))
    writer.encrypt(user, owner_password="owner", algorithm="AES-256")
    path = tmp_path / "Data_sheet.pdf"
    writer.write(path)
    if opens:
        assert "Load cell 50 kN" in to_markdown(path)
    else:
        with pytest.raises(StartError, match=r"Data_sheet\.pdf: this PDF is protected by a password"):
            to_markdown(path)


def test_a_page_is_read_in_the_encoding_that_it_declares(tmp_path: Path) -> None:
    pytest.importorskip("markdownify", reason="the extra `documents` is not installed")
    path = tmp_path / "a.html"
    page = '<head><meta http-equiv="Content-Type" content="text/html; charset={}"></head><h1>Цены</h1>Пять рублей.'
    for name in ("windows-1251", "koi8-r", "utf-8", "utf-16", "no-such", "hex"):
        path.write_bytes(page.format(name).encode(name if name in ("windows-1251", "koi8-r") else "utf-8"))
        assert to_markdown(path).split() == ["#", "Цены", "Пять", "рублей."]
    path.write_bytes("<h1>Цены</h1>".encode("windows-1251"))
    with pytest.raises(StartError, match=r"a\.html: knowledge base is not UTF-8"):
        to_markdown(path)


@pytest.mark.parametrize("what", ["no document", "half of one", "deep"])
def test_a_document_that_its_library_chokes_on_is_named(tmp_path: Path, what: str) -> None:
    docx = pytest.importorskip("docx", reason="the extra `documents` is not installed")
    path = tmp_path / ("a.html" if what == "deep" else "a.docx")
    if what == "deep":
        path.write_text("<div>" * 3000 + "x", encoding="utf-8")
    else:
        whole = BytesIO()
        docx.Document().save(whole)
        with ZipFile(whole) as source, ZipFile(path, "w") as broken:
            for name in source.namelist() if what == "half of one" else ("a.txt",):
                text = source.read(name if what == "half of one" else "word/document.xml")
                broken.writestr(name, text[:200] if name == "word/document.xml" else text)
    with pytest.raises(StartError, match=rf"{path.name}: this document is broken"):
        to_markdown(path)


def test_documents_of_other_kinds_are_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"a\.xls.*can't be read; use \.docx"):
        to_markdown(tmp_path / "a.xls")


async def test_chroma_finds_what_the_file_finds(texts: Path) -> None:
    pytest.importorskip("langchain_chroma", reason="the extra `chroma` is not installed")
    now = settings(texts, embed=Embed(engine="hash")).model_copy(
        update={"kb": Kb(dir=texts, store="chroma", chroma_dir=texts.parent / "vectors")}
    )
    local, chroma = open_knowledge(settings(texts)), open_knowledge(now)
    await rebuild(chroma, now)
    assert (texts.parent / "vectors").exists()
    for question in ("сколько стоит пресс", "куда доставляете", "какие захваты"):
        theirs, ours = await chroma.search(question), await local.search(question)
        assert theirs[0].heading == ours[0].heading
    found = (await chroma.explain("клиновые захваты")).found[0]
    assert found.passage.base == "tech"
    assert open_knowledge(now).version == chroma.version


def test_manifest_tells_what_a_build_was_made_of(texts: Path) -> None:
    shop = workshop(texts)
    asyncio.run(shop.build())
    name = (shop.folder / "current").read_text()
    made = json.loads((shop.folder / name / "manifest.json").read_text())
    assert set(made["sources"]) == {"general.md", "tech.md"}
    assert (made["language"], made["embedder"], made["store"]) == ("ru", "hash-1", "local")
