"""Answers that follow their files: texts and settings are looked at before each turn, calls in progress go on."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

from pydantic import BaseModel

from agent.answer import Answers
from agent.asking import Minds
from agent.costs import Costs
from agent.desk.editing import current_file, settings_path
from agent.errors import AlloError, KnowledgeError
from agent.hot import Watched, log, stamp_of
from agent.knowledge import built_version, pointer
from agent.settings import Settings, Turns
from agent.tables import new_extractive, new_knowledge, with_models
from agent.texts import Texts, load_texts
from kb.live import Knowledge


class Live:
    """The texts and the changeable settings as they are now."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        """Raises ``StartError`` for texts that can't be used; ``stack`` closes models that were replaced."""
        self._settings, self._stack = settings, stack
        self._answers: Answers | None = None
        self._minds: Minds | None = None
        self._knowledge: Knowledge | None = None
        self._indexing: asyncio.Future[Knowledge] | None = None
        self._replacing = ""
        """Version of the knowledge that what is being indexed will replace."""
        self._built = stamp_of(pointer(settings))
        """The name of the newest build, when it was looked at last."""
        self.building = False
        """A build of our own is being made, whose maker puts it to use."""
        self._texts = self._watch(settings)
        source = settings_path(settings)
        self._file = Watched(lambda _: [source], lambda: current_file(settings))
        self._read = self._file.current  # what was given may differ from it: another folder, no model
        self._fault = ""

    def serve(self, answers: Answers, minds: Minds, knowledge: Knowledge) -> None:
        """Keep these up to date."""
        self._answers, self._minds, self._knowledge = answers, minds, knowledge

    def now(self) -> Texts:
        """The texts as they are now; settings that changed are put to use."""
        settings = self._file.current
        if settings is not self._read:
            self._read = settings
            self._apply(settings)
        self._look_for_build()
        self._take_knowledge()
        return self._texts.current

    @property
    def fault(self) -> str:
        """What keeps changed files out of use; empty: nothing."""
        older = self._knowledge.fault if self._knowledge is not None else ""
        return self._file.fault or self._fault or self._texts.fault or older

    @property
    def settings(self) -> Settings:
        """As the file said when it was looked at last; what needs a new start is in it and not in use."""
        return self._settings

    @property
    def knowledge(self) -> Knowledge:
        """Both bases; raises ``KnowledgeError`` before ``serve``."""
        if self._knowledge is None:
            raise KnowledgeError("nothing is searched yet; ask again in a moment")
        return self._knowledge

    @property
    def costs(self) -> Costs | None:
        """Counts what paid engines take."""
        return self._minds.costs if self._minds is not None else None

    @property
    def turns(self) -> Turns:
        """Turn taking for a call that begins now."""
        turns = self._settings.turns
        quick = self._minds is not None and self._minds.model is not None
        return turns.with_model if quick else turns

    def _apply(self, settings: Settings) -> None:
        before, self._settings = self._settings, settings
        if settings.prompts != before.prompts:
            try:
                self._texts, self._fault = self._watch(settings), ""
            except AlloError as error:
                self._fault = str(error)
                log.error("%s; the texts of before stay in use", error)
        if settings.llm != before.llm and self._minds is not None:
            self._minds = with_models(self._minds, settings.llm)
            for model in self._minds.models:
                self._stack.push_async_callback(model.close)
            self._use(self._minds)
        if settings.kb != before.kb and self._knowledge is not None:
            self._index(self._knowledge)

    def _index(self, knowledge: Knowledge) -> None:
        """On a thread: it takes longer than a frame of the calls in progress."""
        self._replacing, self._built = knowledge.version, stamp_of(pointer(self._settings))
        self._indexing = asyncio.get_running_loop().run_in_executor(None, new_knowledge, self._settings, self.costs)

    def _look_for_build(self) -> None:
        """Somebody else may have built: ``allo kb build`` beside this process."""
        knowledge = self._knowledge
        if self.building or self._indexing is not None or knowledge is None or not knowledge.version:
            return
        stamp = stamp_of(pointer(self._settings))
        if stamp != self._built:
            self._built = stamp
            built = built_version(self._settings)
            if built and (built != knowledge.version or knowledge.fault):
                log.info("kb: a new index lies there; it is read beside the calls")
                self._index(knowledge)

    def _take_knowledge(self) -> None:
        """Use an index that was made on a thread, once it is ready."""
        indexing, knowledge, minds = self._indexing, self._knowledge, self._minds
        if indexing is None or not indexing.done() or knowledge is None or minds is None:
            return
        self._indexing = None
        try:
            fresh = indexing.result()
        except AlloError as error:
            self._fault = str(error)
            log.error("%s; the knowledge of before stays in use", error)
            return
        if knowledge.version != self._replacing:  # texts were built meanwhile: what was read may be older
            self._stack.push_async_callback(fresh.close)
            self._index(knowledge)
            return
        knowledge.take(fresh)
        self._use(replace(minds, extractive=new_extractive(self._settings, knowledge)))

    def _use(self, minds: Minds) -> None:
        self._minds = minds
        if self._answers is not None:
            self._answers.use(minds)

    def _watch(self, settings: Settings) -> Watched[Texts]:
        # the language stays as it was at start: voice and recogniser speak no other
        today = settings.model_copy(update={"language": self._settings.language})
        return Watched(lambda texts: texts.files, lambda: load_texts(today))


def state(answers: Answers, live: Live) -> dict[str, object]:
    """For health."""
    return {"models": answers.models, "cache": answers.cache_hits, "fault": live.fault}


FOLLOWED = ("llm", "prompts", "kb", "turns")
"""Sections that ``Live`` puts to use as a whole."""
FOLLOWED_KEYS = ("calls.max_minutes", "log.level", "log.levels")
"""Single settings that are put to use; those of the log by SIGHUP."""


def needs_restart(before: Settings, after: Settings) -> list[str]:
    """Settings that differ and that a running daemon goes on using as they were: ``section.key``."""
    cold = (name for name in Settings.model_fields if name not in FOLLOWED)
    differing = [name for name in cold if getattr(before, name) != getattr(after, name)]
    return [key for name in differing for key in _cold(name, getattr(before, name), getattr(after, name))]


def _cold(name: str, before: object, after: object) -> list[str]:
    if not isinstance(before, BaseModel):
        return [name]
    keys = [key for key in type(before).model_fields if getattr(before, key) != getattr(after, key)]
    return [f"{name}.{key}" for key in keys if f"{name}.{key}" not in FOLLOWED_KEYS]
