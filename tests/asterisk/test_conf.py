"""The shipped configuration: it agrees with the settings, and real Asterisks do with it what its README says."""

import asyncio
import re
from collections.abc import Iterator

import numpy as np
import pytest

from agent.settings import Asterisk, Sip
from tests.asterisk.install import SUITES
from tests.asterisk.operator_phone import OperatorPhone
from tests.asterisk.pbx import CONF, Pbx, need
from tests.asterisk.softphone import Softphone
from tests.asterisk.test_calls import NUMBER, pitch

SHIPPED = "PJSIP/operator"


def shipped(name: str) -> str:
    return (CONF / name).read_text(encoding="utf-8")


def value(name: str, key: str) -> str:
    found = re.search(rf"^{key} *= *(\S+)", shipped(name), re.MULTILINE)
    assert found, f"{name}: {key}"
    return found[1]


def test_it_agrees_with_the_settings() -> None:
    settings = Asterisk()
    assert f"[{settings.username}]" in shipped("ari.conf")
    assert set(re.findall(r"Stasis\((\w+)", shipped("extensions.conf"))) == {settings.app}
    assert value("http.conf", "bindport") == "8088"
    assert "http://127.0.0.1:8088" in shipped("README.md")
    assert value("extensions.conf", "ALLO_OPERATOR") == SHIPPED


def test_rtp_ports_of_asterisk_and_of_our_own_sip_line_do_not_overlap() -> None:
    first, last = Sip().rtp_ports
    assert int(value("rtp.conf", "rtpend")) < first or int(value("rtp.conf", "rtpstart")) > last


def test_the_readme_names_every_file() -> None:
    text = shipped("README.md")
    assert [file.name for file in CONF.glob("*.conf") if file.name not in text] == []


@pytest.fixture(scope="module", params=SUITES)
def as_shipped(request: pytest.FixtureRequest) -> Iterator[Pbx]:
    """An Asterisk whose operator is the shipped one, not the tests' tone."""
    need(str(request.param))
    with Pbx(str(request.param), operator=SHIPPED) as pbx:
        yield pbx


async def test_the_operators_phone_rings_when_the_daemon_is_absent(as_shipped: Pbx) -> None:
    async with OperatorPhone(as_shipped.sip_port) as operator, Softphone(as_shipped.sip_port, NUMBER) as phone:
        await phone.until("answered", 3)
        await phone.hears(8000, 4)
        assert operator.rung == 1
        assert pitch(phone.heard()[-4000:]) == pytest.approx(operator.hz, abs=5)
    await asyncio.to_thread(as_shipped.emptied)


async def test_where_nobody_is_there_the_caller_is_told(as_shipped: Pbx) -> None:
    async with Softphone(as_shipped.sip_port, NUMBER) as phone:
        await phone.until("answered", 3)
        async with asyncio.timeout(12):
            while not _busy_tone(phone):
                await phone.hears(len(phone.heard()) + 1600, 3)
        said = phone.heard()[:16000]
        assert np.abs(said).max() > 1000, "a voice before the tone"
    await asyncio.to_thread(as_shipped.emptied)


def _busy_tone(phone: Softphone) -> bool:
    """425 Hz in the last 100 ms."""
    last = phone.heard()[-800:]
    return len(last) == 800 and pitch(last) == pytest.approx(425, abs=12)


@pytest.mark.parametrize("dialled", ["100", "+74951112233", "support", "s", "8"])
async def test_whatever_was_dialled_somebody_answers(as_shipped: Pbx, dialled: str) -> None:
    async with OperatorPhone(as_shipped.sip_port) as operator, Softphone(as_shipped.sip_port, dialled) as phone:
        await phone.until("answered", 3)
        assert operator.rung == 1
    await asyncio.to_thread(as_shipped.emptied)


def test_asterisk_takes_every_file_without_complaint(as_shipped: Pbx) -> None:
    ours = "|".join(re.escape(file.name) for file in CONF.glob("*.conf"))
    source = re.compile(rf"(WARNING|ERROR).*({ours}|res_pjsip|pbx_config|res_ari|http\.c)")
    # an operator who is not registered, and files of modules that we have no use for, are no fault of ours
    known = re.compile(r"Could not create dialog|pjsip_wizard|declined")
    assert [line for line in as_shipped.log.splitlines() if source.search(line) and not known.search(line)] == []
