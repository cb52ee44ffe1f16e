"""``allo text``: lines in, lines out, as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ALLO = [sys.executable, "-m", "agent", "text"]


def environment(folder: Path) -> dict[str, str]:
    """A locale that knows no Russian, and a knowledge base of our own."""
    return {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "ALLO_KB__DIR": str(folder)}


@pytest.mark.parametrize(
    ("arguments", "line", "wanted"),
    [
        (["normalise"], "скорость пять миллиметров в секунду", "скорость пять мм/с"),
        (["normalise", "--numbers"], "в половине девятого", "в 8:30"),
        (["normalise", "--numbers", "--language", "en"], "half past nine", "9:30"),
        (["verbalise"], "от 5 до 100 кН", "от пяти до ста килоньютонов"),
        (["verbalise", "--language", "en"], "$5", "five dollars"),
    ],
)
def test_lines_become_lines_in_any_locale(tmp_path: Path, arguments: list[str], line: str, wanted: str) -> None:
    done = subprocess.run(
        [*ALLO, *arguments],
        input=f"{line}\r\n\n{line}".encode(),
        capture_output=True,
        env=environment(tmp_path),
        check=True,
    )

    assert done.stdout.decode() == f"{wanted}\n\n{wanted}\n"
    assert done.stderr == b""


def test_a_line_is_answered_before_the_next_is_asked(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*ALLO, "verbalise"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(tmp_path)
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for written, said in (("1-й", "первый"), ("№ 5", "номер пять")):
            process.stdin.write(f"{written}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline().decode() == f"{said}\n"


def test_a_closed_pipe_and_bytes_that_are_no_text_are_no_error(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*ALLO, "verbalise"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"\xef\xbb\xbf5 \xff\n")
        process.stdin.flush()
        assert process.stdout.readline().decode() == "пять \ufffd\n"
        process.stdout.close()
        process.stdin.write(b"6\n7\n")
        process.stdin.close()
        assert process.wait(10) == 0
        assert process.stderr.read() == b""


def test_a_users_table_lies_beside_the_knowledge_base(tmp_path: Path) -> None:
    (tmp_path / "language_ru.toml").write_text('[words]\n"СТО" = "сервис"\n', encoding="utf-8")
    done = subprocess.run(
        [*ALLO, "verbalise"], input="СТО".encode(), capture_output=True, env=environment(tmp_path), check=True
    )

    assert done.stdout.decode() == "сервис\n"


def test_a_broken_table_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "language_ru.toml").write_text("[nothing]\na = 1\n", encoding="utf-8")
    done = subprocess.run([*ALLO, "verbalise"], input=b"5", capture_output=True, env=environment(tmp_path), check=False)

    assert done.returncode == 2
    assert b"language_ru.toml: [nothing]" in done.stderr
    assert done.stderr.count(b"\n") == 1
