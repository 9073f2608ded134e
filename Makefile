# make help lists the targets. Everything is installed into .venv by tools/bootstrap.py, which needs
# only Python 3.11 or newer and does nothing when nothing has changed.

PYTHON ?= python3
BROKER ?= embedded
JOBS ?= 2
ARGS ?=

BIN := .venv/bin
CODE := schemas bus connectors router samband tests tools $(wildcard bench) docs/examples/read_topic.py \
	docs/examples/connector/absence

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak lint bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  ARGS goes to the program: make demo ARGS="--once --json totals.json", make test ARGS="tests/router -x"'
	@echo '  make test BROKER=docker runs against the apache/kafka image instead of the embedded broker'
	@echo '  make test JOBS=1 runs one file of tests at a time instead of two; JOBS=0 ARGS=-s in this very process'

setup: ## install everything that the other targets need
	@$(PYTHON) tools/bootstrap.py

demo: setup ## start the whole system and live through a week in a small town
	@$(BIN)/samband demo $(ARGS)

test: setup ## run all tests
	@$(BIN)/pytest --broker $(BROKER) --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

soak: setup ## break things at random for 40 minutes; ARGS="--minutes 5", ARGS="--seed N --faults 1"
	@$(BIN)/python -m tests.faults.soak $(ARGS)

lint: setup ## check style, types and which room imports which, and that no text lacks a language
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(CODE)
	@$(BIN)/lint-imports
	@$(BIN)/python -m samband.catalogues

bench: setup ## measure; ARGS="--only NAME --json FILE"
	@$(BIN)/python -m bench $(ARGS)

lock: setup ## renew requirements.lock from pyproject.toml; ARGS="--upgrade" takes newer versions
	@PATH="$$PATH:.venv/uv/bin" uv pip compile --quiet --universal --generate-hashes $(ARGS) \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		pyproject.toml --group dev --output-file requirements.lock

clean: ## remove what was built, .venv too; data/ stays
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis schemas/fast/*.so
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
