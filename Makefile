# Everything below sets itself up in .venv, with the pinned versions of constraints.txt.

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
CONSTRAINTS := constraints.txt

# Overridable: PYTHON=/path/to/python3.12  SLOW=1  PYTEST_ARGS="-k halting"  DEMO_ARGS="..."
PYTHON = python3 python3.14 python3.13 python3.12 python3.11 python
SLOW =
PYTEST_ARGS =
DEMO_ARGS =

.PHONY: help demo test test-all lint docs install constraints clean

help:
	@echo 'make demo         train a small HRM, compare halting policies, draw a solve (3 to 5 minutes)'
	@echo 'make test         the tests, but for the slow ones'
	@echo 'make test-all     all tests (the same as make test SLOW=1)'
	@echo 'make lint         ruff and mypy'
	@echo 'make docs         the site, in docs/_build/html (warnings are errors)'
	@echo 'make install      the virtual environment alone, in $(VENV)'
	@echo 'make constraints  renew the pinned versions'
	@echo 'make clean        remove the virtual environment, builds and caches'

demo: $(STAMP)
	$(PY) scripts/demo.py $(DEMO_ARGS)

test: $(STAMP)
	$(PY) -m pytest -n auto --dist loadfile $(if $(SLOW),,-m 'not slow') $(PYTEST_ARGS)

test-all:
	@$(MAKE) test SLOW=1

lint: $(STAMP)
	$(PY) -m ruff check .
	$(PY) -m mypy

docs: $(STAMP)
	$(PY) -m pip install -q -c $(CONSTRAINTS) --no-build-isolation -e '.[docs]'
	$(PY) -m sphinx -q -W --keep-going -b html docs docs/_build/html

install: $(STAMP)

# torch first and by its pin alone, so that pip takes a build that lies at hand (a CPU wheel, say)
# before any other package asks for a range. setuptools here, and no build isolation: the build is
# pinned like the rest.
$(STAMP): pyproject.toml $(CONSTRAINTS) | $(PY)
	$(PY) -m pip install -c $(CONSTRAINTS) torch setuptools
	$(PY) -m pip install -c $(CONSTRAINTS) --no-build-isolation -e '.[dev]'
	@touch $@

# The first name of PYTHON that runs and is new enough.
$(PY):
	@for python in $(PYTHON); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "making $(VENV) with $$python; this and the packages come once"; \
			"$$python" -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }; \
			exit 0; \
		fi; \
	done; \
	echo "hrm-rl needs Python 3.11 or newer, and none of '$(PYTHON)' is: install one," \
		"or name it as in 'make test PYTHON=/path/to/python3.12'." >&2; \
	exit 1

constraints: $(STAMP)
	rm -rf build/pins
	$(PY) -m venv build/pins
	build/pins/bin/python -m pip install `grep '^torch==' $(CONSTRAINTS)` setuptools
	build/pins/bin/python -m pip install --no-build-isolation -e '.[dev,docs]'
	{ grep '^#' $(CONSTRAINTS); \
		build/pins/bin/python -m pip freeze --all --exclude-editable | sed 's/+cpu$$//' \
		| grep -v -E '^(pip|cuda-.*|nvidia-.*|triton)=='; } > build/$(CONSTRAINTS)
	mv build/$(CONSTRAINTS) $(CONSTRAINTS)

clean:
	rm -rf $(VENV) build dist docs/_build docs/_extra docs/environments docs/weights docs/project *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find hrm_rl scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +
