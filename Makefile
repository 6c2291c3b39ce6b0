# livequal's commands. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin
MO := $(patsubst %.po,%.mo,$(wildcard livequal/translations/*/LC_MESSAGES/messages.po))
DIRS := livequal tests bench soak migrations wsgi.py
BENCHES ?= risk_eval risk_throughput risk_backtest speech_cer speech_speed load training_replay training_load
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/ready $(MO) ## install what livequal runs on into .venv (Python 3.11 to 3.13), and nothing else anywhere
	@:

.venv/bin/python:
	@for python in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	    echo "Making .venv with $$("$$python" --version)"; exec "$$python" -m venv .venv; fi; done; \
	echo "Python 3.11, 3.12 or 3.13 with venv is needed (Debian: apt install python3 python3-venv)." >&2; exit 1

.venv/ready: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	@touch $@

.venv/ready-dev: requirements-dev.txt | .venv/ready
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

%.mo: %.po | .venv/ready
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@ --locale zh_Hans_CN

.PHONY: dev
dev: setup .venv/ready-dev

.PHONY: run
run: setup ## start livequal: web server and worker; Ctrl-C ends it
	@exec $(BIN)/flask serve

.PHONY: demo
demo: setup ## load the demo data into an empty installation
	$(BIN)/flask demo

.PHONY: test
test: dev ## run all tests on SQLite, then on PostgreSQL where one answers (ARGS="-k word")
	@$(BIN)/python -m tests.both $(ARGS)

.PHONY: check
check: dev ## style, types, imports, templates, translations, schema, unused code and dependencies
	$(BIN)/ruff check $(DIRS)
	$(BIN)/ruff format --check $(DIRS)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet livequal/templates
	$(BIN)/python .ci/translations.py
	var=$$(mktemp -d); trap 'rm -rf "$$var"' EXIT; export LIVEQUAL_VAR=$$var; \
	  $(BIN)/flask db upgrade 2>/dev/null; $(BIN)/flask db check
	$(BIN)/vulture
	$(BIN)/deptry .

.PHONY: format
format: dev ## put the code into its form
	$(BIN)/ruff check --fix $(DIRS)
	$(BIN)/ruff format $(DIRS)

.PHONY: bench
bench: dev ## measure: each benchmark prints a table (BENCHES="load" for one)
	@$(MAKE) --no-print-directory --keep-going $(BENCHES:%=bench-%)

# The labelled rows that were put aside where they lie beside the repository, else those of the tests.
RISK_ROWS := $(firstword $(wildcard ../shared/risk/dev.jsonl) tests/risk/sets)
MEASURE := PYTHONPATH=. $(BIN)/python

.PHONY: bench-risk_eval bench-risk_throughput bench-speech_cer bench-speech_speed bench-load
.PHONY: bench-risk_backtest bench-training_replay bench-training_load
bench-risk_eval: dev
	@echo "== bench/risk_eval.py on $(RISK_ROWS)"
	@$(MEASURE) bench/risk_eval.py $(if $(filter %.jsonl,$(RISK_ROWS)),$(RISK_ROWS),tests/risk/sets/*.jsonl)

bench-risk_throughput: dev
	@echo "== bench/risk_throughput.py on tests/risk/sets"
	@cat tests/risk/sets/*.jsonl | $(MEASURE) bench/risk_throughput.py /dev/stdin

bench-speech_cer bench-speech_speed: bench-%: dev
	@echo "== bench/$*.py"
	@if [ -d ../shared/speech ]; then $(MEASURE) bench/$*.py; \
	  else echo "Not measured: the spoken clips (../shared/speech) are not here."; fi

bench-load bench-risk_backtest bench-training_replay bench-training_load: bench-%: dev
	@echo "== bench/$*.py"
	@$(MEASURE) bench/$*.py

.PHONY: soak
soak: dev ## long proofs: load and kills, bad files, 3 GB, five kills, backup, rules (three of them SOAK_MINUTES (10) each)
	$(BIN)/python soak/bad_uploads.py
	$(BIN)/python soak/big_upload.py
	$(BIN)/python soak/backup_restore.py
	$(BIN)/python soak/kills.py
	$(BIN)/python soak/running.py --minutes $(or $(SOAK_MINUTES),10)
	$(BIN)/python soak/bad_files.py --minutes $(or $(SOAK_MINUTES),10)
	$(BIN)/python soak/risk_fuzz.py --minutes $(or $(SOAK_MINUTES),10)

.PHONY: translations
translations: dev ## take new texts into the catalogue (then translate the empty ones)
	@mkdir -p build
	$(BIN)/pybabel --quiet extract -F babel.cfg --ignore-dirs ".*" -k lazy_gettext -k ngettext:1,2 --no-location -o build/messages.pot .
	$(BIN)/pybabel --quiet update --no-fuzzy-matching --omit-header -i build/messages.pot -d livequal/translations -l zh_Hans_CN

.PHONY: lock
lock: | .venv/bin/python ## write requirements*.txt anew from requirements*.in, with hashes
	@mkdir -p build
	@test -x build/lock/bin/uv || { $(BIN)/python -m venv build/lock && build/lock/bin/pip install --quiet uv; }
	@for name in requirements requirements-dev; do \
	  build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-annotate --custom-compile-command "make lock" --output-file $$name.txt $$name.in; done
