"""The commands behind ``allo``: arguments in, exit status out. Errors of a person are one line on standard error."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from agent.commands import installed
from agent.errors import AlloError, StartError
from agent.settings import load

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0: done, 1: it found something wrong, 2: it could not be tried."""
    # before numpy is loaded: its products are small here, and to hand half of one to a second thread on a busy
    # machine takes longer than to multiply
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    args = _parser().parse_args(arguments)
    records = installed.take_over(getattr(args, "config", None), os.environ)
    try:
        command: Command = args.command
        return command(args)
    except AlloError as error:
        sys.stderr.write(f"allo: {error}\n")
        return 2
    except PermissionError as error:  # the records of a service are its user's
        sys.stderr.write(f"allo: {error.filename}: {error.strerror}; run it as the user whom this belongs to\n")
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        installed.give_back(records)


class _Parser(argparse.ArgumentParser):
    """Of one command; the modules that know its arguments are loaded when it is the one that was asked for.

    Each takes ``--config``, before and behind the words of an inner one (`models list`).
    """

    fill: Callable[[], None] | None = None
    configured = True
    """Whether the command reads the settings."""

    def parse_known_args(  # type: ignore[override]  # the overloads of its parent are all served
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        if self.fill is not None:
            self.fill()
        if self.configured and "--config" not in self._option_string_actions:
            # no default: that of an inner parser would undo what was given to the outer one
            text = "TOML file; see docs/settings.md"
            self.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS, help=text)
        return super().parse_known_args(args, namespace)


