"""A question as the messages of a chat (platform.openai.com/docs/api-reference/chat)."""

import re
from collections.abc import Sequence
from typing import Any

from agent.ports import Passage, Question
from agent.tool import Tool

EXCHANGES = 6
"""Earlier turns shown to the model."""
FENCE = re.compile(r"</?reference>", re.IGNORECASE)

Message = dict[str, Any]


def messages(question: Question) -> list[Message]:
    """The chat: instructions, what is known of the caller, passages; what was said and heard before; the question.

    What never changes stands first, so that a server's prompt cache can use it; passages stand in the order of their
    names, not of their scores, for the same reason. What the caller cut off stands before his next words, not after
    the agent's: a model writes like its own earlier answers, and would say such a note aloud.
    """
    system = "\n\n".join(part for part in (question.system, question.about, _reference(question.passages)) if part)
    chat: list[Message] = [{"role": "system", "content": system}]
    note = ""
    for exchange in question.history[-EXCHANGES:]:
        if exchange.caller:
            chat.append({"role": "user", "content": note + exchange.caller})
            note = ""
        if exchange.agent:
            chat.append({"role": "assistant", "content": exchange.agent})
        if exchange.unheard and question.unheard_note:
            note = question.unheard_note.replace("{}", exchange.unheard) + "\n"
    chat.append({"role": "user", "content": note + question.text})
    return [*chat, *_tool_messages(question), *_again(question)]


def _reference(passages: Sequence[Passage]) -> str:
    """Passages between fences, which no passage can close: documents are data, never instructions."""
    if not passages:
        return ""
    ordered = sorted(passages, key=lambda p: (p.base, p.heading, p.text))
    texts = "\n\n".join(f"### [{p.base}] {p.heading}\n{FENCE.sub('', p.text)}" for p in ordered)
    return f"<reference>\n{texts}\n</reference>"


def _tool_messages(question: Question) -> list[Message]:
    if not question.results:
        return []
    asked = [
        {"id": r.call.id, "type": "function", "function": {"name": r.call.name, "arguments": r.call.arguments}}
        for r in question.results
    ]
    given = [{"role": "tool", "tool_call_id": r.call.id, "content": r.text} for r in question.results]
    return [{"role": "assistant", "content": None, "tool_calls": asked}, *given]


def _again(question: Question) -> list[Message]:
    if not question.note:
        return []
    return [{"role": "assistant", "content": question.said}, {"role": "user", "content": question.note}]


def without_system(chat: Sequence[Message]) -> list[Message]:
    """The instructions stand before the first words of the caller."""
    system, *rest = chat
    place = next(n for n, message in enumerate(rest) if message["role"] == "user")
    rest[place] = {**rest[place], "content": f"{system['content']}\n\n{rest[place]['content']}"}
    return rest


def alternating(chat: Sequence[Message]) -> list[Message]:
    """Messages of one side in a row become one; the greeting, which nobody asked for, is left out."""
    merged: list[Message] = []
    for message in chat:
        before = merged[-1]["role"] if merged else "system"
        if message["role"] == "assistant" and before == "system":
            continue
        if message["role"] == before and before in ("user", "assistant") and message["content"]:
            merged[-1] = {**merged[-1], "content": f"{merged[-1]['content']}\n{message['content']}"}
        else:
            merged.append(message)
    return merged


def declared(tool: Tool) -> Message:
    """A tool as a model is told of it."""
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
    }
