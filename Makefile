# Everything below works from a fresh clone; the first target that needs it makes the virtual environment.

PYTHON ?= python3
VENV := .venv
CLIENTS := .venv-clients
AZURITE := .azurite
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# LOCKED=1 installs exactly what requirements/*.txt name, by hash. CI sets it. Otherwise pip installs the newest versions that
# pyproject.toml allows, so that a Python or platform without locked wheels works, too.
LOCKED ?= $(CI)
# What is imported is compiled then. Compiling everything takes two thirds of an installation, and most of it is never imported.
PIP := -m pip install --quiet --disable-pip-version-check --no-compile
PINNED := $(PIP) --require-hashes --only-binary :all: --requirement
# Most releases with malicious code are found and deleted within days. For a fix that cannot wait: make lock COOLDOWN='0 days'
COOLDOWN ?= 7 days
COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --only-binary :all:
COMPILE += --no-annotate --custom-compile-command 'make lock' --exclude-newer '$(COOLDOWN)'

# Tests start hundreds of processes: each would compile the sources, and pytest all tests, if nothing were kept.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test coverage test-slow test-real test-clients test-browser fuzz azurite hostile check faults format \
  samples reference docs mutants kills bench dist lock long-run clean

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
	TEST_CLIENTS=$(CLIENTS) $(BIN)/pytest --numprocesses auto --dist worksteal -m clients $(wildcard tests/test_*.py) \
	  tests/book tests/conformance tests/recipes

test-browser: $(VENV)/.browser ## open the pages that wheelfix writes in Chromium (Debian's, or TEST_CHROMIUM), which must be there
	TEST_BROWSER=required $(BIN)/pytest -m browser --numprocesses auto --dist loadfile tests/conformance

fuzz: $(VENV)/.fuzz ## fuzz one target, starting from its corpus: TARGET=layout TIME=600 (seconds); without TARGET, list all
	$(BIN)/python tests/fuzz/run.py $(TARGET) $(TIME)

azurite: $(AZURITE)/.ready ## install Azurite with npm, for the tests of buckets on Azure, which are skipped otherwise

hostile: $(READY) ## attack wheelfix with 10,230 hostile wheels, which seven readers read as well (COUNT=1000: fewer), documents and answers
	PYTHONPATH=tests:sample_wheels $(BIN)/python tests/hostile/attack.py $(if $(COUNT),--count $(COUNT))
	$(BIN)/pytest --numprocesses auto --dist worksteal -m long tests/hostile

check: $(READY) ## check everything but the tests: format, lint, types, layers, sample wheels, docs
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python sample_wheels/build_samples.py --check
	$(BIN)/python docs/write_reference.py --check
	$(MAKE) --no-print-directory docs

faults: $(READY) ## make every system call of every command fail with every error; takes two hours (TEST_PARTS=0: one part of eight)
	TEST_FAULTS=all $(BIN)/pytest --numprocesses auto --dist worksteal -m long tests/breaking

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

mutants: $(VENV)/.mutation ## change a part of wheelfix in 300 places, one by one, and list what no test notices (MODULE=zip)
	nice -n 19 $(BIN)/python tests/mutant_runs.py $(MODULE)

kills: $(READY) ## kill -9 at COUNT=500 moments each of runs in place, in a batch, of mirror add and of sync (an hour; needs strace)
	TEST_KILLS=$(or $(COUNT),500) $(BIN)/pytest -m slow --capture no tests/conformance/test_killed_at_any_moment.py

bench: $(READY) ## measure speed and memory against their targets (ten minutes, 8 GB of disk; BENCH=--real for real wheels)
	$(BIN)/python benchmarks/run.py $(BENCH)

dist: $(READY) ## build sdist and wheel in dist/, and check them; LOCKED=1 gives everybody the same bytes
	rm -rf dist
	env -u SOURCE_DATE_EPOCH $(BIN)/python -m build --no-isolation
	$(BIN)/twine check --strict dist/*
	$(BIN)/wheelfix verify --strict dist/*.whl

lock: $(READY) ## renew requirements/*.txt: the versions and hashes that CI, the action and the image install
	$(COMPILE) --extra cloud --extra index --extra sync --group dev --output-file requirements/dev.txt pyproject.toml
	$(COMPILE) --constraint requirements/dev.txt --group installer --output-file requirements/installer.txt
	$(COMPILE) --constraint requirements/dev.txt --group browser --output-file requirements/browser.txt
	$(COMPILE) --constraint requirements/dev.txt --group fuzz --output-file requirements/fuzz.txt
	$(COMPILE) --constraint requirements/dev.txt --group backend --output-file requirements/backend.txt
	$(COMPILE) --constraint requirements/dev.txt --output-file requirements/core.txt pyproject.toml
	$(COMPILE) --constraint requirements/dev.txt --extra cloud --extra sync --output-file requirements/image.txt pyproject.toml
	$(COMPILE) --group clients --output-file requirements/clients.txt
	npm update --prefix requirements/azurite --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

long-run: $(READY) ## take 1,000 popular wheels through every command: downloads 15 GB at most, takes hours; report in build/
	TEST_LONG_RUN=1000 $(BIN)/pytest -m real tests/conformance/test_long_run.py

clean: ## delete everything that was made here, the virtual environment too
	rm -rf $(VENV) $(VENV)-* $(CLIENTS) $(AZURITE) build dist fixed docs/_build .coverage .coverage.* .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip reads dependency groups since 25.1.
$(READY): pyproject.toml $(if $(LOCKED),requirements/installer.txt requirements/dev.txt)
	@$(PYTHON) -c 'import sys; sys.exit("wheelfix needs Python 3.11 or later: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
ifneq ($(LOCKED),)
	$(BIN)/python $(PINNED) requirements/installer.txt
	$(BIN)/python $(PINNED) requirements/dev.txt
	$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
else
	$(BIN)/python $(PIP) --upgrade 'pip>=25.1'
	$(BIN)/python $(PIP) --editable '.[cloud,index]' --group dev
endif
	@touch $@

$(CLIENTS)/.ready: pyproject.toml $(READY) $(if $(LOCKED),requirements/clients.txt)
	$(PYTHON) -m venv $(CLIENTS)
ifneq ($(LOCKED),)
	$(CLIENTS)/bin/python $(PINNED) requirements/installer.txt
	$(CLIENTS)/bin/python $(PINNED) requirements/clients.txt
else
	$(CLIENTS)/bin/python $(PIP) --upgrade 'pip>=25.1'
	$(CLIENTS)/bin/python $(PIP) --group clients
endif
	@touch $@

$(VENV)/.browser: pyproject.toml $(READY)
	$(BIN)/python $(if $(LOCKED),$(PINNED) requirements/browser.txt,$(PIP) --group browser)
	@touch $@

$(VENV)/.fuzz: pyproject.toml $(READY)
	$(BIN)/python $(if $(LOCKED),$(PINNED) requirements/fuzz.txt,$(PIP) --group fuzz)
	@touch $@

$(VENV)/.mutation: pyproject.toml $(READY)
	$(BIN)/python $(PIP) --group mutation
	@touch $@

$(AZURITE)/.ready: requirements/azurite/package-lock.json
	mkdir -p $(AZURITE)
	cp requirements/azurite/package.json requirements/azurite/package-lock.json $(AZURITE)
	npm ci --prefix $(AZURITE) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
