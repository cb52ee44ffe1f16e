"""``allo text``: what speech becomes in writing, and writing in speech; lines in, lines out."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from agent.language.normalise import normalise
from agent.language.own_table import load_own
from agent.language.tables import user_table
from agent.language.verbalise import verbalise

MARK_OF_ORDER = "\ufeff"
"""What some editors write before the first line."""


def run(tables: Path, language: str, direction: str, *, numbers: bool) -> int:
    """Translate standard input to standard output, UTF-8 whatever the locale says; a closed pipe ends it quietly.

    ``direction`` is ``normalise`` or ``verbalise``; the user's own table is looked for in the folder ``tables``.
    """
    load_own(user_table(tables, language), language)
    try:
        if direction == "normalise":
            translate(sys.stdin.buffer, sys.stdout.buffer, lambda line: normalise(line, language, numbers))
        else:
            translate(sys.stdin.buffer, sys.stdout.buffer, lambda line: verbalise(line, language))
    except BrokenPipeError:
        # the interpreter flushes standard output once more when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def translate(lines: BinaryIO, into: BinaryIO, of_line: Callable[[str], str]) -> None:
    """Write ``of_line`` of every line as soon as the line is there; bytes that are no UTF-8 become «�»."""
    first = True
    while line := lines.readline():
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        into.write(f"{of_line(text.removeprefix(MARK_OF_ORDER) if first else text)}\n".encode())
        into.flush()
        first = False
