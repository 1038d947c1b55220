# Everything happens in a virtual environment of the checkout's own.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOWEST ?= .venv-lowest
HIGHEST ?= .venv-highest
# The variable silences an advertisement. Not --quiet: it would hide warnings from --strict.
DOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# A minute of tests that use every dependency. Versions that are older than others, or newer, warn
# of each other: users can do nothing about that.
EVERY_DEPENDENCY := -n auto --dist worksteal -k "not truncated and not other_methods" \
	-W ignore::DeprecationWarning -W ignore::FutureWarning \
	tests/test_config.py tests/test_yaml.py tests/data/test_format_laws.py tests/data/test_mnist.py \
	tests/exports/test_exported_files.py::test_metadata tests/tracking/test_mlflow.py \
	tests/tracking/test_tensorboard.py tests/api/test_hub.py::test_pushing \
	tests/analyses/maps/test_projections.py tests/estimators/test_checks.py \
	tests/api/test_tuning.py::test_the_first_trial_is_the_recipe_itself_and_the_lowest_value_is_the_best \
	tests/explorer/test_server.py \
	tests/core/test_tables.py tests/plotting tests/test_cli.py::test_every_command_has_help tests/test_cli.py::test_every_table_is_json_too

# Some environments forbid Python to keep what it compiled. Each of the many processes of tests would
# compile all that it imports.
export PYTHONDONTWRITEBYTECODE =

.PHONY: install page demo test test-lowest test-highest check check-types check-rest docs bench bench-gpu results clean

# What tests and documents need too. `make demo` installs less.
install:
	$(PYTHON) tools/install.py --venv $(VENV)

# The explorer's page, from web/; seconds, and nothing where it is up to date.
page:
	$(PYTHON) web/build.py

demo:
	$(PYTHON) tools/install.py --venv $(VENV) --for demo
	$(BIN)/latentscape demo

# One thread for each worker: more would wait for each other. The layers are tested by check.
test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal --ignore=tests/test_layers.py

# The lowest versions that pyproject.toml allows.
test-lowest: $(LOWEST)/.installed page
	OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest $(EVERY_DEPENDENCY)

$(LOWEST)/.installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --no-compile --constraint constraints-lowest.txt --editable '.[test,all]'
	touch $@

# The newest versions there are today, so not for CI; PyTorch stays that of constraints.txt, since
# the newest may have no build without NVIDIA's libraries.
test-highest: page
	$(PYTHON) -m venv $(HIGHEST)
	grep ^torch== constraints.txt > $(HIGHEST)/torch.txt
	$(HIGHEST)/bin/python -m pip install --quiet --upgrade --constraint $(HIGHEST)/torch.txt --editable '.[test,all]'
	OMP_NUM_THREADS=1 $(HIGHEST)/bin/python -m pytest $(EVERY_DEPENDENCY)

# Side by side: types take as long as all the rest.
check: install
	$(MAKE) --jobs 2 check-types check-rest

check-types:
	$(BIN)/mypy

check-rest:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -q tests/test_layers.py
	$(BIN)/python tools/structure.py
	$(PYTHON) web/build.py --check
	$(DOCS)

# The site of the documents, in site/. Broken links are errors.
docs: install
	$(DOCS)

# Measures results/NAME.json again and writes the pages that state it: make results NAME=reference
results: install
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.evidence $(NAME)

# Hours. Each peer gets an environment of its own in benchmarks/.peers.
bench: install
	$(BIN)/python -m benchmarks

# At most 8 minutes on a GPU, without a network; the same again goes on where it was stopped.
# A dry run: make bench-gpu DEVICE=cpu
DEVICE ?= cuda
bench-gpu:
	PYTHONPATH=src $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) -m benchmarks.gpu --device $(DEVICE)

clean:
	rm -rf $(VENV) $(LOWEST) $(HIGHEST) runs site benchmarks/.peers
	rm -rf web/node_modules web/.node web/.page web/.built src/latentscape/explorer/page
