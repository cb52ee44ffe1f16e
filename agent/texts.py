"""All that an agent says and is told, of one language, as it lies in the prompts folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.intents import Intents, load_intents
from agent.prompts import FILES, Prompts, load_prompts, persona_file
from agent.settings import Settings
from agent.tools import Declared, load_tools

TOOLS = "tools.toml"
"""What models may do; may be missing."""


@dataclass(frozen=True, slots=True)
class Texts:
    """One state of the folder."""

    prompts: Prompts
    intents: Intents
    tools: tuple[Declared, ...] = ()
    files: tuple[Path, ...] = ()
    """What it was read from."""


def load_texts(settings: Settings) -> Texts:
    """Read them; raises ``StartError`` naming the file that can't be used."""
    directory, language, persona = settings.prompts.dir, settings.language, settings.prompts.persona
    prompts = load_prompts(directory, language, persona)
    files = tuple(text_files(directory, language, persona))
    tools = load_tools(directory / language / TOOLS)
    return Texts(prompts, load_intents(directory, language), tools, files)


def text_files(directory: Path, language: str, persona: str) -> Iterator[Path]:
    """Every file that ``load_texts`` reads or would read."""
    folder = directory / language
    yield from (folder / name for name in ("phrases.toml", "intents.toml", TOOLS, *FILES.values()))
    if persona:
        yield persona_file(directory, language, persona)
