# Leadloop: `make run` starts it, `make test` tests it, `make help` lists the rest.

SHELL := /bin/sh
BIN := .venv/bin
.DEFAULT_GOAL := help

# The first Python that is new enough, else the usual one: it then says what is wrong.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; \
	done; echo python3)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: ## Create .venv and install what runs
	@$(PYTHON) bootstrap.py requirements.txt

.PHONY: install-dev
install-dev: ## ... and what tests and checks
	@$(PYTHON) bootstrap.py requirements.txt requirements-dev.txt

COMPILE := $(BIN)/uv pip compile --no-config --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command 'make lock' --quiet

.PHONY: lock
lock: install-dev ## Compile the *.in files into pinned requirements (UPGRADE=1 for newer releases)
	$(COMPILE) $(if $(UPGRADE),--upgrade) requirements.in -o requirements.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) requirements-dev.in -o requirements-dev.txt
	$(COMPILE) requirements-install.in -o requirements-install.txt
