# Two commands: `make demo` and `make test`; `make docs` for the pages. Each sets itself up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

BENCH := .venv-bench

.PHONY: bench bench-quick bench-tables demo explore test fast lint types unit long clusters docs study pictures clean

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Skerry needs Python >= 3.11; $(PYTHON) is older. Try: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@echo "Setting up $(VENV) (once, about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/skerry demo

explore: $(VENV)/.installed
	@$(BIN)/skerry explore

study: $(VENV)/.installed
	@$(BIN)/skerry study --quick

pictures: $(VENV)/.installed
	$(BIN)/python benchmarks/bridges_picture.py

test: lint types unit long clusters docs
	@echo "All checks passed."

fast: lint types unit

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

unit: $(VENV)/.installed
	SKERRY_INTEROP=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not statistical and not slow"

long: $(VENV)/.installed
	SKERRY_INTEROP=1 $(BIN)/python -m pytest -q -n $(WORKERS) -m "(statistical or slow) and not clusters"

clusters: $(VENV)/.installed
	@if $(BIN)/python -c "import distributed, loky, mpi4py" 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev,clusters]"; then \
	  SKERRY_CLUSTERS=1 $(BIN)/python -m pytest -q tests/test_clusters.py; \
	else \
	  echo "SKIPPED: dask, loky and MPI are not tested: the extra 'clusters' can't be installed here (see above)."; \
	fi

$(VENV)/.docs-installed: $(VENV)/.installed
	@echo "Setting up what builds the pages (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev,docs]"
	@touch $@

docs: $(VENV)/.docs-installed
	@$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs build/docs
	@echo "Open build/docs/index.html"

$(BENCH)/.installed: pyproject.toml benchmarks/requirements.txt
	@echo "Setting up $(BENCH) with Skerry's peers (once, several minutes)"
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -e . -r benchmarks/requirements.txt
	@touch $@

# Every method on every problem, then the curves: many hours. What has a row already isn't run again.
bench: $(BENCH)/.installed
	$(BENCH)/bin/python benchmarks/bench.py run --missing --set multimodal
	$(BENCH)/bin/python benchmarks/bench.py run --missing --set dimension curved modes volume data \
	  --methods skerry nautilus ultranest
	$(BENCH)/bin/python benchmarks/bench.py amortised --missing
	$(BENCH)/bin/python benchmarks/flow_speed.py
	$(BENCH)/bin/python benchmarks/bench.py tables

# Skerry alone beside its last accepted row, under five minutes; ACCEPT=--accept makes a new one.
bench-quick: $(BENCH)/.installed
	$(BENCH)/bin/python benchmarks/bench.py quick $(ACCEPT)

bench-tables: $(BENCH)/.installed
	$(BENCH)/bin/python benchmarks/bench.py tables

clean:
	rm -rf $(VENV) $(BENCH) build dist .pytest_cache .mypy_cache .ruff_cache
