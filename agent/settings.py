"""All settings: one TOML file and the environment, checked before anything starts.

``ALLO_<SECTION>__<KEY>`` overrides ``[section] key``; ``ALLO_LANGUAGE`` and the ``OLD_NAMES`` stand alone.
Every field carries its unit; ``docs/settings.md`` lists them all (a test keeps it in step).
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from agent import settings_file
from agent.cost_settings import CostSettings
from agent.engine_settings import LlmServer, OpenAi, Recognisers, Sherpa, Voices, Whisper, Wyoming, Xtts, Yandex
from agent.errors import SettingsError
from agent.settings_file import ENV_PREFIX
from agent.settings_lines import Asterisk, Modem, Network, Port, Section, Sip, WebAddress, split
from agent.settings_upkeep import Calls, Limits, Log, Privacy, Recording, Retention, Shutdown, Traces

HOUSE = Path(__file__).parents[1]
"""Where Allo itself lies: the demo knowledge and the prompts are beside the code."""

__all__ = [
    "ENV_PREFIX",
    "Asterisk",
    "Calls",
    "Limits",
    "Log",
    "Modem",
    "Network",
    "OpenAi",
    "Retention",
    "Settings",
    "Sherpa",
    "Sip",
    "Whisper",
    "Wyoming",
    "Xtts",
    "Yandex",
    "load",
    "parse",
]


class Web(Section):
    """Health, the admin page and its API."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 9000
    """Port to listen on."""
    api_key: SecretStr = SecretStr("")
    """What ``X-API-Key`` must say; empty: ``API_SECRET_KEY``, else a key is made and only loopback is served."""


class Storage(Section):
    """Where the daemon writes."""

    dir: Path = Path("var")
    """Call log, recordings, indexes and caches; made when missing."""
    phrase_cache_mb: Annotated[int, Field(ge=0)] = 200
    """Disk given to synthesised phrases, megabytes."""
    phrases_ahead: Annotated[int, Field(ge=0, le=2000)] = 200
    """So many of the commonest sentences of the call log are synthesised at start, while nobody calls."""


class Stt(Section):
    """Recognition."""

    engine: Recognisers = ("vosk",)
    """Recognisers, the preferred one first; where one fails the next hears the utterance from its beginning."""
    deadline_ms: Annotated[int, Field(ge=100, le=10_000)] = 1000
    """A recogniser that has another one behind it must give its text so soon after the utterance, milliseconds."""
    model: str = ""
    """Model name or folder; empty: a pulled model of the language, else the bundled demo model."""
    hints: Annotated[tuple[str, ...], BeforeValidator(split)] = ()
    """Names and terms that callers are likely to say; for ``openai``, ``whisper`` and ``wyoming``."""
    grammar: Path | None = None
    """File of phrases, one a line: Vosk hears nothing but their words; only with models whose graph is dynamic."""
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    """Threads that calls share for recognition."""
    denoise: bool = False
    """Take noise out of what the recogniser hears; the demo models hear better without."""


class Tts(Section):
    """Voices."""

    engine: Voices = ("auto",)
    """Voices, the preferred one first: ``yandex:alena, piper``; ``auto``: a pulled Piper voice, else espeak-ng."""
    voice: str = ""
    """Voice name of the first engine; empty: the language's default."""
    first_sound_ms: Annotated[int, Field(ge=100, le=10_000)] = 800
    """A voice that has another one behind it must sound so soon, milliseconds."""
    speed_wpm: Annotated[int, Field(ge=80, le=450)] = 165
    """espeak-ng's rate, words per minute."""

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """Engines in their order, and of each the voice that is wanted; empty: its default."""
        parts = [entry.partition(":") for entry in dict.fromkeys(self.engine)]
        return tuple((part[0], part[2] or ("" if place else self.voice)) for place, part in enumerate(parts))


