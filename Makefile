# `make` lists the targets. Everything happens in .venv/ and var/; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset exam exam-reset test fuzz check format bench screenshots lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/runtime ## the provider and the bank's site, with demo customers (ports: IDP_PORT, BANK_PORT)
	@exec $(RUN) -m idp demo

demo-reset: ## forget everything the demo keeps in var/
	rm -rf var

exam: $(VENV)/development ## the provider for an exam from outside: https on 9443, client certificates on 9444 (docs/conformance.md)
	$(RUN) scripts/exam.py
	@HYRJA_REALMS__FILES=var/exam/conformance.json exec $(RUN) -m idp serve --config config/conformance.toml

exam-reset: ## forget everything the exam keeps in var/exam
	rm -rf var/exam

test: $(VENV)/development ## all tests (a browser's are left out, with the reason, where there is no Chromium)
	$(RUN) -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

fuzz: $(VENV)/development ## look for new counterexamples: every property, a thousand random examples each
	HYRJA_HYPOTHESIS=seeking $(RUN) -m pytest --numprocesses auto --dist loadfile $$(grep -rl "^from hypothesis" tests --include="test_*.py")

check: $(VENV)/development ## linter, types, architecture, texts, realm files
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	cd examples/internet-banking && ../../$(VENV)/bin/mypy --config-file ../../pyproject.toml .
	cd examples/accounts-api && ../../$(VENV)/bin/mypy --config-file ../../pyproject.toml .
	$(VENV)/bin/lint-imports
	$(RUN) scripts/extract_texts.py --check
	$(RUN) scripts/rules.py --check
	$(RUN) scripts/flows.py --check
	$(RUN) scripts/contracts.py --check
	$(RUN) scripts/settings.py --check
	$(RUN) -m idp realm check realms/*.json

format: $(VENV)/development ## format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(VENV)/development ## CPU, throughput and latency of every request, beside others; the results go into docs/performance.md
	$(RUN) -m benchmarks --write docs/performance.md --json var/benchmark.json

screenshots: $(VENV)/development ## the pictures of the documentation (needs Chromium)
	$(RUN) scripts/flows.py
	$(RUN) scripts/screenshots.py

lock: $(VENV)/development ## write the lock files anew from pyproject.toml
	$(RUN) scripts/lock.py

clean: ## remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian's python3 comes without ensurepip: the system's own pip then installs into the environment.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Hyrja needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Making $(VENV)/ (once)…"
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || $(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/runtime: requirements/runtime.txt $(VENV)/bin/python
	@echo "Installing what the demo needs (once)…"
	@$(PYTHON) -m pip --python $(RUN) install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/development: requirements/development.txt pyproject.toml $(VENV)/bin/python
	@echo "Installing what the tests need (once)…"
	@$(PYTHON) -m pip --python $(RUN) install --quiet --disable-pip-version-check --require-hashes -r $<
	@$(PYTHON) -m pip --python $(RUN) install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/runtime
