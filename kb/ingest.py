"""Markdown knowledge base to sections.

A file is cut at ``<<->>``; every Markdown heading is duplicated as a plain line below itself, so that
the words of a heading count twice in search; sections longer than 4000 characters are cut again.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from agent.errors import StartError
from agent.ports import Base
from kb import convert

SEPARATOR = convert.SEPARATOR
LONGEST = 4000
"""Characters of a section, as in the specification (``chunk_size``)."""
OVERLAP = 200
"""Characters that neighbours share when a long section is cut (``chunk_overlap``)."""
HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of a knowledge base."""

    base: Base
    path: tuple[str, ...]
    """Headings that lead to it, outermost first; empty when the file has none."""
    text: str
    """The piece without its own heading line."""
    head: str = ""
    """Heading lines at its top, each with its double."""
    source: str = ""
    """File that it comes from, relative to the folder of the knowledge base."""
    start: int = 0
    """Where it begins in the file's text with doubled headings, characters."""

    @property
    def heading(self) -> str:
        """``Section / Subsection``."""
        return " / ".join(self.path)

    @property
    def checksum(self) -> str:
        """Of what is indexed and shown: a section with the same one need not be embedded again."""
        return hashlib.sha256("\n".join((self.base, *self.path, "", self.enriched)).encode()).hexdigest()

    @property
    def enriched(self) -> str:
        """What is indexed: headings duplicated."""
        return f"{self.head}\n{self.text}"


def load(path: Path, base: Base, source: str = "") -> tuple[Section, ...]:
    """Sections of one document; raises ``StartError`` naming the file when it is missing, unreadable or empty."""
    sections = cut(convert.to_markdown(path), base, source or path.name)
    if not sections:
        raise StartError(f"{path}: knowledge base has no text; see docs/knowledge.md")
    return sections


def duplicate_headings(markdown: str) -> str:
    """Put each heading's text on a line of its own below it; text that has this already stays as it is."""
    lines = markdown.splitlines()
    out: list[str] = []
    for number, line in enumerate(lines):
        out.append(line)
        found = HEADING.match(line)
        if found and "".join(lines[number + 1 : number + 2]).strip() != found[2]:
            out.append(found[2])
    return "\n".join(out)


def cut(markdown: str, base: Base, source: str = "") -> tuple[Section, ...]:
    """Sections in order; a block inherits the higher headings of the blocks before it."""
    stack: list[tuple[int, str]] = []
    sections: list[Section] = []
    offset = 0
    for block in duplicate_headings(markdown).split(SEPARATOR):
        path = _follow(stack, block)
        body, place = _body(block), 0
        for part in _parts(body) if body else ():
            place = max(block.find(part, place), 0)
            sections.append(Section(base, path, part, _head(block), source, offset + place))
        offset += len(block) + len(SEPARATOR)
    return tuple(sections)


def _follow(stack: list[tuple[int, str]], block: str) -> tuple[str, ...]:
    """Heading path of the block's opening headings; the stack goes on to its last one."""
    path: tuple[str, ...] = tuple(title for _, title in stack)
    opening = True
    for found in HEADING.finditer(block):
        level = len(found[1])
        opening = opening and not _body(block[: found.start()])
        while stack and stack[-1][0] >= level:
            stack.pop()
        stack.append((level, found[2]))
        if opening:
            path = tuple(title for _, title in stack)
    return path


def _head(block: str) -> str:
    """Heading lines and their doubles at the top of a block."""
    return block[: len(block) - len(_tail(block))].strip()


def _body(block: str) -> str:
    return _tail(block).strip()


def _tail(block: str) -> str:
    """The block from its first line that is neither heading nor a heading's double."""
    lines = block.splitlines(keepends=True)
    place = 0
    while place < len(lines):
        found = HEADING.match(lines[place])
        if found:
            place += 2
        elif not lines[place].strip():
            place += 1
        else:
            break
    return "".join(lines[place:])


def _parts(body: str) -> list[str]:
    """Pieces of at most ``LONGEST`` characters, cut at a line or sentence end, neighbours sharing some text."""
    parts: list[str] = []
    while len(body) > LONGEST:
        end = max(body.rfind("\n", OVERLAP * 2, LONGEST), body.rfind(". ", OVERLAP * 2, LONGEST) + 1)
        end = end if end > 0 else LONGEST
        parts.append(body[:end].strip())
        again = max(body.rfind("\n", end - OVERLAP, end), body.rfind(". ", end - OVERLAP, end) + 1)
        body = body[again if end - OVERLAP < again < end else end :].strip()
    return [*parts, body]
