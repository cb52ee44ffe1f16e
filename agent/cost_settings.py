"""What paid engines cost and may cost: the section ``[costs]``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from agent.settings_lines import Section

Amount = Annotated[float, Field(ge=0)]


class Price(Section):
    """One engine: ``[[costs.engines]]``."""

    kind: Literal["stt", "tts", "llm", "embed"]
    """What it does."""
    name: str
    """As in ``stt.engine`` or ``tts.engine``; of a language model its ``model``, of an embedder ``embed.model``."""
    per_minute: Amount = 0.0
    """Price of a minute of audio heard, in ``costs.currency``."""
    per_million_characters: Amount = 0.0
    """Price of a million characters spoken."""
    per_million_tokens_in: Amount = 0.0
    """Price of a million tokens of questions, or of texts that are embedded."""
    per_million_tokens_out: Amount = 0.0
    """Price of a million tokens of answers."""
    money_a_day: Amount = 0.0
    """Most that it may cost in a day; 0: no limit."""
    minutes_a_day: Amount = 0.0
    """Most minutes in a day: of audio heard, or, of a voice, spoken; 0: no limit."""

    @property
    def priced(self) -> bool:
        """It has a price."""
        amounts = (self.per_minute, self.per_million_characters)
        return any((*amounts, self.per_million_tokens_in, self.per_million_tokens_out))

    @model_validator(mode="after")
    def _has_a_price(self) -> Self:
        if self.money_a_day and not self.priced:
            raise ValueError(f"{self.kind} {self.name}: money_a_day needs a price")
        return self


class CostSettings(Section):
    """What paid engines may cost in a day; one that has used it up is passed over until midnight."""

    currency: str = "RUB"
    """What the amounts are, for people."""
    engines: tuple[Price, ...] = ()
    """Prices and limits: tables ``[[costs.engines]]`` (only in the file)."""
