"""Embedding: any data, in any format, through a model and into a file."""

import os
import subprocess
import sys
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import latentscape
from latentscape import ConfigError, DataError, RunError
from latentscape.cli import app
from latentscape.core.progress import Listener, listening
from latentscape.core.runtime import full_precision


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return a function that trains a recipe a little, once."""
    folder = tmp_path_factory.mktemp("runs")
    quick = {"train.epochs": 1, "data.train": 200, "data.test": 40}

    @cache
    def trained(recipe, width=None):
        changes = quick | ({"model.encoder.widths": [width]} if width else {})
        return latentscape.train(
            recipe,
            data="mnist-5k",
            changes=changes,
            folder=folder / str(width),
            quiet=True,
        )

    return trained


@pytest.fixture(scope="module")
def run(runs):
    return runs("simple-20")


@pytest.fixture
def images(digits):
    return digits.images[::17][:90, 0].copy()


def codes_of(run, images, labels=None):
    model = latentscape.load(run.path)
    labels = None if labels is None else torch.tensor(labels)
    with torch.inference_mode(), full_precision():
        return model.encode(torch.from_numpy(images[:, None]), labels).numpy()


def read(file):
    if file.suffix == ".npy":
        return np.load(file)
    table = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)
    return table[[name for name in table if name.startswith("z")]].to_numpy(np.float32)


def columns(file):
    return pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)


@pytest.mark.parametrize("recipe", ["simple-20", "conv-bn", "vae-20", "vq-vae", "dense-dropout"])
@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".csv"])
def test_the_codes_are_those_of_the_model(recipe, suffix, runs, images, tmp_path):
    run = runs(recipe)
    np.save(tmp_path / "x.npy", images)
    done = latentscape.embed(run, tmp_path / "x.npy", tmp_path / f"z{suffix}")
    expected = codes_of(run, images)
    assert (done.count, done.dim) == expected.shape
    np.testing.assert_allclose(read(done.file), expected, rtol=1e-4, atol=1e-5)


def test_the_plain_engine_gives_the_bits_of_the_model(runs, images, tmp_path):
    np.save(tmp_path / "x.npy", images)
    for recipe in ("simple-20", "conv-bn"):
        run = runs(recipe)
        done = latentscape.embed(run, tmp_path / "x.npy", tmp_path / "z.npy", engine="plain")
        np.testing.assert_array_equal(np.load(done.file), codes_of(run, images))


def test_the_same_data_make_the_same_file(run, images, tmp_path):
    np.save(tmp_path / "x.npy", images)
    files = [tmp_path / f"{name}.parquet" for name in "ab"]
    for file in files:
        latentscape.embed(run.model_file, tmp_path / "x.npy", file)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_names_of_images_travel_along(run, images, tmp_path):
    for index in range(20):
        Image.fromarray(images[index]).save(tmp_path / f"photo-{index:02}.png")
    done = latentscape.embed(run, tmp_path, tmp_path / "out" / "z.npy")
    assert done.ids == tmp_path / "out" / "z.ids.csv"
    assert list(pd.read_csv(done.ids)["id"]) == [f"photo-{index:02}.png" for index in range(20)]
    np.testing.assert_allclose(np.load(done.file), codes_of(run, images[:20]), atol=1e-5)
    table = columns(latentscape.embed(run, tmp_path, tmp_path / "out" / "z.csv").file)
    assert list(table.columns) == ["id", *[f"z{index}" for index in range(20)]]
    assert table["id"][3] == "photo-03.png"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_columns_travel_along(suffix, run, images, tmp_path):
    table = pd.DataFrame(images.reshape(90, 784)).add_prefix("pixel")
    table.insert(0, "patient", [f"p{index}" for index in range(90)])
    table.insert(1, "label", np.arange(90) % 10)
    table.to_parquet(tmp_path / "x.parquet")
    done = latentscape.embed(run, tmp_path / "x.parquet", tmp_path / f"z{suffix}")
    found = columns(done.file)
    assert list(found["patient"]) == list(table["patient"])
    assert list(found["label"]) == list(table["label"])
    np.testing.assert_allclose(read(done.file), codes_of(run, images), atol=1e-5)


def test_examples_without_names_are_numbered(run, images, tmp_path):
    np.save(tmp_path / "x.npy", images)
    done = latentscape.embed(run, tmp_path / "x.npy", tmp_path / "z.parquet")
    assert list(columns(done.file)["id"]) == list(range(90))
    assert latentscape.embed(run, tmp_path / "x.npy", tmp_path / "z.npy").ids is None


def test_a_dataset_in_memory_and_other_ranges(run, images, tmp_path):
    dataset = latentscape.Dataset("mine", (images[:, None] / 255).astype(np.float32), None)
    from dataclasses import replace

    dataset = replace(dataset, value_range=(0.0, 1.0))
    done = latentscape.embed(run, dataset, tmp_path / "z.npy")
    np.testing.assert_allclose(np.load(done.file), codes_of(run, images), atol=1e-4)


def test_a_conditional_model_takes_the_labels(runs, digits, tmp_path):
    run = runs("cond-vae")
    chosen = np.random.default_rng(0).permutation(len(digits))[:40]
    images, labels = digits.images[chosen, 0], digits.labels[chosen]
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "y.npy", labels)
    with pytest.raises(ConfigError, match="conditioned on labels"):
        latentscape.embed(run, tmp_path / "x.npy", tmp_path / "z.npy")
    done = latentscape.embed(
        run, tmp_path / "x.npy", tmp_path / "z.npy", changes={"labels": "y.npy"}
    )
    np.testing.assert_allclose(np.load(done.file), codes_of(run, images, labels), atol=1e-5)
    np.save(tmp_path / "y.npy", labels + 5)
    with pytest.raises(DataError, match="has the label"):
        latentscape.embed(
            run, tmp_path / "x.npy", tmp_path / "other.npy", changes={"labels": "y.npy"}
        )
    assert not (tmp_path / "other.npy").exists()


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".csv"])
def test_an_error_leaves_what_was_there(suffix, run, images, tmp_path, monkeypatch):
    """The last of several chunks is damaged: the codes before it have been found by then."""
    monkeypatch.setattr("latentscape.inference.embedding._CHUNK", 10 * 784 * 4)
    values = images / 255.0
    values[85, 3, 3] = np.inf
    np.save(tmp_path / "x.npy", values)
    out = tmp_path / "out" / f"z{suffix}"
    out.parent.mkdir()
    out.write_text("before")
    with pytest.raises(DataError, match="example 85"):
        latentscape.embed(run, tmp_path / "x.npy", out)
    assert os.listdir(out.parent) == [out.name]
    assert out.read_text() == "before"


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".csv"])
def test_an_interrupt_leaves_nothing(suffix, run, digits, tmp_path, monkeypatch):
    class Interrupted(Listener):
        def on_advance(self, stage):
            if stage.done == 20:
                raise KeyboardInterrupt

    monkeypatch.setattr("latentscape.inference.embedding._CHUNK", 10 * 784 * 4)
    with pytest.raises(KeyboardInterrupt), listening(Interrupted()):
        latentscape.embed(run, digits, tmp_path / f"z{suffix}")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("recipe", ["simple-20", "conv-bn"])
def test_chunks_change_no_bit(recipe, runs, images, tmp_path, monkeypatch):
    run = runs(recipe)
    np.save(tmp_path / "x.npy", images)
    found = []
    for size in (7, 16, 50, 1000):
        monkeypatch.setattr("latentscape.inference.embedding._CHUNK", size * 784 * 4)
        found.append(np.load(latentscape.embed(run, tmp_path / "x.npy", tmp_path / "z.npy").file))
    assert all(np.array_equal(codes, found[0]) for codes in found[1:])


def test_ids_of_codes_that_are_replaced_do_not_stay(run, digits, images, tmp_path):
    np.save(tmp_path / "x.npy", images)
    assert latentscape.embed(run, digits, tmp_path / "z.npy").ids.exists()
    latentscape.embed(run, tmp_path / "x.npy", tmp_path / "z.npy")
    assert sorted(os.listdir(tmp_path)) == ["x.npy", "z.npy"]


def test_what_a_table_of_text_cannot_hold(run, images, tmp_path):
    table = pd.DataFrame(images.reshape(90, 784)).add_prefix("pixel")
    table["box"] = [[1, 2]] * 90
    table.to_parquet(tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"Write a \.parquet file"):
        latentscape.embed(run, tmp_path / "x.parquet", tmp_path / "z.csv")
    done = latentscape.embed(run, tmp_path / "x.parquet", tmp_path / "z.parquet")
    assert list(columns(done.file)["box"][89]) == [1, 2]


def test_a_column_that_is_called_as_the_codes_are(run, images, tmp_path):
    table = pd.DataFrame(images.reshape(90, 784)).add_prefix("pixel")
    table["z3"] = "taken"
    table.to_parquet(tmp_path / "x.parquet")
    with pytest.raises(DataError, match="a column z3"):
        latentscape.embed(run, tmp_path / "x.parquet", tmp_path / "z.parquet")
    assert list(
        columns(latentscape.embed(run, tmp_path / "x.parquet", tmp_path / "z.npy").ids)["z3"]
    )


def test_what_cannot_be_written_is_said_before_anything_is_read(run, images, tmp_path):
    np.save(tmp_path / "x.npy", images)
    with pytest.raises(ConfigError, match=r"\.npy, \.parquet or \.csv"):
        latentscape.embed(run, tmp_path / "x.npy", tmp_path / "z.txt")
    with pytest.raises(ConfigError, match="would replace the data"):
        latentscape.embed(run, tmp_path / "x.npy", tmp_path / "x.npy")
    with pytest.raises(RunError, match="no model|not a run"):
        latentscape.embed(tmp_path, tmp_path / "x.npy", tmp_path / "z.npy")


# VmHWM, because ru_maxrss begins with that of the process that started this one.
PEAK = """
import re, sys
import torch
torch.set_num_threads(1)
import latentscape
for data in sys.argv[3:]:
    latentscape.embed(sys.argv[1], data, sys.argv[2])
    print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the peak of memory")
