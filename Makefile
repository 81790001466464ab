# Everything below works from a fresh clone; the first target that needs it makes the virtual environment.

PYTHON ?= python3
VENV := .venv
CLIENTS := .venv-clients
AZURITE := .azurite
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Tests start hundreds of processes: each would compile the sources, and pytest all tests, if nothing were kept.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test coverage test-slow test-real test-clients test-browser azurite fuzz check format samples reference docs bench dist clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## fix the sample wheels, install one with pip, and print the path of a report to look at
	@PYTHON=$(BIN)/python WHEELFIX=$(BIN)/wheelfix sh examples/demo.sh

test: $(READY) ## run the tests
	$(BIN)/pytest --numprocesses auto --dist worksteal

coverage: $(READY) ## run the tests and measure branch coverage, which takes half as long again
	$(BIN)/pytest --numprocesses auto --dist worksteal --cov --cov-report term

test-slow: $(READY) ## run the slow tests: thousands of wheels against other tools, archives beyond 4 GiB, kills, buckets (make azurite)
	$(BIN)/pytest --numprocesses auto --dist worksteal -m slow

test-real: $(READY) ## run the tests on real wheels, which are downloaded
	$(BIN)/pytest -m real

test-clients: $(READY) $(CLIENTS)/.ready ## run the tests with pip, uv, Poetry, PDM, nginx (which must be there), pypiserver and devpi
	TEST_CLIENTS=$(CLIENTS) $(BIN)/pytest --numprocesses auto --dist worksteal -m clients

test-browser: $(VENV)/.browser ## open the pages that wheelfix writes in Chromium (Debian's, or TEST_CHROMIUM), which must be there
	TEST_BROWSER=required $(BIN)/pytest -m browser

fuzz: $(VENV)/.fuzz ## fuzz one target on from its corpus: TARGET=layout TIME=600 (seconds); without TARGET it names all
	$(BIN)/python tests/fuzz/run.py $(TARGET) $(TIME)

azurite: $(AZURITE)/.ready ## install Azurite with npm, for the tests of buckets on Azure, which are skipped otherwise

check: $(READY) ## check everything but the tests: format, lint, types, layers, sample wheels, docs
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python sample_wheels/build_samples.py --check
	$(BIN)/python docs/write_reference.py --check
	$(MAKE) --no-print-directory docs

format: $(READY) ## format the code, and fix what ruff can fix
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

samples: $(READY) ## build the sample wheels again; the bytes are always the same
	$(BIN)/python sample_wheels/build_samples.py

reference: $(READY) ## regenerate the reference pages, the schemas, and the rules and names as JSON
	$(BIN)/python docs/write_examples.py
	$(BIN)/python docs/write_reference.py
	$(BIN)/python docs/write_checkers.py
	$(BIN)/python docs/drawings.py

docs: $(READY) ## build the documentation in docs/_build/html; warnings are errors
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --builder html docs docs/_build/html

bench: $(READY) ## measure speed and memory against their targets (ten minutes, 8 GB of disk; BENCH=--real for real wheels)
	$(BIN)/python benchmarks/run.py $(BENCH)

dist: $(VENV)/.dist ## build sdist and wheel in dist/, and check them
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(BIN)/wheelfix verify --strict dist/*.whl

clean: ## delete everything that was made here, the virtual environment too
	rm -rf $(VENV) $(VENV)-* $(CLIENTS) $(AZURITE) build dist fixed docs/_build .coverage .coverage.* .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip reads dependency groups since 25.1.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("wheelfix needs Python 3.11 or later: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[cloud,index]' --group dev
	@touch $@

$(CLIENTS)/.ready: pyproject.toml $(READY)
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --group clients
	@touch $@

$(VENV)/.browser: pyproject.toml $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group browser
	@touch $@

$(VENV)/.fuzz: pyproject.toml $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group fuzz
	@touch $@

$(AZURITE)/.ready:
	npm install --prefix $(AZURITE) --no-save --no-audit --no-fund --loglevel=error azurite@3
	@touch $@

$(VENV)/.dist: pyproject.toml $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dist
	@touch $@
