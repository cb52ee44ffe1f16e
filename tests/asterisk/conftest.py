"""One running Asterisk of each kind for the whole folder."""

from collections.abc import Iterator

import pytest

from tests.asterisk.install import SUITES
from tests.asterisk.pbx import Pbx, need


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "asterisk" in item.path.parts and not item.get_closest_marker("asterisk"):
            item.add_marker(pytest.mark.asterisk)


@pytest.fixture(scope="session", params=SUITES)
def asterisk(request: pytest.FixtureRequest) -> Iterator[Pbx]:
    """An Asterisk that lives as long as the session."""
    need(str(request.param))
    with Pbx(str(request.param)) as pbx:
        yield pbx


@pytest.fixture
def pbx(asterisk: Pbx) -> Iterator[Pbx]:
    """The session's Asterisk, empty before the test and after it."""
    asterisk.emptied()
    yield asterisk
    asterisk.emptied()
