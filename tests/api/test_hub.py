"""Folders for a hub: they load as the run does, whole or not at all, and are pushed if asked."""

import json
import os
import shutil
import sys
from pathlib import Path
from unittest.mock import create_autospec
from zipfile import ZipFile, is_zipfile

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import latentscape
from latentscape.api import hub
from latentscape.cli import app
from latentscape.config import load_recipe, override
from latentscape.core.errors import ConfigError, RunError
from latentscape.exports.metadata import public_recipe
from latentscape.exports.targets import TARGETS

from .conftest import KINDS

LISTED = ["README.md", "config.json", "data.json", "figures", "model.safetensors", "recipe.yaml"]


@pytest.fixture
def run(runs):
    return runs("vae-20")


def content(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_folder_loads_as_the_run_does(kind, runs, tmp_path):
    run = runs(kind)
    published = latentscape.publish(run, out=tmp_path / "new" / "hub")
    assert sorted(os.listdir(published.folder)) == LISTED
    assert published.url is None
    ours, theirs = latentscape.load(run.path), latentscape.load(published.folder)
    low, high = ours.config.input.range
    images = low + (high - low) * torch.rand(4, *ours.input_shape)
    labels = torch.arange(4) if ours.config.condition else None
    with torch.inference_mode():
        assert torch.equal(ours.encode(images, labels), theirs.encode(images, labels))
    weights = (published.folder / "model.safetensors").read_bytes()
    assert weights == run.model_file.read_bytes()
    assert latentscape.open_run(published.folder).recipe == run.recipe


def test_the_recipe_can_be_trained_again(run, tmp_path):
    folder = latentscape.publish(run, out=tmp_path / "hub").folder
    assert latentscape.load_recipe(folder / "recipe.yaml") == run.recipe


def test_pictures_can_be_made_of_the_folder(run, tmp_path):
    folder = latentscape.publish(run, out=tmp_path / "hub").folder
    assert latentscape.reconstruct(folder, count=4).images.shape == (2, 4, 1, 28, 28)


def test_the_default_is_in_the_run(run):
    published = latentscape.publish(str(run.path))
    assert published.folder == run.path / "hub"
    config = json.loads((published.folder / "config.json").read_bytes())
    assert config["library_name"] == "latentscape"
    assert config["model"]["input"]["shape"] == [1, 28, 28]


def test_publishing_again_replaces_all_of_it(run, tmp_path):
    folder = latentscape.publish(run, out=tmp_path / "hub").folder
    first = content(folder)
    (folder / "figures" / "old.png").write_bytes(b"old")
    latentscape.publish(run, out=folder)
    assert content(folder) == first
    assert os.listdir(tmp_path) == ["hub"]


def test_an_empty_folder_is_filled(run, tmp_path):
    assert (latentscape.publish(run, out=tmp_path).folder / "README.md").exists()


@pytest.mark.parametrize("strange", ["notes.txt", ".git", "README.md"])
def test_what_is_not_ours_is_not_replaced(strange, run, tmp_path):
    (tmp_path / strange).write_text("mine")
    with pytest.raises(RunError, match="holds what 'latentscape publish' has not written"):
        latentscape.publish(run, out=tmp_path)
    assert os.listdir(tmp_path) == [strange]


def test_what_was_added_to_ours_is_not_lost(run, tmp_path):
    latentscape.publish(run, out=tmp_path)
    (tmp_path / "LICENSE").write_text("mine")
    with pytest.raises(RunError, match=r"has not written: LICENSE\."):
        latentscape.publish(run, out=tmp_path)
    assert (tmp_path / "LICENSE").read_text() == "mine"


def test_a_file_in_the_way(run, tmp_path):
    (tmp_path / "hub").write_text("mine")
    with pytest.raises(RunError, match="could not be written"):
        latentscape.publish(run, out=tmp_path / "hub")


@pytest.mark.parametrize("before", [False, True])
def test_nothing_is_half_written(before, run, tmp_path, monkeypatch):
    folder = tmp_path / "hub"
    if before:
        latentscape.publish(run, out=folder)
    earlier = content(tmp_path)

    def fail(path, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hub, "write_text", fail)
    with pytest.raises(RunError, match="No space left"):
        latentscape.publish(run, out=folder)
    assert content(tmp_path) == earlier
    assert os.listdir(tmp_path) == (["hub"] if before else [])


def test_only_finished_runs(tmp_path, run):
    copy = tmp_path / "unfinished"
    copy.mkdir()
    (copy / "recipe.yaml").write_bytes((run.path / "recipe.yaml").read_bytes())
    with pytest.raises(RunError, match="is not finished"):
        latentscape.publish(copy)
    shutil.copytree(run.path / "findings", copy / "findings")
    (copy / "model.safetensors").write_bytes(b"not a model")
    with pytest.raises(RunError, match="damaged"):
        latentscape.publish(copy)
    assert not (copy / "hub").exists()


@pytest.fixture(params=["absolute", "relative"])
def private(request, train, plain, tmp_path, monkeypatch):
    """A run on files in a folder whose name is nobody's business."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "ward-7" if request.param == "absolute" else Path("ward-7")
    folder.mkdir()
    np.save(folder / "mine.npy", np.clip(np.asarray(plain.images) / 3, 0, 1))
    np.save(folder / "kinds.npy", np.arange(len(plain.images)) % 3)
    return train("simple-20", folder / "mine.npy", data__labels=str(folder / "kinds.npy"))


def all_bytes(folder):
    """Name and content of every file, and of those in archives; there is one at least."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    for file in files:
        yield file.name.encode() + file.read_bytes()
        if is_zipfile(file):
            with ZipFile(file) as archive:
                yield from (name.encode() + archive.read(name) for name in archive.namelist())


def assert_no_path(folder, tmp_path):
    secrets = [text.encode() for text in ("ward-7", "kinds.npy", str(tmp_path))]
    assert [secret for held in all_bytes(folder) for secret in secrets if secret in held] == []


def test_no_path_of_this_machine_is_published(private, tmp_path):
    folder = latentscape.publish(private, out=tmp_path / "hub").folder
    assert_no_path(folder, tmp_path)
    data = latentscape.open_run(folder).recipe.data
    assert (data.source, data.labels) == ("mine", None)
    assert data.train == private.recipe.data.train
    assert latentscape.load(folder).latent_dim == 20


# All formats get the same facts, from the run of either path.
@pytest.mark.parametrize(
    ("private", "to"),
    [*(("absolute", to) for to in TARGETS), ("relative", "torch-export")],
    indirect=["private"],
)
def test_no_path_of_this_machine_is_exported(to, private, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    latentscape.export(private, to, out=tmp_path / "out")
    assert_no_path(tmp_path / "out", tmp_path)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"source": "mnist-5k"}, ("mnist-5k", None)),
        ({"source": "/ward-7/scans.csv", "labels": "kind"}, ("scans", "kind")),
    ],
)
def test_names_that_tell_of_no_place_stay(data, expected):
    changes = {f"data.{name}": value for name, value in data.items()}
    found = public_recipe(override(load_recipe("simple-20"), changes), "scans").data
    assert (found.source, found.labels) == expected


