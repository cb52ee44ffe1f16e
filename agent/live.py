"""Answers that follow their files: texts and settings are looked at before each turn, calls in progress go on."""

from contextlib import AsyncExitStack

from agent.answer import Answers
from agent.asking import Minds
from agent.errors import AlloError
from agent.hot import Watched, log
from agent.settings import Settings, load
from agent.tables import with_models
from agent.texts import Texts, load_texts


class Live:
    """The texts and the changeable settings as they are now."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        """Raises ``StartError`` for texts that can't be used; ``stack`` closes models that were replaced."""
        self._settings, self._stack = settings, stack
        self._answers: Answers | None = None
        self._minds: Minds | None = None
        self._texts = self._watch(settings)
        source = settings.source
        self._file = Watched(lambda _: [source], lambda: load(source)) if source else None
        self._fault = ""

    def serve(self, answers: Answers, minds: Minds) -> None:
        """Keep these up to date."""
        self._answers, self._minds = answers, minds

    def now(self) -> Texts:
        """The texts as they are now; settings that changed are put to use."""
        if self._file is not None:
            settings = self._file.current
            if settings is not self._settings:
                self._apply(settings)
        return self._texts.current

    @property
    def fault(self) -> str:
        """What keeps changed files out of use; empty: nothing."""
        return (self._file.fault if self._file else "") or self._fault or self._texts.fault

    def _apply(self, settings: Settings) -> None:
        before, self._settings = self._settings, settings
        if settings.prompts != before.prompts:
            try:
                self._texts, self._fault = self._watch(settings), ""
            except AlloError as error:
                self._fault = str(error)
                log.error("%s; the texts of before stay in use", error)
        if settings.llm != before.llm and self._answers is not None and self._minds is not None:
            self._minds = with_models(self._minds, settings.llm)
            for model in self._minds.models:
                self._stack.push_async_callback(model.close)
            self._answers.use(self._minds)

    def _watch(self, settings: Settings) -> Watched[Texts]:
        # the language stays as it was at start: voice and recogniser speak no other
        today = settings.model_copy(update={"language": self._settings.language})
        return Watched(lambda texts: texts.files, lambda: load_texts(today))


def state(answers: Answers, live: Live) -> dict[str, object]:
    """For health."""
    return {"models": answers.models, "cache": answers.cache_hits, "fault": live.fault}
