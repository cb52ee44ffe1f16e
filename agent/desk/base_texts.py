"""Both bases, as people edit them: read, written, undone, searched.

A text belongs to a language; ``""`` is the one in force. Only that one is indexed and searched: what is written in
another one is indexed at the first start in it.
"""

import asyncio
import hashlib
import re
import time
import unicodedata
from pathlib import Path
from typing import Any

from agent.desk.editing import LANGUAGES, replace
from agent.desk.rebuilding import Rebuilding
from agent.desk.versions import Versions
from agent.errors import KnowledgeError, StartError
from agent.knowledge import new_library
from agent.language.normalise import normalise
from agent.live import Live
from agent.ports import Base
from agent.settings import Settings
from gateways.problems import Problem
from kb import convert, ingest
from kb.library import BASES, Library

EDITABLE = (".md", ".txt")
LONGEST_NAME = 80
"""Letters of a document's name."""
SHOWN = 1200
"""Letters of a section that the search shows."""


class BaseTexts:
    """See ``gateways.desk.Bases``. A text is a base's main file (``""``) or a document beside it, by its name."""

    def __init__(self, live: Live, versions: Versions) -> None:
        """``live`` knows the settings as they are now."""
        self._live, self._versions = live, versions
        self._rebuilding = Rebuilding(live)
        self._writing = asyncio.Lock()
        self.progress = self._rebuilding.progress
        self.close = self._rebuilding.close

    async def overview(self, language: str = "") -> dict[str, Any]:
        """Each base: its file and its documents."""
        return await asyncio.to_thread(self._overview, language)

    async def read(self, base: Base, document: str, language: str = "") -> str:
        """Markdown; raises ``KnowledgeError`` when there is none."""
        return await asyncio.to_thread(_Shelf(self._live.settings, language).read, base, document)

    async def save(
        self, base: Base, document: str, markdown: str, begun: str = "", language: str = ""
    ) -> dict[str, Any]:
        """Write a text and index it in the background.

        ``begun``: the ``tag`` of the text that the change began with; it is refused when another one stands there now.
        """
        sections = await asyncio.to_thread(ingest.cut, markdown, base)
        if not sections:
            raise Problem(422, "this text has no section: write a heading (# ...) and below it what is true")
        async with self._writing:
            replaced = await asyncio.to_thread(self._write, base, document, markdown, begun, language)
        return {**replaced, "sections": len(sections), "build": self._build(language)}

    async def remove(self, base: Base, document: str, language: str = "") -> dict[str, Any]:
        """Remove a document."""
        async with self._writing:
            replaced = await asyncio.to_thread(self._remove, base, document, language)
        return {"replaced": replaced, "build": self._build(language)}

    async def restore(self, name: str, text: str) -> dict[str, Any]:
        """Back to a text of ``ru/general.md`` or ``ru/general/NAME``."""
        language, _, rest = name.partition("/")
        base, _, document = rest.partition("/")
        which = next(known for known in BASES if known == base.removesuffix(".md"))
        return await self.save(which, document, text, language=language)

    def _build(self, language: str) -> Any:
        """Make the index anew; nothing to do for a language that is not in force."""
        return self._rebuilding.begin() if language in ("", self._live.settings.language) else self.progress()

    async def search(self, question: str) -> dict[str, Any]:
        """What would be found for a question, and why, fit for JSON."""
        settings, knowledge = self._live.settings, self._live.knowledge
        canonical = normalise(question, settings.language)
        began = time.perf_counter()
        found = await knowledge.explain(canonical)
        took = (time.perf_counter() - began) * 1000
        best = max((one.passage.score for one in found.found), default=0.0)
        return {
            "question": canonical,
            "terms": {term: round(weight, 3) for term, weight in found.wanted.items()},
            "route": found.route or "",
            "fell_back": found.fell_back,
            "threshold": settings.kb.threshold,
            "known": best >= settings.kb.threshold,
            "ms": round(took, 2),
            "found": [
                {
                    "base": one.passage.base,
                    "heading": one.passage.heading,
                    "text": one.passage.text[:SHOWN],
                    "score": round(one.passage.score, 3),
                    "words": round(one.words, 3),
                    "vectors": round(one.dense, 3),
                    "fused": round(one.fused, 4),
                    "matched": {term: round(part, 3) for term, part in one.matched.items()},
                }
                for one in found.found
            ],
        }

    # ------------------------------------------------------------ on a thread

    def _overview(self, language: str) -> dict[str, Any]:
        shelf = _Shelf(self._live.settings, language)
        return {
            "language": self._live.settings.language,
            "languages": list(LANGUAGES),
            "bases": {base: shelf.listed(base) for base in BASES},
        }

    def _write(self, base: Base, document: str, markdown: str, begun: str, language: str) -> dict[str, Any]:
        shelf = _Shelf(self._live.settings, language)
        path = shelf.path(base, document)
        if path.suffix.lower() not in EDITABLE:
            raise Problem(409, f"{path.name} is no text file; change it where it was made, or set [kb] {base} to a .md")
        before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        if begun and begun != tag(before):
            raise Problem(412, "somebody has changed this text meanwhile; look at what is there now")
        kept = self._versions.keep(shelf.name(base, document), before) if before and before != markdown else 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise KnowledgeError(f"{path.parent}: can't be made: {error.strerror}") from None
        replace(path, markdown)
        return {"replaced": kept, "tag": tag(markdown), "characters": len(markdown)}

    def _remove(self, base: Base, document: str, language: str) -> int:
        shelf = _Shelf(self._live.settings, language)
        path = shelf.path(base, document)
        if not document or path.suffix.lower() not in EDITABLE or not path.is_file():
            raise Problem(404, f"{document or base}: there is no such document that the page may remove")
        kept = self._versions.keep(shelf.name(base, document), path.read_text(encoding="utf-8-sig"))
        try:
            path.unlink()
        except OSError as error:
            raise KnowledgeError(f"{path}: can't be removed: {error.strerror}") from None
        return kept


