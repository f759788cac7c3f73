# Everything a developer, an operator trying it out, and CI run. `make help` lists it.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: run
run: web ## Start everything in one process on this machine and print the URL of the page
	@$(BIN)/pilothouse-standalone up --data data

.PHONY: test
test: web ## Run every test against real RabbitMQ, PostgreSQL, InfluxDB and Slurm
	@$(BIN)/python -m tests.support.install
	@$(BIN)/pytest

.PHONY: test-compose
test-compose: setup ## Build the compose stack's images, start it and try it (minutes)
	@$(BIN)/pytest -rP tests/compose

.PHONY: test-gpu
test-gpu: setup ## Compare what we tell of this machine's NVIDIA GPUs with nvidia-smi, under load
	@$(BIN)/pytest -rP tests/gpu

.PHONY: check
check: setup ## Lint, types, import contracts, generated documents, the page's own checks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/typos
	@$(BIN)/python scripts/docs.py --check
	@scripts/web check

.PHONY: bench
bench: setup ## Measure against peers and physical limits, side by side in one run
	@$(BIN)/python -m bench

.PHONY: docs
docs: setup ## Write the generated documents into docs/
	@$(BIN)/python scripts/docs.py

.PHONY: web
web: setup ## Build the page into the API's package
	@scripts/web build

.PHONY: fmt
fmt: setup ## Format the code and fix what can be fixed
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

.PHONY: setup
setup: .venv/.ready ## Install everything into .venv (the other targets do it when needed)

.venv/.ready: requirements.lock pyproject.toml $(wildcard libs/*/pyproject.toml) $(wildcard services/*/pyproject.toml) scripts/setup
	@scripts/setup "$(PYTHON)"

.PHONY: lock
lock: ## Resolve the dependencies anew into requirements.lock
	@scripts/lock

.PHONY: clean
clean: ## Remove what the other targets made (not data/)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis web/node_modules services/api/pilothouse_api/static
