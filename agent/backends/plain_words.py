"""What recognisers that write whole sentences give, made to the words that Allo works with; and what they invent."""

import re

_EDGES = '.,!?;:…«»"“”„()[]{}—–-*♪'
_INVENTED = re.compile(
    r"(субтитры (сделал|создавал|подготовил|делал|добавил)\b.*|редактор субтитров\b.*|корректор \w\.? ?\w+"
    r"|продолжение следует|спасибо за просмотр|подписывайтесь на (мой |наш )?канал\b.*"
    r"|thanks? (you )?for watching\b.*|(please )?subscribe to (my|our|the) channel\b.*"
    r"|(subtitles|captions) (by|made by)\b.*)"
)
"""What Whisper's models say of silence and noise: the last lines of the videos that they learnt from."""


def plain_words(text: str) -> list[str]:
    """Lower-case words without punctuation: «Сколько стоит, 1,5 т?» -> сколько стоит 1,5 т."""
    return [word for word in (part.strip(_EDGES) for part in text.lower().split()) if word]


def without_inventions(words: list[str]) -> list[str]:
    """The words, or nothing where all of them together are a line that Whisper makes up."""
    return [] if _INVENTED.fullmatch(" ".join(words)) else words
