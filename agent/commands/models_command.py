"""``allo models``: recognisers and voices that are here, and those that can be pulled."""

import argparse
import sys
from collections.abc import Sequence

from agent import model_store
from agent.settings import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``allo models``."""
    choice = parser.add_subparsers(required=True, metavar="list|pull")
    choice.add_parser("list", help="what is here and what can be pulled").set_defaults(command=_list)
    pull = choice.add_parser("pull", help="download a model")
    pull.add_argument("name", metavar="NAME")
    pull.set_defaults(command=_pull)


def _list(args: argparse.Namespace) -> int:
    _show(model_store.list_models(load(args.config)))
    return 0


def _pull(args: argparse.Namespace) -> int:
    for line in model_store.pull(args.name, load(args.config)).lines:
        sys.stdout.write(f"{line}\n")
    return 0


def _show(rows: Sequence[model_store.ModelRow]) -> None:
    """Names are never cut: they are what `pull` is told."""
    longest = max((len(row.name) for row in rows), default=0)
    for row in rows:
        sys.stdout.write(
            f"{row.name:<{longest}}  {row.kind:<7}  {row.language:<5}  {row.megabytes:>5} MB  {row.state}\n"
        )
        if row.note:
            sys.stdout.write(f"    {row.note}\n")
