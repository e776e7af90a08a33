# Everything a newcomer needs: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
export PYTHONUTF8 = 1
export DBT_SEND_ANONYMOUS_USAGE_STATS = false
export DAGSTER_DISABLE_TELEMETRY = true

.DEFAULT_GOAL := help
.PHONY: help setup transformers demo dev test test-exhaustive check lock docs pictures clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

# Python's side and the browser's side at the same time.
setup: ## virtual environment, system packages, dbt manifest, scripts and fonts of the portal
	@$(MAKE) --no-print-directory -j2 $(VENV)/.ready $(STATIC)

$(VENV)/.system: deploy/system-packages.sh
	@sh deploy/system-packages.sh $(PYTHON)
	@mkdir -p $(VENV) && touch $@

$(VENV)/.test-system: deploy/system-packages.sh
	@sh deploy/system-packages.sh $(PYTHON) tests
	@mkdir -p $(VENV) && touch $@

$(VENV)/.packages: requirements.lock pyproject.toml | $(VENV)/.system
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

# The browser's side of the portal: npm packages by hash, built into a folder that git ignores.
FRONTEND := chat_platform/web/frontend
STATIC := chat_platform/web/static/manifest.json

$(STATIC): $(addprefix $(FRONTEND)/,package.json package-lock.json .npmrc build.mjs common-syllables.txt) \
  $(shell find $(FRONTEND)/src -type f 2>/dev/null) | $(VENV)/.system
	@cd $(FRONTEND) && npm ci --silent && node build.mjs

$(VENV)/.ready: $(VENV)/.packages $(shell find dbt_project -name '*.sql' -o -name '*.yml' -o -name '*.csv' 2>/dev/null | grep -v /target/)
	@$(BIN)/python -m chat_platform.cli.main prepare
	@$(BIN)/python -m chat_platform.cli.main --demo prepare
	@touch $@

transformers: $(VENV)/.transformers ## PyTorch, for the transformer candidate; nothing else needs it

# pip, because it finds a CPU build that lies on this machine; where none does, this downloads gigabytes.
# The constraints keep every other package as it is locked.
$(VENV)/.transformers: requirements-transformers.lock $(VENV)/.packages
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -r requirements-transformers.lock
	@touch $@

demo: setup ## a class and streamers come alive: local Slack, Zoom and Twitch, real Chromium, metrics in DuckDB
	@$(BIN)/chatp demo

dev: setup ## Dagster UI and daemon on your own data (http://127.0.0.1:3000)
	@$(BIN)/chatp dev

# A file stays on one process, for its fixtures; in the order of collection (see testpaths in pyproject.toml).
# In memory where it has room: hundreds of homes are made, written to and thrown away. They take about 3 GB.
FREE_GB = $(shell awk '/MemAvailable/ {print int($$2 / 1048576)}' /proc/meminfo)
SHM_GB = $(shell df --output=avail -BG /dev/shm 2>/dev/null | tail -1 | tr -dc 0-9)
IN_MEMORY = $(shell test "0$(FREE_GB)" -ge 12 && test "0$(SHM_GB)" -ge 8 && echo TMPDIR=/dev/shm)
TESTS = $(IN_MEMORY) $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: setup transformers $(VENV)/.test-system ## the tests, those of the transformer too; not the exhaustive ones
	@$(TESTS) -m "not exhaustive"

test-exhaustive: setup transformers $(VENV)/.test-system ## those that try every step, role or text, which takes long
	@$(TESTS) -m exhaustive

check: setup ## lint, types, import rules, definitions, tiles, dbt parse
	@$(BIN)/ruff check chat_platform tests benchmarks
	@$(BIN)/ruff format --check chat_platform tests benchmarks
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/dg check defs
	@$(BIN)/python -m chat_platform.cli.main tiles > /dev/null
	@$(BIN)/python -m chat_platform.cli.main prepare

docs: setup ## regenerate the generated pages of docs/
	@$(BIN)/python -m chat_platform.cli.main docs

pictures: demo ## the README's pictures, from the demo
	@sh deploy/system-packages.sh $(PYTHON) pictures
	@$(BIN)/chatp docs --pictures

lock: ## re-pin every dependency, of Python and of the browser's side (no addresses)
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
	  --no-emit-find-links --group dev pyproject.toml -o requirements.lock
	@cd $(FRONTEND) && npm install --silent --package-lock-only && node unaddressed.mjs

clean: ## remove the environment and build output; your data in var/ stays
	@rm -rf $(FRONTEND)/node_modules $(FRONTEND)/.build chat_platform/web/static
	@rm -rf $(VENV) dbt_project/target dbt_project/logs .pytest_cache .ruff_cache .mypy_cache .hypothesis
