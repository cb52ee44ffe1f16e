#!/bin/sh
# Voices for the scripts of bench/turns: Festival's Russian man and Asterisk's Russian prompts (a real woman), from Debian's packages.
# Without them espeak-ng speaks Festival's part, and the four scripts of the prompts are left out.
set -u

if ! command -v festival >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing Festival's Russian voice and Asterisk's Russian prompts ..."
    apt-get update -qq && apt-get install -y -qq --no-install-recommends festival festvox-ru asterisk-core-sounds-ru-wav >/dev/null
fi
exit 0
