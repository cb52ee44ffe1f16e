# Every target does its own set-up; a fresh Debian or Ubuntu with Python, make and a C compiler is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run demo compile test test-compiled test-heavy lint format bench drills install clean help

help:            ## show this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

run: install     ## answer the phone: SIP on 5060, health on 127.0.0.1:9000
	@$(BIN)/allo serve $(if $(wildcard allo.toml),--config allo.toml)

demo: install    ## a scripted caller asks three questions and interrupts once
	@$(BIN)/python bench/demo.py

install: $(STAMP) ## make .venv with pinned versions
	@$(BIN)/python -m compileall -q agent audio gateways kb telephony  # a service may not write here, and would compile at each start

$(STAMP): pyproject.toml constraints.txt scripts/venv.sh
	@sh scripts/venv.sh $(PYTHON) $(VENV)
	@touch $@

compile: install ## optional: the way of a frame as machine code, a tenth to a fifth less CPU for a call that talks; needs a C compiler and a minute or two
	@$(BIN)/python scripts/compile.py

test: install    ## all tests, with SIPp and both Asterisks where this machine can have them
	@sh scripts/test-tools.sh
	@$(BIN)/python -m pytest -m 'not e2e and not heavy' -n 2 --dist loadscope
	@$(BIN)/python -m pytest -m e2e -n 3 --dist loadgroup

test-compiled: compile ## the conversation's tests on what was compiled
	@$(BIN)/python -m agent.compiled pytest -q tests/audio tests/agent/test_*.py tests/telephony/test_*.py

test-heavy: install ## the genuine XTTS library, loaded and streaming (torch: 6 GB of packages)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[xtts]'
	@$(BIN)/python -m pytest -m heavy tests/heavy

lint: install    ## ruff and mypy, strict, code and tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: install
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: install   ## the figures of docs/benchmarks.md
	@sh scripts/test-tools.sh
	@sh scripts/bench-tools.sh
	@$(BIN)/python -m bench

drills: install  ## harm a real daemon in every way and count what it leaves; hours, as root
	@sh scripts/test-tools.sh
	@$(BIN)/python -m bench.drills

clean:
	rm -rf $(VENV) build compiled var .pytest_cache .mypy_cache .ruff_cache
