# Everything runs from .venv, which the first target that needs it creates. PYTHON=... picks the
# interpreter (3.11 or newer); make demo installs what a scan and the console need, the rest all tools.

PYTHON ?= python3
UV ?= uv
VENV := .venv
BIN := $(VENV)/bin
BENCH_ROWS ?= 1000000
BENCH_PROVENANCE_ROWS ?= 100000
BENCH_SCALES ?= 0.001 0.01
BENCH_PEERS_SCALES ?= 0.5 1 2
DEMO_OUT ?= demo
TEST_ARGS ?=
TORCH_ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench lock build clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/core.stamp ## Simulate a provider, find its campaigns, write demo/scan/report.html
	$(BIN)/stillwatch demo --out $(DEMO_OUT)

test: $(VENV)/dev.stamp $(VENV)/torch.stamp $(VENV)-litellm/stamp $(VENV)-moto/stamp ## Run the tests (TEST_ARGS=... goes to pytest)
	$(BIN)/python -m pytest -n auto --maxprocesses 4 $(TEST_ARGS)

lint: $(VENV)/dev.stamp ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## Mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp ## Measure scans, growth, others, decisions, provenance (BENCH_...; needs wrk, redis-server)
	$(BIN)/python -m bench.scan --rows $(BENCH_ROWS)
	$(BIN)/python -m bench.scale --scales $(BENCH_SCALES)
	$(BIN)/python -m bench.day --scales $(BENCH_SCALES)
	$(BIN)/python -m bench.peers --scales $(BENCH_PEERS_SCALES)
	$(BIN)/python -m bench.dense
	$(BIN)/python -m bench.guard
	$(BIN)/python -m bench.provenance --rows $(BENCH_PROVENANCE_ROWS)

lock: ## Resolve pyproject.toml into requirements/ again (needs uv)
	$(UV) pip compile $(LOCK_OPTIONS) --extra server --group build pyproject.toml \
	  -o requirements/core.txt
	$(UV) pip compile $(LOCK_OPTIONS) --all-extras --group dev -c requirements/core.txt \
	  --overrides requirements/overrides.in pyproject.toml -o requirements/dev.txt
	$(UV) pip compile $(LOCK_OPTIONS) requirements/litellm.in -o requirements/litellm.txt
	$(UV) pip compile $(LOCK_OPTIONS) requirements/moto.in -o requirements/moto.txt

LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

build: $(VENV)/dev.stamp ## Build the wheel and the source archive into dist/
	$(BIN)/hatchling build

clean: ## Remove what these targets made
	rm -rf $(VENV) $(VENV)-litellm $(VENV)-moto dist build demo bench-results .mypy_cache .ruff_cache \
	  .pytest_cache .import_linter_cache

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "error: '$(PYTHON)' not found: install Python 3.11 or newer, or call make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $$($(PYTHON) -V) is too old: Stillwatch needs 3.11 or newer; call make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "error: this Python cannot make virtual environments: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/core.stamp: requirements/core.txt pyproject.toml | $(BIN)/python
	@echo "installing the locked dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/core.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/core.stamp
	@echo "installing the development tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/dev.txt
	@touch $@

# PyTorch's wheel is another on every platform, so no lock holds it; TORCH_ARGS goes to pip, such as
# an index of wheels for the CPU
$(VENV)/torch.stamp: requirements/torch.in $(VENV)/dev.stamp
	@echo "installing PyTorch, for tests, into $(VENV)"
	@$(BIN)/python -m pip install --quiet $(TORCH_ARGS) -r requirements/torch.in
	@touch $@

# LiteLLM pins what it needs, so it lives by itself; its proxy is what our handler is tested in
$(VENV)-litellm/stamp: requirements/litellm.txt | $(BIN)/python
	@echo "installing LiteLLM, for tests, into $(VENV)-litellm"
	@$(PYTHON) -m venv $(VENV)-litellm
	@$(VENV)-litellm/bin/python -m pip install --quiet --require-hashes --no-deps -r requirements/litellm.txt
	@touch $@

# so does Moto, whose AWS packages want another python-dateutil than Ibis; tests start its server
$(VENV)-moto/stamp: requirements/moto.txt | $(BIN)/python
	@echo "installing Moto, for tests, into $(VENV)-moto"
	@$(PYTHON) -m venv $(VENV)-moto
	@$(VENV)-moto/bin/python -m pip install --quiet --require-hashes --no-deps -r requirements/moto.txt
	@touch $@
