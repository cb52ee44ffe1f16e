"""One key of a TOML file is set, everything else (order, comments, spaces) stays as it is."""

import json
import re
import tomllib
from collections.abc import Sequence

Value = str | int | float | bool | Sequence[str]


def with_key(text: str, key: str, value: Value, section: str = "") -> str:
    """The file's text with ``key`` of ``[section]`` set; what is absent is added. Without a section: the top."""
    line = f"{key} = {written(value)}"
    if not section:
        end = _next_table(text, 0)
        return _with_line(text[:end], key, line) + text[end:]
    found = re.search(rf"(?m)^[ \t]*\[[ \t]*{re.escape(section)}[ \t]*\][^\n]*\n?", text)
    if found is None:
        return f"{text.rstrip()}\n\n[{section}]\n{line}\n".lstrip()
    begin = found.end()
    end = _next_table(text, begin)
    head = text[:begin] if text[:begin].endswith("\n") else text[:begin] + "\n"
    return head + _with_line(text[begin:end], key, line) + text[end:]


def written(value: Value) -> str:
    """A value as TOML writes it."""
    if isinstance(value, str | bool | int | float):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    rows = "".join(f"  {written(each)},\n" for each in value)
    return f"[\n{rows}]" if rows else "[]"


def _with_line(body: str, key: str, line: str) -> str:
    found = re.search(rf"(?m)^[ \t]*{re.escape(key)}[ \t]*=", body)
    if found is None:
        return f"{line}\n{body}"
    end = _end_of_value(body, found.start())
    return f"{body[: found.start()]}{line}\n{body[end:]}"


def _end_of_value(body: str, start: int) -> int:
    """A value ends with the first line after which it is whole TOML."""
    end = start
    for row in body[start:].splitlines(keepends=True):
        end += len(row)
        try:
            tomllib.loads(body[start:end])
        except tomllib.TOMLDecodeError:
            continue
        return end
    first = body.find("\n", start)
    return len(body) if first < 0 else first + 1


def _next_table(text: str, begin: int) -> int:
    found = re.search(r"(?m)^[ \t]*\[[\[\w]", text[begin:])
    return begin + found.start() if found else len(text)
