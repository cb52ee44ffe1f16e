#!/bin/sh
# What the end-to-end tests ring with: SIPp and two real Asterisks, from Debian's packages, where this machine can have them;
# Chromium, in which they look at the admin page, and Redis.
# The extras (Piper, onnxruntime, Chroma, documents, Redis, and the recognisers' libraries) join them, so that their tests run too.
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
.venv/bin/python tests/asterisk/install.py || true
.venv/bin/python -c 'import piper, onnxruntime, langchain_chroma, pypdf, docx, markdownify, redis, yandex, wyoming, sherpa_onnx, faster_whisper' 2>/dev/null ||
    .venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt \
        -e '.[piper,turn-model,documents,chroma,redis,yandex,wyoming,sherpa,whisper]' || true
