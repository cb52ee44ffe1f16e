"""A real call whose recogniser dies in the middle of the question: the next one hears it from its beginning."""

from bench.wire import Plan, PlanItem, place
from tests.e2e.conftest import Launch
from tests.e2e.facts import FIRST, path
from tests.e2e.servers import started

QUESTION = "какой у вас график работы"


def test_a_recogniser_that_dies_in_a_call_is_not_missed(launch: Launch) -> None:
    with started("openai_ears", "--fault", "die", "--after-ms", "700") as address:
        daemon = launch({"STT__ENGINE": "openai, vosk", "OPENAI__BASE_URL": address})
        place(Plan(daemon.uri, [[PlanItem(path(FIRST))]], hangup_after_s=12))
        daemon.wait_for_records()
        states = daemon.health()["engines"]
        (turn,) = daemon.rows("SELECT heard, said FROM turns WHERE heard <> ''")
    assert turn["heard"] == QUESTION
    assert "понедельник" in turn["said"]
    assert states["stt"] == "openai gpt-live-transcribe, then vosk vosk-demo-ru"
    assert "utterances failed" in states["openai gpt-live-transcribe"]
    assert states["vosk vosk-demo-ru"].startswith("ok")
