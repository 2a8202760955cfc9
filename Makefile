# Leadloop: `make run` starts it, `make test` tests it, `make help` lists the rest.

SHELL := /bin/sh
BIN := .venv/bin
.DEFAULT_GOAL := help

# Where a shell forbids Python its compiled files, each start would take three times as long.
unexport PYTHONDONTWRITEBYTECODE

# The first Python that is new enough, else the usual one: it then says what is wrong.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; \
	done; echo python3)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: install ## Set everything up and start web and worker (SALESFORCE=demo [SEED=n]: with a made-up org)
ifeq ($(SALESFORCE),demo)
	@exec $(BIN)/python -m demo.salesforce.try_out $(if $(SEED),--seed '$(SEED)')
else
	@exec $(BIN)/python supervisor.py $(BIN)/flask --app wsgi setup --before-serve
endif

.PHONY: install
install: ## Create .venv and install what runs
	@$(PYTHON) bootstrap.py requirements.txt

.PHONY: install-dev
install-dev: ## Install what tests and checks as well
	@$(PYTHON) bootstrap.py requirements.txt requirements-dev.txt requirements-recordings.txt

.PHONY: browser
browser: install-dev ## Install Chromium for the browser tests, where it is missing
	@$(BIN)/python -m tests.browser.chromium

# Three at a time keep two cores busy: one of them often waits for a process or a browser.
PYTEST := $(BIN)/pytest -n 3 --dist worksteal

# Of a part, one file needs no second process, and no browser that none of its tests may need.
FILE := $(firstword $(subst ::, ,$(T)))
PART := $(if $(filter %.py,$(FILE)),-n 0) $(if $(filter tests tests/%,$(FILE)),'$(T)',-k '$(T)')

.PHONY: screens
screens: browser ## Take pictures of every page of the demo into docs/images/screens
	@$(BIN)/python -m tests.browser.pictures.screens

.PHONY: test
test: $(if $(T),install-dev,browser) ## Run the tests (T=file, folder, file::test or words of names: a part)
	@$(PYTEST) $(if $(T),$(PART))

.PHONY: install-clients
install-clients: install-dev ## Install Node as well, for clients in TypeScript and the Salesforce CLI
	@$(PYTHON) bootstrap.py requirements.txt requirements-dev.txt requirements-recordings.txt requirements-clients.txt

.PHONY: test-clients
test-clients: install-clients ## Try generated clients and the Salesforce CLI (needs npm's registry)
	@$(BIN)/pytest -m '' -n 0 tests/clients

.PHONY: test-slow
test-slow: browser install-clients ## Run the tests and the long runs
	@$(PYTEST) -m ''

.PHONY: test-security
test-security: install-dev ## Run what keeps others out: rights, guessing, sessions, keys, traces, hostile input
	@$(BIN)/pytest -m '' -n 3 tests/pages/accounts tests/services/accounts tests/api/accounts tests/api/test_hostile.py \
		tests/pages/crm/test_hosts.py tests/services/leads/test_people.py tests/starting/test_copies.py tests/test_security.py

.PHONY: test-interrupts
test-interrupts: install-dev ## Interrupt a first start ten times, and start again (10 minutes)
	@$(BIN)/pytest -m slow tests/walks/test_interrupted_start.py -v

.PHONY: test-deployment
test-deployment: install-dev ## Try the files of deploy/ (needs caddy, promtool and systemd-analyze)
	@$(BIN)/pytest -m '' -n 0 tests/deployment

.PHONY: check
check: install-dev ## Check style, types, imports, templates and dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint webapp/templates --lint --quiet
	$(BIN)/deptry .

.PHONY: messages
messages: install-dev ## Gather the sentences that can be translated into webapp/translations/messages.pot
	@$(BIN)/pybabel -q extract -F babel.cfg -k mark -k mark_plural:1,2 --add-location=file --sort-output --project Leadloop -o webapp/translations/messages.pot .

.PHONY: format
format: install-dev ## Put imports and lines in order
	@$(BIN)/ruff check --fix-only --select I .
	@$(BIN)/ruff format .

.PHONY: bench-salesforce
bench-salesforce: install-dev ## Time reading years of a made-up Salesforce (LEADS=n)
	@$(BIN)/python -m bench.salesforce $(if $(LEADS),--leads '$(LEADS)')

# Several threads would only wait for each other on samples this small.
BENCH := OMP_NUM_THREADS=1 $(BIN)/python -m

.PHONY: install-bench
install-bench: ## Install what learning curves compare with
	@$(PYTHON) bootstrap.py requirements.txt requirements-bench.txt

