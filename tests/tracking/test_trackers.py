"""What all trackers have in common: they are asked for by name, and change nothing."""

import random
import sys

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import latentscape
from latentscape.cli import app
from latentscape.config import Study, load_recipe, override
from latentscape.core.errors import ConfigError
from latentscape.tracking.tracker import settings_of
from latentscape.tracking.trackers import TRACKERS, choose_trackers

# All that draws random numbers in training, so that a single draw too many would show.
RANDOM = {
    "model.latent.kind": "gaussian",
    "model.latent.dim": 4,
    "objective.weights.rate": 1,
    "model.corruption": "gaussian",
    "data.binarize": "dynamic",
}
TIMING = ("seconds", "images_per_second")


def global_random():
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()


def test_tracking_changes_no_bit(train, tmp_path):
    runs, states = [], []
    for trackers in ((), ("tensorboard",)):
        torch.manual_seed(0)
        name = f"tracked-by-{len(trackers)}"
        runs += [train("dense-dropout", changes=RANDOM, folder=tmp_path, name=name, track=trackers)]
        states += [global_random()]
    assert states[0] == states[1]
    plain, tracked = runs
    assert tracked.model_file.read_bytes() == plain.model_file.read_bytes()
    kept, others = (
        [epoch.model_copy(update=dict.fromkeys(TIMING, 0.0)) for epoch in run.history.epochs]
        for run in runs
    )
    assert kept == others


@pytest.mark.parametrize("name", TRACKERS)
def test_a_package_that_is_missing_is_named_before_anything_is_made(name, tmp_path, monkeypatch):
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=rf"needs the package {name}, .*latentscape\[{name}\]"):
        latentscape.train("simple-20", track=name, folder=tmp_path / "runs", quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_settings_say_what_kind_of_likelihood_a_bound_comes_of():
    """So that programs that put many runs into one table can keep their ELBOs apart."""
    recipe = load_recipe("vae-20")
    assert settings_of(recipe)["likelihood_of"] == "score"
    assert "likelihood_levels" not in settings_of(recipe)
    binary = settings_of(override(recipe, {"data.binarize": "static"}))
    assert (binary["likelihood_of"], binary["likelihood_levels"]) == ("probability", 2)


def test_names_are_checked():
    with pytest.raises(ConfigError, match="Did you mean 'tensorboard'"):
        choose_trackers(["tensorbord"])
    assert choose_trackers(()) == []
    assert choose_trackers(["tensorboard", "tensorboard"]) == [TRACKERS["tensorboard"]]


def test_a_study_tracks_its_runs_those_that_it_uses_again_too(tmp_path):
    study = Study(name="two", entries=({"recipe": "simple-20"},), seeds=2)
    changes = {"train.epochs": 1, "data.train": 100, "data.test": 40}
    given = {"data": "mnist-5k", "changes": changes, "folder": tmp_path, "quiet": True}
    latentscape.compare(study, seeds=1, **given)
    latentscape.compare(study, track="tensorboard", **given)
    for seed in (0, 1):
        assert (tmp_path / f"simple-20-mnist-5k-{seed}" / "tensorboard" / "test").is_dir()


@pytest.mark.parametrize("command", [("train", "simple-20"), ("compare", "quickstart")])
def test_the_command_line_passes_it_on(command, tmp_path):
    arguments = [*command, "--data", "mnist-5k", "--runs", str(tmp_path), "--track", "mlfow"]
    assert "Did you mean 'mlflow'" in str(CliRunner().invoke(app, arguments).exception)
    assert list(tmp_path.iterdir()) == []
