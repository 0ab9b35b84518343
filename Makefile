# Verbs: demo, test, verify, evaluate, benchmark, lint, types, fix. Without an active virtual environment each makes and uses .venv.
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
EVAL_OUT ?= out/evaluation
EVAL_NETWORKS = v1=$(EVAL_OUT)/generator_v1.safetensors,current=onnx
EVAL_PHOTOS = --pairs assets/splits/tryon_val.csv --persons "$(TRYON_DATA)/ccp/photos" \
	--backbone "$(TRYON_DATA)/weights/mobilenet_v2_imagenet.safetensors"
TRYON_DATA ?= $(abspath ../shared/data)

.PHONY: help demo test verify evaluate benchmark lint types fix

help:
	@echo "make demo    install the core and make a try-on picture ($(DEMO_OUT))"
	@echo "make test    install everything and run the tests that need no data"
	@echo "make verify  the tests that need the photo collections (TRYON_DATA)"
	@echo "make evaluate  measure the systems on the validation photos (TRYON_DATA) and refresh the README's tables"
	@echo "make benchmark  speed and memory on this machine, into docs/benchmarks.md"
	@echo "make lint    ruff and mypy (mypy alone: make types);  make fix: what ruff can repair"

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
		--garment $(firstword $(wildcard assets/demo/garment.*)) --bare-neck --out $(DEMO_OUT)
	@echo "The picture is $(abspath $(DEMO_OUT))"

test: $(VENV)/.tryon-dev
	$(PYTHON) -m pytest -m "not needs_data" -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

verify: $(VENV)/.tryon-dev
	@test -d "$(TRYON_DATA)" || echo "verify: there is no folder $(TRYON_DATA); set TRYON_DATA. Everything that needs it is SKIPPED."
	TRYON_DATA="$(TRYON_DATA)" $(PYTHON) -m pytest -m needs_data --timeout 1800 $(PYTEST_ARGS)

# The first generator, as a baseline: its weights are part of the history.
$(EVAL_OUT)/generator_v1.safetensors:
	@mkdir -p $(EVAL_OUT)
	git show 35df400:tryon/weights_data/generator.safetensors > $@.part
	@mv $@.part $@

evaluate: $(VENV)/.tryon-dev $(EVAL_OUT)/generator_v1.safetensors
	@test -d "$(TRYON_DATA)" || { echo "There is no folder $(TRYON_DATA): set TRYON_DATA." >&2; exit 2; }
	$(VENV)/bin/tryon eval $(EVAL_PHOTOS) --garments "$(TRYON_DATA)/garments/images" \
		--systems geometric,affine,$(EVAL_NETWORKS) --out $(EVAL_OUT)/unpaired $(EVAL_ARGS)
	$(VENV)/bin/tryon eval $(EVAL_PHOTOS) --protocol self \
		--systems geometric,$(EVAL_NETWORKS) --out $(EVAL_OUT)/self $(EVAL_ARGS)
	$(VENV)/bin/tryon eval report $(EVAL_OUT)/unpaired
	$(VENV)/bin/tryon eval ab $(EVAL_OUT)/unpaired --systems geometric,current
	$(VENV)/bin/tryon eval table $(EVAL_OUT)/unpaired --into README.md --name unpaired
	$(VENV)/bin/tryon eval table $(EVAL_OUT)/self --into README.md --name self

benchmark: $(VENV)/.tryon-core
	$(PYTHON) scripts/benchmark.py $(BENCHMARK_ARGS)

lint: $(VENV)/.tryon-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	@$(MAKE) --no-print-directory types

# mypy knows no folders that install elsewhere, so it gets a tree of links with train/ and eval/ inside the package.
types: $(VENV)/.tryon-dev
	@tree=$$(mktemp -d); trap 'rm -rf "$$tree"' EXIT; mkdir "$$tree/tryon"; \
	ln -s "$(CURDIR)"/tryon/* "$(CURDIR)/train" "$(CURDIR)/eval" "$$tree/tryon"; \
	cd "$$tree"; "$(abspath $(VENV))/bin/mypy" --config-file "$(CURDIR)/pyproject.toml" \
		--cache-dir "$(CURDIR)/.mypy_cache" | sed -E 's,^tryon/(train|eval)/,\1/,'

fix: $(VENV)/.tryon-dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
