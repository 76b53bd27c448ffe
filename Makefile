# One command each, on a fresh Debian or Ubuntu machine: `make demo`, `make lab`, `make test`.
# Everything is installed into .venv; llama.cpp compiles once (minutes) and pip caches its wheel.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
NATIVE := pyproject.toml $(shell find native -type f)

NPM := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python js/build.py npm
OLDEST := 6.29.5
IPYKERNELS := $(OLDEST) 6.31.0 7.0.1 7.3.0 7.4.0
PYTHONS := python3.10 python3.11 python3.12 python3.13
empty :=
space := $(empty) $(empty)
comma := ,

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo lab test lint format docs notebooks bench accept sanitize stress matrix dist install clean

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/demo  ## Run the quickstart in a real kernel, then interrupt a long prompt
	$(BIN)/python notebooks/demo.py

lab: $(STAMPS)/lab  ## Open the quickstart in JupyterLab
	$(BIN)/jupyter lab $$(test "$$(id -u)" != 0 || echo --allow-root) notebooks/quickstart.ipynb

test: lint $(STAMPS)/browser $(STAMPS)/ipykernel-$(OLDEST)  ## Run everything: the linters, the tests, the notebooks
	$(NPM) test
	$(BIN)/pytest --nbval --nbval-current-env --nbval-sanitize-with notebooks/sanitize.cfg tests notebooks

lint: $(STAMPS)/test $(STAMPS)/js  ## Run the linters and the type checkers
	$(NPM) run lint
	$(NPM) run types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint native  # which calls pycodestyle

format: $(STAMPS)/test  ## Format the code, repair what the linter can, and renew the reference of the magics
	$(BIN)/python docs/reference.py
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(STAMPS)/test  ## Build the documentation as a site: build/docs/index.html
	$(BIN)/python -m sphinx -W --keep-going -q -E -d build/doctrees docs build/docs

notebooks: $(STAMPS)/test  ## Run the notebooks and save their outputs
	$(BIN)/python notebooks/execute.py

bench: $(STAMPS)/test $(STAMPS)/browser  ## Measure: speed beside the bare loop and peers, cancel latency, and more
	$(BIN)/python -m benchmarks.run

accept: $(STAMPS)/test $(STAMPS)/browser  ## Run the acceptance tests at their full counts
	$(BIN)/pytest -m accept

stress: $(STAMPS)/test  ## Cancel 10,000 times at random instants, and check every answer
	$(BIN)/python -X faulthandler -m tests.stress 10000
	$(BIN)/pytest tests/stress -m accept

# Requirements first and without the flags: llama.cpp itself is not under test. Python's own leaks are none of ours. Python is not
# linked to libstdc++: unless it is preloaded too, AddressSanitizer finds no __cxa_throw to go on with.
ASAN_VENV := .venv-asan
ASAN_TESTS ?= tests/native tests/engine tests/stress
ASAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1 -g
sanitize: $(STAMPS)/test  ## Run the native code under AddressSanitizer, UBSan and ThreadSanitizer
	$(BIN)/pytest tests/sanitize -m "accept or not accept" -rP
	$(MAKE) VENV=$(ASAN_VENV) $(ASAN_VENV)/stamps/build-requirements
	CXXFLAGS="$(ASAN_FLAGS)" LDFLAGS="$(ASAN_FLAGS)" $(MAKE) VENV=$(ASAN_VENV) \
	    INSTALL_OPTIONS=--config-settings=build-dir=build/asan $(ASAN_VENV)/stamps/test
	rm -f build/asan/report.*
	LD_PRELOAD="$$(c++ -print-file-name=libasan.so) $$(c++ -print-file-name=libstdc++.so)" PYTHONMALLOC=malloc \
	    ASAN_OPTIONS=detect_leaks=0:suppressions=$(CURDIR)/tests/sanitize/asan.supp:log_path=$(CURDIR)/build/asan/report \
	    UBSAN_OPTIONS=print_stacktrace=1:log_path=$(CURDIR)/build/asan/report \
	    $(ASAN_VENV)/bin/pytest $(ASAN_TESTS) -p no:cacheprovider || { cat build/asan/report.*; exit 1; }

matrix: $(STAMPS)/test $(STAMPS)/browser $(IPYKERNELS:%=$(STAMPS)/ipykernel-%)  ## Stop and interrupt on five ipykernels and every Python
	$(BIN)/pytest tests/browser/test_stop.py --ipykernels $(subst $(space),$(comma),$(IPYKERNELS))
	for python in $(PYTHONS); do \
	    command -v $$python >/dev/null && $$python -c "" || continue; \
	    $(MAKE) VENV=.venv-$$python PYTHON=$$python .venv-$$python/stamps/test && \
	    .venv-$$python/bin/pytest tests/browser/test_stop.py tests/kernel --ipykernels installed || exit 1; \
	done

dist: $(STAMPS)/demo  ## Build the wheel and the source distribution, with the widget in both
	$(BIN)/python js/build.py
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build --no-isolation --sdist --wheel

install: $(STAMPS)/demo  ## Install into .venv, and no more

clean:  ## Remove what make made: .venv, build, caches
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf js/node_modules cyllama_jupyter/static artifacts .venv-*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The package itself, editable, with one of its extras. Without build isolation the compiled objects stay in build/,
# so that a change in native/ recompiles only what it touches.
$(STAMPS)/demo $(STAMPS)/lab $(STAMPS)/test: $(STAMPS)/build-requirements $(NATIVE)
	$(BIN)/python -m pip install --no-build-isolation $(INSTALL_OPTIONS) --editable ".[$(@F)]"
	@touch $@

# One ipykernel without its dependencies, in a folder that a kernel puts first on its path.
$(STAMPS)/ipykernel-%: | $(STAMPS)/test
	$(BIN)/python -m pip install --quiet --no-deps --target $(VENV)/ipykernels/$* ipykernel==$*
	@touch $@

# What the JavaScript's own tests need, beside what its build needs.
$(STAMPS)/js: js/package-lock.json $(STAMPS)/build-requirements
	$(NPM) ci
	@touch $@

# A browser for the tests: any Chromium will do.
CHROMIUMS := chromium chromium-browser google-chrome google-chrome-stable
$(STAMPS)/browser: | $(BIN)/python
	@mkdir -p $(STAMPS)
	@for name in $(CHROMIUMS); do command -v $$name >/dev/null && exit 0; done; \
	sudo=$$(test "$$(id -u)" = 0 || echo sudo -n); \
	command -v apt-get >/dev/null && $$sudo true 2>/dev/null && echo "Installing chromium ..." && \
	    $$sudo apt-get update -qq && \
	    $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium || \
	    echo "The browser tests need Chromium: install chromium, or run '$(BIN)/playwright install chromium'." >&2
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
