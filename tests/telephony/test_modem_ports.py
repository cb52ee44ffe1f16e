"""Which port is which, who else has it open, and that the descriptions of modems hold together."""

import asyncio
import io
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from agent.commands.main import main
from agent.commands.modem_command import check
from agent.errors import StartError
from agent.settings import Modem
from telephony.modem_model import model_of, models
from telephony.modem_ports import advice, find, holder, named
from telephony.modem_wire import ModemError, SerialPort
from telephony.simulated.wires import Wire

RULES = Path(__file__).parents[2] / "systemd/70-allo-modem.rules"


def plug(root: Path, place: str, usb: str, ports: int, first: int = 0) -> None:
    """What the kernel shows of a modem: one USB device, an interface and a ttyUSB for each port."""
    device = root / "devices" / place
    for number in range(ports):
        tty = f"ttyUSB{first + number}"
        interface = device / f"{place}:1.{number}"
        (interface / tty).mkdir(parents=True)
        (interface / "bInterfaceNumber").write_text(f"{number:02x}\n")
        (root / "tty" / tty).mkdir(parents=True)
        (root / "tty" / tty / "device").symlink_to(interface / tty)
    vendor, product = usb.split(":")
    (device / "idVendor").write_text(vendor + "\n")
    (device / "idProduct").write_text(product + "\n")


def test_modems_are_found_by_what_they_are_not_by_their_numbers(tmp_path: Path) -> None:
    plug(tmp_path, "1-1.4", "1e0e:9001", 5, first=3)
    plug(tmp_path, "1-1.2", "2c7c:0125", 4, first=8)
    plug(tmp_path, "1-1.3", "0403:6001", 1)  # a serial adapter
    plug(tmp_path, "1-1.5", "1e0e:9001", 2, first=20)  # another composition: no audio port
    seen = [(str(ports.at), str(ports.audio), ports.model.name, ports.place) for ports in find(tmp_path / "tty")]
    assert seen == [
        ("/dev/ttyUSB10", "/dev/ttyUSB9", "EC25", "1-1.2"),
        ("/dev/ttyUSB5", "/dev/ttyUSB7", "SIM7600", "1-1.4"),
    ]


@pytest.mark.parametrize("name", list(models()))
def test_each_kind_is_described_whole_and_left_alone_by_modem_manager(name: str) -> None:
    model = model_of(name.lower())
    commands = [*model.init, *model.rate_command.values(), model.audio_on, model.audio_off, model.answer, model.hang_up]
    assert all(command.startswith("AT") for command in [*commands, model.refuse_waiting, model.reset])
    assert model.init[0] == "ATE0"
    assert model.at_interface != model.audio_interface
    rules = RULES.read_text(encoding="utf-8")
    for usb in model.usb:
        vendor, product = usb.split(":")
        assert f'ATTR{{idVendor}}=="{vendor}", ATTR{{idProduct}}=="{product}", ENV{{ID_MM_DEVICE_IGNORE}}="1"' in rules


def test_an_unknown_kind_and_half_a_pair_are_refused_with_what_to_write() -> None:
    with pytest.raises(StartError, match=r"known are EC25, SIM7600"):
        model_of("SIM900")
    with pytest.raises(ValueError, match=r"/dev/ttyUSB2\|/dev/ttyUSB4"):
        named("/dev/ttyUSB2", model_of("SIM7600"))


def test_a_port_that_another_program_has_is_diagnosed(tmp_path: Path) -> None:
    wire = Wire(tmp_path / "ttyUSB2")
    wire.plug()
    program = f"import serial, sys; p = serial.Serial({str(wire.path)!r}, exclusive=True); print(); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()
        name = Path(f"/proc/{other.pid}/comm").read_text(encoding="utf-8").strip()
        assert holder(wire.path) == name
        with pytest.raises(ModemError, match=f"^{name} has .*ttyUSB2 open: stop it"):
            asyncio.run(SerialPort(wire.path, lambda _data: None).open())
        ports = f"{wire.path}|{wire.path}"
        (finding,) = asyncio.run(check(Modem(enabled=True, ports=(ports,))))
        assert (finding.state, finding.result) == ("warning", f"{wire.path} is open in {name}")
        other.stdin.close()
    assert holder(wire.path) == ""
    wire.unplug()
    with pytest.raises(ModemError, match="no such port"):
        asyncio.run(SerialPort(wire.path, lambda _data: None).open())


async def test_a_write_that_had_to_wait_goes_out_whole_and_leaves_the_loop_alone(tmp_path: Path) -> None:
    wire = Wire(tmp_path / "ttyUSB4")
    wire.plug()
    port = SerialPort(wire.path, lambda _data: None)
    await port.open()
    faults: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, fault: faults.append(fault))
    sent, got = bytes(range(256)) * 120, b""
    port.write(sent)
    assert port.waiting > 0
    async with asyncio.timeout(3):
        while len(got) < len(sent):
            got += wire.read(4096)
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    await port.close()
    wire.unplug()
    assert (got == sent, port.waiting, faults) == (True, 0, [])


def test_modem_manager_is_named_with_what_mends_it(tmp_path: Path) -> None:
    port, process = tmp_path / "ttyUSB2", tmp_path / "proc" / "4711"
    port.touch()
    (process / "fd").mkdir(parents=True)
    (process / "fd" / "7").symlink_to(port)
    (process / "comm").write_text("ModemManager\n")
    assert holder(port, tmp_path / "proc") == "ModemManager"
    assert "systemctl disable --now ModemManager" in advice("ModemManager", port)
    assert "70-allo-modem.rules" in advice("ModemManager", port)


async def test_the_doctor_looks_only_where_a_modem_is_wanted(tmp_path: Path) -> None:
    assert await check(Modem()) == []
    (missing,) = await check(Modem(enabled=True, ports=(f"{tmp_path}/a|{tmp_path}/b",)))
    assert (missing.state, missing.result) == ("fault", f"{tmp_path}/a is not there")


def test_the_simulated_modem_is_there_for_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``allo modem simulate``, worked by hand; what the caller heard is saved."""
    wav = tmp_path / "heard.wav"
    typed = f"what\nring\nkey 5\nsms Привет\nsay nowhere.wav\nunplug\nplug\nsave {wav}\nquit\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert main(["modem", "simulate", "--dir", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert f"ALLO_MODEM__PORTS={tmp_path}/ttyUSB2|{tmp_path}/ttyUSB4" in said.out
    assert "sms TEXT" in said.out
    assert "nowhere.wav" in said.out
    assert wav.stat().st_size == 44


def test_each_compiled_package_of_the_default_install_is_in_the_table_for_the_raspberry() -> None:
    """What is installed here, compiled or not, is what a Raspberry Pi installs, for another processor."""
    page = (RULES.parents[1] / "docs/modem.md").read_text(encoding="utf-8")
    table = {cell.strip() for line in page.splitlines() if line.startswith("| ") for cell in line.split("|")}
    compiled = set()
    waiting, seen = {"allo"}, set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        package = distribution(name)
        if re.search(r"^Tag: .*(?<!-any)$", package.read_text("WHEEL") or "", re.MULTILINE):
            compiled.add(name)
        wanted = [Requirement(text) for text in package.requires or []]
        names = {
            each.name.lower().replace("_", "-")
            for each in wanted
            if not each.marker or each.marker.evaluate({"extra": ""})
        }
        waiting |= names - seen
    assert "vosk" in compiled
    assert compiled - table == set()
