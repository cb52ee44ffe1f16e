#!/bin/sh
# What the end-to-end tests ring with: SIPp and two real Asterisks, from Debian's packages, where this machine can have them;
# Chromium, in which they look at the admin page, and Redis.
# The extras (Piper, onnxruntime, Chroma, documents, Redis, OpenTelemetry, the recognisers' libraries) join them, so that their tests run too.
# Missing tools never stop the tests: those that need them are skipped and say why.
set -u

if ! command -v sipp >/dev/null && command -v apt-get >/dev/null; then
    if [ "$(id -u)" = 0 ]; then
        echo "Installing SIPp (package sip-tester) ..."
        apt-get update -qq && apt-get install -y -qq --no-install-recommends sip-tester >/dev/null
    else
        echo "SIPp is missing; its tests are skipped. To have them: sudo apt-get install sip-tester" >&2
    fi
fi
if ! command -v chromium >/dev/null && command -v apt-get >/dev/null; then
    if [ "$(id -u)" = 0 ]; then
        echo "Installing Chromium (package chromium) ..."
        apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
    else
        echo "Chromium is missing; the tests of the admin page in a browser are skipped. To have them: sudo apt-get install chromium" >&2
    fi
fi
if ! command -v redis-server >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing Redis (package redis-server) ..."
    apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server >/dev/null || true
fi
if ! command -v systemd-analyze >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing systemd-analyze (package systemd) ..."
    apt-get update -qq && apt-get install -y -qq --no-install-recommends systemd >/dev/null || true
fi
# unpacked, not installed: these packages would start services
cache="${XDG_CACHE_HOME:-$HOME/.cache}/allo-test"
unpack() {
    if ! command -v "$1" >/dev/null && [ ! -d "$cache/$1/usr" ] && command -v apt-get >/dev/null; then
        echo "Fetching $1 (package $1) ..."
        mkdir -p "$cache/$1" && (cd "$cache/$1" && apt-get download -qq "$1" >/dev/null 2>&1 && dpkg -x "$1"_*.deb . && rm "$1"_*.deb) || true
    fi
}
unpack prometheus
unpack nginx
.venv/bin/python tests/asterisk/install.py || true
.venv/bin/python -c 'import piper, onnxruntime, langchain_chroma, pypdf, docx, markdownify, redis, opentelemetry.exporter.otlp.proto.http, yandex, wyoming, sherpa_onnx, faster_whisper' 2>/dev/null ||
    .venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt \
        -e '.[piper,turn-model,documents,chroma,redis,traces,yandex,wyoming,sherpa,whisper]' || true
