"""Messages, codes, calls that we make, several modems: what is asked of a modem besides answering."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.commands.main import main
from agent.errors import ModelError
from agent.settings import Modem
from telephony.clock import MediaClock
from telephony.modem_callbacks import CallBackBook, allowed
from telephony.modem_desk import ask, harmless, ussd_text
from telephony.modem_line import ModemSource, sources
from telephony.modem_mail import REPLIES_MOST, MailBox
from telephony.simulated.profile import Profile
from telephony.simulated.sim7600 import Sim7600
from tests.asterisk.door import Door
from tests.fakes.sim7600 import Caller, is_up, plugged_in


async def asked(folder: Path, do: str, *words: str) -> tuple[bool, list[str]]:
    answer = await asyncio.to_thread(ask, folder / "modem" / "modem.sock", do, list(words))
    assert answer is not None
    return answer


def deliver(text: str, reference: int = 0, parts: int = 1, part: int = 1) -> str:
    """An SMS-DELIVER in UCS2 from +79161234567 (23.040, 9.2.2.1), made by hand."""
    header = bytes((5, 0, 3, reference, parts, part)) if parts > 1 else b""
    data = header + text.encode("utf-16-be")
    start = bytes((0, 0x44 if header else 0x04, 11, 0x91)) + bytes.fromhex("9761214365F7")
    return (start + bytes((0, 8)) + bytes.fromhex("62111231952121") + bytes((len(data),)) + data).hex().upper()


async def test_messages_are_kept_in_one_piece_leave_the_card_and_are_answered(tmp_path: Path) -> None:
    box = MailBox(tmp_path / "modem")
    async with plugged_in(tmp_path, sms_reply="Мы перезвоним") as (sim, _, _):
        for pdu in (deliver("мир", 7, 2, 2), deliver("Алло, ", 7, 2, 1), deliver("Второе")):
            sim.do(lambda pdu=pdu: sim.modem.message(pdu))  # type: ignore[misc]
        await Caller(sim).sees(lambda: len(sim.modem.sent) == 2 and not sim.modem.stored, 5)
    assert [(each.way, each.number, each.text) for each in box.newest(9) if each.way == "in"] == [
        ("in", "+79161234567", "Алло, мир"),
        ("in", "+79161234567", "Второе"),
    ]
    assert box.newest(9)[0].at == "2026-11-21T13:59:12+03:00"


async def test_messages_are_answered_by_the_house_but_not_for_ever_and_not_to_machines(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []

    async def answer(number: str, text: str) -> str:
        asked.append((number, text))
        if text == "беда":
            raise ModelError("no model")
        return "" if text == "оператора" else f"Ответ: {text}"

    async with plugged_in(tmp_path, answer=answer, sms_agent=True, sms_reply="Мы перезвоним") as (sim, source, _):
        bank = deliver("Зачислено").replace("0B919761214365F7", "05810910F2")
        for pdu in (deliver("Первое"), deliver("оператора"), deliver("беда"), bank, *map(deliver, "абвгдеёжзи")):
            sim.do(lambda pdu=pdu: sim.modem.message(pdu))  # type: ignore[misc]
        await Caller(sim).sees(lambda: len(sim.modem.sent) == REPLIES_MOST and not sim.modem.stored, 8)
        texts = [message.text for message in source.messages(99) if message.way == "out"]
        assert texts[:4] == ["Ответ: Первое", "Мы перезвоним", "Мы перезвоним", "Ответ: а"]
        assert ("90012", "Зачислено") not in asked
        assert (source.figures.messages_in, source.figures.messages_out) == (14, REPLIES_MOST)


async def test_a_message_that_the_card_does_not_let_go_is_answered_once(tmp_path: Path) -> None:
    async with plugged_in(tmp_path, sms_reply="Мы перезвоним") as (sim, source, _):
        sim.faults["AT+CMGD=1"] = "error"
        sim.do(lambda: sim.modem.message(deliver("Раз")))
        await Caller(sim).sees(lambda: len(sim.modem.sent) == 1, 5)
        sim.do(lambda: sim.modem.message(deliver("Два")))
        await Caller(sim).sees(lambda: len(sim.modem.sent) == 2 and not sim.modem.stored, 5)
        assert [message.text for message in source.messages(9) if message.way == "in"] == ["Раз", "Два"]


async def test_a_message_in_a_call_is_sent_to_its_end_whoever_waits(tmp_path: Path) -> None:
    async with plugged_in(tmp_path) as (sim, source, door):
        sim.ring()
        guest = await door.guest()
        await guest.until(lambda: len(guest.pcm) > 3200, 5)
        send = guest.line.send_text  # type: ignore[attr-defined]
        assert await send("Тверь") == "sent"
        sim.faults["AT+CMGS=2"] = "error"
        assert await send("Тверь") == "refused"
        with pytest.raises(ValueError, match="must have a text"):
            await send("")
        waiting = asyncio.create_task(send("Ж" * 100))
        await asyncio.sleep(0)
        waiting.cancel()
        await Caller(sim).sees(lambda: len(sim.modem.sent) == 3, 5)
        before = len(guest.pcm)
        await guest.until(lambda: len(guest.pcm) > before + 3200, 3)
    assert [(message.way, message.state) for message in source.messages(9)][:2] == [("out", ""), ("out", "failed")]


async def test_a_command_that_was_broken_off_harms_nobody(tmp_path: Path) -> None:
    """The modem waits for a message's text, and its asker is gone: what comes next must not become the text."""
    async with plugged_in(tmp_path) as (sim, source, _):
        assert source.session is not None
        at = source.session.at
        asking = asyncio.create_task(at.ask("AT+CMGS=20", 5.0, "00" * 20))
        await Caller(sim).sees(lambda: "AT+CMGS=20" in sim.modem.asked, 2)
        asking.cancel()
        assert (await at.ask("AT+CGMM")).lines == ("SIMCOM_SIM7600G-H",)
        assert sim.modem.sent == []