class Llm(Section):
    """The language model; without a key or address answers come from the knowledge base alone."""

    base_url: WebAddress = ""
    """OpenAI-compatible address (vLLM, Ollama, DeepSeek, OpenRouter ...); empty: OpenAI when a key is set."""
    api_key: SecretStr = SecretStr("")
    """Key; ``OPENAI_API_KEY`` is used when this is empty."""
    model: str = "gpt-4o-mini"
    """Model name."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.2
    """Sampling temperature."""
    max_tokens: Annotated[int, Field(ge=16, le=4096)] = 300
    """Longest answer, tokens."""
    stall_s: Annotated[float, Field(gt=0, le=30)] = 2.5
    """No whole sentence for this long: the knowledge base answers instead, seconds."""
    fallback_model: str = ""
    """Model asked when the first one fails or is late; empty: none."""
    fallback_base_url: WebAddress = ""
    """Its address; empty: ``llm.base_url``."""
    fallback_api_key: SecretStr = SecretStr("")
    """Its key; empty: ``llm.api_key``, unless it has an address of its own."""
    others: tuple[LlmServer, ...] = ()
    """Further servers, asked in their order when those before failed or are late: ``[[llm.others]]``."""
    first_token_s: Annotated[float, Field(gt=0, le=30)] = 1.2
    """No token for this long: the next model is asked instead, seconds."""
    cache: bool = True
    """Keep answers: the same question on the same texts is answered at once."""

    @property
    def configured(self) -> bool:
        """True when a model server or a key was given."""
        return bool(self.base_url or self.api_key.get_secret_value())

    @property
    def fallback(self) -> "Llm | None":
        """The settings of the fallback model, where there is one."""
        if not self.fallback_model:
            return None
        url, key = self.fallback_base_url, self.fallback_api_key
        return self._with(LlmServer(model=self.fallback_model, base_url=url, api_key=key))

    @property
    def servers(self) -> "tuple[Llm, ...]":
        """The settings of every model that can be asked, in their order."""
        all_of_them = (self, self.fallback, *(self._with(server) for server in self.others))
        return tuple(each for each in all_of_them if each is not None and each.configured)

    def _with(self, server: LlmServer) -> "Llm":
        changed: dict[str, object] = {"model": server.model}
        if server.base_url:
            changed |= {"base_url": server.base_url, "api_key": server.api_key}
        elif server.api_key.get_secret_value():
            changed["api_key"] = server.api_key
        return self.model_copy(update=changed)


class Kb(Section):
    """The knowledge bases."""

    dir: Path = HOUSE / "kb"
    """Folder with ``general.md`` and ``tech.md``; another language lies in a folder of its name (``en/``)."""
    top_k: Annotated[int, Field(ge=1, le=20)] = 3
    """Passages given to the model."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.22
    """Below this confidence the agent says that it does not know."""
    fallback_threshold: Annotated[float, Field(ge=0, le=1)] = 0.35
    """The base that a question's keywords point to is left when its best section is under this confidence."""
    general: Path | None = None
    """The general base's file instead of the one in ``kb.dir``."""
    tech: Path | None = None
    """The technical base's file instead of the one in ``kb.dir``."""
    store: Literal["auto", "local", "chroma"] = "auto"
    """Where vectors lie: a file that is mapped into memory, or Chroma (extra ``chroma``); ``auto``: the file."""
    chroma_dir: Path | None = None
    """Chroma's folder; none: ``chroma`` under ``storage.dir``."""
    backups: Annotated[int, Field(ge=0, le=100)] = 5
    """Indexes kept that a build has replaced."""


class Embed(Section):
    """Vectors of texts, beside the search by words."""

    engine: Literal["hash", "use", "openai", "sentence-transformer", "none"] = "hash"
    """Ours (no download, no network), ours with a sentence encoder in a package (extra ``encoder``),
    any OpenAI-compatible ``/v1/embeddings``, a model on disk, or none."""
    base_url: WebAddress = ""
    """Address of the ``openai`` engine; empty: OpenAI."""
    api_key: SecretStr = SecretStr("")
    """Its key; ``llm.api_key`` is used when both this and ``embed.base_url`` are empty."""
    model: str = "text-embedding-3-small"
    """Its model."""
    path: Path | None = None
    """Folder of a sentence-transformers model, for ``sentence-transformer`` (extra of that name)."""
    timeout_ms: Annotated[int, Field(ge=50, le=10_000)] = 400
    """A question's vector is waited for this long, then the words alone are searched, milliseconds."""


class Redis(Section):
    """A Redis that several daemons share."""

    url: SecretStr = SecretStr("")
    """Address such as ``redis://127.0.0.1:6379/0`` (extra ``redis``); empty: caches lie in ``storage.dir``."""


class Prompts(Section):
    """What the agent says and is told."""

    dir: Path = HOUSE / "prompts"
    """Folder with one subfolder for each language."""
    persona: str = ""
    """Who speaks to callers: a name from ``personas/`` in that folder; empty: nobody in particular."""


class Memory(Section):
    """What is remembered of callers between calls."""

    enabled: bool = False
    """Remember, by number, a name that was given and what was asked; `allo forget` removes it."""


