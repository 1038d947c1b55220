"""From whatever stands in a model file comes a model, or a `RunError` that says what is wrong."""

import json
import struct

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load, save_file

from latentscape.api.preparing import prepare
from latentscape.config import load_recipe
from latentscape.core.errors import RunError
from latentscape.model import Network
from latentscape.runs import METADATA_KEY, load_model, save_model


@pytest.fixture
def model_file(tmp_path, small):
    recipe = prepare(load_recipe("elaborate-4"), small)
    file = tmp_path / "model.safetensors"
    save_model(file, Network(recipe.model).state_dict(), recipe, small.dataset.label_names)
    return file


def parts(file):
    """Return the header of a safetensors file, and the bytes of its tensors."""
    content = file.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def rewrite(file, metadata):
    """Replace the metadata of a safetensors file, leaving its tensors alone."""
    header, tensors = parts(file)
    text = json.dumps({**header, "__metadata__": metadata}).encode()
    text += b" " * (-len(text) % 8)
    file.write_bytes(struct.pack("<Q", len(text)) + text + tensors)


def about(file):
    return json.loads(parts(file)[0]["__metadata__"][METADATA_KEY])


def describe(file, **changes):
    """Change what a file says of itself, and take its checksum out."""
    said = {key: value for key, value in about(file).items() if key != "sha256"}
    rewrite(file, {METADATA_KEY: json.dumps(said | changes)})


def change_recipe(file, path, value):
    """Replace a setting of the recipe in a file, and take its checksum out."""
    recipe = about(file)["recipe"]
    part = recipe
    *parents, last = path.split(".")
    for name in parents:
        part = part[name]
    part[last] = value
    describe(file, recipe=recipe)


def test_a_model_file_is_whole_in_itself(model_file, digits):
    model = load_model(model_file)
    assert not model.training
    assert model.reconstruct(torch.from_numpy(digits.images[:2])).shape == (2, 1, 28, 28)


def test_equal_models_are_equal_files(model_file, tmp_path, small):
    recipe = prepare(load_recipe("elaborate-4"), small)
    weights = load_model(model_file).state_dict()
    save_model(tmp_path / "again", weights, recipe, small.dataset.label_names)
    assert (tmp_path / "again").read_bytes() == model_file.read_bytes()


def test_a_loaded_model_is_the_one_that_was_saved(recipe, tmp_path):
    saved = Network(recipe.model, recipe.objective)
    save_model(tmp_path / "model", saved.state_dict(), recipe, [])
    loaded = load_model(tmp_path / "model")
    for mine, its in ((loaded.named_parameters(), dict(saved.named_parameters())),
                      (loaded.named_buffers(), dict(saved.named_buffers()))):  # fmt: skip
        found = dict(mine)
        assert found.keys() == its.keys()
        for name, value in found.items():
            assert torch.equal(value, its[name]), name
            assert value.stride() == its[name].stride(), name
            assert value.requires_grad == its[name].requires_grad, name


def test_a_loaded_model_does_not_depend_on_its_file(model_file, digits):
    images = torch.from_numpy(digits.images[:2])
    model = load_model(model_file)
    before = model.reconstruct(images)
    with model_file.open("r+b") as file:
        file.write(bytes(model_file.stat().st_size))
    assert torch.equal(model.reconstruct(images), before)


def test_loading_draws_no_random_numbers(model_file):
    before = torch.get_rng_state()
    load_model(model_file)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9, 0.999])
def test_a_flipped_bit_in_the_weights_is_found(model_file, share):
    content = bytearray(model_file.read_bytes())
    content[int(share * len(content))] ^= 1
    model_file.write_bytes(content)
    with pytest.raises(RunError, match="not as it was written"):
        load_model(model_file)


def test_a_changed_recipe_is_found_even_where_it_fits(model_file):
    said = about(model_file)
    said["recipe"]["model"]["input"]["range"] = [0.0, 1.0]
    rewrite(model_file, {METADATA_KEY: json.dumps(said)})
    with pytest.raises(RunError, match="not as it was written"):
        load_model(model_file)


