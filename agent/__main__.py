"""The ``allo`` command."""

import sys

from agent.commands import main

if __name__ == "__main__":
    sys.exit(main())
