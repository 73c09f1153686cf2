# Everything from a fresh checkout, with python3 alone: `make train`, `make test`; `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin/python
PIP := $(BIN) -m pip --disable-pip-version-check install --quiet
MANIFESTS := pyproject.toml packages/tinynn-mnist/pyproject.toml
PEERS := .venv-peers

.PHONY: help train test lint types format nielsen bench step gradcheck mutants faults clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s%s\n", $$1, $$2 }' Makefile

train: $(VENV)/core.stamp ## train the default network on MNIST, results into runs/
	$(BIN) -m tinynn train

test: lint types ## format check, lint, types, tests, doctests, README blocks and examples
	$(BIN) -m pytest -n auto --maxprocesses 4 --dist worksteal

lint: $(VENV)/dev.stamp ## format check and lint
	$(BIN) -m ruff format --check .
	$(BIN) -m ruff check .

types: $(VENV)/dev.stamp ## mypy --strict over tinynn/
	$(BIN) -m mypy

format: $(VENV)/dev.stamp ## rewrite the files as format and lint want them
	$(BIN) -m ruff format .
	$(BIN) -m ruff check --fix .

nielsen: $(VENV)/core.stamp ## repeat the book's runs on MNIST
	$(BIN) benchmarks/nielsen.py

bench: $(PEERS)/made.stamp ## all benchmarks, side by side with the peers, into docs/benchmarks.md (QUICK=1: short)
	$(PEERS)/bin/python benchmarks/run.py $(QUESTIONS) $(if $(QUICK),--quick)

step: $(VENV)/core.stamp ## measure one training step against its matrix products
	$(BIN) benchmarks/questions/step.py --quick --peers floor,tinynn

gradcheck: $(PEERS)/made.stamp ## compare tinynn.testing with the gradient checkers of others
	$(PEERS)/bin/python benchmarks/gradcheck.py --sensitivity --speed --write docs/gradient_checking.md
	$(PEERS)/bin/python benchmarks/gradcheck_messages.py --write docs/gradient_checking.md

mutants: $(VENV)/mutants.stamp ## plant mistakes in the source: do the tests notice? (hours)
	$(BIN) benchmarks/mutants.py $(PACKAGES) $(if $(SAMPLE),--sample $(SAMPLE))

faults: $(VENV)/dev.stamp ## kill, damage, fill disks, soak: is every promise kept? (half an hour; ONLY="kills disk", SCALE=0.1)
	$(BIN) tests/faults/campaign.py $(ONLY) $(if $(SCALE),--scale $(SCALE))

clean: ## remove the environment, the caches and what training wrote
	rm -rf $(VENV) $(PEERS) runs dist build .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps keep a second call from installing again, unless a manifest has changed since.
$(VENV)/made.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "tinynn needs Python 3.11 or newer, '$(PYTHON)' is not; say  make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/core.stamp: $(MANIFESTS) | $(VENV)/made.stamp
	$(PIP) --editable . --editable packages/tinynn-mnist
	@touch $@

$(VENV)/dev.stamp: $(MANIFESTS) | $(VENV)/made.stamp
	$(PIP) --editable '.[dev]' --editable packages/tinynn-mnist
	@touch $(VENV)/core.stamp $@

$(VENV)/mutants.stamp: $(VENV)/dev.stamp
	$(PIP) --editable '.[mutants]'
	@touch $@

$(PEERS)/made.stamp: benchmarks/peers.txt pyproject.toml
	test -d $(PEERS) || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip --disable-pip-version-check install --quiet --editable . pytest -r benchmarks/peers.txt
	@touch $@