async def test_a_long_message_is_sent_in_parts(tmp_path: Path) -> None:
    async with plugged_in(tmp_path) as (sim, _, _):
        assert await asked(tmp_path, "sms", "+79161234567", "Ж" * 100) == (True, ["sent"])
        assert len(sim.modem.sent) == 2
        assert await asked(tmp_path, "sms", "nobody", "Ж") == (
            False,
            ["a telephone number is up to 20 digits with or without +"],
        )


async def test_a_balance_a_command_and_the_state_are_told(tmp_path: Path) -> None:
    async with plugged_in(tmp_path) as (_, _, _):
        assert await asked(tmp_path, "ussd", "*100#") == (True, ["Баланс: 123.45 р."])
        assert await asked(tmp_path, "at", "AT+CGMM") == (True, ["SIMCOM_SIM7600G-H", "OK"])
        done, said = await asked(tmp_path, "at", "AT+CHUP")
        assert not done
        assert "disturb the line" in said[0]
        assert (await asked(tmp_path, "info"))[1] == [
            "state     up; registered, signal -71 dBm",
            "firmware  LE20B05SIM7600M22",
            "audio     8000 Hz",
        ]
        assert not (await asked(tmp_path, "explode"))[0]


@pytest.mark.parametrize(
    ("callee", "said"), [("answers", "answered: call "), ("busy", "not answered")], ids=["answers", "busy"]
)
async def test_a_call_that_we_make(callee: str, said: str, tmp_path: Path) -> None:
    async with plugged_in(tmp_path, replace(Profile(), callee=callee)) as (sim, _, door):
        done, words = await asked(tmp_path, "dial", "+78005553535", "Заказ готов.")
        assert done
        assert words[0].startswith(said)
        assert len(door.guests) == (callee == "answers")
        for guest in door.guests:
            await guest.until(lambda guest=guest: len(guest.pcm) > 8000, 3)  # type: ignore[misc]
            assert (guest.line.caller.number, guest.line.caller.called) == ("+78005553535", "+78005553535")
            assert guest.line.caller.purpose == "Заказ готов."
            sim.hang_up()
            await asyncio.wait_for(guest.over.wait(), 2)
            assert guest.cause == "caller"


