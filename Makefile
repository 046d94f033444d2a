# Two commands: `make demo` and `make test`. Each sets everything up by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: demo explore test fast lint types unit long clusters doctest examples study pictures clean

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

test: lint types unit long clusters
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

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
