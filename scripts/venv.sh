#!/bin/sh
# Make the virtual environment: venv.sh PYTHON VENV
set -eu
python=$1 venv=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Allo needs Python 3.11 or newer; '$python' is older or missing. Try: make run PYTHON=python3.12" >&2
    exit 1
}
if ! "$python" -m venv "$venv" 2>/dev/null; then
    # Debian and Ubuntu ship venv apart from Python
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
        "$python" -m venv --clear "$venv"
    else
        echo "Python's venv is missing. Install it (sudo apt-get install python3-venv), then run make again." >&2
        exit 1
    fi
fi
echo "Installing Allo into $venv (about a minute the first time) ..."
"$venv/bin/python" -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[phone,dev]'
