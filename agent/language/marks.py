"""The traits of a phrase that tell whether more follows, as short texts; the same for every language. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 4
"""Words at the end that are looked at together."""
SKELETON = 7
"""A phrase of no more words is a trait as a whole: what kinds of words it has, in their order."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A phrase, and for each word what it is."""

    words: list[str]
    fine: list[str]
    """Part of speech with case, person and government; words of which there are few stand for themselves."""
    rough: list[str]
    """Part of speech, one letter."""
    stems: list[str]


def traits(phrase: Marked, verdict: str, noted: str) -> Iterator[str]:
    """``verdict``: what the rules say of the same words, ``noted``: what the lists say, nothing mostly."""
    words, fine, rough = phrase.words, phrase.fine, phrase.rough
    count = len(words)
    size = str(min(count, SKELETON))
    yield from (
        "",
        f"n{size}",
        f"r {verdict}",
        f"r {verdict} {rough[-1]}",
        f"r {verdict} {fine[-1]}",
        f"r {verdict} n{size}",
    )
    yield from (f"w {words[-1]}", f"s {phrase.stems[-1]}", f"S {phrase.stems[-1]} {rough[-2:-1]}")
    for length in range(1, min(LONGEST, count) + 1):
        yield f"f {' '.join(fine[-length:])}"
        yield f"r {' '.join(rough[-length:])}"
    if count > 1:
        yield from (f"W {words[-2]} {words[-1]}", f"m {words[-2]} {fine[-1]}", f"M {fine[-2]} {words[-1]}")
        yield from (f"b {fine[0]} {rough[-1]}", f"b {fine[0]} {fine[-1]}", f"b {fine[0]} {fine[1]} n{size}")
        yield f"b {fine[0]} {fine[-2]} {fine[-1]}"
    if count <= SKELETON:
        yield from (f"k {' '.join(fine)}", f"K {' '.join(rough)}", f"l {fine[0]} {' '.join(rough[1:])}")
    yield f"c {''.join(sorted(set(rough)))}"
    yield f"c {''.join(sorted(set(rough)))} {rough[-1]}"
    for mark in sorted(set(fine)):
        yield f"h {mark} {rough[-1]}"
    for stem in sorted(set(phrase.stems[:-1])):
        yield f"g {stem}"
    if noted:
        kind = noted.split(maxsplit=1)[0]
        yield from (f"x {kind}", f"x {noted}", f"x {kind} n{size}")
        yield from (f"x {noted} {words[-1]}", f"x {noted} {words[-2] if count > 1 else ''}")
