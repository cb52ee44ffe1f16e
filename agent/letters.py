"""Messages answered by the agent: one conversation for each number, its answers as one text."""

import asyncio
from collections.abc import Callable

from agent.chat import Chat

PEOPLE_MOST = 200
"""Conversations remembered; beyond it the one that was quiet longest is forgotten."""
FORGOTTEN_S = 6 * 3600.0
"""A conversation that was quiet for so long begins anew, seconds."""
LONGEST = 330
"""An answer is cut behind a sentence so that it fits into five parts in Cyrillic, characters."""


class Letters:
    """``answer`` is an ``agent.ports.AnswerText``."""

    def __init__(self, new_chat: Callable[[], Chat]) -> None:
        """``new_chat`` begins a conversation."""
        self._new_chat = new_chat
        self._chats: dict[str, tuple[Chat, float]] = {}

    async def answer(self, number: str, text: str) -> str:
        """The answer to a message; empty where only a person could give one.

        An offer to connect the operator, a goodbye and a transfer mean nothing in writing, so they are no answer.
        """
        now = asyncio.get_running_loop().time()
        chat, at = self._chats.pop(number, (self._new_chat(), now))
        chat = chat if now - at < FORGOTTEN_S else self._new_chat()
        self._chats[number] = chat, now
        if len(self._chats) > PEOPLE_MOST:
            del self._chats[next(iter(self._chats))]
        said = ""
        async for sentence in chat.ask(text):
            if sentence.action is not None or sentence.effect == "offer":
                return ""
            longer = f"{said} {sentence.text}".strip()
            if len(longer) > LONGEST:
                break
            if sentence.effect != "aside":
                said = longer
        return said
