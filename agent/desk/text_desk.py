"""What the agent knows and says, put on the page's desk: read, changed, undone."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from agent.backends.tts_espeak import DEFAULT_VOICES
from agent.desk import tunable
from agent.desk.base_texts import BaseTexts
from agent.desk.editing import (
    LANGUAGES,
    PERSONAS,
    apply_settings,
    phrases,
    prompt_texts,
    save_prompts,
    settings_path,
)
from agent.desk.versions import Versions
from agent.desk.wrong_answers import WrongAnswer, WrongAnswers
from agent.language.normalise import normalise
from agent.live import Live
from agent.model_store import list_models
from agent.prompts import LISTS, SPOKEN
from agent.settings import Settings
from agent.voices.voice_table import new_voice
from gateways.text_desk import Row, Texts
from kb.upload import markdown_of

SETTINGS = "settings"


def new_texts(live: Live, started: Settings, stack: AsyncExitStack) -> Texts:
    """The texts of the folders that ``live`` follows; ``stack`` waits for a build that runs."""
    folder = started.storage.dir
    versions = Versions(folder / "versions.sqlite")
    bases = BaseTexts(live, versions)
    stack.push_async_callback(bases.close)
    said = Said(live, started, versions)
    return Texts(
        normalise=lambda text: normalise(text, started.language),
        bases=bases,
        search=bases.search,
        progress=bases.progress,
        convert=markdown_of,
        prompts=said.prompts,
        save_prompts=said.save_prompts,
        settings=said.settings,
        save_settings=said.save_settings,
        backups=Undo(bases, said, versions),
        reports=Reported(WrongAnswers(folder / "wrong_answers.tsv")),
    )


class Said:
    """Prompts and settings."""

    def __init__(self, live: Live, started: Settings, versions: Versions) -> None:
        """``started``: what the daemon began with, of which some counts until its end."""
        self._live, self._started, self._versions = live, started, versions
        self._writing = asyncio.Lock()

    async def prompts(self) -> Row:
        """The phrases of the language in force by name, and beside them every file and every language."""
        self._live.now()
        return await asyncio.to_thread(self._prompts)

    async def save_prompts(self, changes: Row) -> Row:
        """See ``agent.desk.editing.save_prompts``."""
        kept: list[int] = []
        async with self._writing:
            changed = await asyncio.to_thread(
                save_prompts,
                self._live.settings,
                changes,
                lambda name, text: kept.append(self._versions.keep(f"prompts/{name}", text)),
            )
            self._live.now()
        return {"changed": changed, "replaced": kept}

    async def settings(self) -> Row:
        """The values in force, by the specification's names and by ours."""
        self._live.now()
        return await asyncio.to_thread(self._settings)

    async def save_settings(self, changes: Row) -> Row:
        """Take new values, by names of either kind."""
        changes = {tunable.our_name(name): value for name, value in changes.items()}
        async with self._writing:
            self._live.now()
            before = {name: tunable.value_of(self._live.settings, name) for name in changes if name in tunable.TUNABLE}
            await _try_voice(self._live.settings, changes)
            await asyncio.to_thread(apply_settings, self._live.settings, changes)
            self._live.now()
            after = {name: tunable.value_of(self._live.settings, name) for name in before}
            changed = [name for name in before if before[name] != after[name]]
            old = json.dumps({name: before[name] for name in changed}, ensure_ascii=False, indent=1)
            kept = [await asyncio.to_thread(self._versions.keep, SETTINGS, old)] if changed else []
        return {**await self.settings(), "changed": changed, "replaced": kept}

    # ------------------------------------------------------------ on a thread

    def _prompts(self) -> Row:
        settings = self._live.settings
        files = prompt_texts(settings)
        spoken = {
            language: _phrases(settings, language) for language in LANGUAGES if f"{language}/phrases.toml" in files
        }
        own = {name: files.get(f"{settings.language}/{name}.txt", "").strip() for name in ("system", "contextualiser")}
        return {
            **spoken.get(settings.language, {}),
            **own,
            "language": settings.language,
            "persona": settings.prompts.persona,
            "lists": list(LISTS),
            "phrases": spoken,
            "files": files,
            "fault": self._live.fault,
        }

    def _settings(self) -> Row:
        settings = self._live.settings
        named = {name: tunable.value_of(settings, ours) for name, ours in tunable.SPECIFIED.items()}
        rows = tunable.rows(settings, self._started)
        for row in rows:
            if row["name"] == "prompts.persona":
                row["choices"] = _personas(settings)
            if row["name"] == "tts.voice":
                row["suggested"] = _voices(settings)
        return {
            "KB_TOP_K": named.pop("kb_top_k"),
            "KB_FALLBACK_THRESHOLD": named.pop("kb_fallback_threshold"),
            **named,
            "turns": settings.turns.model_dump(mode="json"),
            "model": settings.llm.configured,
            "file": str(settings_path(settings)),
            "fields": rows,
            "fault": self._live.fault,
        }


