# Every verb sets up what it needs in .venv first; the second time that takes no time.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Commands that tests start would each compile the whole package where an environment forbids to keep what was compiled.
TESTED := PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal
# A lock names everything, so nothing is resolved: what an index holds tomorrow changes nothing, whatever pip Python brings.
# Nor is anything compiled before it is used: most modules of the large libraries never are.
LOCKED := $(PIP) install --quiet --no-deps --no-compile --only-binary :all: --require-hashes -r
OLDEST := .venv-lowest/bin
OTHER := .venv-other/bin
PYTHONS ?= python3.12 python3.13
ON_LOWEST := $(addprefix tests/,cli disclose draft evaluate fit prior problem report rules sample schema spec store)
COMPILE := $(BIN)/python -m piptools compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: demo quick test lowest pythons lint types bench extras docs lock clean

demo: .venv/.run                ## the main job: households with their persons from published tables, into out/population
	$(BIN)/synthor run examples/population/spec.yaml --out out/population

test: .venv/.dev                ## all tests but the longest, on all cores: each then computes on one
	$(TESTED) -m "not long"

quick: .venv/.dev               ## the tests that take no seconds, for while you work
	$(TESTED) -m "not slow and not long"

lowest: .venv-lowest/.made      ## the quick tests of what libraries do for it, on the oldest that pyproject.toml allows
	OPENBLAS_NUM_THREADS=1 $(OLDEST)/python -m pytest --numprocesses auto --dist worksteal -m "not slow and not long" $(ON_LOWEST)

pythons:                        ## the quick tests on each of PYTHONS in turn, with what is pinned
	set -e; for python in $(PYTHONS); do \
	    $$python -VV; \
	    $$python -m venv --clear .venv-other; \
	    $(subst $(BIN),$(OTHER),$(LOCKED)) requirements/run.txt; \
	    $(subst $(BIN),$(OTHER),$(LOCKED)) requirements/dev.txt; \
	    $(subst $(BIN),$(OTHER),$(PIP)) install --quiet --no-deps --no-build-isolation --editable .; \
	    $(subst $(BIN),$(OTHER),$(TESTED)) -m "not slow and not long"; \
	done

lint: .venv/.dev                ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev               ## types, strictly
	$(BIN)/mypy

bench: .venv/.dev               ## all evidence, in two hours or so; most of it needs SYNTHOR_DATA
	$(BIN)/python bench/oregon.py
	$(BIN)/python bench/households.py
	$(BIN)/python bench/population.py
	$(BIN)/python bench/population_example.py
	$(BIN)/python bench/three_way.py
	$(BIN)/python bench/probe.py bench/recordings/probe
	$(BIN)/python bench/kills.py
	$(BIN)/python bench/folders.py
	$(BIN)/python bench/integers.py
	$(BIN)/python bench/flows.py
	$(BIN)/python bench/balancing.py
	$(BIN)/python bench/streaming.py
	$(BIN)/python bench/truth.py
	$(BIN)/python bench/holdout.py
	$(BIN)/python bench/draws.py 20
	$(BIN)/python bench/reused.py
	$(BIN)/python bench/feasible.py
	$(BIN)/python bench/sizes.py
	$(BIN)/python bench/wide.py
	$(BIN)/python bench/zones.py
	$(BIN)/python bench/zones_page.py
	$(BIN)/python bench/members_in_zones.py
	$(BIN)/python bench/calm_beliefs.py
	$(BIN)/python bench/beside_populationsim.py

extras: .venv/.extras           ## what is done with libraries of extras, notebooks too, and the longest tests
	$(BIN)/python -m pytest tests/spec/tables/test_sdmx.py tests/library
	$(TESTED) -m long

docs: .venv/.docs               ## the documentation, into site/
	$(BIN)/synthor schema > docs/spec.schema.json
	$(BIN)/python docs/reference.py > docs/cli.md
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.run: .venv/bin/python requirements/run.txt pyproject.toml
	$(LOCKED) requirements/run.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@$(PIP) check > /dev/null || $(PIP) check
	@touch $@

.venv/.dev: .venv/.run requirements/dev.txt
	$(LOCKED) requirements/dev.txt
	@$(PIP) check > /dev/null || $(PIP) check
	@touch $@

.venv/.extras: .venv/.dev requirements/extras.txt
	$(LOCKED) requirements/extras.txt
	@$(PIP) check > /dev/null || $(PIP) check
	@touch $@

.venv/.docs: .venv/.run requirements/docs.txt
	$(LOCKED) requirements/docs.txt
	@$(PIP) check > /dev/null || $(PIP) check
	@touch $@

.venv-lowest/.made: requirements/lowest.txt pyproject.toml
	$(PYTHON) -m venv --clear .venv-lowest
	$(subst $(BIN),$(OLDEST),$(LOCKED)) requirements/lowest.txt
	$(subst $(BIN),$(OLDEST),$(PIP)) install --quiet --no-deps --no-build-isolation --editable .
	@$(subst $(BIN),$(OLDEST),$(PIP)) check > /dev/null || $(subst $(BIN),$(OLDEST),$(PIP)) check
	@touch $@

lock: .venv/.dev                ## pin all dependencies anew
	$(COMPILE) --output-file requirements/run.txt pyproject.toml requirements/build.in
	$(COMPILE) --extra dev --constraint requirements/run.txt --output-file requirements/dev.txt pyproject.toml
	$(COMPILE) --extra sdmx --extra notebooks --extra pages --extra cluster --constraint requirements/dev.txt --output-file requirements/extras.txt pyproject.toml
	$(COMPILE) --extra docs --constraint requirements/run.txt --output-file requirements/docs.txt pyproject.toml
	$(BIN)/python requirements/lowest.py | $(COMPILE) --output-file requirements/lowest.txt -

clean:
	rm -rf .venv .venv-lowest .venv-other out site build dist .mypy_cache .ruff_cache .pytest_cache
