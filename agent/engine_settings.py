"""The settings of single vendors' recognisers and voices: a section each."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr

from agent.settings_lines import Section, WebAddress, split

Recogniser = Literal["vosk", "yandex", "openai", "whisper", "sherpa", "wyoming"]
Recognisers = Annotated[tuple[Recogniser, ...], BeforeValidator(split), Field(min_length=1)]
"""One name, or several in order: ``yandex, vosk``."""
VoiceName = Annotated[str, Field(pattern=r"^(auto|espeak|piper|yandex|openai|wyoming|xtts)(:.+)?$")]
Voices = Annotated[tuple[VoiceName, ...], BeforeValidator(split), Field(min_length=1)]
"""One name, or several in order, each with a voice if need be: ``yandex:alena, piper, espeak:ru+f2``."""


class LlmServer(Section):
    """One more server of language models."""

    model: str
    """Model name."""
    base_url: WebAddress = ""
    """OpenAI-compatible address; empty: ``llm.base_url``, with its key."""
    api_key: SecretStr = SecretStr("")
    """Key; empty: ``llm.api_key``, unless it has an address of its own."""


class Yandex(Section):
    """Yandex SpeechKit, for the recogniser and the voice of that name (extra ``yandex``)."""

    api_key: SecretStr = SecretStr("")
    """API key of a service account."""
    iam_token: SecretStr = SecretStr("")
    """IAM token instead; it lives 12 hours at most."""
    iam_token_file: Path | None = None
    """File with an IAM token that something renews; read anew for each use. It goes before both."""
    folder_id: str = ""
    """Folder that is billed: needed with a person's IAM token, not used with an API key."""
    stt_address: str = "https://stt.api.cloud.yandex.net:443"
    """Where the recogniser is asked, gRPC; ``http://``: without TLS, for a proxy on this machine."""
    stt_model: str = "general"
    """Recognition model."""
    stt_eou: Literal["ours", "default", "high"] = "ours"
    """Who ends its utterances: our turn-taking, or Yandex's, which gives final texts in pauses, ``high``: sooner."""
    stt_normalise: bool = False
    """Numbers, dates and names come written («25», «Иван»); off: as spoken, which Allo writes down itself."""
    tts_address: str = "https://tts.api.cloud.yandex.net:443"
    """Where the voice is asked, gRPC (API v3)."""
    tts_http_address: str = "https://tts.api.cloud.yandex.net/speech/v1/tts:synthesize"
    """Where it is asked when gRPC does not get through (API v1); empty: nowhere."""
    tts_role: str = ""
    """Manner of voices that have several, such as ``good`` or ``neutral``; empty: the voice's own."""


class OpenAi(Section):
    """OpenAI's speech, or a server that speaks its protocol, for the recogniser and the voice of that name."""

    base_url: WebAddress = ""
    """Address such as ``http://127.0.0.1:8000/v1``; empty: OpenAI."""
    api_key: SecretStr = SecretStr("")
    """Key; ``llm.api_key`` is used when both this and ``openai.base_url`` are empty."""
    stt_model: str = ""
    """Recognition model; empty: ``gpt-live-transcribe``, not in real time ``gpt-transcribe``."""
    stt_realtime: bool = True
    """Stream to the realtime WebSocket while the caller talks; off: each utterance is sent when it is over."""
    tts_model: str = "gpt-4o-mini-tts"
    """Speech model."""
    tts_instructions: str = ""
    """How it is to speak, in words («calm and friendly»), for models that take that; empty: nothing is asked."""


class Wyoming(Section):
    """Wyoming servers, as Home Assistant has them, for the recogniser and voice of that name (extra ``wyoming``)."""

    stt_address: str = "tcp://127.0.0.1:10300"
    """Where the recogniser is asked: ``tcp://host:port`` or ``unix:///path``."""
    tts_address: str = "tcp://127.0.0.1:10200"
    """Where the voice is asked."""


class Whisper(Section):
    """faster-whisper, for the recogniser of that name (extra ``whisper``)."""

    model: str = ""
    """Folder of a CTranslate2 Whisper model, absolute or under the models of ``storage.dir``; empty: a pulled one."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it runs; ``auto``: CUDA where there is one."""
    compute_type: str = "default"
    """CTranslate2's number type; ``default``: int8 on a CPU, float16 with CUDA."""
    threads: Annotated[int, Field(ge=0, le=64)] = 0
    """CPU threads; 0: one less than there are processors."""
    detect_language: bool = False
    """Hear Russian or English, whichever it is; off: ``language``."""


class Sherpa(Section):
    """sherpa-onnx, for the recogniser of that name (extra ``sherpa``)."""

    model: str = ""
    """Folder of the model, absolute or under the models of ``storage.dir``; empty: a pulled one."""
    kind: Literal["auto", "t-one", "transducer", "zipformer-ctc", "nemo-ctc", "offline-transducer", "offline-ctc"] = (
        "auto"
    )
    """What the model is; ``auto``: told by its files and its folder's name. The offline ones are GigaAM's kind."""
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    """Threads of its network."""


class Xtts(Section):
    """XTTS v2, for the voice of that name, cloned by ``allo voice clone`` (extra ``xtts``)."""

    model: str = ""
    """Folder of the XTTS v2 model, absolute or under the models of ``storage.dir``; empty: a pulled one."""
    preset: Literal["natural", "warm", "calm", "energetic", "neutral"] = "natural"
    """Manner of speaking."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it runs; ``auto``: CUDA where there is one."""
    threads: Annotated[int, Field(ge=0, le=64)] = 0
    """CPU threads; 0: one less than there are processors."""
    chunk_tokens: Annotated[int, Field(ge=5, le=200)] = 20
    """It gives sound each time it has made so many tokens (46 ms each): less is sooner and costs more."""
