# Needs Python 3.11 or newer and make; everything else goes into .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench drags clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

# Rebuilt when the dependencies change; the source itself is installed editable, so edits need no reinstall.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "draglab needs Python 3.11 or newer; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,recipes]'
	@touch $@

demo: $(STAMP) ## drag the bundled model: before.png, after.png, drag.mp4 and edit.json under demo/
	$(BIN)/draglab demo --out demo

test: $(STAMP) ## run the tests
	$(BIN)/python -m pytest

lint: $(STAMP) ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: $(STAMP) ## speed and memory beside the plain reference, into benchmarks/out/
	$(BIN)/python -m benchmarks.speed

drags: $(STAMP) ## run the 60 fixed drags of heads and judge them
	$(BIN)/python -m benchmarks.drags --sheet demo/drags.png

clean: ## remove the environment, the demo and all caches
	rm -rf $(VENV) demo benchmarks/out .pytest_cache .ruff_cache .hypothesis .benchmarks dist build
	find src tests recipes benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
