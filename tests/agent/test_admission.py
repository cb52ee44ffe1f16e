import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.admission import FORGET, HOUR_S, Admission
from agent.settings import Limits, Settings


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("+79001234567", "blocked"),
        ("8 (495) 000-00-00", "blocked"),
        ("spammer7", "blocked"),
        ("+79011234567", None),
        ("+7495000000", None),
        ("", None),
    ],
)
def test_who_is_on_the_list_is_refused(number: str, reason: str | None) -> None:
    admission = Admission(Limits(block=("+7 900*", "84950000000", "Spammer*")))
    assert admission.refuses(number, 0) == reason


@pytest.mark.parametrize("number", ["", "anonymous", " Unknown "])
def test_withheld_numbers_are_refused_where_it_is_wished(number: str) -> None:
    assert Admission(Limits()).refuses(number, 0) is None
    assert Admission(Limits(refuse_withheld=True)).refuses(number, 0) == "withheld"
    assert Admission(Limits(refuse_withheld=True)).refuses("+79161234567", 0) is None


def test_one_number_may_ring_so_often_in_an_hour() -> None:
    admission = Admission(Limits(per_caller_per_hour=2))
    assert [admission.refuses("+79161234567", at) for at in (0, 10, 20)] == [None, None, "too-often"]
    assert admission.refuses("89161234567", 30) == "too-often"
    assert admission.refuses("+79990000000", 30) is None
    assert admission.refuses("+79161234567", HOUR_S) is None
    assert admission.refuses("+79161234567", HOUR_S + 5) == "too-often"


def test_who_is_refused_is_not_counted() -> None:
    admission = Admission(Limits(per_caller_per_hour=1))
    assert [admission.refuses("+79161234567", at * HOUR_S / 2) for at in range(5)] == [
        None, "too-often", None, "too-often", None,
    ]  # fmt: skip


def test_all_together_may_ring_so_often() -> None:
    admission = Admission(Limits(per_hour=3))
    assert [admission.refuses(f"+7916000000{n}", n) for n in range(5)] == [None, None, None, "too-many", "too-many"]


def test_numbers_are_forgotten_rather_than_gathered() -> None:
    admission = Admission(Limits(per_caller_per_hour=1))
    for number in range(FORGET + 500):
        admission.refuses(f"+7{9_000_000_000 + number}", number / 1000)
    assert len(admission._rang) == FORGET
    assert admission.refuses(f"+7{9_000_000_000 + FORGET + 499}", 20) == "too-often"


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_list_and_any_number_is_taken(listed: str, number: str) -> None:
    assert Admission(Limits(block=(listed,))).refuses(number, 0) in (None, "blocked")


def test_the_list_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLO_LIMITS__BLOCK", "+7900*, 88005553535")
    assert Settings().limits.block == ("+7900*", "88005553535")
