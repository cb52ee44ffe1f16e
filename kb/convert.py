"""Documents to Markdown: .md and .txt as they are, .html, .pdf and .docx through libraries of the extra ``documents``.

A document without ``<<->>`` is cut at its headings.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agent.errors import StartError

SEPARATOR = "<<->>"
EXTRA = "install it with `.venv/bin/python -m pip install -e '.[documents]'`"
CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
OLD_ENCODINGS = ("cp1251", "cp1252", "koi8-r", "koi8-u", "iso8859-1", "iso8859-5", "cp866")
"""Of pages that are not UTF-8, as Python calls them; a page that declares another one is read as UTF-8."""
HEADING_STYLE = re.compile(r"^(?:Heading|Заголовок|Title)\s*(\d*)$")


def to_markdown(path: Path) -> str:
    """The text of a document; raises ``StartError`` naming the file when it can't be had."""
    convert = CONVERTERS.get(path.suffix.lower())
    if convert is None:
        raise StartError(f"{path}: documents of this kind can't be read; use {', '.join(sorted(CONVERTERS))}")
    try:
        return convert(path)
    except OSError as error:
        raise StartError(f"{path}: knowledge base can't be read: {error.strerror}; see docs/knowledge.md") from None
    except UnicodeDecodeError:
        raise StartError(f"{path}: knowledge base is not UTF-8 text; save it as UTF-8") from None
    except StartError:
        raise
    except Exception as error:  # a library that reads documents may raise anything
        raise StartError(
            f"{path}: this document is broken ({type(error).__name__}); save it anew, or as text"
        ) from error


def _markdown(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")


def _text(path: Path) -> str:
    """Plain text has no headings: its name is one, and a ``#`` in it is no heading."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    body = "\n".join(re.sub(r"^#", r"\\#", line) for line in lines)
    return f"# {_title(path)}\n{body}\n"


def html_text(content: bytes) -> str:
    """A page's text, in the encoding that it declares, else UTF-8; raises ``UnicodeDecodeError``."""
    declared = CHARSET.search(content, 0, 4096)
    try:
        name = codecs.lookup(declared[1].decode()).name if declared else "utf-8"
    except LookupError:
        name = "utf-8"
    return content.decode(name if name in OLD_ENCODINGS else "utf-8-sig")


def _html(path: Path) -> str:
    try:
        from bs4 import BeautifulSoup  # noqa: PLC0415 - an extra
        from markdownify import MarkdownConverter  # noqa: PLC0415
    except ImportError:
        raise StartError(f"{path}: markdownify, which reads .html, is missing; {EXTRA}") from None
    page = BeautifulSoup(html_text(path.read_bytes()), "html.parser")
    for unspoken in page(["script", "style", "nav", "head", "template", "noscript"]):
        unspoken.decompose()
    reader = MarkdownConverter(heading_style="ATX", strip=["a", "img", "b", "strong", "i", "em"], escape_misc=False)
    return _cut_at_headings(path, str(reader.convert_soup(page)))


def _pdf(path: Path) -> str:
    try:
        from pypdf import PdfReader  # noqa: PLC0415 - an extra
        from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError  # noqa: PLC0415
    except ImportError:
        raise StartError(f"{path}: pypdf, which reads .pdf, is missing; {EXTRA}") from None
    try:
        with path.open("rb") as file:
            pages = [page.extract_text() for page in PdfReader(file).pages]
    except FileNotDecryptedError:
        raise StartError(f"{path}: this PDF is protected by a password; save it without one") from None
    except DependencyError:
        raise StartError(f"{path}: this PDF is encrypted; save it without, or {EXTRA}, which reads some") from None
    except PyPdfError as error:
        raise StartError(f"{path}: this PDF can't be read: {error}") from None
    if not any(page.strip() for page in pages):
        raise StartError(f"{path}: this PDF holds no text, only pictures of it; convert it to text first")
    return f"\n{SEPARATOR}\n".join(f"# {_title(path)}\n{page}" for page in pages if page.strip())


def _docx(path: Path) -> str:
    try:
        import docx  # noqa: PLC0415 - an extra
        from docx.opc.exceptions import PackageNotFoundError  # noqa: PLC0415
    except ImportError:
        raise StartError(f"{path}: python-docx, which reads .docx, is missing; {EXTRA}") from None
    try:
        document = docx.Document(str(path))
    except PackageNotFoundError:
        path.open("rb").close()  # a missing file says so by itself
        raise StartError(f"{path}: this is not a .docx document") from None
    return _cut_at_headings(path, "\n".join(_blocks(document)))


def _blocks(document: Any) -> Iterator[str]:
    """Paragraphs and rows of tables in their order."""
    for block in document.iter_inner_content():
        if hasattr(block, "rows"):
            for row in block.rows:
                cells = [cell.text.strip() for cell in row.cells]
                yield " — ".join(cell for cell in cells if cell)
        else:
            style = HEADING_STYLE.match(block.style.name if block.style else "")
            level = min(int(style[1] or 1), 6) if style else 0
            yield f"{'#' * level} {block.text}" if level and block.text.strip() else block.text


def _cut_at_headings(path: Path, markdown: str) -> str:
    if SEPARATOR in markdown:
        return markdown
    if not re.search(r"^#{1,6} ", markdown, re.MULTILINE):
        markdown = f"# {_title(path)}\n{markdown}"
    return re.sub(r"(?<=\n)(?=#{1,6} )", f"{SEPARATOR}\n", markdown)


def _title(path: Path) -> str:
    return path.stem.replace("_", " ").strip()


CONVERTERS: dict[str, Callable[[Path], str]] = {
    ".md": _markdown,
    ".txt": _text,
    ".html": _html,
    ".htm": _html,
    ".pdf": _pdf,
    ".docx": _docx,
}
