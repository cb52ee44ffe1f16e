"""A text cut into parts that an engine takes at once."""

from collections.abc import Iterator


def pieces(text: str, most: int) -> Iterator[tuple[int, str]]:
    """Parts of at most ``most`` characters, each with its place: cut at a sentence's end, else a comma, else a space.

    Parts without a letter or figure are left out.
    """
    start = len(text) - len(text.lstrip())
    while start < len(text.rstrip()):
        rest = text[start:].rstrip()
        end = len(rest) if len(rest) <= most else _cut(rest, most)
        part = rest[:end].rstrip()
        if any(letter.isalnum() for letter in part):
            yield start, part
        start += end
        start += len(text[start:]) - len(text[start:].lstrip())


def _cut(text: str, most: int) -> int:
    for marks in (".!?…", ",;:", " "):
        at = max(text.rfind(f"{mark} ".replace("  ", " "), 1, most) for mark in marks)
        if at > most // 4:
            return at + 1
    return most
