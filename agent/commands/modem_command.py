"""``allo modem`` and ``allo dial``: what a person asks of a modem, through the daemon where one holds it."""

import argparse
import asyncio
import sys
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path

from agent.doctor.finding import Finding, bad, fine, poor
from agent.errors import StartError
from agent.settings import Modem, Settings, load
from audio.wav import read_mono
from telephony.clock import MediaClock
from telephony.modem_books import ModemBooks
from telephony.modem_callbacks import CallBackBook
from telephony.modem_desk import ask, obey
from telephony.modem_line import ModemFinder
from telephony.modem_mail import MailBox, ModemMail
from telephony.modem_model import model_of
from telephony.modem_ports import ModemPorts, advice, find, holder, named
from telephony.modem_session import ModemSession
from telephony.modem_setup import PinOnce
from telephony.simulated.sim7600 import Sim7600

Speak = Callable[[str, str], bytes]
"""Text and language -> PCM16 at 8 kHz."""

HELP = """\
  ring [NUMBER]   somebody calls          say TEXT | FILE.wav   the caller speaks
  hangup          the caller leaves       key DIGIT             the caller presses a key
  unplug, plug    USB is pulled, is back  save FILE.wav         what the caller heard
  sms TEXT        somebody sends a message (`allo modem sms` shows what was answered)
  quit
"""


def add_arguments(modem: argparse.ArgumentParser, dial: argparse.ArgumentParser) -> None:
    """Give the two commands their words."""
    what = modem.add_subparsers(required=True, metavar="list|info|at|sms|ussd|callbacks|simulate", dest="do")
    what.add_parser("list", help="modems on USB, their ports, and who has them open")
    what.add_parser("info", help="registration, signal, firmware")
    what.add_parser("at", help="send one AT command").add_argument("words", nargs=1, metavar="COMMAND")
    sms = what.add_parser("sms", help="the newest messages; with NUMBER TEXT send one")
    sms.add_argument("words", nargs="*", metavar="NUMBER TEXT")
    what.add_parser("callbacks", help="calls that were asked for, and what became of them")
    what.add_parser("ussd", help="ask the network, such as *100# for the balance").add_argument("words", nargs=1)
    simulate = what.add_parser("simulate", help="a simulated modem, for those who have none yet")
    simulate.add_argument("--dir", type=Path, metavar="FOLDER", help="where its ports appear")
    dial.add_argument("words", nargs="+", metavar="NUMBER [WHY]", help="whom to call; what is said after the greeting")
    dial.set_defaults(do="dial")
    modem.set_defaults(modem="modem")
    for each in (modem, dial, *what.choices.values()):
        # no default on the inner ones: it would undo what was given to the outer one
        inner = argparse.SUPPRESS if each is not dial else "modem"
        each.add_argument("--modem", default=inner, metavar="NAME", help="which one, of several: modem1, modem2 ...")


def run(args: argparse.Namespace, speak: Speak) -> int:
    """Do it; 0: done, 1: the modem or the network refused."""
    settings = load(args.config)
    words = getattr(args, "words", [])
    if args.do == "list":
        return _list(settings.modem)
    if args.do == "simulate":
        return _simulate(args.dir, lambda text: speak(text, settings.language))
    folder = settings.storage.dir / "modem"
    if args.do == "callbacks":
        return _call_backs(CallBackBook(folder))
    if args.do == "sms" and not words:
        return _messages(MailBox(folder))
    if args.do == "sms" and len(words) != 2:
        raise StartError('allo modem sms: write the number and the text: allo modem sms +79161234567 "text"')
    answered = ask(folder / f"{args.modem}.sock", args.do, words)
    if answered is None and args.do == "dial":
        raise StartError("allo dial: no daemon with a modem runs here: start `allo serve` with [modem] enabled")
    done, said = answered or asyncio.run(_directly(settings, args.do, words))
    sys.stdout.write("".join(f"{line}\n" for line in said))
    return int(not done)


async def _directly(settings: Settings, do: str, words: list[str]) -> tuple[bool, list[str]]:
    """No daemon has the modem: open it ourselves."""
    chosen = settings.modem
    ports = await ModemFinder(chosen).take(chosen.ports[0] if chosen.ports else "")
    books = ModemBooks(ModemMail(MailBox(settings.storage.dir / "modem"), ""))
    async with ModemSession(ports, chosen, MediaClock(), PinOnce(chosen), books).opened() as session:
        try:
            return True, await obey(session, do, words)
        except ValueError as error:
            return False, [str(error)]


