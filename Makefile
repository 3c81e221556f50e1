# Two commands do everything on a fresh machine: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check app bench docs clean

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e '.[dev]'
	touch $(STAMP)

demo: $(STAMP)  ## phantom cohort -> labels -> model -> bundle -> a page to open
	$(BIN)/python -m cxr.cli demo --out demo

test: $(STAMP) check  ## everything that must hold
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -rs -n 2 --dist loadfile  # two processes, one thread each: two cores

check: $(STAMP)  ## style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

app: $(STAMP)  ## the triage page on loopback
	$(BIN)/python -m app

bench: $(STAMP)  ## regenerate benchmarks/results and the README tables
	$(BIN)/python -m benchmarks all

docs: $(STAMP)  ## the API reference, in site/
	$(BIN)/python -m mkdocs build --strict

clean:
	rm -rf demo out runs build dist site
