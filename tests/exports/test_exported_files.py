"""What stands in an exported file, and that it runs where Latentscape is not."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from latentscape.exports import keras_file
from latentscape.exports.targets import TARGETS
from latentscape.inference.codec import reconstruct_with

FOREIGN = """
import sys
sys.modules["latentscape"] = None  # Importing it fails.
import keras, numpy, onnxruntime, torch

folder, own = sys.argv[1:]
given = numpy.load(f"{own}/given.npz")
images, labels = given["images"], given["labels"]
session = onnxruntime.InferenceSession(f"{folder}/encoder.onnx")
model = keras.saving.load_model(f"{folder}/encoder.keras")
program = torch.export.load(f"{folder}/encoder.pt2").module()
numpy.savez(
    f"{own}/made.npz",
    onnx=session.run(["codes"], {"images": images, "labels": labels})[0],
    keras=model.predict([images.transpose(0, 2, 3, 1), labels], verbose=0),
    torch=program(torch.from_numpy(images), torch.from_numpy(labels)).detach().numpy(),
)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def files(export_into, small, folder):
    """Files of a conditional model, by format and part."""
    exported = {to: export_into(folder, "cond-vae", small, to) for to in TARGETS}
    return {(to, file.part): file.file for to in TARGETS for file in exported[to]}


def read_metadata(files, to, part):
    """Read metadata as docs/exports.md says."""
    file = files[to, part]
    if to == "onnx":
        (entry,) = onnx.load(file).metadata_props
        assert entry.key == "latentscape"
        return json.loads(entry.value)
    if to == "keras":
        return json.loads(ZipFile(file).read("latentscape.json"))
    extra = {"latentscape": ""}
    torch.export.load(file, extra_files=extra)
    return json.loads(extra["latentscape"])


def test_metadata(files, make, small):
    model, recipe = make("cond-vae", small)
    for to in TARGETS:
        last = to == "keras"
        integers = "int32" if last else "int64"
        shape = [None, 28, 28, 1] if last else [None, 1, 28, 28]
        axes = ["height", "width", "channels"] if last else ["channels", "height", "width"]
        images = {"name": "images", "axes": ["batch", *axes], "shape": shape}
        codes = {
            "name": "codes",
            "dtype": "float32",
            "axes": ["batch", "values"],
            "shape": [None, 5],
        }
        labels = {"name": "labels", "dtype": integers, "axes": ["batch"], "shape": [None]}
        for part in ("encoder", "decoder"):
            metadata = read_metadata(files, to, part)
            assert metadata["part"] == part
            assert metadata["schema"] == 1
            assert metadata["recipe"] == recipe.model_dump(mode="json", exclude_none=True)
            assert metadata["label_names"] == [str(digit) for digit in range(10)]
            if part == "encoder":
                stored = {**images, "dtype": "uint8", "range": [0, 255]}
                assert (metadata["inputs"], metadata["outputs"]) == ([stored, labels], [codes])
            else:
                outputs = {**images, "dtype": "float32", "range": [0, 1]}
                assert (metadata["inputs"], metadata["outputs"]) == ([codes, labels], [outputs])


@pytest.mark.parametrize("part", ["validation", "train"])
def test_thresholds_leave_so_many_examples_beyond_them(export, make, small, part):
    split = small if part == "validation" else replace(small, validation=small.validation[:0])
    (exported,) = export("simple-20", split, "torch-export", parts=["encoder"])
    metadata = read_metadata(
        {("torch-export", "encoder"): exported.file}, "torch-export", "encoder"
    )
    index = getattr(split, part)
    images = torch.from_numpy(split.dataset.images[index])
    model, _ = make("simple-20", split)
    squares = (reconstruct_with(model)(images) - model.scale(images)).square()
    errors = squares.flatten(1).mean(1).numpy()
    thresholds = metadata["thresholds"]
    assert (thresholds["part"], thresholds["examples"]) == (part, len(index))
    for percentile, threshold in thresholds["percentiles"].items():
        assert np.mean(errors > threshold) == pytest.approx(1 - int(percentile) / 100, abs=0.01)


def test_files_run_where_latentscape_is_not(files, make, small, folder, tmp_path):
    index = small.test[:7]
    images, labels = small.dataset.images[index], small.dataset.labels[index]
    np.savez(tmp_path / "given.npz", images=images, labels=labels)
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    command = [sys.executable, "-c", FOREIGN, str(folder), str(tmp_path)]
    subprocess.run(command, env=environment, check=True, timeout=120)
    model, _ = make("cond-vae", small)
    with torch.inference_mode():
        expected = model.encode(torch.from_numpy(images), torch.from_numpy(labels)).numpy()
    outputs = np.load(tmp_path / "made.npz")
    for program in ("onnx", "keras", "torch"):
        assert np.allclose(outputs[program], expected, atol=1e-5)


def test_onnx_files_name_what_they_take(files):
    session = onnxruntime.InferenceSession(files["onnx", "decoder"])
    described = [
        (file.name, file.shape, file.type)
        for file in (*session.get_inputs(), *session.get_outputs())
    ]
    assert described == [
        ("codes", ["batch", 5], "tensor(float)"),
        ("labels", ["batch"], "tensor(int64)"),
        ("images", ["batch", 1, 28, 28], "tensor(float)"),
    ]


def test_files_are_whole_and_say_nothing_of_this_machine(files, folder):
    assert sorted(folder.iterdir()) == sorted(files.values())
    here = [str(Path(torch.__file__).parent), str(Path(keras_file.__file__).parent)]
    for file in files.values():
        assert not any(folder.encode() in file.read_bytes() for folder in here)


def test_files_hold_their_own_half_alone(export, make, small):
    exported = {to: export("vamp-vae", small, to) for to in TARGETS}
    model, _ = make("vamp-vae", small)
    parts = [[model.encoder, model.latent.layers], [model.decoder]]
    for to in TARGETS:
        for file, layers in zip(exported[to], parts, strict=True):
            weights = sum(4 * w.numel() for layer in layers for w in layer.parameters())
            assert file.file.stat().st_size < weights + 60_000


@pytest.mark.parametrize(
    ("imported", "backend", "expected"),
    [(False, None, "torch"), (False, "jax", "jax"), (True, None, None)],
)
def test_keras_runs_on_torch_unless_another_backend_was_chosen(
    monkeypatch, imported, backend, expected
):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    if imported:
        monkeypatch.setitem(sys.modules, "keras", object())
    if backend:
        monkeypatch.setenv("KERAS_BACKEND", backend)
    backend_set = lambda *_: os.environ.get("KERAS_BACKEND")  # noqa: E731
    monkeypatch.setattr(keras_file, "require", backend_set)
    assert keras_file.require_keras() == expected
    assert os.environ.get("KERAS_BACKEND") == backend


def test_the_users_layout_of_images_in_keras_is_left_alone(export, small):
    keras = keras_file.require_keras()
    keras.config.set_image_data_format("channels_first")
    try:
        (exported,) = export("conv-bn", small, "keras", parts=["encoder"])
        assert keras.config.image_data_format() == "channels_first"
        assert exported.difference < 1e-5
    finally:
        keras.config.set_image_data_format("channels_last")
