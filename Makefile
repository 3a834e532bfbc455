# `make demo` and `make test` need Python 3.11 or newer and nothing else; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lab bench check clean

help:  ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

demo: $(VENV)/installed  ## capture, score, select and report on the embedded model; writes nait-demo/
	$(BIN)/nait demo --out nait-demo

test: $(VENV)/installed-dev  ## run every check: lint, types, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

lab: $(VENV)/installed-lab  ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab notebooks

bench: $(VENV)/installed-dev  ## run the benchmarks; writes benchmarks/results/
	$(BIN)/python -m benchmarks

clean:  ## remove what the other commands made
	rm -rf $(VENV) nait-demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "nait-widgets needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

# torch first: it decides which build the rest is resolved against.
$(VENV)/installed: $(VENV)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-%: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$*]'
	touch $@
