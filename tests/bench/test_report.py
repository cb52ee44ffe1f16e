"""The bench's own arithmetic and its page."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report import BEGIN, END, HEAD, PAGE, Row, percentile, put, spread, within, write


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([5.0], 0.5, 5), ([1, 2, 3, 4], 0.5, 2), ([1, 2, 3, 4], 0.95, 4), (list(range(1, 101)), 0.95, 95)],
)
def test_percentile_is_the_nearest_rank(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_is_one_of_the_samples_and_covers_its_share(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) * (1 - 1e-9)


def test_no_samples_never_reach_a_bar() -> None:
    assert not within([], 0.95, 1000)
    assert spread([]) == "no samples"
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)


def test_a_new_row_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"above\n{BEGIN}\n{END}\nbelow\n", encoding="utf-8")
    write([Row("a", "x", "1", "10", 3, True), Row("b", "y", "2", "20", 3, False)], page)
    write([Row("a", "x", "1", "11", 4, True)], page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("above\n")
    assert text.endswith("\nbelow\n")
    assert [line for line in text.splitlines() if line.startswith("| a ")] == ["| a | x | 1 | 11 | 4 | met |"]
    assert "| b | y | 2 | 20 | 3 | **missed** |" in text
    assert text.count("| figure |") == text.count("Measured on:") == 1


def test_a_page_without_markers_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here", encoding="utf-8")
    with pytest.raises(ValueError, match="markers"):
        write([], page)
    assert page.read_text(encoding="utf-8") == "nothing here"


def test_rows_that_were_printed_elsewhere_go_into_the_table(tmp_path: Path) -> None:
    """Another table stands below it on the page, and its first column is called as some of the rows are."""
    page = tmp_path / "page.md"
    other = "| drill | what |\n|---|---|\n| `kill` | harm |"
    page.write_text(f"{BEGIN}\n{END}\n\n{other}\n", encoding="utf-8")
    write([Row("drill-disk", "x", "1", "10", 3, True)], page)
    printed = Row("drill-long", "y", "2", "20", 3, False).markdown()
    put(f"Measured on: another machine.\n\n{HEAD[0]}\n{HEAD[1]}\nnot measured\n{printed}\n{other}\n", page)
    table, _, below = page.read_text(encoding="utf-8").partition(END)
    assert [line for line in table.splitlines() if line.startswith("| drill")][1:] == [printed]
    assert below.strip() == other
    assert "Measured on: another machine.\n" in table
    with pytest.raises(ValueError, match="no row"):
        put(other, page)


@pytest.mark.parametrize("page", sorted(PAGE.parent.rglob("*.md")), ids=lambda page: page.name)
def test_the_tables_of_the_docs_are_tables(page: Path) -> None:
    """A heading, the line below it, rows of as many cells; and figures stand in the table of figures alone."""
    lines = page.read_text(encoding="utf-8").splitlines()
    starts = [n for n, line in enumerate(lines) if _cells(line) and not _cells(lines[n - 1] if n else "")]
    for start in starts:
        count = len(_cells(lines[start]))
        assert set(_cells(lines[start + 1])) <= {"---", ":---", "---:", ":---:"}, (page.name, start + 1)
        for line in lines[start:]:
            if not _cells(line):
                break
            assert len(_cells(line)) == count, (page.name, line)
    figures = "\n".join(lines).partition(BEGIN)[2].partition(END)[0].splitlines()
    strays = [line for line in lines if line.endswith(("| met |", "| **missed** |")) and line not in figures]
    assert strays == []


def _cells(line: str) -> list[str]:
    """Of a table's line; none: it belongs to no table."""
    line = re.sub(r"\\.", "", line.strip())  # `\|` is no border, in code neither (GitHub's Markdown, 4.10)
    return [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
