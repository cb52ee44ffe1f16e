"""A document that somebody sent: is it what its name says, and what is its text.

The text is taken out in a process of its own (``python -m kb.upload FILE``), with little memory and little time:
a hostile or broken document must not hold up the calls.
"""

import asyncio
import io
import os
import re
import resource
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.errors import StartError
from kb import convert

MEMORY_MOST = 1_000_000_000
"""Address space of that process, bytes."""
CPU_MOST_S = 30
"""Its processor time, seconds."""
WAIT_S = 60.0
"""How long its text is waited for, seconds."""
UNPACKED_MOST = 100_000_000
"""What a .docx may hold unpacked, bytes."""
TEXT_MOST = 5_000_000
"""Longest text that is taken out, bytes."""
TOO_LONG = f"the document has more than {TEXT_MOST // 1_000_000} MB of text; split it"
ROOT = Path(__file__).parents[1]


def check(name: str, content: bytes) -> str:
    """The kind of a document (``.pdf``), after a look inside; raises ``StartError`` when it is not what it says."""
    kind = Path(name).suffix.lower()
    if kind not in convert.CONVERTERS:
        raise StartError(f"documents of this kind can't be read; use {', '.join(sorted(convert.CONVERTERS))}")
    if kind == ".pdf":
        if b"%PDF-" not in content[:1024]:
            raise StartError("the file is named .pdf and is none")
    elif kind == ".docx":
        _check_docx(content)
    else:
        _check_text(kind, content)
    return kind


def _check_docx(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            names, size = packed.namelist(), sum(each.file_size for each in packed.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise StartError("the file is named .docx and is none") from None
    if "[Content_Types].xml" not in names or "word/document.xml" not in names:
        raise StartError("the file is named .docx and is none")
    if size > UNPACKED_MOST:
        raise StartError("the document is too large when unpacked; split it")


def _check_text(kind: str, content: bytes) -> None:
    try:
        text = convert.html_text(content) if kind in (".html", ".htm") else content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StartError("the file is not UTF-8 text; save it as UTF-8") from None
    if not text.strip() or "\0" in text:
        raise StartError("the file has no text")


async def markdown_of(name: str, content: bytes) -> str:
    """The text of a document that was sent, as Markdown; raises ``StartError`` when it can't be had."""
    kind = await asyncio.to_thread(check, name, content)
    if kind in (".md", ".txt"):
        if len(content) > TEXT_MOST:
            raise StartError(TOO_LONG)
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        if kind == ".md" or convert.SEPARATOR in text or re.search(r"^#{1,6} ", text, re.MULTILINE):
            return text
    with TemporaryDirectory() as folder:
        path = Path(folder) / (_stem(name) + kind)
        await asyncio.to_thread(path.write_bytes, content)
        return await _read_apart(path)


def _stem(name: str) -> str:
    """It becomes the heading of a document that has none."""
    return " ".join(re.sub(r"[^\w .()-]+", " ", Path(name).stem).split()).strip(". ")[:80] or "document"


async def _read_apart(path: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kb.upload", str(path), cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(WAIT_S):
            out, said = await process.communicate()
    except TimeoutError:
        raise StartError("reading the document takes too long; split it") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 2:
        raise StartError(said.decode(errors="replace").strip().replace(f"{path}: ", ""))
    if process.returncode != 0:
        raise StartError("the document can't be read: it is broken, or too large; save it as text")
    if len(out) > TEXT_MOST:
        raise StartError(TOO_LONG)
    return out.decode()


def main() -> int:
    """Write the text of the named document to standard output; 2 with the reason when it can't be had."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MOST, MEMORY_MOST))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_MOST_S, CPU_MOST_S))
    try:
        sys.stdout.buffer.write(convert.to_markdown(Path(sys.argv[1])).encode(errors="replace"))
    except StartError as error:
        sys.stderr.write(str(error))
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
