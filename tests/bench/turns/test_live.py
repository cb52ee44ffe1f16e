"""One script against the real daemon, over SIP and in real time."""

from pathlib import Path

import numpy as np

from bench.daemon import DaemonProcess
from bench.turns import casting
from bench.turns.live import LiveRunner
from bench.turns.measure import References, judge


def test_a_question_is_asked_answered_timed_and_recorded(tmp_path: Path) -> None:
    texts = {"questions": ["какая гарантия"]}
    studio = casting.Studio(tmp_path, "ru", texts, np.random.default_rng(11))
    script = next(iter(casting.questions(studio)))
    with DaemonProcess() as daemon:
        (seen,) = LiveRunner(daemon, tmp_path, at_once=1).run([script])

    found = judge(seen, References())

    assert not found.failures
    assert 100 < found.values["reply_ms"] < 1500
    assert seen.said() == "какая гарантия"
    seen.keep(tmp_path / "kept")
    assert (tmp_path / "kept" / f"{script.name}.wav").stat().st_size > 100_000