def _later(add: Callable[..., None], *parsers: _Parser) -> None:
    """Let ``add`` give them their arguments when one of them is asked for."""

    def fill() -> None:
        for each in parsers:
            each.fill = None
        add(*parsers)

    for each in parsers:
        each.fill = fill


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="allo", description="Allo answers the phone.")
    parser.set_defaults(config=None)
    parser.add_argument("--version", action="version", version=f"allo {version('allo')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    serve = commands.add_parser("serve", help="answer the phone until stopped")
    # the socket to the process before it, which hands its calls over (agent/succession.py); nothing for people
    serve.add_argument("--after", type=int, metavar="FD", help=argparse.SUPPRESS)
    serve.set_defaults(command=_serve)
    doctor = commands.add_parser("doctor", help="check engines, models, ports, Asterisk and disk; say what to do")
    doctor.add_argument("--json", action="store_true", help="findings as JSON")
    doctor.set_defaults(command=_doctor)
    chat = commands.add_parser("chat", help="ask the agent in writing, on a terminal or from a pipe")
    chat.add_argument("--json", action="store_true", help="one line of JSON for each question")
    chat.set_defaults(command=_chat)
    forget = commands.add_parser("forget", help="remove what is remembered of a caller (see [memory])")
    forget.add_argument("number", metavar="NUMBER", help="the caller's number, however it is written")
    forget.set_defaults(command=_forget)
    models = commands.add_parser("models", help="recognisers and voices: list them, pull one")
    _later(_add_models, models)
    _add_log(commands)
    _add_voices(commands)
    kb = commands.add_parser("kb", help="the knowledge base: build its index, search it, judge its answers")
    _add_kb(kb)
    text = commands.add_parser("text", help="how speech is written down and text is said: lines in, lines out")
    _add_text(text)
    modem = commands.add_parser("modem", help="the GSM modem: list, info, at, sms, ussd, callbacks, simulate")
    dial = commands.add_parser("dial", help="let the daemon call a number over its modem and talk")
    _later(_add_modem, modem, dial)
    written = commands.add_parser("transcribe", help="what a recogniser makes of a WAV file")
    _add_transcribe(written)
    made = commands.add_parser("backup", help="records, knowledge, prompts and settings in one archive; calls go on")
    back = commands.add_parser("restore", help="put a backup back, checked first")
    service = commands.add_parser("service", help="systemd: install, uninstall, status, restart")
    _later(_add_upkeep, made, back, service)
    _later(_add_privacy, commands.add_parser("privacy", help="a caller's right: export, erase; and what is too old"))
    call = commands.add_parser("call", help="place a scripted test call and measure it")
    call.configured = service.configured = False  # a test call has no settings; `service install` has a file of its own
    _later(_add_call, call)
    return parser


def _count(text: str) -> int:
    """A number from one up."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 up")
    return int(text)


def _add_log(commands: "argparse._SubParsersAction[_Parser]") -> None:
    calls = commands.add_parser("calls", help="the call log: the newest calls, or one with its turns and their times")
    calls.add_argument(
        "words", nargs="*", metavar="[show] ID", help="a call's id or the beginning of it; without it the newest calls"
    )
    calls.add_argument("--last", type=_count, default=20, metavar="N", help="how many calls to list (20)")
    calls.set_defaults(command=_calls)
    again = commands.add_parser("replay", help="live a recorded call again and compare the decisions with the record")
    again.set_defaults(command=_replay)
    again.add_argument("call", metavar="CALL_ID|FILE.wav", help="a call of the log, or a recording (caller left)")
    again.add_argument(
        "--engines",
        choices=("recorded", "today"),
        help="who hears, answers and speaks: as recorded (where there is a trace), or the engines of today",
    )
    again.add_argument("--json", action="store_true", help="both stories as JSON")
    again.add_argument("--save", type=Path, metavar="FILE", help="write the replay's own trace to FILE")


def _add_voices(commands: "argparse._SubParsersAction[_Parser]") -> None:
    say = commands.add_parser("say", help="speak a text, into a WAV file or aloud")
    say.add_argument("text", metavar="TEXT", help="numbers, dates and units are put into words")
    say.add_argument("--voice", default="", metavar="ENGINE[:NAME]", help="another voice than [tts] engine's")
    say.add_argument("-o", dest="out", type=Path, metavar="FILE.wav", help="write it there instead of playing it")
    say.set_defaults(command=_say)
    voices = commands.add_parser("voices", help="voices: which are in use, which could be, what the others lack")
    voices.set_defaults(command=_voices)
    _later(_add_clone, commands.add_parser("voice", help="clone a voice from recordings"))
    engines = commands.add_parser("engines", help="recognisers and voices: measure them on this machine")
    bench = engines.add_subparsers(required=True, metavar="bench").add_parser(
        "bench", help="first sound, speed, memory"
    )
    bench.add_argument("--rounds", type=_count, default=3, metavar="N", help="how often each sentence is said (3)")
    bench.add_argument("--json", action="store_true", help="figures as JSON")
    bench.set_defaults(command=_bench)


def _add_clone(parser: argparse.ArgumentParser) -> None:
    from agent.commands import clone_command

    clone_command.add_arguments(parser)


def _say(args: argparse.Namespace) -> int:
    from agent.commands import voice_command

    return voice_command.say(load(args.config), args.text, args.voice, args.out)


def _voices(args: argparse.Namespace) -> int:
    from agent.commands import voice_command

    return voice_command.show_voices(load(args.config))


def _bench(args: argparse.Namespace) -> int:
    from agent.commands import engine_bench

    return engine_bench.run(load(args.config), args.rounds, args.json)


def _add_transcribe(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_transcribe)
    parser.add_argument("file", type=Path, metavar="FILE.wav")
    parser.add_argument("--engine", default="", metavar="NAME", help="in place of [stt] engine; several: `yandex,vosk`")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each utterance, with word times")


def _transcribe(args: argparse.Namespace) -> int:
    from agent.commands.transcribe_command import transcribe_command

    return transcribe_command(load(args.config), args.file, args.engine, as_json=args.json)


def _add_kb(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_kb)
    choice = parser.add_subparsers(required=True, metavar="build|search|eval", dest="what")
    build = choice.add_parser("build", help="read the documents and make the index; calls go on meanwhile")
    search = choice.add_parser("search", help="what is found for a question, and why")
    search.add_argument("question", metavar="QUESTION")
    judge = choice.add_parser("eval", help="how well a table of questions is answered")
    judge.add_argument(
        "file", nargs="?", type=Path, metavar="FILE.tsv", help="none: the demo's questions and dialogues"
    )
    judge.add_argument("--answerer", choices=("extractive", "llm"), default="extractive", help="who words the answers")
    judge.add_argument(
        "--half",
        choices=("dev", "held-out"),
        help="only this half; without FILE: the tables that are tuned on, or those that are not",
    )
    judge.add_argument("--json", type=Path, metavar="OUT", help="write figures and rows to this file")
    for each in (build, search, judge):
        each.add_argument("--kb", type=Path, metavar="DIR", help="folder of the knowledge base instead of [kb] dir")


def _kb(args: argparse.Namespace) -> int:
    from agent.commands import kb_command

    settings = kb_command.with_folder(load(args.config), args.kb)
    if args.what == "build":
        return kb_command.build(settings)
    if args.what == "search":
        return kb_command.search(settings, args.question)
    return kb_command.judge(settings, args.file, args.answerer, args.half, args.json)


def _serve(args: argparse.Namespace) -> int:
    from agent.commands.serve_command import serve

    return serve(load(args.config), args.after)


def _calls(args: argparse.Namespace) -> int:
    from agent.commands.call_report import show_call, show_calls

    call_id = _call_id(args.words)
    settings = load(args.config)
    asyncio.run(show_call(settings, call_id) if call_id else show_calls(settings, args.last))
    return 0


def _call_id(words: Sequence[str]) -> str:
    """``show ID`` or ``ID``; empty: all calls are meant. No id begins like ``show``: they are made of other letters."""
    named = [word for place, word in enumerate(words) if (place, word) != (0, "show")]
    if len(named) > 1 or (words and not named):
        raise StartError(f"calls {' '.join(words)}: say `allo calls show ID`, or `allo calls` to see the ids")
    return named[0] if named else ""


def _replay(args: argparse.Namespace) -> int:
    from agent.commands.replay_command import replay_command

    return replay_command(load(args.config), args.call, args.engines, args.save, as_json=args.json)


def _doctor(args: argparse.Namespace) -> int:
    from agent.doctor import visit as doctor

    findings = asyncio.run(doctor.check(load(args.config)))
    return doctor.show(findings, as_json=args.json)


def _chat(args: argparse.Namespace) -> int:
    from agent.commands.chat_command import chat_command

    # who tries a model out wants to know why the knowledge base answers in its place
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    return chat_command(load(args.config), as_json=args.json)


def _forget(args: argparse.Namespace) -> int:
    from agent.memory import CALLERS, forget

    gone = forget(load(args.config).storage.dir / CALLERS, args.number)
    sys.stdout.write("forgotten\n" if gone else "nothing is remembered of this number\n")
    return 0 if gone else 1


def _add_models(parser: argparse.ArgumentParser) -> None:
    from agent.commands import models_command

    models_command.add_arguments(parser)


def _add_text(parser: argparse.ArgumentParser) -> None:
    choice = parser.add_subparsers(dest="direction", required=True, metavar="normalise|verbalise")
    written = choice.add_parser("normalise", help="speech to canonical text: units, abbreviations, addresses")
    written.add_argument("--numbers", action="store_true", help="number words become digits; dates, times, phones")
    said = choice.add_parser("verbalise", help="text to words for the voice: numbers, units, dates, abbreviations")
    for each in (written, said):
        each.add_argument("--language", choices=("ru", "en"), help="language of the lines (as in the settings)")
    parser.set_defaults(command=_text)


def _text(args: argparse.Namespace) -> int:
    from agent.commands import text_command

    settings = load(args.config)
    numbers = args.direction == "normalise" and args.numbers
    return text_command.run(settings.kb.dir, args.language or settings.language, args.direction, numbers=numbers)


def _add_call(parser: argparse.ArgumentParser) -> None:
    from telephony import phone_command

    phone_command.add_arguments(parser)
    parser.set_defaults(command=lambda args: phone_command.run(args, _caller_voice))


def _add_modem(modem: argparse.ArgumentParser, dial: argparse.ArgumentParser) -> None:
    from agent.commands import modem_command

    modem_command.add_arguments(modem, dial)
    for each in (modem, dial):
        each.set_defaults(command=lambda args: modem_command.run(args, _caller_voice))


def _add_upkeep(
    backup: argparse.ArgumentParser, restore: argparse.ArgumentParser, service: argparse.ArgumentParser
) -> None:
    from agent.commands import backup_command, service_command

    backup_command.add_arguments(backup, restore)
    service_command.add_arguments(service)


def _add_privacy(parser: argparse.ArgumentParser) -> None:
    from agent.commands import privacy_command

    privacy_command.add_arguments(parser)


def _caller_voice(text: str, language: str) -> bytes:
    """A test caller's speech, PCM16 at 8 kHz, in another voice than the agent's."""
    from agent.backends.tts_espeak import Espeak
    from audio.resample import resample

    async def speak() -> tuple[bytes, int]:
        voice = await Espeak.load(language, CALLER_VOICES[language])
        pieces = [piece async for piece in voice.synthesize(text)]
        return b"".join(piece for piece in pieces if isinstance(piece, bytes)), voice.rate

    pcm, rate = asyncio.run(speak())
    if not pcm:
        raise StartError(f"--say {text!r}: there is nothing in it that can be spoken")
    return resample(pcm, rate, 8000)


CALLER_VOICES = {"ru": "ru+f3", "en": "en-us+m6"}
"""espeak-ng variants of the test caller."""
