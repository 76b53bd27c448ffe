# One command each, on a fresh Debian or Ubuntu machine: `make demo`, `make lab`, `make test`.
# Everything is installed into .venv; llama.cpp compiles once (minutes) and pip caches its wheel.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
NATIVE := pyproject.toml $(shell find native -type f)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo lab test lint format notebooks bench accept install clean

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/demo  ## Run the quickstart in a real kernel, then interrupt a long prompt
	$(BIN)/python notebooks/demo.py

lab: $(STAMPS)/lab  ## Open the quickstart in JupyterLab
	$(BIN)/jupyter lab $$(test "$$(id -u)" != 0 || echo --allow-root) notebooks/quickstart.ipynb

test: lint  ## Run everything: the linters, the tests, the notebooks
	$(BIN)/pytest --nbval --nbval-current-env --nbval-sanitize-with notebooks/sanitize.cfg tests notebooks

lint: $(STAMPS)/test  ## Run the linters and the type checker
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint native  # which calls pycodestyle

format: $(STAMPS)/test  ## Format the code, and repair what the linter can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

notebooks: $(STAMPS)/test  ## Run the notebooks and save their outputs
	$(BIN)/python notebooks/execute.py

bench: $(STAMPS)/test  ## Measure: cancel latency, streaming rate
	$(BIN)/python -m benchmarks.run

accept: $(STAMPS)/test  ## Run the acceptance tests at their full counts
	$(BIN)/pytest -m accept

install: $(STAMPS)/demo  ## Install into .venv, and no more

clean:  ## Remove what make made: .venv, build, caches
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The package itself, editable, with one of its extras. Without build isolation the compiled objects stay in build/,
# so that a change in native/ recompiles only what it touches.
$(STAMPS)/demo $(STAMPS)/lab $(STAMPS)/test: $(STAMPS)/build-requirements $(NATIVE)
	$(BIN)/python -m pip install --no-build-isolation --editable ".[$(@F)]"
	@touch $@

# What [build-system] names, read from there; cmake and ninja come as wheels, so that no system package is needed.
# Python has a TOML reader from 3.11 on; before, pip carries one.
define BUILD_REQUIREMENTS
try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib
with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["build-system"]["requires"], "cmake>=3.21", "ninja", sep="\n")
endef
export BUILD_REQUIREMENTS

$(STAMPS)/build-requirements: pyproject.toml $(BIN)/python
	@mkdir -p $(STAMPS)
	$(BIN)/python -c "$$BUILD_REQUIREMENTS" > $@.txt
	$(BIN)/python -m pip install --requirement $@.txt
	@touch $@

# `python3 -m venv` needs ensurepip and a compiler needs Python.h: Debian packs both apart from python3.
define CAN_BUILD
import os, sys, sysconfig, ensurepip, venv
sys.exit(sys.version_info < (3, 10) or not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))
endef
export CAN_BUILD
READY = $(PYTHON) -c "$$CAN_BUILD" 2>/dev/null && command -v g++ >/dev/null

$(BIN)/python:
	@$(READY) || { \
	    sudo=$$(test "$$(id -u)" = 0 || echo sudo -n); \
	    command -v apt-get >/dev/null && $$sudo true 2>/dev/null && { \
	        echo "Installing python3-venv, python3-dev and g++ ..."; \
	        $$sudo apt-get update -qq && \
	        $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv python3-dev g++; }; \
	    $(READY); \
	} || { echo "cyllama_jupyter needs Python 3.10 or newer with its venv module and headers, and g++: install" \
	            "python3-venv, python3-dev and g++, or say which Python to use, as in 'make PYTHON=/usr/bin/python3'."; \
	       exit 1; } >&2
	$(PYTHON) -m venv $(VENV)
