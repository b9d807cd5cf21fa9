# Needs python3 (3.11 or later) with its venv module, and make; everything else is installed into .venv by pip, by hash.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# Tests wait as much as they compute: two processes for each processor, a file in one of them, in the order of collecting.
JOBS ?= $(shell expr $$(nproc) '*' 2)
SPREAD := -n $(JOBS) --dist loadfile --no-loadscope-reorder
# Hundreds of processes load the same modules: what was compiled once is kept, whatever the caller's shell wishes.
unexport PYTHONDONTWRITEBYTECODE
# Seconds for each of the fuzz targets of `make soak`.
FUZZ_S ?= 60
SOURCES := requirements/core.txt requirements/build.txt pyproject.toml gate/__init__.py
UV := $(BIN)/python -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-annotate -q

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo setup test real lint check format docs bench soak legacy lock wheel clean

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/core.stamp ## tell the story on the built-in lab, then leave the pages up (SERVE=no: end after it)
	@$(BIN)/sangate demo $(if $(filter no,$(SERVE)),--no-serve)

setup: $(VENV)/dev.stamp ## make .venv with everything that work on the project needs

test: $(VENV)/dev.stamp ## run every test that this machine has the parts for (T=tests/ledger: only those)
	@place=$$(mktemp -d /tmp/sg.XXXX) && $(BIN)/python -m pytest -q $(SPREAD) --basetemp=$$place/t $(T) && rm -rf $$place

real: $(VENV)/dev.stamp ## judge by the real programs, as root: tgtd and OpenSSH in networks of their own; leaves nothing out
	@place=$$(mktemp -d /tmp/sg.XXXX) && SANGATE_ALL_PARTS=1 $(BIN)/python -m pytest -q --basetemp=$$place/t tests/real && rm -rf $$place

lint: $(VENV)/dev.stamp ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/mypy

check: lint ## what lint does, and the tests about the whole repository
	@$(BIN)/python -m pytest -q $(SPREAD) tests/whole_repo

format: $(VENV)/dev.stamp ## lay the code out as ruff does
	@$(BIN)/ruff check -q --fix .
	@$(BIN)/ruff format .

docs: $(VENV)/dev.stamp ## write the pages that are made from the code
	@$(BIN)/python docs/generate.py

bench: $(VENV)/dev.stamp $(VENV)/peers.stamp ## measure what docs/benchmarks.md tells
	@for bench in benchmarks/*.py; do echo "== $$bench"; $(BIN)/python "$$bench" || exit; done

soak: $(VENV)/dev.stamp ## long kills of changes and of the ledger's writers; mutate and fuzz (FUZZ_S=60: seconds a target)
	@$(BIN)/python -m tests.crash.storm
	@$(BIN)/python -m tests.store.storm
	@$(BIN)/python -m tests.export.mutations --count 10000
	@$(BIN)/python -m tests.fuzz.explore --seconds $(FUZZ_S)

legacy: $(VENV)/legacy.stamp ## install the runner for arrays that know SHA-1 alone, apart from everything else

lock: $(VENV)/dev.stamp ## resolve requirements/*.in anew; look at the difference before you commit it
	@$(PIP) install uv
	cd requirements && for set in core build dev peers legacy; do ../$(UV) $$set.in -o $$set.txt || exit; done

wheel: $(VENV)/core.stamp ## build dist/sangate-*.whl; beside it verify.py for auditors, and the SHA-256 of both
	@$(BIN)/python -m hatchling build -t wheel
	@cp gate/export/verify.py dist/ && cd dist && sha256sum verify.py sangate-*.whl > SHA256SUMS

clean: ## take away what make and the demo made
	rm -rf $(VENV) dist data demo-summary.json .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sangate needs Python 3.11 or later; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "making $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/core.stamp: $(SOURCES) | $(BIN)/python
	@echo "installing what sangate needs (requirements/core.txt)" >&2
	@$(PIP) install --require-hashes -r requirements/core.txt -r requirements/build.txt
	@$(PIP) install --no-index --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/core.stamp
	@echo "installing what its tests need (requirements/dev.txt)" >&2
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# An older Paramiko, for the one process that speaks to arrays marked legacy; nothing else may ever find it.
$(VENV)/legacy.stamp: requirements/legacy.txt | $(BIN)/python
	@$(BIN)/python -m venv $(VENV)/legacy
	@$(VENV)/legacy/bin/python -m pip --disable-pip-version-check -q install --require-hashes -r requirements/legacy.txt
	@touch $@

# What benchmarks compare with; apart, since nothing of ours may come to need it.
$(VENV)/peers.stamp: requirements/peers.txt $(VENV)/core.stamp
	@$(BIN)/python -m venv $(VENV)/peers
	@$(VENV)/peers/bin/python -m pip --disable-pip-version-check -q install --require-hashes -r requirements/peers.txt
	@touch $@
