.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup demo test chaos check format bench lock docs

help: ## Show what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## Make .venv with pinned dependencies and .venv/bin/daybook

$(VENV)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v < (3, 11) and f"Daybook needs Python 3.11 or later, this is {v[0]}.{v[1]}; say which: make PYTHON=python3.12 …")'
	umask 022 && $(PYTHON) -m venv $(VENV)
	umask 022 && $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## Run everything against a stand-in Cal.com; Ctrl-C stops it
	@exec $(BIN)/daybook demo

# The files that take longest are the first by name, and begin first.
test: setup ## Run the whole suite, on real SQLite, PostgreSQL and Valkey
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

chaos: setup ## Let everything go wrong in turn while deliveries come, and count what became of each; 40 minutes
	$(BIN)/python -m tests.chaos $(ARGS)

check: setup ## Check format, lint, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Format the code and mend what lint can mend
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

bench: setup ## Measure against the naive designs; prints ratios
	$(BIN)/python -m tests.bench $(ARGS)

docs: setup ## Write the settings table, the command help and the schema of rule files into the docs
	$(BIN)/python -m tests.docs

lock: ## Pin the newest dependencies that pyproject.toml allows, by hash (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes \
		--no-header --no-annotate pyproject.toml --output-file requirements.txt
