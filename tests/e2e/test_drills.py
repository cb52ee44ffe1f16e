"""The drills in their shortest form: the same harm, a few times. In full: ``make drills``."""

import os

import pytest

from bench.drills import asterisk, disk, engines
from tests.asterisk.pbx import need

SLACK = 2.0
"""The machine of the tests does other things meanwhile: times may be so much longer than the bars of the drills."""


@pytest.mark.asterisk
@pytest.mark.timeout(120)
@pytest.mark.xdist_group("asterisk-sid")
def test_asterisk_is_killed_in_mid_call() -> None:
    need("sid")
    rows = asterisk.drill(1, slack=SLACK)
    assert [row.measured for row in rows if not row.met] == []


@pytest.mark.timeout(120)
def test_nobody_waits_in_silence_while_engines_are_harmed() -> None:
    told = engines.hold(engines.CREWS[1], 1.0, at_once=3, turns=1)
    assert told.trouble == []
    assert told.refused == 0
    assert len(told.waits_ms) == 3
    assert max(told.waits_ms) <= engines.BAR_MS * SLACK


@pytest.mark.timeout(120)
def test_a_full_disk_makes_a_gap_in_records_only() -> None:
    if os.geteuid():
        pytest.skip("mounting a file system of its own needs root")
    try:
        place_of_records = disk.Disk().__enter__()
    except RuntimeError as error:
        pytest.skip(f"no file system of its own here: {error}")
    try:
        seen = disk.full(place_of_records, 4.0, tail_s=9.0)
        row = disk.row_of_full(seen, 4.0)
    finally:
        place_of_records.__exit__()
    assert row.met, row.measured
