# Everything happens in a virtual environment of the checkout's own.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The variable silences an advertisement. Not --quiet: it would hide warnings from --strict.
DOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: install demo test check docs bench results clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV) || (echo 'On Debian: apt install python3-venv' >&2; exit 1)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,docs,all]'
	touch $(STAMP)

demo: install
	$(BIN)/latentscape compare quickstart

# One thread for each worker: more would wait for each other. The layers are tested by check.
test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal --ignore=tests/test_layers.py

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py
	$(BIN)/python tools/structure.py
	$(DOCS)

# The site of the documents, in site/. Broken links are errors.
docs: install
	$(DOCS)

# Measures results/NAME.json again and writes the pages that state it: make results NAME=reference
results: install
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.evidence $(NAME)

# An hour. Each peer gets an environment of its own in benchmarks/.peers.
bench: install
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) runs site benchmarks/.peers