class _Shelf:
    """The files of one language. Blocking."""

    def __init__(self, settings: Settings, language: str) -> None:
        """``[kb] general`` and ``tech`` name files of the language in force."""
        self._language = language or settings.language
        other = {"language": self._language, "kb": settings.kb.model_copy(update={"general": None, "tech": None})}
        chosen = settings if self._language == settings.language else settings.model_copy(update=other)
        self._library = new_library(chosen)

    def listed(self, base: Base) -> dict[str, Any]:
        """A base's file and its documents."""
        main, folder = _main(self._library, base), self._library.folder / base
        documents = [path for of, path in self._library.files() if of == base and path != main]
        return {
            "file": str(main),
            "editable": main.suffix.lower() in EDITABLE,
            "documents": [
                {
                    "name": path.relative_to(folder).as_posix(),
                    "bytes": path.stat().st_size,
                    "editable": path.suffix.lower() in EDITABLE and path.parent == folder,
                }
                for path in documents
            ],
        }

    def read(self, base: Base, document: str) -> str:
        """Markdown; raises ``Problem`` or ``KnowledgeError``."""
        path = self.path(base, document)
        if not path.exists():
            if document:
                raise Problem(404, f"{document}: there is no such document")
            return ""  # a base may consist of documents alone
        try:
            return path.read_text(encoding="utf-8-sig") if path.suffix in EDITABLE else convert.to_markdown(path)
        except (OSError, UnicodeDecodeError, StartError) as error:
            raise KnowledgeError(f"{path}: the base can't be read: {error}") from None

    def path(self, base: Base, document: str) -> Path:
        """A document stands in its base's folder itself; a name that would leave it is refused."""
        if not document:
            return _main(self._library, base)
        folder = self._library.folder / base
        names = {
            path.relative_to(folder).as_posix()
            for of, path in self._library.files()
            if of == base and path.is_relative_to(folder)
        }
        if document not in names and document != document_name(document):
            raise Problem(422, "a document's name has letters, digits, spaces and .-_() and ends with .md")
        return folder / document

    def name(self, base: Base, document: str) -> str:
        """What its backups are called."""
        rest = f"{base}/{document}" if document else f"{base}.md"
        return f"kb/{self._language}/{rest}"


def tag(text: str) -> str:
    """Tells one state of a text from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def document_name(given: str) -> str:
    """A name for a Markdown document, made of that of an uploaded file; raises ``Problem`` when nothing is left."""
    name = unicodedata.normalize("NFC", Path(given.replace("\\", "/")).name)
    stem = re.sub(r"[^\w .()-]+", " ", name).rsplit(".", 1)[0] if "." in name else name
    stem = " ".join(re.sub(r"[^\w .()-]+", " ", stem).split()).strip(". ~")[:LONGEST_NAME].strip()
    if not stem:
        raise Problem(422, "the file needs a name of letters or digits")
    return f"{stem}.md"


def _main(library: Library, base: Base) -> Path:
    given = library.general if base == "general" else library.tech
    return given or library.folder / f"{base}.md"
