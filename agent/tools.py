"""Tools that models may use, as ``tools.toml`` declares them, and what using one leads to: sentences and results."""

import asyncio
import json
import logging
import os
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from agent.call_back import PARAMETERS as CALL_BACK
from agent.errors import StartError, ToolError
from agent.ports import Action, Sentence
from agent.prompts import Prompts, read_rows, read_toml
from agent.tool import Tool, ToolCall, ToolResult, Webhook
from agent.tool_schema import Kind, fault_of_arguments, fault_of_schema

log = logging.getLogger(__name__)

DEADLINE_S = 3.0
"""How long a tool may take where its file does not say, seconds."""
LONGEST_S = 10.0
"""And how long at most; a caller is not left in silence for longer than 3.5 s after the filler anyway."""
NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}}
COMMON = ("name", "kind", "description", "parameters", "filler", "apology", "deadline_s")
KEYS = frozenset([*COMMON, "method", "url", "headers"])
SECRET = re.compile(r"\$\{(\w+)\}")
TEXT: Mapping[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {"send_sms": TEXT, "call_back": CALL_BACK}
"""What tools take where their file does not say."""
TextSender = Callable[[str], Awaitable[str]]
"""Sends the caller a text message; what to tell the model: ``sent``, or ``error: ...``."""
CallBackBooker = Callable[[Mapping[str, Any]], Awaitable[str]]
"""Notes a call-back as the model's arguments say; what to tell the model."""
WebhookCall = Callable[[Webhook, Mapping[str, Any]], Awaitable[str]]
"""Asks somebody else's server; raises ``ToolError``."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One tool of the file."""

    tool: Tool
    kind: Kind
    filler: str = ""
    """Said at once, before the tool is used; empty: one of the prompts' fillers."""
    apology: str = ""
    """Said when the tool fails; empty: the prompts' own."""
    deadline_s: float = DEADLINE_S
    """How long it may take, seconds."""
    webhook: Webhook | None = None


@dataclass(frozen=True, slots=True)
class Means:
    """What can be done for one caller."""

    webhook: WebhookCall | None = None
    send_text: TextSender | None = None
    """Where the line can send messages."""
    call_back: CallBackBooker | None = None
    """Where the line can call this caller later."""
    number: str = ""
    """The caller's; empty when withheld."""

    def can(self, kind: Kind) -> bool:
        """True when tools of ``kind`` may be offered."""
        if kind == "send_sms":
            return self.send_text is not None and bool(self.number)
        if kind == "call_back":
            return self.call_back is not None
        return kind != "http_webhook" or self.webhook is not None


@dataclass(slots=True)
class Using:
    """The tools of one answer."""

    declared: tuple[Declared, ...]
    means: Means
    prompts: Prompts
    invented: Callable[[str], str] = lambda _text: ""
    """The first thing in a text that no passage says; empty: it may be sent."""
    results: list[ToolResult] = field(default_factory=list)
    """What they gave back, for the model."""
    by_model: bool = False
    """The whole answer is a model's own, from the passages alone."""
    over: bool = False
    """The answer ends with what was said last: an action follows, or an apology was made."""

    @property
    def offered(self) -> tuple[Tool, ...]:
        """Those that can be used for this caller."""
        return tuple(each.tool for each in self.declared if self.means.can(each.kind))

    async def use(self, call: ToolCall, silent: bool) -> AsyncGenerator[Sentence, None]:
        """What is said about it; ``silent``: nothing was said in this answer yet.

        Nothing is done before something was said: a reply that is thought of on a guess is asked for its first sentence
        only, so a guess does nothing.
        """
        usable = (each for each in self.declared if each.tool.name == call.name and self.means.can(each.kind))
        declared = next(usable, None)
        if declared is None:
            self.results.append(ToolResult(call, "error: there is no such tool"))
            return
        if declared.kind in ("transfer_to_operator", "hang_up"):
            self.over = True
            yield self._act(declared.kind)
            return
        arguments, fault = _arguments(call, declared.tool)
        if fault:
            self.results.append(ToolResult(call, f"error: {fault}"))
            return
        if silent:
            yield Sentence(declared.filler or self.prompts.fillers[0], effect="aside")
        try:
            async with asyncio.timeout(declared.deadline_s):
                self.results.append(ToolResult(call, await self._do(declared, arguments)))
        except (ToolError, TimeoutError) as error:
            log.warning("tool %s: %s", call.name, str(error) or f"no answer in {declared.deadline_s:g} s")
            self.over = True
            yield Sentence(declared.apology or self.prompts.stalled)

    def _act(self, kind: Kind) -> Sentence:
        if kind == "hang_up":
            return Sentence(self.prompts.goodbye, action=Action("hangup"))
        return Sentence(self.prompts.transfer, action=Action("transfer"))

    async def _do(self, declared: Declared, arguments: Mapping[str, Any]) -> str:
        if declared.webhook is not None and self.means.webhook is not None:
            return await self.means.webhook(declared.webhook, arguments)
        if declared.kind == "call_back" and self.means.call_back is not None:
            return await self.means.call_back(arguments)
        if declared.kind != "send_sms" or self.means.send_text is None:
            return "error: there is no such tool"
        text = str(arguments.get("text", ""))
        if fault := self.invented(text):
            return f"error: no passage says {fault}; send only what the passages say"
        return await self.means.send_text(text)


def _arguments(call: ToolCall, tool: Tool) -> tuple[Mapping[str, Any], str]:
    """What the model wrote, and what is wrong with it."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError:
        return {}, "the arguments are not JSON"
    if not isinstance(arguments, dict):
        return {}, "the arguments are no object"
    return arguments, fault_of_arguments(arguments, tool.parameters)


def load_tools(path: Path) -> tuple[Declared, ...]:
    """Read ``tools.toml``; none where there is no file. Raises ``StartError`` naming file, tool and fault."""
    if not path.exists():
        return ()
    declared = tuple(_declared(row, path) for row in read_rows(read_toml(path), "tool", path))
    names = [each.tool.name for each in declared]
    for name in names:
        if names.count(name) > 1:
            raise StartError(f"{path}: {name}: there are two tools of this name")
    return declared


def _declared(row: Mapping[str, Any], path: Path) -> Declared:
    kind = row.get("kind", row.get("name", ""))
    name = str(row.get("name", kind))
    where = f"{path}: {name or '[[tool]]'}"
    if kind not in get_args(Kind):
        raise StartError(f"{where}: kind must be one of {', '.join(get_args(Kind))}")
    for key in row:
        if key not in KEYS:
            raise StartError(f"{where}: {key}: there is no such key; it may be one of {', '.join(sorted(KEYS))}")
    if not re.fullmatch(r"[A-Za-z_][\w-]{0,63}", name):
        raise StartError(f"{where}: a name of Latin letters, digits, - and _ is needed")
    if not row.get("description"):
        raise StartError(f"{where}: a description is needed: it tells the model when to use the tool")
    parameters = row.get("parameters", DEFAULTS.get(kind, NOTHING))
    fault = fault_of_schema(parameters)
    if fault:
        raise StartError(f"{where}: parameters: {fault}")
    deadline_s = row.get("deadline_s", DEADLINE_S)
    if not isinstance(deadline_s, int | float) or not 0 < deadline_s <= LONGEST_S:
        raise StartError(f"{where}: deadline_s must be between 0 and {LONGEST_S:g} seconds")
    tool = Tool(name, str(row["description"]), parameters)
    webhook = _webhook(row, parameters, where) if kind == "http_webhook" else None
    return Declared(tool, kind, str(row.get("filler", "")), str(row.get("apology", "")), float(deadline_s), webhook)


def _webhook(row: Mapping[str, Any], parameters: Mapping[str, Any], where: str) -> Webhook:
    url, method, headers = str(row.get("url", "")), str(row.get("method", "GET")).upper(), row.get("headers", {})
    if not re.match(r"https?://[^{}/]+", url):
        raise StartError(f"{where}: url must begin with http:// or https:// and name its host outright")
    if method not in ("GET", "POST", "PUT"):
        raise StartError(f"{where}: method must be GET, POST or PUT")
    for name in re.findall(r"(?<!\$)\{(\w*)\}", url):
        if name not in parameters.get("properties", {}):
            raise StartError(f"{where}: url names {{{name}}}, which is no parameter")
    if not isinstance(headers, dict):
        raise StartError(f"{where}: headers must be a table")
    return Webhook(method, _filled(url, where), {name: _filled(str(value), where) for name, value in headers.items()})


def _filled(text: str, where: str) -> str:
    """With the secrets that ``${NAME}`` takes from the environment."""

    def secret(found: re.Match[str]) -> str:
        value = os.environ.get(found[1], "")
        if not value:
            raise StartError(f"{where}: the environment has no {found[1]}")
        return value

    return SECRET.sub(secret, text)
