"""What «угу» over the agent's speech becomes in a recogniser's ears; the tables: ``data/backchannels_*.toml``. Pure."""

from functools import cache

from agent.language.tables import table


def meant(text: str, language: str) -> str:
    """What was said, as far as the table knows better than the recogniser; empty: nothing but scraps of words."""
    words = text.lower().replace("ё", "е").split()
    alike, little = _known(language)
    said = alike.get(" ".join(words), text)
    return "" if said == text and len(words) > 1 and little.issuperset(words) else said


@cache
def _known(language: str) -> tuple[dict[str, str], frozenset[str]]:
    rows = table(f"backchannels_{language}")
    return dict(rows["alike"]), frozenset(rows["little"]["words"].split())
