"""``python -m bench.drills [NAME ...] [--short] [--write]``: do harm to a real daemon, print Markdown rows.

``--short`` is the form that the tests run; rows of the short form are never written into docs/benchmarks.md.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial

from bench import report
from bench.drills import asterisk, disk, engines, kill, lag, long, restart

DRILLS: dict[str, Callable[[bool], list[report.Row]]] = {
    "kill": lambda short: kill.run(2 if short else 50),
    "restart": lambda short: restart.run(1 if short else 3),
    "asterisk": asterisk.asterisk,
    "engines": engines.engines,
    "disk": disk.disk,
    "lag": lag.lag,
    "long": long.long,
}
"""Each is told whether to be short and gives one row or more."""


def main() -> int:
    """0: every bar was reached; 1: one was missed; 2: something could not be drilled."""
    parser = argparse.ArgumentParser(prog="python -m bench.drills", description="Do harm to a real daemon.")
    report.add_arguments(parser, DRILLS)
    parser.add_argument("--short", action="store_true", help="less than a minute each")
    args = parser.parse_args()
    report.known(parser, args.names, DRILLS)
    if args.short and args.write:
        parser.error("rows of the short form are not written")
    names = args.names or DRILLS
    return report.take({name: partial(DRILLS[name], args.short) for name in names}, keep=args.write)


if __name__ == "__main__":
    sys.exit(main())
