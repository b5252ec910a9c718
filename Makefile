# The commands of this repository. `make` alone lists them; each line below that has "##" is one.
# Needs python3 (3.11 or newer, with venv), make and git. Everything else comes hashed from the lock files into .venv.

PYTHON ?= python3
ARGS   ?=
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet --retries 10 --timeout 60

.DEFAULT_GOAL := list
.PHONY: list up test check format bench demo docs fuzz models managed lock clients image clean

list: ## list these commands
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 17

up: .venv/run.stamp ## make the environment, then serve on 127.0.0.1:9400 with ./.daypass (ARGS="--listen …" is passed on)
	@exec $(BIN)/daypass up $(ARGS)

demo: .venv/run.stamp ## play a small company against a server of its own, one line a step; ends by itself
	@exec $(BIN)/daypass demo $(ARGS)

test: .venv/test.stamp ## run the whole suite (ARGS="tests/unit -k arn" is passed on to pytest)
	$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),-n 2 --dist loadgroup)

check: .venv/test.stamp ## lint, types, floors and house rules; all four run, whatever fails
	@failed=0; for step in "ruff check" mypy lint-imports "python -m pytest -q tests/house"; do \
		echo "== $$step"; $(BIN)/$$step || failed=1; \
	done; exit $$failed

format: .venv/test.stamp ## sort imports and mend what the linter can mend
	$(BIN)/ruff check --fix

bench: .venv/bench.stamp ## measure ratios against a hello-world and moto, all in one run
	$(BIN)/python -m bench $(ARGS)

docs: .venv/test.stamp ## write the generated pages of docs/reference anew
	$(BIN)/python docs/generate.py

fuzz: .venv/test.stamp ## throw random input at every reader for a while (ARGS="-k jwt" narrows it)
	DAYPASS_FUZZ=1 $(BIN)/python -m pytest -q -p no:randomly tests -m fuzz $(ARGS)

models: .venv/test.stamp ## compile src/daypass/wire/models and policy/actions from pinned packages
	$(BIN)/python -m models $(ARGS)

managed: .venv/bench.stamp ## compile AWS's managed policies from the pinned moto
	$(BIN)/python -m models.managed

clients: .venv/test.stamp ## install the real clients of tests/clients into .cache/clients
	tests/clients/install

image: ## build the image of deploy/Containerfile with podman, as root; a Debian stands in for its base
	tests/deploy/image

lock: .venv/test.stamp ## resolve the dependencies anew into the hashed lock files (needs uv, fetched into .cache)
	$(PYTHON) -m venv .cache/lock
	.cache/lock/bin/python -m pip --quiet install uv
	.cache/lock/bin/uv pip compile -q --no-header --generate-hashes --universal --python-version 3.11 pyproject.toml --extra build --extra test --extra bench -o requirements-bench.lock $(ARGS)
	.cache/lock/bin/uv pip compile -q --no-header --generate-hashes --universal --python-version 3.11 pyproject.toml --extra build --extra test -c requirements-bench.lock -o requirements-test.lock
	.cache/lock/bin/uv pip compile -q --no-header --generate-hashes --universal --python-version 3.11 pyproject.toml --extra build -c requirements-test.lock -o requirements.lock
	cd tests/clients/locks && for name in *.in; do ../../../.cache/lock/bin/uv pip compile -q --no-header --generate-hashes --universal --python-version 3.11 $$name -o $${name%.in}.lock $(ARGS) || exit 1; done

clean: ## remove the environment and all caches; the data in ./.daypass stays
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "daypass needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv

.venv/run.stamp: requirements.lock pyproject.toml | .venv/bin/python
	$(PIP) install --require-hashes --only-binary :all: -r requirements.lock
	$(PIP) install --no-index --no-deps --no-build-isolation -e .
	@touch $@

.venv/test.stamp: requirements-test.lock .venv/run.stamp
	$(PIP) install --require-hashes --only-binary :all: -r requirements-test.lock
	@touch $@

.venv/bench.stamp: requirements-bench.lock .venv/test.stamp
	$(PIP) install --require-hashes --only-binary :all: -r requirements-bench.lock
	@touch $@
