# Ondol: from a fresh clone to a running fleet. `make help` says what there is.
# Only the first run installs (.venv, about a minute); later ones start at once, with no network.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Compiled modules are kept, whatever the machine says of it: tests and jobs start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

# The interpreter that .venv is made from; empty: the first of python3.13 … python3.11, python3 that is 3.11 or later.
PYTHON ?=
export PYTHON

# What `make run` and `make test` pass on: make run POLICY=fcfs RATE=120 OUT=out/fcfs ARGS=--keep
OUT = out/demo
POLICY =
RATE =
ARGS =

BIN := .venv/bin
READY := .venv/.ready
READY_TEST := .venv/.ready-test
SET_UP := pyproject.toml constraints.txt tools/set_up.sh

.PHONY: help setup setup-test run test lint bench clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Install Ondol into .venv, and by apt what it needs where that is permitted

setup-test: $(READY_TEST) ## The same with what tests and lint need

$(READY): $(SET_UP)
	@tools/set_up.sh run

$(READY_TEST): $(SET_UP)
	@tools/set_up.sh test

run: $(READY) ## Run the demonstration [POLICY= RATE= OUT=out/demo ARGS=]
	$(BIN)/ondol demo --out "$(OUT)" $(if $(POLICY),--policy "$(POLICY)") $(if $(RATE),--rate "$(RATE)") $(ARGS)

test: $(READY_TEST) ## Run all tests [ARGS="-k tank -x"]
ifeq ($(strip $(ARGS)),)
	$(BIN)/python tools/run_tests.py
else
	$(BIN)/python -m pytest $(ARGS)
endif

lint: $(READY_TEST) ## Style, format, types, import contracts, file lengths and names
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports
	$(BIN)/python tools/check_files.py

bench: $(READY_TEST) ## Run every script of tests/benchmarks [ARGS=]
	@set -e; for script in tests/benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script" $(ARGS); done

clean: ## Remove .venv, caches and builds; results under out/ stay
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
