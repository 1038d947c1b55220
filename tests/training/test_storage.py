"""Training in memory comes to the same bits as in a run directory, and leaves nothing on disk."""

import numpy as np
import pytest
import torch

from disturbing import At, spoil
from latentscape.config import override
from latentscape.core.errors import TrainingError
from latentscape.runs import DataFacts, Environment, create_run
from latentscape.training.checkpoint import MemoryCheckpoints
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
