"""``allo call``: a scripted test call from the command line."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agent.errors import AlloError, StartError
from audio.wav import StereoWriter, interleave, read_mono
from telephony.phone import CODECS, Dialling, place
from telephony.phone_report import table
from telephony.phone_script import RATE, Item, Manners, Script

Speak = Callable[[str, str], bytes]
"""(text, language) -> PCM16 mono at 8000 Hz, in a voice that is not the agent's."""

INTERRUPT_AFTER_S = 1.0


class _InOrder(argparse.Action):
    """Keep --say, --play, --interrupt and --dtmf in the order in which they were given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        items = [*(getattr(namespace, self.dest) or []), ((option_string or "").lstrip("-"), str(values))]
        setattr(namespace, self.dest, items)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``allo call``."""
    parser.add_argument("uri", metavar="SIP_URI", help="whom to ring, such as sip:allo@127.0.0.1")
    script = parser.add_argument_group("what the caller does, in the order given")
    ordered: dict[str, Any] = {"dest": "items", "action": _InOrder}
    script.add_argument("--say", metavar="TEXT", **ordered, help="speak this when the far side is silent")
    script.add_argument("--play", metavar="WAV", **ordered, help="play this when the far side is silent")
    script.add_argument("--interrupt", metavar="TEXT|WAV", **ordered, help="cut in while the far side speaks")
    script.add_argument("--dtmf", metavar="KEYS", **ordered, help="press keys when the far side is silent")
    parser.add_argument(
        "--interrupt-after", type=float, default=INTERRUPT_AFTER_S, metavar="S", help="seconds into its speech (1)"
    )
    parser.add_argument("--hangup-after", type=float, metavar="S", help="leave this long after the answer")
    parser.add_argument("--quiet-ms", type=int, default=Manners().quiet_ms, metavar="MS", help="its turn is over after")
    parser.add_argument("--language", choices=("ru", "en"), default="ru", help="of --say and --interrupt texts")
    parser.add_argument("--codec", choices=tuple(CODECS), default="pcma", help="preferred codec")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--record", type=Path, metavar="FILE", help="stereo WAV: left sent, right heard")
    parser.add_argument("--verbose", action="store_true", help="print the SIP stack's log")


def run(args: argparse.Namespace, speak: Speak | None = None) -> int:
    """Place the call and print its figures; 0: answered, 1: not answered, 2: it could not be tried."""
    try:
        script = Script(_items(args, speak), Manners(quiet_ms=args.quiet_ms, hangup_after_s=args.hangup_after))
        report = place(Dialling(args.uri, codec=args.codec, verbose=args.verbose), script)
        _keep(args, script, json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    except AlloError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(table(report) + "\n")
    return 1 if report.answer_ms is None else 0


def _items(args: argparse.Namespace, speak: Speak | None) -> list[Item]:
    return [_item(option, value, args, speak) for option, value in args.items or []]


def _item(option: str, value: str, args: argparse.Namespace, speak: Speak | None) -> Item:
    if option == "dtmf":
        if not value or not set(value.upper()) <= set("0123456789*#ABCD"):
            raise StartError(f"--dtmf {value}: keys are 0-9 * # A-D")
        return Item(label=value, keys=value.upper())
    is_file = option == "play" or (option == "interrupt" and value.lower().endswith(".wav"))
    return Item(
        label=Path(value).name if is_file else value,
        pcm=_read(Path(value)) if is_file else _say(value, args.language, speak),
        interrupt_after_s=args.interrupt_after if option == "interrupt" else None,
    )


def _read(path: Path) -> bytes:
    try:
        return read_mono(path, RATE)
    except OSError as error:
        raise StartError(f"{path}: can't be read: {error.strerror}") from None
    except ValueError as error:
        raise StartError(str(error)) from None


def _say(text: str, language: str, speak: Speak | None) -> bytes:
    if speak is None:
        raise StartError("There is no voice here to speak a text with; use --play and a WAV file.")
    return speak(text, language)


def _keep(args: argparse.Namespace, script: Script, figures: str) -> None:
    try:
        if args.json:
            args.json.write_text(figures + "\n", encoding="utf-8")
        if args.record:
            with StereoWriter(args.record, RATE) as recording:
                recording.write(interleave(bytes(script.sent), bytes(script.heard)))
    except OSError as error:
        raise StartError(f"{error.filename}: can't be written: {error.strerror}") from None


def main() -> int:
    """``python -m telephony.phone_command``: the same without a voice."""
    parser = argparse.ArgumentParser(prog="allo call", description="Place a scripted test call.")
    add_arguments(parser)
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
