# Verbs: demo, test, verify, benchmark, lint, fix. Without an active virtual environment each makes and uses .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

ifdef VIRTUAL_ENV
VENV := $(VIRTUAL_ENV)
else
VENV := .venv
endif
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet
BASE_PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
WORKERS ?= 2
DEMO_OUT ?= out/demo.png
TRYON_DATA ?= $(abspath ../shared/data)

.PHONY: help demo test verify benchmark lint fix

help:
	@echo "make demo    install the core and make a try-on picture ($(DEMO_OUT))"
	@echo "make test    install everything and run the tests that need no data"
	@echo "make verify  the tests that need the photo collections (TRYON_DATA)"
	@echo "make benchmark  speed and memory on this machine, into docs/benchmarks.md"
	@echo "make lint    ruff and mypy;  make fix: what ruff can repair"

$(PYTHON):
	@test -n "$(BASE_PYTHON)" || { echo "Python 3.11 or 3.12 is needed; install it first." >&2; exit 1; }
	@"$(BASE_PYTHON)" -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v[:2] <= (3, 12) else "Python 3.11 or 3.12 is needed, this is %d.%d" % v[:2])'
	"$(BASE_PYTHON)" -m venv $(VENV)

# Installs are repeated only when pyproject.toml changed.
$(VENV)/.tryon-core: pyproject.toml | $(PYTHON)
	$(PIP) install -e .
	@$(PYTHON) -c 'import cv2' 2>/dev/null || { \
		echo "No libGL on this machine: taking the OpenCV build that does without."; \
		$(PIP) install --force-reinstall --no-deps opencv-contrib-python-headless==4.11.0.86; }
	@touch $@

$(VENV)/.tryon-dev: pyproject.toml | $(VENV)/.tryon-core
	$(PIP) install -e '.[dev]'
	@touch $@

demo: $(VENV)/.tryon-core
	@mkdir -p $(dir $(DEMO_OUT))
	$(VENV)/bin/tryon infer --person $(firstword $(wildcard assets/demo/person.*)) \
		--garment $(firstword $(wildcard assets/demo/garment.*)) --out $(DEMO_OUT)
	@echo "The picture is $(abspath $(DEMO_OUT))"

test: $(VENV)/.tryon-dev
	$(PYTHON) -m pytest -m "not needs_data" -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

verify: $(VENV)/.tryon-dev
	@test -d "$(TRYON_DATA)" || echo "verify: there is no folder $(TRYON_DATA); set TRYON_DATA. Everything that needs it is SKIPPED."
	TRYON_DATA="$(TRYON_DATA)" $(PYTHON) -m pytest -m needs_data --timeout 1800 $(PYTEST_ARGS)

benchmark: $(VENV)/.tryon-core
	$(PYTHON) scripts/benchmark.py $(BENCHMARK_ARGS)

lint: $(VENV)/.tryon-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

fix: $(VENV)/.tryon-dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