@pytest.mark.parametrize("suffix", [".npy", ".parquet"])
def test_memory_does_not_grow_with_the_data(suffix, runs, tmp_path):
    """78 MB and 235 MB of images, one after the other in a real process.

    Its threads keep up to 64 MB of what was freed, each at another time.
    """
    counts = (100_000, 300_000)
    files = [tmp_path / f"{count}.npy" for count in counts]
    for file, count in zip(files, counts, strict=True):
        data = np.lib.format.open_memmap(file, "w+", np.uint8, (count, 28, 28))
        data[::5] = 7
        data.flush()
    run = runs("simple-20", width=8)  # It takes a tenth of the time of a wider one.
    command = [sys.executable, "-c", PEAK, *map(str, (run.path, tmp_path / f"z{suffix}", *files))]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    peaks = [int(line) // 1024 for line in result.stdout.split()]
    assert peaks[1] - peaks[0] < 100, f"MB at the peak: {peaks}"


def test_the_command(run, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", images.reshape(90, 784))
    invoke = CliRunner().invoke
    result = invoke(app, ["embed", str(run.path), "--data", "x.npy", "--out", "z.npy"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("z.npy\n90 examples, 20 numbers each, in ")
    settings = ["--set", "data.range=[0,510]", "--json"]
    result = invoke(app, ["embed", str(run.path), "--data", "x.npy", "--out", "h.npy", *settings])
    assert '"count": 90' in result.stdout
    half = codes_of(run, images) - np.load("h.npy")
    assert np.abs(half).max() > 0.01
    np.testing.assert_allclose(np.load("z.npy"), codes_of(run, images), atol=1e-5)


def test_no_cell_of_a_table_is_a_formula(run, images, tmp_path):
    table = pd.DataFrame(images[:3].reshape(3, -1)).add_prefix("pixel")
    table["=note"], table["shift"] = ["=1+1", "-2", "@x"], ["a", "+b", None]
    table.to_parquet(tmp_path / "x.parquet")
    changes = {"shape": (28, 28)}
    done = latentscape.embed(run, tmp_path / "x.parquet", tmp_path / "z.csv", changes=changes)
    kept = pd.read_csv(done.file, dtype=str)
    assert list(kept["'=note"]) == ["'=1+1", "-2", "'@x"]
    assert list(kept["shift"].fillna("")) == ["a", "'+b", ""]
    expected = codes_of(run, images[:3])
    np.testing.assert_allclose(read(done.file), expected, rtol=1e-4, atol=1e-5)


def test_values_of_another_scale_are_refused_by_the_command(run, images, tmp_path):
    np.save(tmp_path / "x.npy", images.astype(np.uint16) * 16)
    command = ["embed", str(run.path), "--data", str(tmp_path / "x.npy")]
    out = ["--out", str(tmp_path / "z.npy")]
    refused = CliRunner().invoke(app, [*command, *out])
    assert isinstance(refused.exception, DataError)
    assert "go from 0 to 4080" in str(refused.exception)
    assert not (tmp_path / "z.npy").exists()
    done = CliRunner().invoke(app, [*command, *out, "--set", "data.range=[0,4080]"])
    assert done.exit_code == 0, done.output
    np.testing.assert_allclose(np.load(tmp_path / "z.npy"), codes_of(run, images), atol=1e-4)


def test_one_image_file_in_colour_is_converted_when_asked(run, tmp_path):
    Image.new("RGB", (40, 40), "red").save(tmp_path / "red.png")
    with pytest.raises(DataError, match="--resize 28x28 --grey"):
        latentscape.embed(run, tmp_path / "red.png", tmp_path / "z.npy")
    changes = {"resize": [28, 28], "grey": True}
    assert (
        latentscape.embed(run, tmp_path / "red.png", tmp_path / "z.npy", changes=changes).count == 1
    )
