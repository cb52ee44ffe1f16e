"""``python -m bench.drills [NAME ...] [--short] [--write]``: do harm to a real daemon, print Markdown rows.

``--short`` is the form that the tests run; rows of the short form are never written into docs/benchmarks.md.
"""

import argparse
import sys
from collections.abc import Callable

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
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(DRILLS)}; none: all")
    parser.add_argument("--short", action="store_true", help="less than a minute each")
    parser.add_argument("--write", action="store_true", help="put the rows into docs/benchmarks.md")
    args = parser.parse_args()
    unknown = set(args.names) - set(DRILLS)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(DRILLS)}")
    if args.short and args.write:
        parser.error("rows of the short form are not written")
    rows: list[report.Row] = []
    failed = 0
    print(f"Measured on: {report.machine()}\n\n" + "\n".join(report.HEAD), flush=True)
    for name in args.names or DRILLS:
        try:
            measured = DRILLS[name](args.short)
        except (RuntimeError, OSError) as error:
            print(f"{name}: not drilled: {error}", file=sys.stderr, flush=True)
            failed += 1
            continue
        print("\n".join(row.markdown() for row in measured), flush=True)
        rows += measured
        if args.write:
            report.write(measured)
    return 2 if failed else int(not all(row.met for row in rows))


if __name__ == "__main__":
    sys.exit(main())