class Turns(Section):
    """Turn taking; all times in milliseconds of caller audio."""

    end_silence_ms: Annotated[int, Field(ge=100, le=3000)] = 530
    """Quiet after speech that ends a turn when it is not clear whether the caller has finished."""
    end_silence_complete_ms: Annotated[int, Field(ge=100, le=3000)] = 240
    """The same after a whole question, a request, a yes or a no."""
    end_silence_open_ms: Annotated[int, Field(ge=100, le=3000)] = 1100
    """The same where something must follow: a preposition, «ну», a number in the middle."""
    adapt: bool = True
    """Quicker with callers who never pause inside a turn, slower with those who do."""
    lull_ms: Annotated[int, Field(ge=20, le=500)] = 120
    """Quiet after which the recogniser is asked what was said so far and a reply may be begun on a guess."""
    lull_llm_ms: Annotated[int, Field(ge=20, le=500)] = 20
    """The same with a language model, where each millisecond before its first token counts; costs more recognition."""
    fade_db: Annotated[int, Field(ge=0, le=40)] = 0
    """The recogniser is asked already where the caller's voice falls so far below its loudest, dB; 0: never."""
    fade_llm_db: Annotated[int, Field(ge=0, le=40)] = 18
    """The same with a language model."""
    model: Path | None = None
    """An ONNX end-of-turn model (smart-turn's style) that judges the sound beside the words; extra ``turn-model``."""
    speculate: bool = True
    """Begin replies before the turn is over; they are spoken only when the words turn out to be these."""
    speculate_most: Annotated[int, Field(ge=0, le=20)] = 6
    """Replies begun on a guess in one turn of the caller, at most."""
    speculate_waste: Annotated[int, Field(ge=0, le=1_000_000)] = 2000
    """Tokens of the language model that guesses may waste in one call; then no more guesses."""
    min_speech_ms: Annotated[int, Field(ge=20, le=1000)] = 100
    """Shorter sounds are not speech."""
    barge_in: bool = True
    """Callers may interrupt."""
    barge_in_ms: Annotated[int, Field(ge=20, le=2000)] = 20
    """Speech this long pauses the agent."""
    barge_in_echo_ms: Annotated[int, Field(ge=20, le=2000)] = 100
    """The same on a line that sends the agent's voice back."""
    barge_in_confirm_ms: Annotated[int, Field(ge=40, le=3000)] = 600
    """Speech this long, or a recognised word other than «угу», ends the agent's turn; less, and it resumes."""
    echo: bool = True
    """Take the agent's own voice out of what comes back from the caller's loudspeaker."""
    echo_guard_ms: Annotated[int, Field(ge=0, le=2000)] = 300
    """A sound that begins this soon after the agent does may be its echo: it must outlast this to pause the agent."""
    reprompt_s: Annotated[float, Field(ge=2, le=120)] = 8.0
    """Silence after which the caller is asked again, seconds."""
    reprompts: Annotated[int, Field(ge=0, le=10)] = 2
    """How often, before the goodbye."""
    silent_s: Annotated[float, Field(ge=0, le=600)] = 0.0
    """A caller who never spoke hears the goodbye after so much silence, seconds; 0: after all reprompts."""
    wait_s: Annotated[float, Field(ge=2, le=600)] = 30.0
    """«Подождите минутку»: no reprompt for this long, seconds."""

    @property
    def with_model(self) -> "Turns":
        """The same for a call whose answers come from a language model."""
        return self.model_copy(update={"lull_ms": self.lull_llm_ms, "fade_db": self.fade_llm_db})


class Settings(BaseSettings):
    """The whole tree, frozen. Environment wins over the file."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        enable_decoding=False,
        extra="forbid",
        frozen=True,
    )

    language: Literal["ru", "en"] = "ru"
    """Recogniser, voice, prompts and demo knowledge."""
    sip: Sip = Sip()
    asterisk: Asterisk = Asterisk()
    modem: Modem = Modem()
    web: Web = Web()
    storage: Storage = Storage()
    stt: Stt = Stt()
    tts: Tts = Tts()
    yandex: Yandex = Yandex()
    openai: OpenAi = OpenAi()
    wyoming: Wyoming = Wyoming()
    whisper: Whisper = Whisper()
    sherpa: Sherpa = Sherpa()
    xtts: Xtts = Xtts()
    llm: Llm = Llm()
    kb: Kb = Kb()
    embed: Embed = Embed()
    redis: Redis = Redis()
    prompts: Prompts = Prompts()
    memory: Memory = Memory()
    turns: Turns = Turns()
    calls: Calls = Calls()
    limits: Limits = Limits()
    costs: CostSettings = CostSettings()
    recording: Recording = Recording()
    privacy: Privacy = Privacy()
    retention: Retention = Retention()
    shutdown: Shutdown = Shutdown()
    log: Log = Log()
    traces: Traces = Traces()
    _source: Path | None = PrivateAttr(default=None)

    @property
    def source(self) -> Path | None:
        """The file that this was read from."""
        return self._source

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then what ``load`` read from the TOML file."""
        return env_settings, init_settings


def load(path: Path | None = None) -> Settings:
    """Read ``path`` and the environment; raise ``SettingsError`` with one line naming the key.

    Without ``path`` the file is ``settings.toml`` in the data folder, where the admin page has written one.
    """
    settings = parse(settings_file.read(path), path)
    written = settings.storage.dir / "settings.toml"
    return load(written) if path is None and written.is_file() else settings


def parse(tree: dict[str, Any], path: Path | None) -> Settings:
    """Settings of ``tree``, as read from ``path``, and the environment; raises like ``load``."""
    settings_file.refuse_unknown_environment(Settings.model_fields)
    try:
        settings = Settings(**settings_file.with_old_names(settings_file.with_credentials(tree)))
    except ValidationError as error:
        raise SettingsError(settings_file.first_fault(error, path)) from None
    settings._source = path
    return settings
