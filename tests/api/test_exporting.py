"""Exporting a run, as a user does: from a directory or a model file, in Python or by command."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import latentscape
from latentscape.cli import app
from latentscape.core.errors import ConfigError, DataError, RunError
from latentscape.core.records import Dataset


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    changes = {"train.epochs": 1, "data.train": 300, "model.encoder.widths": [32]}
    folder = tmp_path_factory.mktemp("runs")
    return latentscape.train(
        "simple-20", data="mnist-5k", changes=changes, folder=folder, quiet=True
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Vectors from 0 to 3, and a run trained on them."""
    values = np.random.default_rng(0).uniform(0, 3, (80, 6)).astype(np.float32)
    data = Dataset("plain", values, value_range=(0.0, 3.0))
    folder = tmp_path_factory.mktemp("plain")
    return data, latentscape.train(
        "simple-20", data=data, changes={"train.epochs": 1}, folder=folder, quiet=True
    )


def test_both_halves_stand_in_the_run(run):
    exported = latentscape.export(run, "torch-export")
    assert [one.file for one in exported] == [
        run.path / "export" / f"{part}.pt2" for part in ("encoder", "decoder")
    ]
    for one in exported:
        assert one.images == 256
        assert one.difference <= 1e-5
        assert one.largest > 0.1


def test_the_file_does_what_the_model_does(run, tmp_path):
    (exported,) = latentscape.export(run.path, "torch-export", part="encoder", out=tmp_path)
    assert list(tmp_path.iterdir()) == [exported.file]
    images = torch.from_numpy(latentscape.load_data("mnist-5k").images[:9])
    with torch.inference_mode():
        expected = latentscape.load(run.path).encode(images)
    codes = torch.export.load(exported.file).module()(images)
    assert torch.allclose(codes, expected, atol=1e-5)


def test_a_model_file_names_its_data(run, tmp_path):
    file = shutil.copy(run.path / "model.safetensors", tmp_path / "mine.safetensors")
    inside, alone = (
        latentscape.export(path, "torch-export", part="decoder")[0]
        for path in (run.path / "model.safetensors", file)
    )
    assert inside.file == run.path / "export" / "decoder.pt2"
    assert alone.file == tmp_path / "export" / "decoder.pt2"
    assert (alone.difference, alone.largest) == (inside.difference, inside.largest)


def test_what_stands_beside_a_model_file_is_not_taken_for_its_run(run, tmp_path):
    file = shutil.copy(run.model_file, tmp_path)
    (tmp_path / "recipe.yaml").write_text("flour: 500 g")
    data = latentscape.load_data("mnist-5k")
    (exported,) = latentscape.export(file, "torch-export", part="decoder", data=data)
    assert exported.file == tmp_path / "export" / "decoder.pt2"


@pytest.mark.parametrize("name", ["", "model.safetensors"])
def test_a_model_of_another_run_in_a_run(run, plain, tmp_path, name):
    swapped = shutil.copytree(run.path, tmp_path / "swapped")
    shutil.copy(plain[1].model_file, swapped)
    with pytest.raises(RunError, match=r"model\.safetensors is the model of another run"):
        latentscape.export(swapped / name, "torch-export")


def test_data_in_memory_are_given(plain, tmp_path):
    data, run = plain
    exported = latentscape.export(run, "torch-export", data=data)
    assert [one.images for one in exported] == [16, 16]
    file = shutil.copy(run.path / "model.safetensors", tmp_path)
    assert latentscape.export(file, "torch-export", data=data)[0].images == 16


def test_other_data_are_refused(plain, tmp_path):
    data, run = plain
    with pytest.raises(DataError, match="have changed"):
        latentscape.export(run, "torch-export", data=replace(data, images=data.images[::-1]))
    file = shutil.copy(run.path / "model.safetensors", tmp_path)
    with pytest.raises(DataError, match=r"The examples of plain are .*\(0.0, 4.0\)"):
        latentscape.export(file, "torch-export", data=replace(data, value_range=(0.0, 4.0)))


def test_what_is_not_there(run, tmp_path):
    with pytest.raises(RunError, match="no model"):
        latentscape.export(tmp_path / "nothing.safetensors", "torch-export")
    with pytest.raises(ConfigError, match="no part of a model called 'encoders'.*'encoder'"):
        latentscape.export(run, "torch-export", part="encoders")
    with pytest.raises(ConfigError, match="no export target called 'onxx'"):
        latentscape.export(tmp_path, "onxx")


def test_the_command_prints_what_was_written_and_how_far_off_it_is(run, tmp_path):
    command = ["export", str(run.path), "--to", "onnx", "--out", str(tmp_path)]
    printed = CliRunner().invoke(app, command)
    assert printed.exit_code == 0
    for text in ("encoder", "decoder", "largest difference", "256"):
        assert text in printed.output
    listed = CliRunner().invoke(app, [*command, "--part", "decoder", "--json"])
    (row,) = json.loads(listed.stdout)
    file = tmp_path / "decoder.onnx"
    assert row["file"] == str(file)
    assert row["bytes"] == file.stat().st_size
    assert row["images"] == 256
    assert row["difference"] < 1e-5 < row["largest"]
