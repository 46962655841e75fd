# Everything prepares itself: a virtual environment in .venv, and Debian packages only where they are missing.
# Second runs find both and begin at once.

PYTHON ?= python3
ARGS   ?=
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
PACKAGE := deploy/debian_packages.sh

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint format clean mosquitto compiler

help: ## this list
	@grep -hE '^[a-z]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.* ## (.*)/  make \1\t\2/' | expand -t 16

demo: .venv/.runtime mosquitto ## a sample province on this machine, and the console; make demo ARGS=--once ends after its summary
	@$(BIN)/python -m enermon demo $(ARGS)

test: lint mosquitto ## everything is tried, on a real database and a real broker
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal --cov --cov-report=term $(ARGS)

bench: .venv/.dev mosquitto compiler ## figures beside their limits, on this machine
	@$(BIN)/python -m tests.bench $(ARGS)

lint: .venv/.dev ## style, types, the import contract
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: .venv/.dev ## put the code into its form
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

clean: ## remove what make has made; data in var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov *.egg-info
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

.venv/.runtime: pyproject.toml constraints.txt | .venv
	@echo "Installing the Python packages that Enermon needs into .venv ..."
	@$(PIP) install -c constraints.txt -e .
	@touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv
	@echo "Installing the Python packages for tests and checks into .venv ..."
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@ .venv/.runtime

.venv:
	@command -v $(PYTHON) >/dev/null || $(PACKAGE) python3
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Enermon needs Python 3.11 or later, and this is $$($(PYTHON) --version); say which with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(PACKAGE) python3-venv
	@$(PYTHON) -m venv $@ || { rm -rf $@; exit 1; }

mosquitto:
	@PATH="$$PATH:/usr/sbin" command -v mosquitto >/dev/null || $(PACKAGE) mosquitto

compiler:
	@command -v cc >/dev/null || $(PACKAGE) gcc libc6-dev
	@echo '#include <mosquitto.h>' | cc -E - >/dev/null 2>&1 || $(PACKAGE) libmosquitto-dev
