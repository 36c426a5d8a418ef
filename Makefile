# make serve | test | test-adapters | bench | train | lint | docs: each sets up what is missing first.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
DATA ?= data
POSTGRES_15 ?= /usr/lib/postgresql/15/bin
ADAPTERS ?=
CORPUS ?=
PUBLIC ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev

.PHONY: serve test test-adapters bench train lint docs clean

serve: $(READY)
	@exec $(BIN)/seenbefore serve --host $(HOST) --port $(PORT) --data $(DATA)

test: $(READY_DEV) lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)
	@# The store is tested on the oldest PostgreSQL that it supports too, where there is one; the gate brings one.
	@if [ -x $(POSTGRES_15)/initdb ] || [ "$$CI" = true ]; then \
		$(BIN)/python -m pytest -n 2 --dist loadfile tests/knowledge/store --postgres-bin $(POSTGRES_15); \
	fi

# The client's adapters in their real hosts, each in an environment of its own: make test-adapters ADAPTERS="prefect dagster"
test-adapters: $(READY_DEV)
	$(BIN)/python -m nox --error-on-missing-interpreters $(if $(ADAPTERS),--session $(ADAPTERS)) -- $(ARGS)

lint: $(READY_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY_DEV)
	@test -n "$(CORPUS)" || { echo "name the failures to measure on: make bench CORPUS=failures.jsonl"; exit 2; }
	$(BIN)/python -m benchmarks.quality $(CORPUS)
	$(BIN)/python -m benchmarks.ablation $(CORPUS)
	$(BIN)/python -m benchmarks.latency --corpus $(CORPUS)
	$(BIN)/python -m benchmarks.checkpoint

# Teach the packaged model about failures; PUBLIC= names a folder of public messages in groups.
train: $(READY_DEV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable ".[train]"
	$(BIN)/python -m training.train $(if $(PUBLIC),--data $(PUBLIC))

docs: $(READY_DEV)
	$(BIN)/python -m mkdocs build --strict

clean:
	rm -rf $(VENV) .nox

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip

$(READY): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable ".[all]"
	@touch $@

$(READY_DEV): $(READY) client/pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt \
		--editable ".[all,dev]" --editable ./client
	@touch $@
