# Needs Python 3.11 or newer and make; everything else goes into .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help run demo test lint docs dist check-dist bench drags measures heads hands assets clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

# Rebuilt when the dependencies change; the source itself is installed editable, so edits need no reinstall.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "draglab needs Python 3.11 or newer; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,recipes]'
	@touch $@

run: $(STAMP) ## the editor in the browser; Ctrl-C ends it
	@$(BIN)/draglab edit

demo: $(STAMP) ## drag the bundled model: before.png, after.png, drag.mp4 and edit.json under demo/
	$(BIN)/draglab demo --out demo

# While Playwright is open in a process, no event loop of asyncio can run there. Tests of a file share a server. Other work
# on the machine can make a test of a page miss its moment: one that fails is run once more, and the report says so.
# Files go out in this order: those of few, long tests first, so that no core is idle at the end.
BROWSER_TESTS := tests/notebook tests/integrations/test_space.py tests/server/browser

# Tests also wait, for servers and for processes that they start: one worker more than there are cores keeps all busy.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

test: $(STAMP) ## run the tests
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist worksteal $(BROWSER_TESTS:%=--ignore=%)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --reruns 1 $(BROWSER_TESTS)

lint: $(STAMP) ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory web/node_modules && npm --prefix web run --silent check; \
		else echo "npm is not there: the editor's page is not type-checked"; fi

web/node_modules: web/package.json web/package-lock.json
	npm --prefix web ci --silent --no-audit --no-fund
	@touch $@

docs: $(STAMP) ## the documentation site, into build/site; fails on a warning or a link that leads nowhere
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

dist: $(STAMP) ## wheel, source distribution, SHA-256 and bill of materials, into dist/
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[release]'
	$(BIN)/python -m release.build

check-dist: ## run the wheel in a fresh environment of each Python that is here
	$(PYTHON) -m release.check_wheel

bench: $(STAMP) ## speed and memory beside the plain reference, into benchmarks/out/
	$(BIN)/python -m benchmarks.speed

drags: $(STAMP) ## run the 60 fixed drags of heads and judge them
	$(BIN)/python -m benchmarks.drags --sheet demo/drags.png

# Recipes. ASSETS is a folder of open data, laid out as recipes/README.md says; DATA takes 4 GB of renders.
ASSETS ?=
DATA ?= recipes/heads/data
ZOO := src/draglab/zoo
HEADS := recipes/heads
HANDS := recipes/hands
SQUEEZENET = $(ASSETS)/metrics/squeezenet_v1.0_dc.npz
RENDERS = --data $(DATA)/train --held-out $(DATA)/held_out
PHOTOS = --photos $(ASSETS)/sign_language_digits --squeezenet $(SQUEEZENET)

assets:
	@test -f "$(SQUEEZENET)" || { echo "say where the assets are: make $(MAKECMDGOALS) ASSETS=folder"; exit 2; }

$(DATA)/train/visible.npy: | assets $(STAMP)
	$(BIN)/python -m recipes.heads.dataset --assets $(ASSETS) --out $(DATA)/train --count 20000 --seed 10000000

$(DATA)/held_out/visible.npy: | assets $(STAMP)
	$(BIN)/python -m recipes.heads.dataset --assets $(ASSETS) --out $(DATA)/held_out --count 500 --seed 1000000

$(DATA)/attributes.safetensors: | $(DATA)/train/visible.npy $(DATA)/held_out/visible.npy
	$(BIN)/python -m recipes.heads.train_attributes $(RENDERS) --out $@

$(DATA)/landmarks.safetensors: | $(DATA)/train/visible.npy $(DATA)/held_out/visible.npy
	$(BIN)/python -m recipes.heads.train_landmarks $(RENDERS) --out $@

measures: assets $(STAMP) $(DATA)/attributes.safetensors ## measure the bundled models: ASSETS=folder of open data DATA=folder of renders
	$(BIN)/python -m recipes.heads.measure --model $(ZOO)/heads.safetensors $(RENDERS) --assets $(ASSETS) \
		--attributes $(DATA)/attributes.safetensors --out $(HEADS)/out/bundled
	$(BIN)/python -m recipes.hands.measure --model $(ZOO)/hands.safetensors $(PHOTOS) --out $(HANDS)/out/bundled

heads: assets $(STAMP) $(DATA)/attributes.safetensors $(DATA)/landmarks.safetensors ## render, train and measure heads, for days; goes on where it stopped: ASSETS=folder
	$(BIN)/python -m recipes.heads.train $(RENDERS) --assets $(ASSETS) --out $(HEADS)/runs/supervised
	$(BIN)/python -m recipes.heads.train_adversarial $(RENDERS) --assets $(ASSETS) \
		--start $(HEADS)/runs/supervised --out $(HEADS)/runs/adversarial
	$(BIN)/python -m recipes.heads.export --run $(HEADS)/runs/supervised $(HEADS)/runs/adversarial --out $(HEADS)/out
	$(BIN)/python -m recipes.heads.measure --model $(HEADS)/out/heads.safetensors $(RENDERS) --assets $(ASSETS) \
		--attributes $(DATA)/attributes.safetensors --out $(HEADS)/out
	$(BIN)/python -m recipes.heads.make_drags --assets $(ASSETS) --out $(HEADS)/out/drags_heads.json
	$(BIN)/python -m benchmarks.drags --model $(HEADS)/out/heads.safetensors \
		--drags $(HEADS)/out/drags_heads.json --judge $(DATA)/landmarks.safetensors
	$(BIN)/python -m recipes.heads.train_encoder --model $(HEADS)/out/heads.safetensors $(RENDERS) --out $(HEADS)/out/encoder.safetensors

hands: assets $(STAMP) ## train and measure hands, for a day; goes on where it stopped: ASSETS=folder
	$(BIN)/python -m recipes.hands.train $(PHOTOS) --out $(HANDS)/runs
	$(BIN)/python -m recipes.hands.export --run $(HANDS)/runs/autoencoder $(HANDS)/runs/adversarial --out $(HANDS)/out
	$(BIN)/python -m recipes.hands.measure --model $(HANDS)/out/hands.safetensors $(PHOTOS) --out $(HANDS)/out

clean: ## remove the environment, the demo and all caches
	rm -rf $(VENV) demo benchmarks/out .pytest_cache .ruff_cache .hypothesis .benchmarks dist build
	find src tests recipes benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
