"""What texts were before, and the table of reported answers."""

from pathlib import Path

import pytest

from agent.desk import versions
from agent.desk.versions import Versions
from agent.desk.wrong_answers import WrongAnswer, WrongAnswers
from agent.errors import RecordError
from kb import evaluation


def test_versions_are_kept_newest_first_and_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "MOST", 3)
    kept = Versions(tmp_path / "var" / "versions.sqlite")
    first = kept.keep("kb/ru/general.md", "раз")
    assert kept.keep("kb/ru/general.md", "раз") == first
    for text in ("два", "три", "четыре"):
        kept.keep("kb/ru/general.md", text)
    kept.keep("settings", "{}")
    rows = kept.under("kb/ru/")
    assert [kept.read(row.id) for row in rows] == [("kb/ru/general.md", text) for text in ("четыре", "три", "два")]
    assert rows[0].characters == 6
    assert kept.read(first) is None


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "versions.sqlite"
    path.write_text("this is no database" * 100)
    with pytest.raises(RecordError, match=r"versions\.sqlite"):
        Versions(path).keep("settings", "{}")


def test_reports_can_be_evaluated(tmp_path: Path) -> None:
    reports = WrongAnswers(tmp_path / "var" / "wrong.tsv")
    assert reports.all() == []
    reports.report(WrongAnswer("call-1-2", "general", "какая\tгарантия\n", "два года|24 месяца"))
    reports.report(WrongAnswer("page-1", "none", "какая погода", ""))
    reports.report(WrongAnswer("call-1-2", "tech", "какая гарантия", "24 месяца"))
    cases = evaluation.read(reports.path)
    assert [(case.id, case.kb, case.turns, case.facts) for case in cases] == [
        ("page-1", "none", ("какая погода",), ()),
        ("call-1-2", "tech", ("какая гарантия",), ("24 месяца",)),
    ]
    assert reports.forget("page-1") is not None
    assert reports.forget("page-1") is None
    assert [wrong.id for wrong in reports.all()] == ["call-1-2"]
