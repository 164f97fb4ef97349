# `make` lists the targets. Each needs only what the ones before it made: `make serve` and `make test` start from a fresh clone.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
MADE := .venv/.made
SERVE := .venv/.serve
TEST := .venv/.test
NODE := tests/node_modules/.made
MCP1 := .venv/mcp1/.made

# How many processes the whole suite runs in.
WORKERS ?= 2

# The demo's upstream, tides and quotes; whoever sets the variable, even to nothing, wins.
TOOLCRIB_EGRESS_ALLOW ?= 127.0.0.1:8010

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: serve
serve: export TOOLCRIB_EGRESS_ALLOW := $(TOOLCRIB_EGRESS_ALLOW)
serve: $(SERVE) ## install what is needed and start the server with demo data on http://127.0.0.1:8000
	@exec $(BIN)/toolcrib serve --demo

.PHONY: test
test: $(TEST) $(NODE) $(MCP1) pgbouncer ## install the rest and run every test, on SQLite and PostgreSQL (ARGS="-k name" narrows)
	@$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),-n $(WORKERS) --cov --cov-report= --coverage-floors)

# No wheel carries PgBouncer. Root on Debian gets it here; anybody else is told how.
.PHONY: pgbouncer
pgbouncer:
	@export PATH="$$PATH:/usr/sbin"; command -v pgbouncer >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq pgbouncer >/dev/null; }; } \
		|| { echo "PgBouncer is needed for the tests: on Debian, apt-get install pgbouncer"; exit 1; }

.PHONY: check
check: $(TEST) ## lint, format, types, spelling, import rules and architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q tests/architecture

.PHONY: format
format: $(TEST) ## format the code and mend what ruff can mend
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(TEST) ## measure the cost of a call
	@$(BIN)/python -m scripts.bench $(ARGS)

.PHONY: trial
trial: $(TEST) $(NODE) ## run a long trial and write docs/trials/NAME.md: make trial NAME=...
	@$(BIN)/python scripts/trial.py $(NAME)

.PHONY: docs
docs: $(TEST) ## check that every link in the docs leads somewhere
	@$(BIN)/python scripts/docs.py

.PHONY: spec
spec: $(TEST) ## write api-spec.json, the OpenAPI file of the API
	@$(BIN)/python scripts/spec.py

.PHONY: lock
lock: ## resolve pyproject.toml into locks/ anew (UPGRADE=1 takes newer versions)
	@$(PYTHON) scripts/lock.py $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## remove the virtual environment and caches, never data
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

$(MADE):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: on Debian, apt-get install python3.11 python3.11-venv"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "making .venv with $(PYTHON)"
	@"$(PYTHON)" -m venv --clear .venv || { echo "venv is missing: on Debian, apt-get install python3-venv"; exit 1; }
	@touch $@

$(SERVE): $(MADE) locks/serve.lock pyproject.toml
	@echo "installing the locked packages of locks/serve.lock"
	@$(PIP) install --require-hashes --no-deps --only-binary :all: -r locks/serve.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(TEST): $(SERVE) locks/test.lock locks/shop.lock
	@echo "installing the locked packages of locks/test.lock and locks/shop.lock"
	@$(PIP) install --require-hashes --no-deps --only-binary :all: -r locks/test.lock
	@$(PIP) install --require-hashes --no-deps --only-binary :all: -r locks/shop.lock
	@touch $@

$(MCP1): $(MADE) locks/mcp1.lock
	@echo "installing the locked packages of locks/mcp1.lock"
	@"$(PYTHON)" -m venv --clear .venv/mcp1
	@.venv/mcp1/bin/python -m pip --disable-pip-version-check -qq install --require-hashes --no-deps --only-binary :all: -r locks/mcp1.lock
	@touch $@

$(NODE): tests/package-lock.json
	@command -v npm >/dev/null || { echo "Node 20 or newer with npm is needed for the tests: on Debian, apt-get install nodejs npm"; exit 1; }
	@echo "installing the locked packages of tests/package-lock.json"
	@npm ci --prefix tests --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
