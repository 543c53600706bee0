# One command each; every target makes the environment that it needs.
#   make demo       from nothing to a report on synthetic banners (demo/report.html), offline
#   make test       the tests in two processes (`make test JOBS=0`: in this one)
#   make cover      the same, and which lines of the package they ran
#   make thorough   more sizes and seeds of the slow ones, which `make test` leaves out
#   make check      formatting, lint, types, import contracts
#   make bench      the benchmarks: results as JSON in benchmarks/results/

PYTHON ?= python3
VENV := .venv
JOBS ?= 2
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TESTS := $(BIN)/pytest --numprocesses $(JOBS) --no-loadscope-reorder

.PHONY: env demo test cover thorough check bench lock clean

env: $(READY)

$(READY): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

demo: $(READY)
	$(BIN)/bc demo --folder demo

test: $(READY)
	$(TESTS) -m "not thorough"

cover: $(READY)
	$(TESTS) -m "not thorough" --cov --cov-report=term:skip-covered

thorough: $(READY)
	$(TESTS) -m thorough

check: $(READY)
	$(BIN)/ruff check bannercluster benchmarks tests
	$(BIN)/ruff format --check bannercluster benchmarks tests
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m benchmarks.sweep
	$(BIN)/python -m benchmarks.race
	$(BIN)/python -m benchmarks.embedding
	$(BIN)/python -m benchmarks.ocr
	$(BIN)/python -m benchmarks.resize
	$(BIN)/python -m benchmarks.hostile
	$(BIN)/python -m benchmarks.importing
	$(BIN)/python -m benchmarks.reading
	$(BIN)/bc bench scale cluster
	$(BIN)/bc bench scale evaluate
	$(BIN)/bc bench peers

# The tested versions; names and versions only.
lock:
	$(BIN)/uv pip compile -q pyproject.toml --extra dev --universal --python-version 3.11 \
	    --no-emit-index-url --no-annotate --no-header --upgrade -o requirements.lock

clean:
	rm -rf demo .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
