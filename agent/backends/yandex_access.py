"""How we tell Yandex Cloud who we are: an API key or an IAM token, with a folder where one is needed.

Source: Yandex Cloud, "Authentication with the SpeechKit API". An API key belongs to a service account, does not
expire, and goes without a folder: Yandex takes the account's own. An IAM token lives 12 hours at most; one of a person
needs the folder's id beside it, one of a service account does not. An OAuth token is not accepted here.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

import grpc
from grpc import aio

from agent.settings import Yandex

Kind = Literal["none", "api-key", "iam-token", "oauth-token"]

IAM, OAUTH = "t1.", ("y0_", "y1_", "AQAAAA")
"""How the tokens begin; anything else is an API key."""

KEEPALIVE = (("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 5_000))
"""A connection that a firewall forgot is noticed, and not by a caller."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What goes with a request, and what it lacks."""

    kind: Kind
    secret: str = field(repr=False)
    folder: str = ""
    """Id of the folder that is billed; empty: the service account's own."""

    @property
    def usable(self) -> bool:
        """Yandex may accept it."""
        return self.kind in ("api-key", "iam-token")

    @property
    def authorization(self) -> str:
        """The header of that name; empty when nothing usable is here."""
        if not self.usable:
            return ""
        return f"Api-Key {self.secret}" if self.kind == "api-key" else f"Bearer {self.secret}"

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """For gRPC (API v3)."""
        rows = [("authorization", self.authorization)] if self.authorization else []
        if self.folder and self.kind == "iam-token":
            rows.append(("x-folder-id", self.folder))
        return tuple(rows)

    @property
    def lacks(self) -> str:
        """What a person should do about it; empty: nothing is known to be missing."""
        match self.kind:
            case "none":
                return "set [yandex] api_key (a service account's API key), or iam_token and folder_id"
            case "oauth-token":
                return "an OAuth token is not accepted: exchange it for an IAM token, or make an API key"
            case "iam-token" if not self.folder:
                return "an IAM token of a person needs [yandex] folder_id; one of a service account goes without"
            case "api-key" if self.folder:
                return "[yandex] folder_id is not used: an API key belongs to its service account's folder"
        return ""

    def explain(self, code: grpc.StatusCode, details: str | None) -> str:
        """What a refusal means with these credentials, without the words that Yandex sent (they may name the key)."""
        said = (details or "").lower()
        if "folder" in said and self.kind == "iam-token" and not self.folder:
            return "this IAM token needs [yandex] folder_id"
        match code:
            case grpc.StatusCode.UNAUTHENTICATED:
                if self.kind == "iam-token":
                    return "the IAM token is refused: it lives 12 hours at most; renew it, or use an API key"
                return "the API key is refused: it is mistyped or was deleted" if self.usable else self.lacks
            case grpc.StatusCode.PERMISSION_DENIED:
                return "no permission: the account needs the role ai.speechkit-stt.user or ai.speechkit-tts.user"
            case grpc.StatusCode.RESOURCE_EXHAUSTED:
                return "the quota of Yandex Cloud is used up"
        return str(code.name).lower().replace("_", " ")


class YandexAccess:
    """The credentials of ``[yandex]``; a token in a file is read anew for each use, since something renews it."""

    def __init__(self, yandex: Yandex) -> None:
        self._yandex = yandex

    async def credentials(self) -> Credentials:
        """What we have now; a file that can't be read counts as nothing."""
        if self._yandex.iam_token_file is None:
            return self._of(self._yandex.api_key.get_secret_value() or self._yandex.iam_token.get_secret_value())
        return self._of(await asyncio.to_thread(self._from_file))

    def _of(self, secret: str) -> Credentials:
        """Told by its looks: which of the two settings it was put into is easily mistaken."""
        secret = secret.strip()
        kind: Kind = "api-key" if secret else "none"
        if secret.startswith(IAM):
            kind = "iam-token"
        elif secret.startswith(OAUTH):
            kind = "oauth-token"
        return Credentials(kind, secret, self._yandex.folder_id)

    def _from_file(self) -> str:
        if self._yandex.iam_token_file is None:
            return ""
        try:
            return self._yandex.iam_token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""


def new_channel(address: str) -> Any:
    """A gRPC channel (``grpc.aio.Channel``) to ``https://host:port``, or without TLS to ``http://host:port``."""
    scheme, _, host = address.rpartition("://")
    if scheme == "http":
        return aio.insecure_channel(host, options=KEEPALIVE)
    return aio.secure_channel(host, grpc.ssl_channel_credentials(), options=KEEPALIVE)
