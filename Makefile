# What one does here; `make help` lists it. Everything a target needs, it sets up.

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.set-up
SOURCES := profiles addons proxy

.PHONY: help setup demo test check bench fuzz screenshots lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv with the pinned dependencies and the command .venv/bin/grantproxy

$(STAMP): requirements/dev.txt pyproject.toml
	test -x $(PYTHON) || "$$(tools/find-python)" -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

demo: setup  ## show the main job, with a real authorization server
	$(VENV)/bin/grantproxy demo

test: setup  ## pass the whole suite
	tools/system-packages curl nodejs npm fish chromium
	$(PYTHON) -m pytest $(PYTEST_OPTIONS)

check: setup  ## what CI runs: format, lint, types, import contracts, tests with branch coverage
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(MAKE) --no-print-directory test PYTEST_OPTIONS="--cov --cov-report=term"

bench: setup  ## measure against other proxies, into docs/benchmarks.md
	tools/system-packages wrk hey nginx openssl
	$(PYTHON) benchmarks/run.py $(BENCH_OPTIONS)

fuzz: setup  ## try to break the parsers, for FUZZ_SECONDS (60)
	test -x fuzz/$(VENV)/bin/python || $(PYTHON) -m venv fuzz/$(VENV)
	fuzz/$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r fuzz/requirements.txt
	$(PYTHON) -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
	  > "$$(fuzz/$(VENV)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/project.pth"
	fuzz/$(VENV)/bin/python fuzz/run.py

screenshots: setup  ## take the pictures in docs/console anew
	tools/system-packages chromium
	$(PYTHON) tools/screenshots

lock: setup  ## resolve the dependencies anew into requirements/
	$(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.12 \
	  --custom-compile-command "make lock" pyproject.toml --output-file requirements/runtime.txt
	$(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.12 \
	  --custom-compile-command "make lock" pyproject.toml --group dev --constraints requirements/runtime.txt \
	  --output-file requirements/dev.txt

clean:  ## remove what the targets made
	rm -rf $(VENV) fuzz/$(VENV) fuzz/.work build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .coverage benchmarks/.work
