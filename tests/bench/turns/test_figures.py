"""Findings become rows, and a bar that was missed is not called met."""

from bench.turns import figures
from bench.turns.measure import Finding
from bench.turns.scripts import Kind
from bench.turns.words import Loss


def finding(kind: Kind, name: str = "x", void: str = "", **values: float) -> Finding:
    return Finding(name, kind, dict(values), void=void)


def row(findings: list[Finding], name: str) -> tuple[str, bool]:
    made = {one.name: one for one in figures.rows(findings, Loss(0, 0, 0))}
    return made[name].measured, made[name].met


def test_the_reply_has_to_be_quick_at_the_median_and_at_the_edge() -> None:
    quick = [finding("question", reply_ms=300.0) for _ in range(20)]
    assert row(quick, "reply")[1]
    assert not row([*quick, *[finding("question", reply_ms=900.0)] * 2], "reply")[1]


def test_a_cut_in_counts_by_caller_and_by_pause() -> None:
    good = [finding("hesitation", cut_in=0, pauses=1, spoiled=0)] * 30
    bad = finding("hesitation", cut_in=1, pauses=2, spoiled=1)
    assert row([*good, bad], "cut-ins-hesitation") == ("1 of 31 callers (3.2%), 1 of 32 pauses", False)
    longer = finding("long-hesitation", cut_in=1, pauses=2, spoiled=2)
    assert row([*good, longer], "cut-ins-hesitation")[1]
    assert row([*good, longer], "cut-ins-long") == ("1 of 1 callers (100.0%), 2 of 2 pauses", True)


def test_one_false_stop_in_a_hundred_is_allowed() -> None:
    fine = [finding("noise", false_stop=0, lost=0)] * 99
    stop = finding("backchannel", false_stop=1, lost=0)
    assert row([*fine, stop], "false-stops")[1]
    assert not row([*fine, stop, stop], "false-stops")[1]


def test_what_could_not_be_judged_is_left_out_and_listed() -> None:
    one = finding("interruption", name="y", void="over", taken=0.0)
    other = finding("interruption", taken=1.0, stop_ms=90.0)
    assert row([one, other], "taken") == ("1 of 1 (100.0%)", True)
    assert figures.failures([one, other]) == ["y: not judged: over"]


def test_one_self_interruption_is_too_many() -> None:
    calls = [finding("echo", name=f"ru-echo20-{n}", turns=10, self_interrupted=0) for n in range(20)]
    assert row(calls, "echo") == ("0 in 200 turns", True)
    assert not row([*calls, finding("echo", name="ru-echo20-x", turns=9, self_interrupted=1)], "echo")[1]
