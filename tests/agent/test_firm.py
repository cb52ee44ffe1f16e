"""Sentences marked in documents and by models: said without the mark, and to their end."""

from dataclasses import replace

import pytest

from agent.answer import Minds
from agent.events import AgentSaid, Noted
from agent.firm import Firmness
from agent.ports import Passage, Sentence
from tests.agent.test_call import GREETING_S, Scene
from tests.fakes.engines import FakeMind
from tests.fakes.line import FakeMouth, Leaves, Says

ASK = GREETING_S + 1
ASKED, LAW = "есть ли рассрочка", "Это не публичная оферта."
TERMS = Passage("general", "Рассрочка", f"Есть. !{LAW} Звоните.", 0.9)


@pytest.mark.parametrize("by", ["knowledge", "model that copies the mark", "model that leaves it out"])
def test_a_marked_sentence_of_a_document_is_said_to_its_end(by: str) -> None:
    piece = LAW if by == "model that leaves it out" else f"!{LAW}"
    mind = FakeMind({ASKED: [f"{piece} ", "Звоните. "]})
    minds = Minds(mind) if by == "knowledge" else Minds(FakeMind({}), mind)
    over = Says(ASK + 1.8, "сколько стоит пресс", 0.6)
    scene = Scene([Says(ASK, ASKED), over, Leaves(ASK + 5)], minds, passages=(TERMS,))

    assert [event.heard for event in scene.events if isinstance(event, AgentSaid)][1] == f"{LAW} Звоните."
    assert Noted("paused") not in scene.events
    plain = Scene([Says(ASK, ASKED), over, Leaves(ASK + 5)], minds, passages=(replace(TERMS, text=LAW),))
    assert (Noted("paused") in plain.events) == (by == "model that leaves it out"), "nothing marked it"


def test_a_pause_that_only_took_hold_within_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeMouth, "slips", 10)
    minds = Minds(FakeMind({ASKED: ["Есть. ", f"!{LAW} "]}))
    scene = Scene([Says(ASK, ASKED), Says(ASK + 1.54, "", 0.2), Leaves(ASK + 6)], minds, passages=(TERMS,))

    assert [event.kind for event in scene.events if isinstance(event, Noted)] == ["speculation", "paused", "resumed"]
    assert [event.heard for event in scene.events if isinstance(event, AgentSaid)][1] == f"Есть. {LAW}"


def test_a_long_one_is_firm_in_all_its_parts_and_what_follows_is_not() -> None:
    firmness = Firmness(())
    parts = [Sentence("!Цены действительны,", "general"), Sentence("пока есть товар."), Sentence("Приходите.")]

    said = [firmness.of(part) for part in parts]
    assert [part.text for part in said] == ["Цены действительны,", "пока есть товар.", "Приходите."]
    assert [part.firm for part in said] == [True, True, False]
    assert said[0].source == "general"
