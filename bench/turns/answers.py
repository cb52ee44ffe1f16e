"""What the agent would answer in writing: an interruption whose answer begins like the one it interrupts tells nothing.

The record and the wire then look the same whether it was taken or not, so such a pair is never cast.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from agent.chat import Chat
from agent.furnish import open_answers
from agent.settings import Settings

Answers = dict[tuple[str, str], tuple[str, str]]
"""Question and interruption -> what is answered to the one, and then to the other."""


def answered(language: str, questions: Sequence[str], interruptions: Sequence[str]) -> Answers:
    """Ask every question and after it every interruption, each pair as a conversation of its own."""
    return asyncio.run(_ask_all(language, questions, interruptions))


async def _ask_all(language: str, questions: Sequence[str], interruptions: Sequence[str]) -> Answers:
    found: Answers = {}
    settings = Settings(language=language)  # type: ignore[arg-type]
    async with AsyncExitStack() as stack:
        answers, _, _ = await open_answers(settings, stack)
        for question in questions:
            for text in interruptions:
                chat = Chat(answers)
                found[question, text] = (await _said(chat, question), await _said(chat, text))
    return found


async def _said(chat: Chat, text: str) -> str:
    return " ".join([sentence.text async for sentence in chat.ask(text)])


def alike(first: str, second: str) -> bool:
    """The second answer begins like the first, or is none."""
    return not second or first.startswith(second.split(".", maxsplit=1)[0])
