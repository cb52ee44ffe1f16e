"""The whole daemon with a language model behind it; when it fails, the knowledge base answers in the same turn."""

import pytest

from bench.wire import Plan, PlanItem, place
from tests.e2e.conftest import Launch
from tests.e2e.facts import FIRST, path
from tests.e2e.servers import started

MODEL_SAYS = "Это ответ языковой модели."
WHOLE_TURN_MS = 3000
"""End of the question to the first sample of an answer, also when the model says nothing for 2.5 s."""


def answer_of(launch: Launch, address: str) -> tuple[str, float]:
    """What was heard of the answer to one question, and after how many milliseconds."""
    daemon = launch({"LLM__BASE_URL": address, "LLM__MODEL": "test", "LLM__API_KEY": "sk-secret"})
    (report,) = place(Plan(daemon.uri, [[PlanItem(path(FIRST))]], hangup_after_s=14))
    daemon.wait_for_records()
    (turn,) = daemon.rows("SELECT said_heard FROM turns WHERE n = 1")
    assert "sk-secret" not in daemon.log
    return str(turn["said_heard"]), float(report.turns[0]["reply_ms"])


def test_the_model_answers(launch: Launch) -> None:
    with started("openai_server", "--answer", MODEL_SAYS, "--first-token-s", "0.3") as address:
        heard, after_ms = answer_of(launch, address)

    assert heard == MODEL_SAYS
    assert 300 < after_ms < 1500


@pytest.mark.parametrize("fault", ["hang_first", "end_early"])
def test_a_failing_model_is_replaced_within_the_turn(launch: Launch, fault: str) -> None:
    with started("openai_server", "--answer", MODEL_SAYS, "--fault", fault) as address:
        heard, after_ms = answer_of(launch, address)

    assert "понедельник" in heard
    assert after_ms < WHOLE_TURN_MS


def test_a_model_that_is_not_there_is_replaced_within_the_turn(launch: Launch) -> None:
    heard, after_ms = answer_of(launch, "http://127.0.0.1:9/v1")

    assert "понедельник" in heard
    assert after_ms < WHOLE_TURN_MS
