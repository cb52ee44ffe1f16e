"""The ``allo`` command."""

import gc
import sys


def main() -> int:
    """Run it; the exit status."""
    gc.disable()  # modules live as long as the process: to look for garbage among them takes a sixth of a start
    from agent import compiled  # noqa: PLC0415 - see above

    compiled.use()
    from agent.commands.main import main as command  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    return command()


if __name__ == "__main__":
    sys.exit(main())
