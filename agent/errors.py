"""The failure vocabulary: one base, one subclass per stage, a stable code on each.

Messages say what is wrong, where, and what to do; they never carry callers' words or secrets.
"""


class AlloError(Exception):
    """Base of everything that Allo raises on purpose."""

    code = "allo"


class SettingsError(AlloError):
    """The configuration can't be used; the message is one line that names the key."""

    code = "settings"


class StartError(AlloError):
    """A file, model or port needed at start is missing or in use; one line that names it."""

    code = "start"


class HearingError(AlloError):
    """The recogniser failed."""

    code = "stt"


class VoiceError(AlloError):
    """The voice failed."""

    code = "tts"


class ModelError(AlloError):
    """The language model failed or stalled."""

    code = "llm"

    def __init__(self, message: str = "", retry_after_s: float | None = None) -> None:
        """``retry_after_s``: the same question may be asked again after so many seconds; None: that is of no use."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class KnowledgeError(AlloError):
    """The knowledge base can't be read or searched."""

    code = "kb"


class SpentError(KnowledgeError):
    """A paid embedder has used up its day: the words alone are searched. Who counts says it, once a day."""


class ToolError(AlloError):
    """A tool that a model asked for failed or took too long."""

    code = "tool"


class StallError(AlloError):
    """No answer came for seconds; some engine hangs."""

    code = "stall"


class RecordError(AlloError):
    """The call log or a recording can't be written."""

    code = "record"