async def test_only_numbers_that_fit_a_pattern_are_rung(tmp_path: Path) -> None:
    async with plugged_in(tmp_path, dial=("+7495*", "112")) as (sim, _, _):
        done, words = await asked(tmp_path, "dial", "+78005553535")
        assert (done, words) == (True, ["refused: no pattern of [modem] dial fits this number; it is a setting"])
        assert not any(command.startswith("ATD") for command in sim.modem.asked)
        assert (await asked(tmp_path, "dial", "+74951234567"))[1][0].startswith("answered")


async def test_a_second_caller_is_refused_and_the_first_talks_on(tmp_path: Path) -> None:
    async with plugged_in(tmp_path) as (sim, _, door):
        sim.ring()
        guest = await door.guest()
        await guest.until(lambda: len(guest.pcm) > 3200, 5)
        sim.ring("+74950000000")
        await Caller(sim).sees(lambda: "AT+CHLD=0" in sim.modem.asked and len(sim.modem.calls) == 1, 3)
        before = len(guest.pcm)
        await guest.until(lambda: len(guest.pcm) > before + 8000, 2)
        assert len(door.guests) == 1


async def test_rings_are_counted_and_a_full_house_is_busy(tmp_path: Path) -> None:
    from agent.ports import Refusal  # noqa: PLC0415

    async with plugged_in(tmp_path, replace(Profile(), ring_every_ms=200), rings=3) as (sim, _, door):
        sim.ring()
        await door.guest()
        assert sim.modem.rings >= 3
        sim.hang_up()
        await Caller(sim).sees(lambda: not sim.modem.calls, 2)
        door.refusal = Refusal("busy", 15)
        sim.ring()
        await Caller(sim).sees(lambda: bool(sim.modem.calls), 2)
        await Caller(sim).sees(lambda: not sim.modem.calls, 4)
        assert len(door.guests) == 1


async def test_two_modems_are_two_lines(tmp_path: Path) -> None:
    sims = [Sim7600(tmp_path / name, replace(Profile(), pin="4711")) for name in ("a", "b")]
    for sim in sims:
        sim.start()
    ports = ",".join(f"{sim.at.path}|{sim.pcm.path}" for sim in sims)
    chosen = Modem.model_validate({"enabled": True, "ports": ports, "pin": "4711"})
    door, both = Door(), sources(chosen, MediaClock(), tmp_path / "modem")
    running = [asyncio.create_task(source.run(door, lambda: None)) for source in both]
    try:
        for source in both:
            await is_up(source)
        for sim in sims:
            sim.ring()
        guests = [await door.guest(0), await door.guest(1)]
        for guest in guests:
            await guest.until(lambda guest=guest: len(guest.pcm) > 3200, 5)  # type: ignore[misc]
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, *door.tasks, return_exceptions=True)
        for sim in sims:
            sim.stop()
    assert [source.name for source in both] == ["modem1", "modem2"]
    assert [guest.cause for guest in guests] == ["lost", "lost"]


async def test_a_wrong_pin_is_tried_once_only(tmp_path: Path) -> None:
    sim = Sim7600(tmp_path / "dev", replace(Profile(), pin="4711"))
    sim.start()
    chosen = Modem.model_validate({"enabled": True, "ports": f"{sim.at.path}|{sim.pcm.path}", "pin": "1111"})
    source = ModemSource(chosen, MediaClock(), MailBox(tmp_path), chosen.ports[0])
    running = asyncio.create_task(source.run(Door(), lambda: None))
    try:
        await Caller(sim).sees(lambda: sim.modem.asked.count("AT+CPIN?") >= 2, 8)
        assert sim.modem.asked.count('AT+CPIN="1111"') == 1
        assert "PIN was" in source.state
        assert "1111" not in source.state
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        sim.stop()


