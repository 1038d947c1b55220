"""Runs whose data are elsewhere, or nowhere: what goes on without them, and what asks for them."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import latentscape
from latentscape.cli import app
from latentscape.core.errors import DataError, MissingData

CHANGES = {
    "train.epochs": 1,
    "data.train": 300,
    "data.test": 40,
    "model.encoder.widths": [32],
    "model.latent.dim": 2,
}


@pytest.fixture(scope="module")
def table(digits):
    """A small table of digits, as Kaggle has them."""
    index = np.random.default_rng(0).permutation(len(digits))[:400]
    head = ",".join(["label", *(f"pixel{place}" for place in range(784))])
    rows = np.column_stack([digits.labels[index], digits.images[index].reshape(-1, 784)])
    return "\n".join([head, *(",".join(map(str, row)) for row in rows.tolist())])


@pytest.fixture(scope="module")
def homes(tmp_path_factory, table):
    """Return a function from a recipe to a run whose data were typed as a relative path."""
    known = {}

    def trained(recipe):
        if recipe not in known:
            folder = tmp_path_factory.mktemp("home")
            (folder / "digits.csv").write_text(table)
            changes = {**CHANGES, "data.shape": [28, 28]}
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(folder)
                latentscape.train(
                    recipe, data="digits.csv", changes=changes, name=recipe, quiet=True
                )
            known[recipe] = folder
        return known[recipe]

    return trained


@pytest.fixture
def moved(homes, tmp_path):
    """Return a function from a recipe to a copy of its run, and to its data elsewhere."""

    def copied(recipe):
        home = homes(recipe)
        run = shutil.copytree(home / "runs" / recipe, tmp_path / "runs" / recipe)
        about = json.loads((run / "data.json").read_text())
        assert about["origin"] == str(home / "digits.csv")
        about["origin"] = str(tmp_path / "gone.csv")
        (run / "data.json").write_text(json.dumps(about))
        return run, home / "digits.csv"

    return copied


@pytest.fixture
def image(tmp_path, digits):
    Image.fromarray(digits.images[0, 0]).save(tmp_path / "one.png")
    return tmp_path / "one.png"


def test_a_run_finds_its_data_from_any_folder(homes, tmp_path, monkeypatch):
    home = homes("vae-20")
    monkeypatch.chdir(tmp_path)
    sheet = latentscape.reconstruct(home / "runs" / "vae-20", count=4, out=tmp_path / "r.png")
    assert sheet.images.shape == (2, 4, 1, 28, 28)


def test_a_run_finds_its_file_of_labels_too(digits, tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / "labels").mkdir(parents=True)
    np.save(home / "x.npy", digits.images[::12])
    np.save(home / "labels" / "y.npy", digits.labels[::12])
    monkeypatch.chdir(home)
    changes = {**CHANGES, "data.labels": "labels/y.npy"}
    run = latentscape.train("simple-20", data="x.npy", changes=changes, name="a", quiet=True)
    monkeypatch.chdir(tmp_path)
    sheet = latentscape.reconstruct(home / run.path, count=3)
    assert sheet.images.shape == (2, 3, 1, 28, 28)


def test_what_needs_no_examples_goes_on_without_them(moved, image, tmp_path, monkeypatch):
    run, _ = moved("vae-20")
    monkeypatch.chdir(tmp_path)
    assert latentscape.sample(run, count=4).images.shape == (4, 1, 28, 28)
    assert latentscape.manifold(run, size=3).images.shape == (3, 3, 1, 28, 28)
    assert latentscape.reconstruct(run, files=[image]).images.shape == (2, 1, 1, 28, 28)
    noisy = latentscape.denoise(run, noise="masking", files=[image])
    assert "Over the 1 images shown" in noisy.about
    assert latentscape.interpolate(run, files=[image, image]).images.shape[1] == 10
    assert latentscape.embed(run, image, tmp_path / "z.npy").count == 1
    sheet = latentscape.traverse(run, steps=3)
    assert sheet.about.startswith("A test example that the run keeps.")
    exported = latentscape.export(run, "torch-export")
    assert [one.made_up for one in exported] == [True, True]


def test_walks_without_the_examples_are_those_with_them(moved):
    run, place = moved("vae-20")
    with_, without = (latentscape.traverse(run, steps=3, data=data) for data in (place, None))
    np.testing.assert_allclose(with_.images, without.images, atol=1e-5)


def test_a_mixture_is_fitted_to_the_codes_that_the_run_keeps(moved):
    run, place = moved("simple-20")
    sheet = latentscape.sample(run, count=4)
    assert "the training images are missing" in sheet.about
    sheet = latentscape.sample(run, count=4, data=place)
    assert "missing" not in sheet.about


def test_too_few_codes_that_the_run_keeps_are_not_called_training_examples(moved, monkeypatch):
    run, _ = moved("simple-20")
    monkeypatch.setattr("latentscape.inference.samples.COMPONENTS", 20)
    with pytest.raises(DataError, match=r"There are 40 test images, which stand in for missing"):
        latentscape.sample(run, count=4)


@pytest.mark.parametrize("name", ["reconstruct", "neighbours", "interpolate"])
def test_what_needs_them_says_whose_they_are_and_takes_another_place(moved, name):
    run, place = moved("vae-20")
    make = getattr(latentscape, name)
    with pytest.raises(MissingData, match=r"training data of vae-20.*gone.csv.*--trained-on PLACE"):
        make(run)
    assert make(run, dataset=place).picture.is_file()


def test_other_data_are_not_taken_for_them(moved):
    run, _ = moved("vae-20")
    with pytest.raises(DataError, match="have changed"):
        latentscape.reconstruct(run, dataset="mnist-5k")


def test_anomalies_and_places_take_another_place(moved, image):
    run, place = moved("vae-20")
    with pytest.raises(MissingData, match="training data"):
        latentscape.anomalies(run, data=image)
    assert len(latentscape.anomalies(run, data=image, dataset=place).index) == 1
    latentscape.project(run, methods=["pca"], points=30, data=place)
    assert latentscape.place(run, data=image, method="pca", dataset=place).shape == (1, 2)


def test_commands_take_it(moved, tmp_path, image):
    run, place = moved("vae-20")
    at = ["--trained-on", str(place)]
    out = ["--out", str(tmp_path / "x.csv")]
    for command in (
        ["reconstruct", *at],
        ["sample", "--data", str(place)],
        ["evaluate", "--data", str(place)],
        ["anomalies", "--data", str(image), *at, *out],
        ["neighbours", "--files", str(image), *at],
    ):
        done = CliRunner().invoke(app, [command[0], str(run), *command[1:]])
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize("option", ["--data", "--trained-on"])
def test_a_run_goes_on_with_its_data_elsewhere(moved, option):
    run, place = moved("vae-20")
    (run / "model.safetensors").unlink()
    done = CliRunner().invoke(app, ["train", "--resume", str(run), option, str(place), "-q"])
    assert done.exit_code == 0, done.output
    assert (run / "model.safetensors").is_file()


@pytest.mark.parametrize("recipe", ["vae-20", "cond-vae"])
def test_a_model_file_does_what_it_can_by_itself(homes, tmp_path, image, monkeypatch, recipe):
    file = shutil.copy(homes(recipe) / "runs" / recipe / "model.safetensors", tmp_path)
    monkeypatch.chdir(tmp_path)
    label = {"label": "7"} if recipe == "cond-vae" else {}
    sheet = latentscape.sample(file, count=4, **label)
    assert sheet.picture == tmp_path / "sample.png"
    assert latentscape.manifold(file, size=3, **label).images.shape == (3, 3, 1, 28, 28)
    assert latentscape.reconstruct(file, files=[image], **label).images.shape[1] == 1
    exported = latentscape.export(file, "torch-export")
    assert exported[0].file == tmp_path / "export" / "encoder.pt2"
    assert all(one.made_up and one.difference < 1e-4 for one in exported)
    codes = latentscape.load(file).encode(
        torch.zeros(2, 1, 28, 28), torch.tensor([1, 2]) if label else None
    )
    assert codes.shape == (2, 2)


def test_a_model_file_says_what_it_needs(homes, tmp_path, monkeypatch):
    home = homes("simple-20")
    file = shutil.copy(home / "runs" / "simple-20" / "model.safetensors", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        MissingData, match="training data of model.safetensors.*--trained-on.*--from prior"
    ):
        latentscape.sample(file, count=4)
    assert latentscape.sample(file, count=4, data=home / "digits.csv").images.shape[0] == 4
    assert latentscape.sample(file, count=4, source="prior").images.shape[0] == 4


def test_a_model_file_knows_its_data_from_others(homes, tmp_path, table, monkeypatch):
    home = homes("simple-20")
    file = shutil.copy(home / "runs" / "simple-20" / "model.safetensors", tmp_path)
    lines = table.splitlines()
    (tmp_path / "digits.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="digits is not what model.safetensors was trained on"):
        latentscape.sample(file, count=4)
