"""Webhooks: look-ups and bookings on somebody else's server. One kept connection pool for all calls."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from agent.errors import ToolError
from agent.tool import Webhook

LONGEST = 4000
"""Bytes of an answer that a model is shown."""


class HttpTools:
    """Calls webhooks; deadlines are the caller's business."""

    def __init__(self) -> None:
        self._http: aiohttp.ClientSession | None = None

    async def call(self, webhook: Webhook, arguments: Mapping[str, Any]) -> str:
        """The body of the answer, a refusal (4xx) as words for the model; raises ``ToolError``, arguments left out."""
        url, rest = webhook.url, dict(arguments)
        for name in arguments:
            if f"{{{name}}}" in url:
                url = url.replace(f"{{{name}}}", quote(str(rest.pop(name)), safe=""))
        sent: dict[str, Any] = {"params": {k: _plain(v) for k, v in rest.items()}}
        if webhook.method != "GET":
            sent = {"json": rest}
        host = url.split("/")[2]
        try:
            async with self._session().request(
                webhook.method, URL(url, encoded=True), headers=webhook.headers, allow_redirects=False, **sent
            ) as answer:
                body = (await answer.content.read(LONGEST)).decode(errors="replace").strip()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ToolError(f"{host}: {type(error).__name__}") from None
        if answer.status >= 500 or 300 <= answer.status < 400:
            raise ToolError(f"{host}: HTTP {answer.status}")
        return _readable(body) or "done" if answer.ok else f"error: HTTP {answer.status}: {body}"

    async def close(self) -> None:
        """Close connections."""
        if self._http is not None:
            await self._http.close()

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession()
        return self._http


def _readable(body: str) -> str:
    """JSON without its \\u escapes: what a model says is compared with these words."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        return body


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
