# hdray's verbs. `make help` lists them; each sets up what it needs first.

VENV ?= .venv
# Any Python 3.11 or 3.12; by default the first of these names that is one.
ACCEPTED := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))
PYTHON ?= $(shell for name in python3.11 python3.12 python3; do \
	$$name -c "$(ACCEPTED)" 2>/dev/null && echo $$name && break; done)
RUN ?= runs/demo

# Packages that never reach Ray or DeepSpeed.
PURE := signals fields fitting generators surfaces metrics report

READY := $(VENV)/.ready
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet --quiet --constraint constraints.txt
say = @printf '[%s] %s\n' "$$(date +%H:%M:%S)"

# DeepSpeed looks for ninja on PATH; everything else is called by its path.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup lint type test bench demo clean

help:  ## list the verbs
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 8
	@printf '\nVariables: PYTHON (interpreter of a new environment), VENV (its folder), RUN (where the demo goes).\n'

setup: $(READY)  ## create .venv with the tested versions of everything (constraints.txt)

lint: $(READY)  ## ruff: rules and formatting
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

type: $(READY)  ## mypy
	$(VENV)/bin/mypy

# In order, so that files of one long test are not left for the end, where one process would wait for the other.
test: $(READY)  ## all tests: the pure packages' where Ray and DeepSpeed cannot be imported, then the others
	PYTHONPATH=tests/without_engine $(VENV)/bin/python -m pytest --numprocesses auto $(PURE:%=tests/%)
	$(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(PURE:%=--ignore=tests/%)

bench: $(READY)  ## measure hdray against its baselines; writes build/bench.json
	$(VENV)/bin/python -m benchmarks

demo: $(READY)  ## the whole pipeline on embedded chairs, minutes on two CPU cores; opens as runs/demo/report.html
	$(VENV)/bin/python jobs/full_pipeline.py --preset demo --run $(RUN)

clean:  ## remove the environment and everything built or cached here; runs stay
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# torch goes first and alone, so that nothing else can choose another build of it.
$(READY): pyproject.toml constraints.txt
	@$(or $(PYTHON),false) -c "$(ACCEPTED)" || { echo "hdray needs Python 3.11 or 3.12, and PYTHON ='$(PYTHON)' is not" \
		"one: install one and name it, e.g. make setup PYTHON=python3.12"; exit 2; }
	@command -v c++ >/dev/null || { echo "hdray needs a C++ compiler and finds no c++ on PATH: install one, e.g." \
		"apt-get install g++ (DeepSpeed builds its communication for CPUs on first use)"; exit 2; }
	@test -x $(VENV)/bin/pip || { printf '[%s] creating %s with %s\n' "$$(date +%H:%M:%S)" $(VENV) $(PYTHON); \
		$(PYTHON) -m venv --clear $(VENV); }
	$(say) 'installing torch (the largest download: minutes, gigabytes where it comes with CUDA)'
	@$(PIP) torch
	$(say) 'installing everything else (Ray, DeepSpeed, mesh libraries, development tools: a minute or two)'
	@$(PIP) --editable '.[dev]'
	@touch $@
	$(say) '$(VENV) is ready'
