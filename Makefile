# Everything a developer, an operator trying it out, and CI run. `make help` lists it.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: setup
setup: .venv/.ready ## Install everything into .venv (done by the other targets when needed)

.venv/.ready: requirements.lock pyproject.toml libs/common/pyproject.toml $(wildcard services/*/pyproject.toml) scripts/setup
	@scripts/setup "$(PYTHON)"

.PHONY: lock
lock: ## Resolve the dependencies anew into requirements.lock
	@scripts/lock
