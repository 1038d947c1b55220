"""Training in memory comes to the same bits as in a run directory, and leaves nothing on disk."""

import numpy as np
import pytest
import torch

from disturbing import At, spoil
from latentscape.config import override
from latentscape.core.errors import TrainingError
from latentscape.runs import DataFacts, Environment, create_run
from latentscape.training.checkpoint import MemoryCheckpoints
from latentscape.training.hook import Hook
from latentscape.training.hooks.checkpoints import MAX_ROLLBACKS
from latentscape.training.train import train_recipe, train_run

CPU = torch.device("cpu")


def summary(model, state):
    """Return the weights, and what is left of the history without times."""
    history = [(epoch.epoch, epoch.lr, epoch.train, epoch.validation) for epoch in state.history]
    return model.state_dict(), history


@pytest.fixture
def recipe(quick):
    return override(quick, {"train.snapshots": []})


def in_memory(recipe, split, steps=()):
    store = MemoryCheckpoints("in memory")
    return summary(*train_recipe(recipe, split, CPU, store, [At(steps, spoil)]))


# Eight steps are an epoch: no roll-back, one to the start, two to the end of the same epoch.
@pytest.mark.parametrize("steps", [(), (3,), (10, 13, 30)])
def test_both_come_to_the_same_bits(steps, recipe, small, tmp_path):
    weights, history = in_memory(recipe, small, steps)
    run = create_run(tmp_path / "run", recipe, DataFacts.of(small), Environment())
    expected_weights, expected_history = summary(*train_run(run, small, CPU, [At(steps, spoil)]))
    assert history == expected_history
    for name, value in weights.items():
        np.testing.assert_array_equal(value, expected_weights[name])


def test_memory_gives_up_like_a_run_directory(recipe, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainingError, match=f"in memory .* after {MAX_ROLLBACKS} roll-backs"):
        in_memory(recipe, small, range(1, 1000))
    assert not any(tmp_path.iterdir())


class Pause(Hook):
    """Throws weights away and stops, at the end of the second epoch."""

    def on_epoch(self, training):
        if training.state.epoch == 2:
            with torch.no_grad():
                next(training.model.parameters()).mul_(30)
        if training.state.epoch in (2, 3):
            training.stop()


def test_memory_goes_on_from_the_last_epoch_and_goes_back_to_the_best(recipe, small):
    recipe = override(recipe, {"train.epochs": 4, "train.patience": None})
    store, epochs = MemoryCheckpoints("in memory"), []
    for _ in range(2):
        train_recipe(recipe, small, CPU, store, [Pause()])
        epochs.append((store.latest().state.epoch, store.sound(2).state.epoch))
    assert epochs == [(2, 2), (3, 2)]
    _, state = train_recipe(recipe, small, CPU, store, [At([3], spoil)])
    assert [event.back_to for event in state.events] == [2]
    assert state.epoch == 4
