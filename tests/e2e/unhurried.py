"""The daemon with a guard that slows nobody down: a fuzzer changes more in a minute than people do in a day."""

import sys

from agent.commands.main import main
from gateways import guard

guard.CHANGES_MOST = 1_000_000

if __name__ == "__main__":
    sys.exit(main())
