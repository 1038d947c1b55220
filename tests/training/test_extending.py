"""Another number of epochs for a run that has begun, or has ended."""

import itertools
import os
from functools import cache
from shutil import copytree, rmtree

import pytest
import torch
from test_loop import fit, history_of, interrupt, new_run

from latentscape.config import DataConfig, override
from latentscape.core.errors import RunError
from latentscape.data import split_dataset
from latentscape.runs import Run, load_model, open_run
from latentscape.training.extending import complete_extension, extend
from latentscape.training.rates import learning_rate

CONSTANT = {"train.schedule": "constant", "train.snapshots": [], "train.batch_size": 50}


@pytest.fixture(scope="module")
def few(digits):
    """200 training images: four steps an epoch."""
    return split_dataset(digits, DataConfig(train=200, test=20))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, quick, few):
    """Return a function from settings to a run that was trained to its end."""

    @cache
    def build(**changes) -> Run:
        path = tmp_path_factory.mktemp("runs") / "trained"
        settings = {f"train.{name}": value for name, value in changes.items()}
        run = new_run(path, override(quick, {**CONSTANT, **settings}), few)
        fit(run, few)
        return run

    return build


@pytest.fixture
def run(trained, tmp_path):
    """A copy of a run that was trained for three epochs."""
    return Run(copytree(trained().path, tmp_path / "run"))


@pytest.fixture
def longer(trained):
    """A run that was asked for four epochs from the start."""
    return trained(epochs=4, patience=4)


@pytest.fixture
def stopped(tmp_path, quick, few):
    """A run of three epochs that was stopped in the third."""
    run = new_run(tmp_path / "stopped", override(quick, CONSTANT), few)
    interrupt(run, few, 10)
    return run


def content_of(run: Run) -> dict[str, bytes]:
    return {
        str(file.relative_to(run.path)): file.read_bytes()
        for file in run.path.rglob("*")
        if file.is_file()
    }


def assert_same(run: Run, other: Run) -> None:
    assert run.recipe == other.recipe
    assert history_of(run) == history_of(other)
    assert run.model_file.read_bytes() == other.model_file.read_bytes()


def test_a_finished_run_goes_on_to_the_bits_of_a_longer_one(run, longer, few):
    extend(run, 4)
    assert not run.finished
    interrupt(run, few, 2)
    fit(run, few)
    assert_same(run, longer)


def test_a_stopped_run_can_be_made_longer_or_shorter(stopped, trained, few):
    extend(stopped, 5)
    extend(stopped, 3)
    fit(stopped, few)
    assert_same(stopped, trained())
    assert [extension.epochs for extension in stopped.extensions] == [5, 3]


def test_what_was_asked_for_is_recorded(run):
    fingerprint = run.fingerprint
    extend(run, 5)
    (extension,) = Run(run.path).extensions
    lengths = extension.epoch, extension.epochs_before, extension.epochs
    assert lengths == (3, 3, 5)
    assert (extension.patience_before, extension.patience) == (3, 5)
    assert run.recipe.train.epochs == 5
    assert run.fingerprint != fingerprint == run.first_fingerprint
    extend(run, 5)
    assert len(run.extensions) == 1


def test_the_learning_rate_is_that_of_the_new_number_of_epochs(trained, tmp_path, few):
    run = Run(copytree(trained(schedule="cosine").path, tmp_path / "run"))
    extend(run, 4)
    fit(run, few)
    rates = [epoch.lr for epoch in run.history.epochs]
    assert rates[3] == learning_rate(run.recipe.train, 3 + 3 / 4)


@pytest.mark.parametrize("epochs", [1, 0, -1])
def test_fewer_epochs_than_are_done_are_refused(run, stopped, epochs):
    for one, done in ((run, 3), (stopped, 2)):
        before = content_of(one)
        with pytest.raises(RunError, match=f"has trained {done} epochs already.*more than {done}"):
            extend(one, epochs)
        assert content_of(one) == before


def test_the_number_that_a_run_has_changes_nothing(run):
    before = content_of(run)
    extend(run, 3)
    assert content_of(run) == before


def test_a_run_that_stopped_early_trains_all_that_it_is_asked_for(trained, tmp_path, few):
    run = Run(copytree(trained(epochs=30, patience=1, lr=0.05).path, tmp_path / "run"))
    done = len(run.history.epochs)
    assert done < 30
    extend(run, done + 2)
    fit(run, few)
    losses = [epoch.validation.loss for epoch in run.history.epochs]
    assert len(losses) == done + 2
    (extension,) = run.extensions
    assert extension.stopped_early
    assert run.recipe.train.patience == done + 2
    with torch.no_grad():
        images = torch.from_numpy(few.dataset.images[few.validation])
        loss = load_model(run.path).loss(images).total.item()
    assert loss == pytest.approx(min(losses), rel=1e-5)


def test_what_belongs_to_the_shorter_run_goes(run):
    (run.path / "findings").mkdir()
    (run.path / "findings" / "evaluation.json").write_text("{}")
    (run.path / "report.html").write_text("<p>")
    extend(run, 4)
    assert not run.model_file.exists()
    assert not (run.path / "findings").exists()
    assert not (run.path / "report.html").exists()


def test_a_finished_run_without_checkpoints_names_the_other_way(run):
    rmtree(run.checkpoints)
    before = content_of(run)
    with pytest.raises(RunError, match="--from"):
        extend(run, 5)
    assert content_of(run) == before


@pytest.mark.parametrize("write", range(4))
def test_a_change_that_is_killed_over_any_write_is_made_by_the_next_training(
    run, longer, few, monkeypatch, write
):
    replace, writes = os.replace, itertools.count()

    def killed(source, target):
        if next(writes) == write:
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            extend(run, 4)
    opened = open_run(run.path)
    assert len(opened.history.epochs) == 3
    complete_extension(opened)
    extend(opened, 4)
    assert opened.recipe == longer.recipe
    if write == 2:  # Neither the settings nor the model were as before.
        fit(opened, few)
        assert_same(opened, longer)
