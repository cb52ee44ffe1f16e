"""What is too old goes, what a caller wants gone goes, and a line says so."""

import json
import os
import sqlite3
import tarfile
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.answer_cache import ANSWERS, AnswerCache
from agent.backends.cache_redis import RedisCache
from agent.backends.cache_sqlite import SqliteCache
from agent.commands.main import main
from agent.errors import RecordError
from agent.memory import CALLERS, Known, Memory
from agent.ports import Sentence
from agent.record import backup
from agent.record.retention import LOG, erase, export, prune
from agent.record.sealed import SealedWriter, new_key, read_key
from agent.settings import Redis, Retention, Settings, Storage
from agent.settings_upkeep import Recording
from agent.store import open_log
from agent.tables import new_answer_cache
from tests.fakes.redis_server import redis_url  # noqa: F401 - a fixture

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CALLS = {"old": "2026-08-01", "middle": "2026-11-01", "new": "2026-11-20"}
NUMBERS = {"old": "+79161234567", "middle": "89161234567", "new": "+79990000000"}


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "calls_log"
    folder.mkdir()
    log = await open_log(tmp_path / "calls.sqlite")
    for call, day in CALLS.items():
        columns = "(id, line, number, called, language, started_at, status, recording, transcript)"
        values = (
            call,
            "sip",
            NUMBERS[call],
            "100",
            "ru",
            f"{day}T10:00:00.000+00:00",
            "active",
            f"{call}.wav",
            f"{call}.txt",
        )
        await log.write([(f"INSERT INTO calls {columns} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)])
        turn = "INSERT INTO turns (call_id, n, heard, said, said_heard) VALUES (?, 1, ?, 'ответ', 'ответ')"
        await log.write([(turn, (call, f"вопрос {call}"))])
        await log.write([("UPDATE calls SET ended_at = started_at, status = 'completed' WHERE id = ?", (call,))])
        for suffix in (".wav", ".txt", ".trace.jsonl"):
            (folder / f"{call}{suffix}").write_text(f"{call} говорит", encoding="utf-8")
    await log.close()
    return Settings(storage=Storage(dir=tmp_path))


def keeping(settings: Settings, **days: int) -> Settings:
    return settings.model_copy(update={"retention": Retention(**days)})


def rows(settings: Settings, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(settings.storage.dir / "calls.sqlite")) as log:
        return log.execute(statement).fetchall()


def files(settings: Settings) -> set[str]:
    return {path.name for path in (settings.storage.dir / "calls_log").iterdir()}


def noted(settings: Settings) -> list[dict[str, object]]:
    path = settings.storage.dir / LOG
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


async def test_nothing_goes_unless_it_is_wished(settings: Settings) -> None:
    assert prune(settings, NOW) == []
    assert len(files(settings)) == 9
    assert noted(settings) == []


async def test_each_kind_has_its_own_age(settings: Settings) -> None:
    done = prune(keeping(settings, calls_days=60, words_days=10, recordings_days=5), NOW)
    assert [(one.what, one.calls) for one in done] == [("calls", 1), ("words", 1), ("recordings", 1)]
    assert rows(settings, "SELECT id FROM calls ORDER BY id") == [("middle",), ("new",)]
    assert files(settings) == {"new.wav", "new.txt", "new.trace.jsonl"}
    assert rows(settings, "SELECT call_id, heard, said FROM turns ORDER BY call_id") == [
        ("middle", "", ""),
        ("new", "вопрос new", "ответ"),
    ]
    assert rows(settings, "SELECT recording, recording_note FROM calls WHERE id = 'middle'") == [("", "deleted")]


async def test_messages_and_what_is_remembered_have_an_age_too(settings: Settings) -> None:
    storage = settings.storage.dir
    letters, backs = storage / "modem/sms.jsonl", storage / "modem/call_backs.json"
    letters.parent.mkdir()
    times = ("2026-08-01T10:00:00+03:00", "2026-11-20T10:00:00+00:00", "")
    letters.write_text("".join(f'{{"at": "{at}", "number": "+7916"}}\n' for at in times), encoding="utf-8")
    rows = [{"id": 1, "due": times[0], "state": "done"}, {"id": 2, "due": times[0], "state": "waiting"}]
    backs.write_text(json.dumps([*rows, {"id": 3, "due": times[1], "state": "done"}]), encoding="utf-8")
    memory = Memory(storage / CALLERS)
    for number, day in (("9161234567", "2026-08-01"), ("9990000000", "2026-11-20")):
        memory._write(number, Known("Анна", (), day))
    done = prune(keeping(settings, messages_days=30, callers_days=30), NOW)
    assert [(one.what, one.calls) for one in done] == [("messages", 2), ("callers", 1)]
    assert [row["what"] for row in noted(settings)] == ["messages", "callers"]
    assert [json.loads(line)["at"] for line in letters.read_text(encoding="utf-8").splitlines()] == [times[1], ""]
    assert [row["id"] for row in json.loads(backs.read_text(encoding="utf-8"))] == [2, 3]
    assert memory.known("+79161234567") is None
    assert memory.known("+79990000000") is not None
    await memory.close()
    assert prune(keeping(settings, messages_days=30, callers_days=30), NOW) == []


async def test_what_caches_hold_of_words_goes_with_the_words(settings: Settings) -> None:
    """By when an answer was made and a phrase was last said; the log tells how many, and none of them."""
    storage = settings.storage.dir
    cache = SqliteCache(storage / ANSWERS, "answers", 10)
    await cache.put({"answer:old": "Иван Петров".encode(), "answer:new": b"[]"})
    with closing(sqlite3.connect(storage / ANSWERS)) as file, file:
        file.execute("UPDATE answers SET at = '2026-11-11 11:59:59' WHERE key = 'answer:old'")
        file.execute("UPDATE answers SET at = '2026-11-11 12:00:01' WHERE key = 'answer:new'")
    phrases = storage / "phrases"
    phrases.mkdir()
    for name, day in (("old.phrase", 11), ("half.part", 1), ("new.phrase", 12)):
        (phrases / name).write_bytes(b"sound")
        os.utime(phrases / name, (0, datetime(2026, 11, day, 11, 59, tzinfo=UTC).timestamp()))
    done = prune(keeping(settings, words_days=10, calls_days=400), NOW)
    assert [(one.what, one.calls) for one in done] == [("words", 2), ("phrases", 2), ("answers", 1)]
    assert [row["before"] for row in noted(settings)] == ["2026-11-11T12:00:00+00:00"] * 3
    assert holding(storage, "Иван Петров") == []
    assert await cache.get(["answer:old", "answer:new"]) == {"answer:new": b"[]"}
    assert [path.name for path in phrases.iterdir()] == ["new.phrase"]
    await cache.close()
    assert prune(keeping(settings, words_days=10), NOW) == []


async def test_caches_keep_no_words_of_calls_that_are_gone(settings: Settings) -> None:
    """Answers of an older Allo say nothing of their age: they go, and an index of them is begun anew."""
    answers = settings.storage.dir / ANSWERS
    with closing(sqlite3.connect(answers)) as file, file:
        file.execute("CREATE TABLE answers (key TEXT PRIMARY KEY, answer BLOB NOT NULL)")
        file.execute("INSERT INTO answers VALUES ('answer:1', 'Иван Петров')")
    assert prune(keeping(settings, recordings_days=400), NOW) == []
    assert [(one.what, one.calls) for one in prune(keeping(settings, calls_days=400), NOW)] == [("answers", 1)]
    assert holding(settings.storage.dir, "Иван Петров") == []
    cache = SqliteCache(answers, "answers", 10)
    await cache.put({"answer:2": b"[]"})
    assert await cache.get(["answer:1", "answer:2"]) == {"answer:2": b"[]"}
    await cache.close()


async def test_a_redis_forgets_answers_by_itself_in_the_same_time(settings: Settings, redis_url: str) -> None:  # noqa: F811
    """The timer's service has no network."""
    from redis import Redis as Client  # noqa: PLC0415 - an extra

    mine = settings.model_copy(update={"redis": Redis(url=SecretStr(redis_url))})
    for key, kept in (("ever", {}), ("words", {"words_days": 10, "calls_days": 20}), ("long", {"calls_days": 99})):
        cache = new_answer_cache(keeping(mine, **kept))
        assert cache is not None
        await cache.put(f"answer:{key}", [Sentence("Да.")])
        await cache.close()
    with Client.from_url(redis_url) as redis:
        left = [redis.ttl(f"allo:cache:answer:{key}") for key in ("ever", "words", "long")]
    assert left == [pytest.approx(days * 86400, abs=60) for days in (30, 10, 30)]
    prune(keeping(mine.model_copy(update={"redis": Redis(url=SecretStr("redis://127.0.0.1:1/0"))}), words_days=10), NOW)


async def test_what_was_deleted_is_noted_though_the_rest_fails(settings: Settings) -> None:
    (settings.storage.dir / ANSWERS).write_text("no database at all" * 100)
    with pytest.raises(RecordError, match="can't be emptied"):
        prune(keeping(settings, words_days=10), NOW)
    assert [(row["what"], row["calls"]) for row in noted(settings)] == [("words", 2)]
    with pytest.raises(RecordError, match="can't be emptied"):
        erase(settings, NUMBERS["old"], NOW)
    assert [(row["what"], row["calls"]) for row in noted(settings)][1:] == [("caller", 2)]


async def test_keys_that_were_pressed_are_words(settings: Settings) -> None:
    with closing(sqlite3.connect(settings.storage.dir / "calls.sqlite")) as log, log:
        for kind, detail in (("dtmf", "7"), ("transfer", "refused")):
            log.execute("INSERT INTO events VALUES ('old', '2026-08-01', ?, ?)", (kind, detail))
    prune(keeping(settings, words_days=10), NOW)
    assert rows(settings, "SELECT kind, detail FROM events") == [("dtmf", ""), ("transfer", "refused")]


async def test_a_reported_answer_goes_with_its_words(settings: Settings) -> None:
    reports = settings.storage.dir / "wrong_answers.tsv"
    reports.write_text("id\tkb\ncall-old-2\tgeneral\ncall-new-1\ttech\n", encoding="utf-8")
    prune(keeping(settings, words_days=30), NOW)
    assert reports.read_text(encoding="utf-8") == "id\tkb\ncall-new-1\ttech\n"


async def test_a_second_time_there_is_nothing_left(settings: Settings) -> None:
    wish = keeping(settings, words_days=10)
    assert [one.calls for one in prune(wish, NOW)] == [2]
    assert prune(wish, NOW) == []
    assert files(settings) == {"old.wav", "middle.wav", "new.wav", "new.txt", "new.trace.jsonl"}


async def test_what_is_gone_is_not_found_and_not_in_the_file(settings: Settings) -> None:
    found = "SELECT count(*) FROM call_words WHERE call_words MATCH '\"вопрос\"'"
    assert rows(settings, found) == [(3,)]
    prune(keeping(settings, words_days=10), NOW)
    assert rows(settings, found) == [(1,)]
    rows(settings, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert "вопрос old".encode() not in (settings.storage.dir / "calls.sqlite").read_bytes()


async def test_a_call_in_progress_is_left_alone(settings: Settings) -> None:
    with closing(sqlite3.connect(settings.storage.dir / "calls.sqlite")) as log, log:
        log.execute("UPDATE calls SET ended_at = NULL WHERE id = 'old'")
    assert prune(keeping(settings, calls_days=60), NOW) == []


async def test_a_caller_is_erased_however_the_number_is_written(settings: Settings) -> None:
    letters = settings.storage.dir / "modem/sms.jsonl"
    letters.parent.mkdir()
    theirs, other = {"number": "+7 916 123-45-67", "text": "да"}, {"number": "+79990000000", "text": "нет"}
    letters.write_text(f"{json.dumps(theirs)}\n{json.dumps(other)}\n", encoding="utf-8")
    back = settings.storage.dir / "modem/call_backs.json"
    back.write_text(json.dumps([theirs, other]), encoding="utf-8")
    reports = settings.storage.dir / "wrong_answers.tsv"
    reports.write_text("id\tkb\ncall-old-2\tgeneral\ncall-new-1\ttech\npage-1\tnone\n", encoding="utf-8")
    done = erase(settings, "8 (916) 123-45-67", NOW)
    assert done.calls == 2
    assert rows(settings, "SELECT id FROM calls") == [("new",)]
    assert files(settings) == {"new.wav", "new.txt", "new.trace.jsonl"}
    assert [json.loads(line) for line in letters.read_text(encoding="utf-8").splitlines()] == [other]
    assert json.loads(back.read_text(encoding="utf-8")) == [other]
    assert reports.read_text(encoding="utf-8") == "id\tkb\ncall-new-1\ttech\npage-1\tnone\n"
    assert noted(settings) == [{"at": "2026-11-21T12:00:00+00:00", "what": "caller", "calls": 2, "before": ""}]


async def test_caches_hold_nothing_of_who_was_erased(settings: Settings) -> None:
    """Beside a daemon that goes on writing: the write-ahead logs have pages of before."""
    storage, words = settings.storage.dir, "Иван Петров, пришлём"
    cache = SqliteCache(storage / ANSWERS, "answers", 10)
    await cache.put({"answer:1": json.dumps([[words, ""]], ensure_ascii=False).encode()})
    phrase = storage / "phrases" / "0a.phrase"
    phrase.parent.mkdir()
    phrase.write_bytes(b"sound")
    log = await open_log(storage / "calls.sqlite")
    await log.write([("UPDATE turns SET heard = ? WHERE call_id = 'old'", (words,))])
    assert [path.name for path in holding(storage, words)] == ["answers.sqlite-wal", "calls.sqlite-wal"]
    erase(settings, NUMBERS["old"], NOW)
    assert holding(storage, words) == []
    assert not phrase.exists()
    await cache.put({"answer:2": b"[]"})  # they go on
    assert await cache.get(["answer:1", "answer:2"]) == {"answer:2": b"[]"}
    await cache.close()
    await log.close()


async def test_answers_in_redis_go_too(settings: Settings, redis_url: str) -> None:  # noqa: F811
    shelf = RedisCache(redis_url)
    await AnswerCache(shelf).put("answer:1", [Sentence("Иван Петров")])
    await shelf.put({"vector": b"1"})
    erase(settings.model_copy(update={"redis": Redis(url=SecretStr(redis_url))}), NUMBERS["old"], NOW)
    assert await shelf.get(["answer:1", "vector"]) == {"vector": b"1"}
    await shelf.close()


def holding(folder: Path, words: str) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and words.encode() in path.read_bytes())


async def test_a_caller_sees_what_is_kept(settings: Settings, tmp_path: Path) -> None:
    assert export(settings, "+79161234567", tmp_path / "kept.zip") == 2
    with zipfile.ZipFile(tmp_path / "kept.zip") as packed:
        assert set(packed.namelist()) == {
            "calls.json",
            "messages.json",
            "old.wav",
            "old.txt",
            "middle.wav",
            "middle.txt",
        }
        calls = json.loads(packed.read("calls.json"))
    assert [call["turns"][0]["heard"] for call in calls] == ["вопрос old", "вопрос middle"]
    assert (tmp_path / "kept.zip").stat().st_mode & 0o777 == 0o600


async def test_sealed_recordings_go_with_the_rest_and_are_shown_open(settings: Settings, tmp_path: Path) -> None:
    key, folder = new_key(), settings.storage.dir / "calls_log"
    SealedWriter(folder / "old.sealed", 8000, read_key(key)).close()
    with closing(sqlite3.connect(settings.storage.dir / "calls.sqlite")) as log, log:
        log.execute("UPDATE calls SET recording = 'old.sealed' WHERE id = 'old'")
    with pytest.raises(RecordError, match="which is not here"):
        export(settings, "+79161234567", tmp_path / "kept.zip")
    assert not (tmp_path / "kept.zip").exists()
    mine = settings.model_copy(update={"recording": Recording(key=SecretStr(key))})
    export(mine, "+79161234567", tmp_path / "kept.zip")
    with zipfile.ZipFile(tmp_path / "kept.zip") as packed:
        assert packed.read("old.wav").startswith(b"RIFF")
    target = backup.make(mine, tmp_path / "all.tar.gz", True, lambda _done, _of: None)
    with tarfile.open(target) as archive:
        kept = archive.extractfile("storage/calls_log/old.sealed")
        assert kept is not None
        assert kept.read() == (folder / "old.sealed").read_bytes()
        assert key.encode() not in b"".join(each.read() for each in map(archive.extractfile, archive) if each)
    assert [one.calls for one in prune(keeping(settings, recordings_days=60), NOW)] == [1]
    assert "old.sealed" not in files(settings)
    assert "old.trace.jsonl" not in files(settings)


async def test_what_can_not_be_done_is_told(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no number"):
        erase(settings, "anonymous", NOW)
    with pytest.raises(RecordError, match="there is no call log"):
        prune(keeping(Settings(storage=Storage(dir=tmp_path / "elsewhere")), calls_days=1), NOW)


async def test_the_command_says_what_it_did(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALLO_STORAGE__DIR", str(settings.storage.dir))
    monkeypatch.setenv("ALLO_RETENTION__CALLS_DAYS", "1")
    assert main(["privacy", "erase", "+79990000000"]) == 0
    assert "calls: 1\n" in capsys.readouterr().out
    assert main(["privacy", "prune"]) == 0
    assert "deleted; calls: 2\n" in capsys.readouterr().out
