"""Commands by hand on a machine where Allo is a service."""

import asyncio
import os
from pathlib import Path

import pytest

from agent.commands import installed
from agent.commands.main import main
from agent.store import open_log

CONFIG = Path("/etc/allo/allo.toml")
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Allo installed as a service into a root of its own."""
    (tmp_path / "etc/allo").mkdir(parents=True)
    (tmp_path / "etc/allo/allo.toml").write_text("", encoding="utf-8")
    assert main(["service", "install", "--root", str(tmp_path)]) == 0
    return tmp_path


def test_the_services_file_means_the_services_records(machine: Path) -> None:
    secret = machine / "etc/allo/credentials/asterisk.password"
    secret.write_text("s3cret\n", encoding="utf-8")
    environ: dict[str, str] = {}
    assert installed.take_over(CONFIG, environ, machine) == machine / "var/lib/allo"
    assert environ == {
        "ALLO_STORAGE__DIR": f"{machine}/var/lib/allo",
        "ALLO_KB__DIR": f"{machine}/var/lib/allo/kb",
        "ALLO_PROMPTS__DIR": f"{machine}/var/lib/allo/prompts",
        "ALLO_ASTERISK__PASSWORD": "s3cret",
    }


@pytest.mark.parametrize(
    ("config", "said"),
    [(None, {}), (Path("/home/me/allo.toml"), {}), (CONFIG, {"ALLO_STORAGE__DIR": "/elsewhere"})],
    ids=["no file", "another file", "somebody said where"],
)
def test_other_records_are_left_alone(config: Path | None, said: dict[str, str], machine: Path) -> None:
    environ = dict(said)
    assert installed.take_over(config, environ, machine) is None
    assert environ == said


def test_no_service_changes_nothing(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    assert installed.take_over(CONFIG, environ, tmp_path) is None
    assert environ == {}


def test_what_a_person_has_set_wins(machine: Path) -> None:
    environ = {"ALLO_KB__DIR": "/my/texts"}
    installed.take_over(CONFIG, environ, machine)
    assert environ["ALLO_KB__DIR"] == "/my/texts"


@root_only
def test_what_root_wrote_belongs_to_the_service(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "allo", tmp_path / "elsewhere"
    (folder / "backups").mkdir(parents=True)
    elsewhere.touch()
    (folder / "link").symlink_to(elsewhere)
    (folder / "backups/one.tar.gz").touch()
    os.chown(folder, 61234, 61235)
    installed.give_back(folder)
    given = [path.stat() for path in (folder / "backups", folder / "backups/one.tar.gz")]
    assert {(one.st_uid, one.st_gid) for one in given} == {(61234, 61235)}
    assert elsewhere.stat().st_uid == 0


async def _one_call(storage: Path) -> None:
    log = await open_log(storage / "calls.sqlite")
    columns = "(id, line, number, called, language, started_at, ended_at, status)"
    when = "2026-11-21T10:00:00Z"
    values = ("one", "sip", "79160000000", "100", "ru", when, when, "completed")
    await log.write([(f"INSERT INTO calls {columns} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)])
    await log.close()


@root_only
def test_an_erasure_by_hand_finds_the_caller_and_leaves_its_proof_to_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config, storage = tmp_path / "allo.toml", tmp_path / "records"
    config.write_text("", encoding="utf-8")
    unit = tmp_path / "root" / installed.UNIT
    unit.parent.mkdir(parents=True)
    unit.write_text(f"ExecStart=/opt/allo serve --config {config}\nEnvironment=ALLO_STORAGE__DIR={storage}\n")
    storage.mkdir()
    asyncio.run(_one_call(storage))
    os.chown(storage, 61234, 61235)
    monkeypatch.setenv(installed.STORAGE, "restored when the test is over")
    monkeypatch.delenv(installed.STORAGE)
    monkeypatch.setattr(installed, "ROOT", tmp_path / "root")
    assert main(["privacy", "erase", "+79160000000", "--config", str(config)]) == 0
    assert "calls: 1" in capsys.readouterr().out
    assert {path.stat().st_uid for path in storage.iterdir()} == {61234}
    assert (storage / "deletions.jsonl").is_file()