def test_ussd_is_read_in_both_alphabets() -> None:
    assert ussd_text('0,"041104300 43B",72') == "041104300 43B"
    assert ussd_text('0,"04110430043B",72') == "Бал"
    assert ussd_text('0,"Balance: 5",15') == "Balance: 5"
    assert ussd_text("2") == ""


def test_a_line_that_a_crash_cut_is_passed_over(tmp_path: Path) -> None:
    box = MailBox(tmp_path)
    whole = {"at": "2026-11-21T10:00:00+00:00", "way": "in", "number": "1", "text": "a"}
    box.path.write_text(json.dumps(whole) + '\n{"at": "2026', encoding="utf-8")
    assert [message.text for message in box.newest(5)] == ["a"]
    assert ask(tmp_path / "nobody.sock", "info", []) is None


@pytest.mark.parametrize(
    ("command", "may"),
    [
        ("AT+CSQ", True), ("at+cops?", True), ("AT+CSQ;+COPS?", True), ("ATI", True), ("ATS0?", True), ("AT", True),
        ("ATD112;", False), ("at d112;", False), ("ATS0=0D112;", False), ("AT+CSQ;D+79161234567;", False),
        ("AT+CSQ;+CHUP", False), ("A/", False), ("+++", False), ("AT+CPIN=1234", False), ("ATE1", False),
    ],
)  # fmt: skip
def test_commands_that_dial_are_found_wherever_they_hide(command: str, may: bool) -> None:
    assert harmless(command) is may


@pytest.mark.parametrize(
    ("number", "may"),
    [
        ("+79161234567", True), ("+74951234567", True), ("+78121234567", True), ("+78001234567", True),
        ("89161234567", True), ("88121234567", True), ("88005553535", True),
        ("+78091234567", False), ("88091234567", False), ("+77011234567", False), ("+442071234567", False),
        ("810442071234567", False), ("+7916123456", False), ("+791612345678", False), ("112", False), ("0611", False),
    ],
)  # fmt: skip
def test_where_nothing_is_set_ordinary_numbers_of_the_country_are_rung(number: str, may: bool) -> None:
    assert allowed(number, Modem().dial) is may


def test_the_commands_work_without_a_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sim = Sim7600(tmp_path / "dev")
    sim.start()
    toml = tmp_path / "allo.toml"
    toml.write_text(
        f'[modem]\nports = ["{sim.at.path}|{sim.pcm.path}"]\n[storage]\ndir = "{tmp_path}/var"\n', encoding="utf-8"
    )

    def allo(*words: str) -> tuple[int, str]:
        status = main(
            [*words, "--config", str(toml)] if words[0] == "dial" else [words[0], "--config", str(toml), *words[1:]]
        )
        said = capsys.readouterr()
        return status, said.out + said.err

    try:
        assert allo("modem", "list") == (
            0,
            f"SIM7600  named in the settings\n  AT     {sim.at.path}\n  audio  {sim.pcm.path}\n",
        )
        assert allo("modem", "ussd", "*100#") == (0, "Баланс: 123.45 р.\n")
        assert allo("modem", "sms", "+79161234567", "Привет") == (0, "sent\n")
        assert allo("modem", "sms")[1].endswith("out  +79161234567      Привет\n")
        assert allo("modem", "sms", "+79161234567")[0] == 2
        CallBackBook(tmp_path / "var/modem").add("+79161234567", datetime(2026, 11, 21, 18, tzinfo=UTC), "", "modem")
        assert allo("modem", "callbacks") == (0, "2026-11-21T18:00:00+00:00  waiting  +79161234567      0 calls  \n")
        assert allo("modem", "at", "ATD112;")[0] == 1
        status, said = allo("dial", "+79161234567")
        assert (status, "no daemon with a modem" in said) == (2, True)
        assert not any(command.startswith("ATD") for command in sim.modem.asked)
    finally:
        sim.stop()
