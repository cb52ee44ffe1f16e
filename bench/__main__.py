"""``python -m bench [NAME ...] [--write]``: measure, print Markdown rows, keep them in docs/benchmarks.md."""

import argparse
import sys
from collections.abc import Callable

from bench import (
    answering,
    asterisk,
    cpu,
    figures,
    hearing,
    knowledge,
    modem,
    modem_faults,
    page,
    page_live,
    report,
    soak,
    voices,
)
from bench.turns import __main__ as turns

BENCHES: dict[str, Callable[[], list[report.Row]]] = {
    "answer": figures.answer_and_greeting,
    "reply": figures.reply_and_barge_in,
    "pacing": figures.pacing,
    "start": figures.start,
    "asterisk20": asterisk.asterisk,
    "asterisk40": cpu.asterisk40,
    "cpu": cpu.cpu,
    "soak": soak.soak,
    "knowledge": knowledge.knowledge,
    "answering": answering.answering,
    "hearing": hearing.hearing,
    "voices": voices.voices,
    "modem": modem.modem,
    "modem-long": modem.modem_long,
    "modem-faults": modem_faults.modem_faults,
    "page": page.page,
    "page-live": page_live.page_live,
    "turns": turns.development,
    "turns-held-out": turns.held_out,
}
"""Each gives one row or more."""
NAMED_ONLY = ("turns-held-out", "modem-long", "modem-faults")
"""Not run unless asked for: for final figures, or a quarter of an hour long."""


def main() -> int:
    """0: every bar was reached; 1: one was missed; 2: something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the figures of docs/benchmarks.md.")
    report.add_arguments(parser, BENCHES)
    args = parser.parse_args()
    report.known(parser, args.names, BENCHES)
    names = args.names or [name for name in BENCHES if name not in NAMED_ONLY]
    return report.take({name: BENCHES[name] for name in names}, keep=args.write)


if __name__ == "__main__":
    sys.exit(main())
