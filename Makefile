# Driftline: `make help` lists the targets.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
ARGS ?=
# What computes and shares nothing, so that it can run side by side: tests without services, and the doctests.
PURE := tests/unit tests/statistical driftline producers consumers monitor model notebooks

QUICK := "not kafka and not long and not slow"

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow test-long test-kafka lint format bench bench-peers compose-test notebook schemas docs \
  docs-serve lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(VENV)/.installed ## build .venv with the pinned environment

# uv installs in seconds what pip takes minutes for; pip does the same where uv cannot run. Bytecode is compiled here,
# as pip does, and the monitor's kernels too, so that the first start of every worker is as quick as the next.
$(VENV)/.installed: requirements-dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) not found: install Python 3.11, 3.12 or 3.13, or name one: make install PYTHON=python3.12" >&2; exit 2; }
	@echo "Building $(VENV) (about 2.3 GB; once)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
		&& $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps -r requirements-dev.lock \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m monitor.compile_kernels
	@touch $@

demo: install ## the whole loop, from replay to promoted model: make demo ARGS="--seed 7 --json"
	@$(BIN)/driftline demo $(ARGS)

test: install lint ## lint and all tests but the slow ones (embedded broker and Redis, started by the tests)
	$(BIN)/pytest -n 2 -m $(QUICK) $(PURE) $(ARGS)
	$(BIN)/pytest -n 4 --dist loadfile -m $(QUICK) tests/integration $(ARGS)
	$(BIN)/pytest -n 3 --dist loadfile -m $(QUICK) tests/e2e $(ARGS)

test-slow: install ## what takes longest: the page in a browser, every command of the documents, the notebook, reports
	$(BIN)/pytest -n 2 --dist loadfile -m "slow and not kafka and not long" tests/integration tests/e2e $(ARGS)

test-long: install ## the full statistical runs too (half an hour)
	$(BIN)/pytest -n 2 -m "not kafka" $(PURE) $(ARGS)
	$(BIN)/pytest -n 4 --dist loadfile -m "not kafka" tests/integration $(ARGS)
	$(BIN)/pytest -n 3 --dist loadfile -m "not kafka" tests/e2e $(ARGS)

test-kafka: install ## integration tests and the whole loop on a real Apache Kafka (needs Java 17 and mvn)
	DRIFTLINE_TEST_BROKER=kafka $(BIN)/pytest -n 2 --dist loadfile -m "not long" tests/integration tests/e2e/test_kafka_loop.py tests/e2e/test_secured_services.py $(ARGS)

lint: install ## ruff, mypy --strict and the dependency rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## let ruff rewrite the files
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install ## measure ours and its peers side by side
	$(BIN)/python -m benchmarks $(ARGS)

bench-peers: install .venv-peers/.installed ## false alarms against delay, other detectors' and ours (some 20 minutes)
	$(BIN)/python -m benchmarks.peers $(ARGS)

# An environment of their own: their pins and ours exclude each other.
.venv-peers/.installed: benchmarks/peers/requirements.lock
	@echo "Building .venv-peers (about 2 GB; once)" >&2
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	@$(BIN)/uv pip install --quiet --compile-bytecode --python .venv-peers/bin/python --no-deps -r $<
	@touch $@

compose-test: install ## bring the compose stack up, replay, consume an alert, take it down
	$(BIN)/python tests/compose/run.py $(ARGS)

notebook: install ## execute the analysis anew, or of a file: make notebook ARGS="--export mine.csv -o mine.ipynb"
	$(BIN)/python -m notebooks.execute $(ARGS)

schemas: install ## regenerate data/schemas from driftline/events.py
	$(BIN)/python -m data.schemas

# The variable keeps the theme from advertising its successor.
docs: install ## build the documentation's site into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict $(ARGS)

docs-serve: install ## serve the documentation on http://127.0.0.1:28090, where alerts link to
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --strict $(ARGS)

lock: install ## pin the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --no-emit-index-url --no-header -q -U -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --no-emit-index-url --no-header -q -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile benchmarks/peers/requirements.in --universal --python-version 3.11 --no-emit-index-url --no-header -q -U --no-emit-package nvidia-nccl-cu12 -o benchmarks/peers/requirements.lock

clean: ## remove the environment, the caches and the local state
	rm -rf $(VENV) .venv-peers .driftline .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