def _known(settings: Modem) -> list[ModemPorts]:
    """What the settings name, else what is on USB."""
    try:
        return [named(words, model_of(settings.model)) for words in settings.ports] or find()
    except ValueError as error:
        raise StartError(str(error)) from None


def _list(settings: Modem) -> int:
    found = _known(settings)
    for ports in found:
        place = "named in the settings" if settings.ports else f"USB {ports.place}"
        sys.stdout.write(f"{ports.model.name}  {place}\n")
        for what, port in (("AT", ports.at), ("audio", ports.audio)):
            who = holder(port)
            note = f"  open in {who}" if who else "" if port.exists() else "  is not there"
            sys.stdout.write(f"  {what:<6} {port}{note}\n")
    if not found:
        sys.stdout.write("no modem on USB; plug one in (docs/modem.md), or try `allo modem simulate`\n")
    return int(not found)


def _messages(box: MailBox) -> int:
    for message in box.newest(20):
        note = "  (not taken)" if message.state else ""
        sys.stdout.write(f"{message.at}  {message.way:<3}  {message.number:<16}  {message.text}{note}\n")
    return 0


def _call_backs(book: CallBackBook) -> int:
    for row in book.rows[-20:]:
        sys.stdout.write(f"{row.due}  {row.state:<7}  {row.number:<16}  {row.tries} calls  {row.note}\n")
    return 0


# ---------------------------------------------------------------- the doctor


async def check(settings: Modem) -> list[Finding]:
    """Is the modem there, may we open it, does another program have it? It is not spoken to: a call may be on."""
    return await asyncio.to_thread(_check, settings) if settings.enabled else []


def _check(settings: Modem) -> list[Finding]:
    try:
        found = _known(settings)
    except StartError as error:
        return [bad("modem", str(error), "see docs/modem.md")]
    if not found:
        return [bad("modem", "no modem of a known kind is on USB", "plug it in; `lsusb` must show 1e0e:9001")]
    return [_look(ports) for ports in found]


def _look(ports: ModemPorts) -> Finding:
    name = f"modem {ports.model.name}"
    if not ports.at.exists() or not ports.audio.exists():
        gone = ports.audio if ports.at.exists() else ports.at
        return bad(name, f"{gone} is not there", "plug the modem in, or correct [modem] ports")
    if (who := holder(ports.at) or holder(ports.audio)) == "ModemManager":
        return bad(name, "ModemManager holds the port", advice(who, ports.at))
    if who:
        return poor(name, f"{ports.at} is open in {who}", "all is well if that is Allo's daemon, else stop it")
    return fine(name, f"{ports.at} and {ports.audio}")


# ---------------------------------------------------------------- a modem that is not there


def _simulate(folder: Path | None, speak: Callable[[str], bytes]) -> int:
    try:
        sim = Sim7600(folder or Path(tempfile.mkdtemp(prefix="allo-modem-")))
        sim.start()
    except OSError as error:
        raise StartError(f"--dir {error.filename}: no ports can be made there: {error.strerror}") from None
    sys.stdout.write(
        "A simulated SIM7600. In another terminal:\n\n"
        f"  ALLO_MODEM__ENABLED=true 'ALLO_MODEM__PORTS={sim.at.path}|{sim.pcm.path}' allo serve\n\nThen here:\n{HELP}"
    )
    try:
        while _obey(sim, speak):
            pass
    except (EOFError, KeyboardInterrupt):
        sys.stdout.write("\n")
    finally:
        sim.stop()
    return 0


def _obey(sim: Sim7600, speak: Callable[[str], bytes]) -> bool:
    """One line of a person; False: enough."""
    word, _, rest = input("modem> ").strip().partition(" ")
    rest = rest.strip()
    deeds: dict[str, Callable[[], object]] = {
        "ring": lambda: sim.ring(rest or "+79161234567"),
        "say": lambda: sim.say(read_mono(Path(rest)) if rest.endswith(".wav") else speak(rest)),
        "hangup": sim.hang_up,
        "key": lambda: sim.press(rest[:1]),
        "unplug": sim.unplug,
        "plug": sim.plug,
        "sms": lambda: sim.text(rest),
        "save": lambda: _save(Path(rest), bytes(sim.heard)),
        "": str,
    }
    if word == "quit":
        return False
    try:
        if word in deeds:
            deeds[word]()
        else:
            sys.stdout.write(HELP)
    except (OSError, ValueError, StartError) as error:
        sys.stdout.write(f"{error}\n")
    return True


def _save(path: Path, pcm: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(pcm)