@pytest.fixture
def api(monkeypatch):
    """A hub that notes what it is asked, and a token for it."""
    package = pytest.importorskip("huggingface_hub")
    fake = create_autospec(package.HfApi, instance=True)
    fake.create_repo.return_value = "https://hub.example/ada/vae"
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: fake)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_secret")
    return fake


@pytest.mark.parametrize("public", [False, True])
def test_pushing(public, run, api, tmp_path):
    seen = []
    api.upload_folder.side_effect = lambda **given: seen.append(sorted(os.listdir(tmp_path)))
    published = latentscape.publish(run, out=tmp_path, push="ada/vae", public=public, license="mit")
    assert published.url == "https://hub.example/ada/vae"
    api.create_repo.assert_called_once_with("ada/vae", private=not public, exist_ok=True)
    given = api.upload_folder.call_args.kwargs
    assert (given["repo_id"], given["folder_path"]) == ("ada/vae", tmp_path)
    assert seen == [LISTED]
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "license: mit" in card
    assert 'snapshot_download("ada/vae")' in card
    assert "hf_secret" not in card


def test_pushing_without_a_token(run, api, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    folder = tmp_path / "hub"
    with pytest.raises(ConfigError, match="hf auth login") as raised:
        latentscape.publish(run, out=folder, push="ada/vae")
    assert str(folder) in str(raised.value)
    assert sorted(os.listdir(folder)) == LISTED
    api.create_repo.assert_not_called()


def test_pushing_without_a_network(run, tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_secret")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    folder = tmp_path / "hub"
    with pytest.raises(RunError, match="stands, but was not pushed to ada/vae") as raised:
        latentscape.publish(run, out=folder, push="ada/vae")
    assert str(folder) in str(raised.value)
    assert "hf_secret" not in str(raised.value)
    assert sorted(os.listdir(folder)) == LISTED


@pytest.mark.parametrize("name", ["vae", "a b/vae", "ada/vae/1", "ada/-vae", ""])
def test_repositories_that_cannot_be(name, run, api, tmp_path):
    with pytest.raises(ConfigError, match="Expected USER/NAME"):
        latentscape.publish(run, out=tmp_path, push=name)
    assert os.listdir(tmp_path) == []


def test_pushing_without_the_package(run, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "huggingface_hub"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=r"pip install 'latentscape\[hub\]'"):
        latentscape.publish(run, out=tmp_path, push="ada/vae")
    assert os.listdir(tmp_path) == []
    assert latentscape.publish(run, out=tmp_path).folder == tmp_path


def test_the_command(run, tmp_path):
    folder = tmp_path / "hub"
    result = CliRunner().invoke(app, ["publish", str(run.path), "--out", str(folder)])
    assert (result.exit_code, result.stdout.strip()) == (0, str(folder))
    result = CliRunner().invoke(app, ["publish", str(run.path), "--out", str(folder), "--json"])
    assert json.loads(result.stdout) == {"folder": str(folder), "url": None}
    result = CliRunner().invoke(app, ["publish", str(run.path), "--public"])
    assert result.exit_code == 2