class Undo:
    """What texts were, and their way back."""

    def __init__(self, bases: BaseTexts, said: Said, versions: Versions) -> None:
        """Restored through the same checks as a change."""
        self._bases, self._said, self._versions = bases, said, versions

    async def under(self, name: str) -> list[Row]:
        """Newest first."""
        return [asdict(version) for version in await asyncio.to_thread(self._versions.under, name)]

    async def read(self, id_: int) -> str | None:
        """Its text."""
        found = await asyncio.to_thread(self._versions.read, id_)
        return found[1] if found else None

    async def restore(self, id_: int) -> Row | None:
        """Back to it."""
        found = await asyncio.to_thread(self._versions.read, id_)
        if found is None:
            return None
        name, text = found
        if name == SETTINGS:
            return await self._said.save_settings(json.loads(text))
        kind, _, rest = name.partition("/")
        if kind == "prompts":
            return await self._said.save_prompts({rest: text})
        return await self._bases.restore(rest, text)


class Reported:
    """Answers that people called wrong."""

    def __init__(self, wrong: WrongAnswers) -> None:
        """``wrong``: the file."""
        self._wrong = wrong

    async def all(self) -> Row:
        """Newest last."""
        rows = await asyncio.to_thread(self._wrong.all)
        return {"file": str(self._wrong.path), "wrong": [asdict(row) for row in rows]}

    async def report(self, wrong: Row) -> Row:
        """Keep one."""
        kept = WrongAnswer(**wrong)
        await asyncio.to_thread(self._wrong.report, kept)
        return asdict(kept)

    async def forget(self, id_: str) -> Row | None:
        """Remove one."""
        found = await asyncio.to_thread(self._wrong.forget, id_)
        return asdict(found) if found else None


async def _try_voice(settings: Settings, changes: Row) -> None:
    """A voice that can't be loaded would stop the next start; raises ``SettingsError`` or ``StartError``."""
    wanted = {name.removeprefix("tts."): value for name, value in changes.items() if name.startswith("tts.")}
    if not wanted:
        return
    try:
        tts = type(settings.tts).model_validate(settings.tts.model_dump() | wanted)
    except ValidationError:
        return  # the file is checked as a whole, and says it better
    voice = await new_voice(settings.model_copy(update={"tts": tts}))
    await voice.close()


def _voices(settings: Settings) -> list[str]:
    """Pulled voices of the language, and what espeak-ng has."""
    language = settings.language
    here = (row for row in list_models(settings) if row.kind == "piper" and row.language == language)
    pulled = [row.name for row in here if row.state != "not pulled"]
    name = DEFAULT_VOICES.get(language, language)
    return [*pulled, name, f"{name}+f2", f"{name}+m3"]


def _phrases(settings: Settings, language: str) -> dict[str, Any]:
    """In the order in which people know them; what the file does not say is empty."""
    written = phrases(settings, language)
    return {name: written.get(name, [] if name in LISTS else "") for name in SPOKEN}


def _personas(settings: Settings) -> list[str]:
    found = (settings.prompts.dir / PERSONAS).glob("*.txt")
    return ["", *sorted({path.stem.partition(".")[0] for path in found})]