def test_files_without_a_checksum_or_with_more_metadata_are_read(model_file):
    weights = load_model(model_file).state_dict()
    describe(model_file, estimator={"kind": "x"})
    header, _ = parts(model_file)
    rewrite(model_file, {**header["__metadata__"], "format": "pt"})
    again = load_model(model_file).state_dict()
    assert all(torch.equal(again[name], weights[name]) for name in weights)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"latentscape": '{"schema": 2}'}, "schema version 2: .* newer Latentscape.*Upgrade"),
        ({"latentscape": '{"schema": 0}'}, "damaged: its schema version is 0"),
        ({"latentscape": '{"schema": true}'}, "damaged: its schema version is True"),
        ({"latentscape": '{"schema": "' + "9" * 5000 + '"}'}, "damaged: its schema version is '9+"),
        ({"latentscape": "{}"}, "damaged: its schema version is None"),
        ({"format": "pt"}, "not written by Latentscape"),
        ({"latentscape": "{"}, "damaged: its metadata are not JSON"),
        ({"latentscape": "[" * 99_999}, "damaged: its metadata are not JSON"),
        ({"latentscape": '{"schema": ' + "9" * 9999 + "}"}, "damaged: its metadata are not JSON"),
        ({"latentscape": "[]"}, "damaged: its metadata are no record"),
        ({"latentscape": '{"schema": 1}'}, "damaged, or from a newer Latentscape"),
        ({"latentscape": '{"schema": 1, "recipe": {"name": ""}}'}, "model: Field required"),
    ],
)
def test_foreign_newer_and_damaged_metadata(model_file, metadata, message):
    rewrite(model_file, metadata)
    with pytest.raises(RunError, match=message) as caught:
        load_model(model_file)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("model.latent.dim", 10**12, "do not fit its recipe"),
        ("model.latent.dim", 10**4000, "makes no network"),
        ("model.latent.dim", -1, "model.latent.dim: .*greater than 0"),
        ("model.encoder.widths", [2**62, 2**62], "damaged"),
        ("model.encoder.widths", [1] * 900, "more layers than there are tensors"),
        ("model.encoder.widths", [1] * 30_000, "at most 1000 items"),
        ("model.encoder.widths", [0] * 99_999, "far too large"),
        ("model.encoder.widths", "[" * 50, "widths: Expected a list"),
        ("model.encoder.x\x1b[2J", 1, r"unknown key model.encoder.x\?\[2J"),
        ("model.input.shape", [], "model.input.shape"),
        ("model.input.shape", [-1, 28, -28], "model.input.shape.0"),
        ("model.input.shape", [1, 28, 10**30], "damaged"),
        ("model.input.shape", [1, 28, 29], "decoder.6.bias is float32 .784.*, and should be"),
        ("model.input.range", [0, 0], "smaller one"),
        ("model.input.range", [0, float("nan")], "finite number"),
        ("model.input.range", [1], "model.input.range.1: Field required"),
        ("model.input.limits", [1, 1], "limits must be the smaller"),
        ("model.input.labels", -1, "model.input.labels"),
        ("model.input", None, "no input shape"),
        ("model.latent", {"kind": "gaussian", "dim": 4}, "term on its posterior"),
        ("objective.weights", {"reconstruction": 10**400}, "damaged"),
        ("train.lr", "fast", "train.lr"),
    ],
)
def test_hostile_recipes_are_refused(model_file, path, value, message):
    change_recipe(model_file, path, value)
    with pytest.raises(RunError, match=message):
        load_model(model_file)


NAME = "encoder.1.bias"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensor: {}, "encoder.1.bias is missing, and should be float32"),
        (lambda tensor: {NAME: tensor, "spare": tensor.clone()}, "spare is float32.*be missing"),
        (lambda tensor: {NAME: tensor.double()}, "float64 .* should be float32"),
        (lambda tensor: {NAME: tensor.to(torch.float8_e5m2)}, "float8_e5m2 .* should be float32"),
        (lambda tensor: {NAME: tensor[None]}, r"float32 \(1, "),
        (lambda tensor: {NAME: tensor[:0]}, r"float32 \(0,\)"),
        (lambda tensor: {NAME: tensor * float("nan")}, "NaN or infinite, in encoder.1.bias"),
        (lambda tensor: {NAME: tensor - float("inf")}, "NaN or infinite, in encoder.1.bias"),
    ],
)
def test_tensors_that_are_not_those_of_the_recipe_are_refused(model_file, change, message):
    describe(model_file)
    weights, metadata = load(model_file.read_bytes()), parts(model_file)[0]["__metadata__"]
    save_file(weights | change(weights.pop(NAME)), model_file, metadata)
    with pytest.raises(RunError, match=message):
        load_model(model_file)


def write_picture(file):
    Image.new("L", (8, 8)).save(file, "PNG")


def write_archive(file):
    with file.open("wb") as opened:
        np.savez(opened, x=np.zeros(9))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda file: file.write_bytes(b""), "is empty"),
        (lambda file: file.write_bytes(b"\x80\x04\x95\x10"), "is a pickle.*not opened"),
        (lambda file: torch.save({"x": torch.zeros(3)}, file), "is a zip archive"),
        (write_archive, "is a zip archive"),
        (write_picture, "is a PNG picture"),
        (lambda file: file.write_bytes(b"\x08\x0a\x12\x07pytorch\x1a"), "is a model in ONNX"),
        (lambda file: file.write_bytes(b"version https://git-lfs.github.com"), "git lfs pull"),
        (lambda file: file.write_bytes(b"<!DOCTYPE html>"), "HTML"),
        (lambda file: file.write_bytes(b"epoch,loss\n1,2\n"), "damaged, or no model file"),
        (lambda file: save_file({"x": torch.zeros(3)}, file), "not written by Latentscape"),
    ],
)
def test_other_files_are_named(tmp_path, write, message):
    file = tmp_path / "model.safetensors"
    write(file)
    with pytest.raises(RunError, match=message) as caught:
        load_model(file)
    assert str(file) in str(caught.value)
    assert "Expected a model.safetensors of a run" in str(caught.value)


@pytest.mark.parametrize("name", ["absent", "absent/model.safetensors", "x" * 300, "nul\0nul"])
def test_paths_where_nothing_is(tmp_path, name):
    with pytest.raises(RunError, match="There is no model at"):
        load_model(tmp_path / name)


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(RunError, match="is not a run"):
        load_model(tmp_path)


@pytest.mark.parametrize("cut", [0, 4, 100, 5000, -1])
def test_truncated_models_are_refused(model_file, cut):
    model_file.write_bytes(model_file.read_bytes()[:cut])
    with pytest.raises(RunError, match="damaged|empty"):
        load_model(model_file)
