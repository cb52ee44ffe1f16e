"""The arithmetic of the drills."""

import numpy as np
import pytest

from bench.drills.engines import answered_after
from bench.drills.servers import QUESTION, heard


@pytest.mark.parametrize(
    ("heard_ms", "limit", "expected"),
    [
        ([[0, 900], [1400, 3400]], float("inf"), 400.0),
        ([[0, 900], [1900, 2600], [3000, 6000]], float("inf"), 2000.0),
        ([[900, 2000], [3000, 5000]], float("inf"), 2000.0),
        ([[900, 3000]], float("inf"), 0.0),
        ([[1900, 2600]], float("inf"), float("inf")),
        ([[7000, 9000]], 6500.0, float("inf")),
        ([], float("inf"), float("inf")),
    ],
    ids=["answer", "filler", "cut off", "went on", "filler only", "after the next question", "silence"],
)
def test_a_filler_is_no_answer(heard_ms: list[list[float]], limit: float, expected: float) -> None:
    assert answered_after(heard_ms, 1000.0, limit) == expected


def test_a_server_of_the_drills_hears_that_somebody_spoke() -> None:
    loud = (np.sin(np.arange(8000)) * 8000).astype("<i2").tobytes()
    assert [word.text for word in heard(bytes(8000) + loud, 8000)] == list(QUESTION)
    assert heard(bytes(8000), 8000) == []
    assert heard(bytes(8000) + loud[:1600], 8000) == []
