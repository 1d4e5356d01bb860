# Everything a developer does, one word each. `make help` lists them; CI runs `make test`.

PYTHON ?= python3
FOLDER ?=
REQUESTS ?= 100000
SEED ?= 20260101
KILLS ?= 50
SECONDS ?= 3
VENV := .venv
RUN := $(VENV)/bin/python
LOCK := requirements-dev.lock
STAMP := $(VENV)/.lambdad-setup
CACHE := $(if $(filter 0,$(shell id -u)),/var/cache,$(HOME)/.cache)/lambdad
DOTNET := $(CACHE)/dotnet
ifneq ($(wildcard $(DOTNET)/sdk),)
export DOTNET_ROOT ?= $(DOTNET)/sdk
endif
OFFICIAL_CLIENT := tests/functions/official_client/requirements
ADAPTER := $(VENV)/web_adapter
PEER := $(VENV)/peers/ministack
PEER_LOCK := benchmarks/peers/ministack

.DEFAULT_GOAL := help
.PHONY: help setup demo test fuzz chaos lint bench docs languages lock adapter

help: ## Show these targets
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-9s %s\n", $$1, $$2 }'

setup: $(STAMP) ## Create .venv and install lambdad with its development tools

demo: setup ## Start a server, deploy a function with Pillow, invoke it cold and warm
	@$(RUN) examples/thumbnail/demo.py

test: setup ## Run the tests, or one folder: make test FOLDER=tests/unit
	@.ci/test $(RUN) $(FOLDER)

fuzz: setup ## Send 100,000 malformed requests to a server, or others: make fuzz REQUESTS=1000 SEED=1
	@FUZZ_REQUESTS=$(REQUESTS) FUZZ_SEED=$(SEED) $(RUN) -m pytest tests/fuzz

chaos: setup ## Kill a busy server 50 times and look for lost events: make chaos KILLS=10 SEED=1 SECONDS=2
	@$(RUN) tests/chaos/run.py --kills $(KILLS) --seed $(SEED) --seconds $(SECONDS)

lint: setup ## Run ruff, mypy and the tests of style
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@$(RUN) -m pytest tests/style

bench: setup $(if $(PEERS),$(PEER)/.setup) ## Measure, print a table, append to benchmarks/results; with rivals: PEERS=1
	@$(RUN) -m benchmarks $(if $(PEERS),--peers)

adapter: setup ## Build AWS's Lambda Web Adapter with cargo, for its tests: two minutes
	@echo "Building into $(ADAPTER) ..."
	@cargo install --quiet --locked --root $(ADAPTER) lambda_web_adapter@0.9.1

docs: setup ## Write docs/reference again from the code
	@$(RUN) docs/generate.py

languages: setup ## Run the tests of every language, and write what they found into the documents
	@WRITE_LANGUAGES=1 $(RUN) -m pytest tests/languages
	@$(RUN) docs/generate.py

lock: setup ## Write requirements-dev.lock again, with the newest versions that fit
	@$(RUN) -m piptools compile --quiet --upgrade --strip-extras --allow-unsafe \
		--generate-hashes --extra dev --extra insights --no-emit-find-links --no-emit-index-url \
		--output-file $(LOCK) pyproject.toml
	@$(RUN) -m piptools compile --quiet --upgrade --strip-extras --allow-unsafe \
		--generate-hashes --no-emit-find-links --no-emit-index-url \
		--output-file $(OFFICIAL_CLIENT).txt $(OFFICIAL_CLIENT).in
	@$(RUN) -m piptools compile --quiet --upgrade --strip-extras --allow-unsafe \
		--generate-hashes --no-emit-find-links --no-emit-index-url \
		--output-file $(PEER_LOCK).txt $(PEER_LOCK).in

# The stamp is younger than the lock when nothing is to be done.
$(STAMP): $(LOCK) $(OFFICIAL_CLIENT).txt pyproject.toml .ci/system-packages .ci/dotnet-sdk \
		.ci/official-clients tests/functions/nodejs_client/package.json tests/functions/java_client/pom.xml
	@PYTHON="$(PYTHON)" .ci/system-packages
	@$(RUN) -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r $(LOCK)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
		--no-build-isolation --editable .
	@rm -rf $(VENV)/official_client
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes \
		--only-binary :all: --target $(VENV)/official_client -r $(OFFICIAL_CLIENT).txt
	@if command -v npm >/dev/null; then .ci/dotnet-sdk $(DOTNET) \
		|| echo "There is no .NET SDK: its tests are skipped." >&2; fi
	@.ci/official-clients $(CACHE)/clients
	@touch $(STAMP)

# A rival, in an environment of its own: what it needs must not meet what we need.
$(PEER)/.setup: $(PEER_LOCK).txt | setup
	@echo "Installing a rival into $(PEER) ..."
	@$(PYTHON) -m venv --clear $(PEER)
	@$(PEER)/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --only-binary :all: -r $(PEER_LOCK).txt
	@touch $@