.PHONY: bench-learning
bench-learning: install-bench ## Draw learning curves on DATA=folders [FIELDS=builtin] [SPLIT=rolling] [METHODS='name ...' ADD=1]
	@test -n '$(DATA)' || { echo 'Say which data: make bench-learning DATA=folder [FIELDS=builtin]'; exit 2; }
	@$(BENCH) bench.learning $(DATA) $(if $(FIELDS),--fields $(FIELDS)) $(if $(SPLIT),--split $(SPLIT)) \
		$(if $(REPEATS),--repeats $(REPEATS)) $(if $(SIZES),--sizes $(SIZES)) $(if $(METHODS),--methods $(METHODS)) $(if $(ADD),--add)

.PHONY: bench-gate
bench-gate: install ## Replay streams of labels on DATA=folders through gates [STREAMS=n] [OUTCOMES=real]
	@test -n '$(DATA)' || { echo 'Say which data: make bench-gate DATA=folder [STREAMS=n]'; exit 2; }
	@$(BENCH) bench.gate $(DATA) $(if $(STREAMS),--streams $(STREAMS)) $(if $(OUTCOMES),--outcomes $(OUTCOMES))

.PHONY: bench-worlds
bench-worlds: install ## Live through simulated orgs whose truth is known [WORLDS='name ...'] [SEEDS=n] [RESUME=1]
	@$(BENCH) bench.worlds $(if $(WORLDS),--worlds $(WORLDS)) $(if $(SEEDS),--seeds $(SEEDS)) \
		$(if $(PROCESSES),--processes $(PROCESSES)) $(if $(POLICIES),--policies $(POLICIES)) \
		$(if $(RESUME),--resume)

.PHONY: bench
bench: bench-score bench-feedback bench-locks ## Run all benches of speed (ROUNDS=n)

.PHONY: bench-score
bench-score: install-dev ## Time POST /score beside floors and peers (ROUNDS=n)
	@$(BENCH) bench.speed.writing score $(if $(ROUNDS),--rounds $(ROUNDS))

.PHONY: bench-feedback
bench-feedback: install-dev ## Time PUT /feedback beside floors (ROUNDS=n)
	@$(BENCH) bench.speed.writing feedback $(if $(ROUNDS),--rounds $(ROUNDS))

.PHONY: bench-locks
bench-locks: install-dev ## Lock the database for a minute and time readers and writers
	@$(BENCH) bench.speed.locking

.PHONY: bench-import
bench-import: install ## Compare the import of made-up leads with the least that must be done (ROWS=n)
	@$(BIN)/python -m bench.speed.importing $(if $(ROWS),--rows $(ROWS))

.PHONY: bench-training
bench-training: install-dev ## Time trainings and what others wait meanwhile [DATA=folder] [SIZES='n ...']
	@$(BIN)/python -m bench.training $(DATA) $(if $(SIZES),--sizes $(SIZES))

.PHONY: replay
replay: install ## Feed DATA=folder through the real API and compare models (LIMIT=n leads)
	@test -n '$(DATA)' || { echo 'Say which data: make replay DATA=path/to/folder [LIMIT=n]'; exit 2; }
	@$(BIN)/python -m bench.replay '$(DATA)' $(if $(LIMIT),--limit '$(LIMIT)')

COMPILE := $(BIN)/uv pip compile --no-config --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command 'make lock' --quiet $(if $(UPGRADE),--upgrade)

RELEASE = dist/leadloop-$(shell $(BIN)/python -c 'from webapp.product import VERSION; print(VERSION)')

.PHONY: release
release: ## Pack the committed source and its bill of materials (SBOM) into dist/
	@$(PYTHON) bootstrap.py requirements.txt requirements-release.txt
	@test -z "$$(git status --porcelain)" || { echo 'Commit or remove what git status shows first.'; exit 2; }
	@mkdir -p dist
	@git archive --format=tar.gz --prefix=$(notdir $(RELEASE))/ -o $(RELEASE).tar.gz HEAD
	@$(BIN)/cyclonedx-py requirements requirements.txt --mc-type application --output-reproducible -o $(RELEASE).cdx.json
	@cd dist && sha256sum $(notdir $(RELEASE)).tar.gz $(notdir $(RELEASE)).cdx.json > $(notdir $(RELEASE)).sha256
	@ls -l $(RELEASE)*

.PHONY: lock
lock: install-dev ## Compile the *.in files into pinned requirements (UPGRADE=1: newer releases)
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt
	$(COMPILE) requirements-bench.in -o requirements-bench.txt
	$(COMPILE) requirements-clients.in -o requirements-clients.txt
	$(COMPILE) requirements-release.in -o requirements-release.txt
	$(COMPILE) requirements-install.in -o requirements-install.txt
	$(COMPILE) --no-deps requirements-recordings.in -o requirements-recordings.txt
