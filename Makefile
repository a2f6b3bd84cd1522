# Every target sets up what it needs: `make run` and `make test` work in a fresh clone.
# PYTHON chooses the interpreter (3.10 or newer), VENV where the environment lies.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DATA   ?= $(abspath $(wildcard ../shared/data))
export PELLUCID_DATA ?= $(DATA)

SOURCES := pyproject.toml CMakeLists.txt $(shell find native src -type f -not -name '*.pyc' -not -path '*/__pycache__*' 2>/dev/null)

# What takes long is said beforehand: the times are those of two cores.
setup := it sets up $(VENV) (once, about two minutes), then
ifneq ($(filter run,$(MAKECMDGOALS)),)
  $(info make run: $(if $(wildcard $(VENV)/run.stamp),,$(setup) )trains on the embedded digits (ten seconds).)
endif
ifneq ($(filter test,$(MAKECMDGOALS)),)
  $(info make test: $(if $(wildcard $(VENV)/dev.stamp),,$(setup) )runs all of the tests (about four minutes).)
endif

.DEFAULT_GOAL := help
.PHONY: help run test lint parity bench examples chapters notebooks docs dist clean

help:  ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Pellucid needs Python 3.10 or newer.")'
	@echo "Creating $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip

# Two steps, so that each can say what it does. The second finds Pellucid installed, and asks no index for it.
define install
@echo "Compiling the native core and installing Pellucid into $(VENV): about a minute, in silence ..."
@$(BIN)/python -m pip install --quiet --no-deps .
@echo "Downloading and installing the packages it works with: about a minute, in silence ..."
@$(BIN)/python -m pip install --quiet 'pellucid[$(1)]'
endef

$(VENV)/run.stamp: $(BIN)/python $(SOURCES)
	$(call install,all)
	@touch $@

$(VENV)/dev.stamp: $(BIN)/python $(SOURCES)
	$(call install,dev)
	@touch $@ $(VENV)/run.stamp

run: $(VENV)/run.stamp  ## Train on the embedded digits and show the result
	$(BIN)/pellucid train digits
	@echo
	@echo "The command is $(BIN)/pellucid; after  . $(BIN)/activate  it is pellucid, as in the README."

test: $(VENV)/dev.stamp  ## Pass the tests
	$(BIN)/python -m pytest tests --pyargs pellucid -n auto

lint: $(VENV)/dev.stamp  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	! LC_ALL=C.UTF-8 grep -rnE '^.{121}' --include='*.[ch]pp' native tests/native benchmarks/native
	$(BIN)/python docs/check_types.py README.md docs/training.md

parity: $(VENV)/dev.stamp  ## Recompute what PyTorch says, and compare with the recorded numbers
	$(BIN)/python -m pip install --quiet 'pellucid[parity]'
	$(BIN)/python tests/parity/record.py --check
	$(BIN)/python -m pytest tests/formats/test_pytorch.py tests/formats/test_weights.py

bench: $(VENV)/dev.stamp  ## Measure against the peers and rewrite benchmarks/README.md
	$(BIN)/python -m pip install --quiet 'pellucid[bench]'
	$(BIN)/python -m benchmarks

examples: $(VENV)/dev.stamp  ## Run the chapters at a reduced size
	$(BIN)/python examples/run.py --quick

chapters: $(VENV)/dev.stamp  ## Run the chapters in full, hold them to their numbers, and keep what they show for the pages
	$(BIN)/python examples/run.py --record docs/chapters/recorded

notebooks: $(VENV)/dev.stamp  ## Write the chapters as notebooks into build/notebooks; execute them at a reduced size
	$(BIN)/python examples/notebooks.py

docs: $(VENV)/dev.stamp  ## Build the documentation into docs/_build/html
	$(BIN)/python -m pip install --quiet 'pellucid[docs]'
	test -d docs/chapters/recorded || $(BIN)/python examples/run.py --quick --record docs/chapters/recorded || \
	  echo 'Some chapters could not be run: their pages show no results.'
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

dist: $(VENV)/dev.stamp  ## Build what is uploaded to an index, into dist/, and check it
	$(BIN)/python -m pip install --quiet 'pellucid[dist]'
	$(BIN)/python .ci/dist.py

clean:  ## Remove the environment and everything built
	rm -rf $(VENV) build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
