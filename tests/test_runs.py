import json
import struct

import numpy as np
import pytest
import torch
import yaml

from latentscape.config import load_recipe
from latentscape.errors import RunError
from latentscape.experiment import describe_split, prepare
from latentscape.model import Network
from latentscape.records import Findings
from latentscape.runs import (
    create_run,
    list_runs,
    load_model,
    open_run,
    read_findings,
    save_model,
    write_findings,
)


@pytest.fixture
def run(tmp_path, small):
    recipe = prepare(load_recipe("simple-20"), small)
    return create_run(tmp_path / "run", recipe, describe_split(small), {"python": "3"})


@pytest.fixture
def model_file(tmp_path, small):
    recipe = prepare(load_recipe("elaborate-4"), small)
    file = tmp_path / "model.safetensors"
    save_model(file, Network(recipe.model).state_dict(), recipe, small.dataset.label_names)
    return file


def test_a_run_reads_back_what_was_written(run, small):
    again = open_run(run.path)
    assert again.recipe == prepare(load_recipe("simple-20"), small)
    assert again.data["sizes"] == {"train": 500, "validation": 50, "test": 100}
    assert again.environment == {"python": "3"}
    assert again.history == []
    assert not again.finished
    assert yaml.safe_load((run.path / "recipe.yaml").read_text())["name"] == "simple-20"


def test_an_existing_run_is_not_overwritten_silently(run, small):
    arguments = (run.path, run.recipe, run.data, {})
    with pytest.raises(RunError, match="--overwrite"):
        create_run(*arguments)
    create_run(*arguments, overwrite=True)


def test_overwriting_loses_nothing_when_the_new_run_cannot_be_written(run, monkeypatch):
    before = {file.name: file.read_bytes() for file in run.path.iterdir()}

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("latentscape.files.os.fsync", full)
    with pytest.raises(RunError, match="No space left"):
        create_run(run.path, run.recipe, run.data, {}, overwrite=True)
    assert {file.name: file.read_bytes() for file in run.path.iterdir()} == before
    assert [path.name for path in run.path.parent.iterdir()] == ["run"]


def test_a_name_that_no_file_system_takes(run):
    with pytest.raises(RunError, match="could not be written"):
        create_run(run.path.with_name("x" * 300), run.recipe, run.data, {})


def test_only_a_run_is_ever_removed(tmp_path, run):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match="exists already"):
        create_run(precious, run.recipe, run.data, {}, overwrite=True)
    assert (precious / "thesis.txt").exists()


def test_runs_are_listed(run):
    assert [found.name for found in list_runs(run.path.parent)] == ["run"]
    assert list_runs(run.path.parent / "absent") == []


def test_what_is_not_a_run(tmp_path, run):
    with pytest.raises(RunError, match="Some that are: .*run"):
        open_run(tmp_path / "rum")
    with pytest.raises(RunError, match="--resume"):
        load_model(run.path)


@pytest.mark.parametrize("name", ["recipe.yaml", "data.json", "environment.json", "history.jsonl"])
def test_damaged_files_of_a_run_are_named(run, name):
    (run.path / name).write_text("{[")
    with pytest.raises(RunError, match=name):
        _ = run.recipe, run.data, run.environment, run.history


def test_findings_survive(tmp_path):
    arrays = {"codes": np.arange(6.0).reshape(3, 2)}
    write_findings(tmp_path, Findings({"schema": 1, "a": [1, None, "ü"]}, arrays))
    findings = read_findings(tmp_path)
    assert findings.values["a"] == [1, None, "ü"]
    assert np.array_equal(findings.arrays["codes"], arrays["codes"])
    (tmp_path / "findings.npz").write_bytes(b"PK nonsense")
    with pytest.raises(RunError, match=r"findings\.npz"):
        read_findings(tmp_path)


def test_a_model_file_is_whole_in_itself(model_file, digits):
    model = load_model(model_file)
    assert not model.training
    assert model.reconstruct(torch.from_numpy(digits.images[:2])).shape == (2, 1, 28, 28)


def rewrite_metadata(file, metadata):
    """Replace the metadata of a safetensors file, leaving its tensors alone."""
    content = file.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = metadata
    new = json.dumps(header).encode()
    new += b" " * (-len(new) % 8)
    file.write_bytes(struct.pack("<Q", len(new)) + new + content[8 + size :])


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"latentscape": '{"schema": 2}'}, "version 2"),
        ({"format": "pt"}, "not written by Latentscape"),
        ({"latentscape": "{"}, "damaged"),
        ({"latentscape": "[]"}, "damaged"),
        ({"latentscape": '{"schema": 1, "recipe": {"name": "x"}}'}, "damaged"),
    ],
)
def test_foreign_and_newer_models_are_refused(model_file, metadata, message):
    rewrite_metadata(model_file, metadata)
    with pytest.raises(RunError, match=message):
        load_model(model_file)


def test_a_recipe_that_does_not_fit_the_weights_is_refused(model_file, small):
    recipe = prepare(load_recipe("simple-20"), small).model_dump(mode="json", exclude_none=True)
    rewrite_metadata(model_file, {"latentscape": json.dumps({"schema": 1, "recipe": recipe})})
    with pytest.raises(RunError, match="does not fit"):
        load_model(model_file)


def test_equal_models_are_equal_files(model_file, tmp_path, small):
    recipe = prepare(load_recipe("elaborate-4"), small)
    weights = load_model(model_file).state_dict()
    save_model(tmp_path / "again", weights, recipe, small.dataset.label_names)
    assert (tmp_path / "again").read_bytes() == model_file.read_bytes()


@pytest.mark.parametrize("cut", [0, 4, 100, 5000])
def test_truncated_models_are_refused(model_file, cut):
    model_file.write_bytes(model_file.read_bytes()[:cut])
    with pytest.raises(RunError, match="damaged"):
        load_model(model_file)
