# Two commands for a stranger: `make demo` and `make test`. Both set up what they need; twice is quick.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; \
	done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WORKERS ?= auto
# these wait for processes more than they work
WAITING ?= 4

.PHONY: demo run test chaos faults check browser bench docs lock clean

demo: $(VENV)/.runtime
	@$(BIN)/devops-daemon demo

run: $(VENV)/.runtime
	@exec $(BIN)/devops-daemon run

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --ignore=tests/browser -m "not chaos and not faults"

chaos: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WAITING) --ignore=tests/browser -m chaos

faults: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --ignore=tests/browser -m faults -k "$(STORIES)"

browser: $(VENV)/.dev
	$(BIN)/python -m pytest tests/browser

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/docs

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/rounds.py
	$(BIN)/python benchmarks/daemon.py
	$(BIN)/python benchmarks/logs.py
	$(BIN)/python benchmarks/mention.py
	$(BIN)/python benchmarks/webhooks.py
	$(BIN)/python benchmarks/pulls.py

docs: $(VENV)/.dev
	$(BIN)/python docs/generate

lock:
	sh deploy/lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv is needed (Debian: apt install python3-venv)"; exit 1; }
	@echo "Making a virtual environment with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml | $(BIN)/python
	@echo "Installing what the daemon needs"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing what the tests need"
	@$(PIP) install --editable '.[dev]'
	@touch $(VENV)/.runtime $@
