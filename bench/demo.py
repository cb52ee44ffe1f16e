"""``make demo``: the daemon on loopback, a caller who asks three questions and interrupts once, live.

The caller is the test phone where pjsua2 can be had, else the bench's own. ``ALLO_LANGUAGE=en`` for English.
"""

import os
import subprocess
import sys
from pathlib import Path

if __package__ in {None, ""}:  # run as a file: the project's folder is not on the path
    sys.path[0] = str(Path(__file__).parents[1])

from bench.daemon import ROOT, DaemonProcess
from bench.speech import interruption, questions
from bench.wire import Plan, PlanItem, place
from telephony.phone import installed
from telephony.phone_report import CallReport, TurnFigures, table

TEXT = {
    "ru": ("Запускаю агента ...", "готов через {:.1f} с, звоню на {}", "Разговор", "Цифры"),
    "en": ("Starting the agent ...", "ready after {:.1f} s, ringing {}", "Conversation", "Figures"),
}
POLL_S = 0.1


class Tail:
    """Prints what is added to the transcript of the one call."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shown = 0

    def show(self) -> None:
        """Print the lines that are new and complete."""
        for file in sorted(self._folder.glob("*_transcript.txt")):
            text = file.read_text(encoding="utf-8")
            end = text.rfind("\n") + 1
            if end > self._shown:
                print("  " + text[self._shown : end].rstrip("\n").replace("\n", "\n  "), flush=True)
                self._shown = end


def by_phone(uri: str, language: str) -> list[str]:
    """The command of the phone's call: three questions, an interruption in the middle of the second answer."""
    one, two, three = questions(language)[:3]
    script = ["--play", one, "--play", two, "--interrupt", interruption(language), "--play", three]
    return [sys.executable, "-m", "telephony.phone_command", uri, *script]


def by_bench(uri: str, language: str) -> list[str]:
    """The same without pjsua2."""
    return [sys.executable, "-m", "bench.demo", "--caller", uri, language]


def be_the_caller(uri: str, language: str) -> int:
    """The call of ``by_bench``, in its own process."""
    one, two, three = (PlanItem(question) for question in questions(language)[:3])
    cut_in = PlanItem(interruption(language), interrupt_after_s=1.0)
    (seen,) = place(Plan(uri, [[one, two, cut_in, three]]))
    turns = tuple(TurnFigures(**turn) for turn in seen.turns)
    print(table(CallReport(uri, seen.ended_by, seen.answer_ms, seen.greeting_ms, seen.packets / 50, turns)))
    return 0 if seen.status == 200 else 1


def main() -> int:
    """Start, ring, show; 0 when the call was answered."""
    language = os.environ.get("ALLO_LANGUAGE", "ru")
    if language not in TEXT:
        print(f"ALLO_LANGUAGE={language}: choose ru or en", file=sys.stderr)
        return 2
    starting, ringing, talk, figures = TEXT[language]
    print(starting, flush=True)
    daemon = DaemonProcess(language=language)
    try:
        took = daemon.start()
        print(ringing.format(took, daemon.uri) + f"\n\n{talk}:", flush=True)
        command = (by_phone if installed() else by_bench)(daemon.uri, language)
        status, said = _watch(command, Tail(daemon.storage / "calls_log"))
        print(f"\n{figures}:\n{said}")
        daemon.stop()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        daemon.kill()
        daemon.remove()
    return status


def _watch(command: list[str], tail: Tail) -> tuple[int, str]:
    """Run the caller, showing the transcript meanwhile; its exit status and what it printed."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as caller:
        while True:
            tail.show()
            try:
                said, _ = caller.communicate(timeout=POLL_S)
            except subprocess.TimeoutExpired:
                continue
            tail.show()
            return caller.returncode, said


if __name__ == "__main__":
    sys.exit(be_the_caller(*sys.argv[2:]) if sys.argv[1:2] == ["--caller"] else main())
