"""The installer tells in one line why it can't; where it has installed, it does nothing twice."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.asterisk import install
from tests.asterisk.pbx import need

SCRIPT = Path(install.__file__)


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_without_root_it_says_so(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "root" in install.why_not("sid")
    if Path("/etc/debian_version").exists():
        with pytest.raises(install.CannotInstall, match="root"):
            install.install("sid")


def test_the_reason_is_kept_for_the_skipped_tests(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(suite: str) -> None:
        raise install.CannotInstall("debootstrap sid failed: no mirror")

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(install, "install", broken)
    install.cache().mkdir(parents=True)
    assert "not installed" in install.why_not("sid")
    assert install.main(["sid"]) == 1
    assert install.why_not("sid") == "debootstrap sid failed: no mirror"
    assert "debootstrap sid failed" in capsys.readouterr().out


def test_a_missing_asterisk_skips_or_where_it_is_required_fails(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALLO_REQUIRE_ASTERISK", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Asterisk of sid"):
        need("sid")
    monkeypatch.setenv("ALLO_REQUIRE_ASTERISK", "1")
    with pytest.raises(pytest.fail.Exception, match="ALLO_REQUIRE_ASTERISK=1"):
        need("sid")


def test_an_unfinished_tree_does_not_count(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    (install.tree("sid") / "usr").mkdir(parents=True)
    assert install.version("sid") == ""
    (install.tree("sid") / install.MARKER).write_text("Asterisk 22.10.1\n", encoding="utf-8")
    assert install.version("sid") == "Asterisk 22.10.1"
    assert install.why_not("sid") == ""


@pytest.mark.parametrize("suite", install.SUITES)
def test_what_is_installed_stays(suite: str) -> None:
    need(suite)
    before = (install.tree(suite) / install.MARKER).stat().st_mtime_ns
    done = subprocess.run([sys.executable, SCRIPT, suite], capture_output=True, text=True, check=True, timeout=10)
    assert "ready: Asterisk" in done.stdout
    assert (install.tree(suite) / install.MARKER).stat().st_mtime_ns == before


def test_an_unknown_suite(capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main(["potato"]) == 2
    assert "no such suite" in capsys.readouterr().out
