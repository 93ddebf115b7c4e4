# Two commands matter: `make demo` and `make test`. Both begin with `make setup`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := $(BIN)/uv pip install -c constraints.txt
# Twice the two cores that the suite is made for: a third of the time its tests wait, for engines and for time limits.
WORKERS ?= 4
PROBE := build/probe
DEMO := -o recipe.steps=400000 -o recipe.evaluate_greedy=false
# uv does not read pip's settings; where pip was told to look for wheels (a CPU build of torch), uv looks too.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
# Where it is set, every one of some hundred processes would compile all modules that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test format lint types order kernels collect unit docs dist clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --no-compile -c constraints.txt uv
	$(UV) --python $(BIN)/python torch==2.13.0 hatchling editables
	$(UV) --python $(BIN)/python --no-build-isolation --editable '.[dev]'
	touch $@

# Two fifths of the recipe's steps, and no second judging with the most probable actions: a quarter of an hour is enough.
demo: setup
	$(BIN)/flare train specs/transfers/stretch_to_locobot.yaml --out runs/demo --resume $(DEMO)

# One core compiles while the other does what keeps only one busy; then the tests have both.
test: lint order
	$(MAKE) -j2 kernels types dist docs collect
	$(MAKE) unit

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

order: setup
	$(BIN)/lint-imports

# What the simulator is made of: tests that begin side by side in a fresh checkout would each compile it.
kernels: setup
	$(BIN)/python scripts/compile_kernels.py

# For the same reason: what the tests import is compiled once, and not by all their processes.
collect: setup
	@echo pytest --collect-only
	@said=$$($(BIN)/python -m pytest -qq --collect-only) || { echo "$$said" | grep -v '^tests/.*: [0-9]*$$'; exit 1; }

unit: setup
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

# The site in build/site: a broken link or anchor ends it, and so does anything that it would fetch from elsewhere.
# Not with --quiet: warnings are then not counted, and nothing is strict.
docs: setup
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict
	$(BIN)/python scripts/check_site.py build/site

# What users get: sdist -> wheel -> an environment of its own, tried from a folder that is not the checkout.
dist: setup
	rm -rf dist $(PROBE)
	$(BIN)/python -m build --no-isolation --outdir dist
	$(BIN)/python scripts/check_dist.py dist
	$(PYTHON) -m venv --without-pip $(PROBE)
	$(UV) --quiet --python $(PROBE)/bin/python dist/*.whl
	$(BIN)/python scripts/check_install.py $(PROBE)
	rm -rf $(PROBE)

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
