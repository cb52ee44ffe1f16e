"""Messages answered from the real knowledge: one conversation for each number."""

from contextlib import AsyncExitStack
from pathlib import Path

from agent.chat import Chat
from agent.furnish import open_answers
from agent.letters import LONGEST, PEOPLE_MOST, Letters
from agent.settings import Settings


async def test_messages_are_answered_in_one_text_and_follow_ups_understood(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        answers, _, _ = await open_answers(Settings.model_validate({"storage": {"dir": tmp_path}}), stack)
        letters = Letters(lambda: Chat(answers))
        hours = await letters.answer("+79161234567", "Какой у вас график работы?")
        assert "с 9" in hours or "с девяти" in hours
        assert len(hours) <= LONGEST
        assert await letters.answer("+79161234567", "повторите") == hours
        assert await letters.answer("+79160000000", "кто написал войну и мир") == ""
        assert await letters.answer("+79161234567", "соедините с оператором") == ""
        assert await letters.answer("+79161234567", "до свидания") == ""
        for number in range(PEOPLE_MOST + 5):
            await letters.answer(str(number), "спасибо")
        assert len(letters._chats) == PEOPLE_MOST
